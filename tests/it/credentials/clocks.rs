//! The clock is wrong at the start of a daemon and while it runs: the master, the api and the dashboard
//! serve all the same, and the master commands its nodes again once the clock is right.

use decnet_tests::master::Master;
use decnet_tests::served::{API, PASSWORD, Served, log_in};
use decnet_tests::world::{NODE_IP, World, wait_for};
use serde_json::json;

use super::faketime;

/// What clocks say that are wrong.
const YEARS: [&str; 3] = ["1970", "2038", "2099"];

/// A clock of its own for what is started by it.
struct Clock {
    file: std::path::PathBuf,
    line: Vec<String>,
}

impl Clock {
    fn right(world: &World) -> Self {
        let file = world.dir.join("clock");
        let line = vec![
            "env".to_owned(),
            format!("FAKETIME_TIMESTAMP_FILE={}", file.display()),
            "FAKETIME_NO_CACHE=1".to_owned(),
            "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
            format!("LD_PRELOAD={}", faketime().display()),
        ];
        let clock = Self { file, line };
        clock.set("+0");
        clock
    }

    fn set(&self, when: &str) {
        std::fs::write(&self.file, when).expect("the directory is ours");
        let all = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(&self.file, all).expect("it is ours");
    }

    fn say(&self, year: &str) {
        self.set(&format!("@{year}-01-20 03:14:00"));
    }

    fn by(&self) -> Vec<&str> {
        self.line.iter().map(String::as_str).collect()
    }
}

/// Whether the master commands its node.
fn commands(master: &Master<'_>) {
    let done = wait_for(|| {
        let output = master.swarm(&["check", "--json"]);
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (told["results"][0]["ok"] == json!(true)).then_some(())
    });
    assert!(done.is_some(), "{:?}\n{}", master.swarm(&["check"]), master.log());
}

#[test]
fn whatever_the_clock_says_the_master_serves_and_commands_again_once_it_is_right() {
    let world = World::make();
    let clock = Clock::right(&world);
    let master = Master::start_by(&world.visitor, &clock.by());
    let (ip, dir) = (NODE_IP.to_string(), world.etc_dir().join("agent").display().to_string());
    let line = ["enroll", "--name", "node-1", "--address", &ip, "--out-dir", &dir];
    assert!(master.swarm(&line).status.success());
    let _agent = world.start_agent("");
    commands(&master);
    drop(master);
    let shown = |world: &World| {
        let path = world.visitor.dir.join("master/state/swarm/master.crt");
        std::fs::read(path).expect("it is there")
    };
    for year in YEARS {
        clock.say(year);
        let master = Master::start_by(&world.visitor, &clock.by());
        assert_eq!(master.json(&["list"])[0]["name"], json!("node-1"), "{year}");
        clock.set("+0");
        commands(&master);
        // Wrong while it runs, for as long as it takes to notice.
        let before = shown(&world);
        clock.say(year);
        let renewed = wait_for(|| (shown(&world) != before).then_some(()));
        assert!(renewed.is_some() || year == "1970", "{year}: {}", master.log());
        assert_eq!(master.json(&["list"])[0]["name"], json!("node-1"), "{year}");
        clock.set("+0");
        commands(&master);
    }
}

#[test]
fn whatever_the_clock_says_operators_get_in() {
    let world = World::make();
    let clock = Clock::right(&world);
    let web = format!("{NODE_IP}:8080");
    let gets_in = |why: &str| {
        for (at, from) in [(API, world.machine()), (web.as_str(), &world.visitor)] {
            let (status, said) = log_in(from, at, "admin", PASSWORD, &[]);
            assert_eq!(status, 200, "{why} at {at}: {said}");
        }
    };
    let served = Served::start_by(&world, &clock.by());
    drop(served.admin(world.machine()));
    drop(served);
    for year in YEARS {
        clock.say(year);
        let served = Served::start_by(&world, &clock.by());
        gets_in(&format!("start in {year}"));
        clock.set("+0");
        gets_in(&format!("right after {year}"));
        for other in YEARS {
            clock.say(other);
            gets_in(&format!("{other} after {year}"));
        }
        clock.set("+0");
        gets_in(&format!("right again after {year}"));
        drop(served);
    }
}
