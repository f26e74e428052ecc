//! Whatever is killed, whenever: the next start makes the deckies what was asked for.

use std::time::{Duration, Instant};

use decnet::logic::status::Status;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use decnet_tests::world::{NODE, World, wait_for};

const MANY: &str = "[[decky]]\nname = \"web\"\nservices = [\"http\", \"tcp\"]\ncount = 40\n";

fn addresses(status: &Status) -> Vec<(String, String, String)> {
    let decky = |decky: &decnet::logic::status::DeckyStatus| {
        (decky.name.to_string(), decky.ip.to_string(), decky.mac.to_string())
    };
    status.deckies.iter().map(decky).collect()
}

/// Kills at this moment of the start and starts again, eight times; then all must be as asked.
#[test]
fn an_agent_killed_at_any_moment_of_its_start_is_replaced_by_a_whole_one() {
    let world = World::make();
    let first = world.agent(MANY);
    let wanted = addresses(&first.wait_up());
    let began = Instant::now();
    drop(first);
    let again = world.agent(MANY);
    let whole = began.elapsed();
    drop(again);
    for eighth in 0..8u32 {
        let mut agent = world.start_agent(MANY);
        let until = Instant::now() + whole * eighth / 8;
        wait_for(|| (Instant::now() >= until).then_some(()));
        agent.process.kill().expect("it is ours");
        agent.process.wait().expect("it is ours");
        let next = world.agent(MANY);
        assert_eq!(addresses(&next.wait_up()), wanted, "after a kill at {eighth}/8 of the start");
    }
}

/// A client that goes on asking while the face is killed is refused by nobody: the keeper holds
/// the sockets meanwhile.
#[test]
fn a_killed_face_is_replaced_and_nobody_is_refused() {
    let world = World::make();
    let agent = world.agent(MANY);
    let decky = agent.decky("web-07");
    let url = format!("{}:80", decky.ip).parse().expect("an address");
    let face = agent.process_of("face");
    kill(Pid::from_raw(face), Signal::SIGKILL).expect("it is ours");
    let until = Instant::now() + Duration::from_secs(2);
    world.as_visitor(|| {
        while Instant::now() < until {
            let connected = std::net::TcpStream::connect_timeout(&url, Duration::from_secs(2));
            assert!(connected.is_ok(), "{connected:?}");
        }
    });
    assert_ne!(agent.process_of("face"), face);
    let before = world.events().len();
    world.visit("curl", &["-sS", "-m30", &format!("http://{}/", decky.ip)]);
    wait_for(|| (world.events().len() > before).then_some(())).expect("the new face reports");
}

#[test]
fn a_killed_keeper_takes_the_deckies_along_and_they_come_back() {
    let world = World::make();
    let agent = world.agent(MANY);
    let wanted = addresses(&agent.wait_up());
    let keeper = agent.process_of("keeper");
    // One that dies at once after its start is given up; this one is older than that.
    wait_for(|| {
        let text = std::fs::read_to_string(format!("/proc/{keeper}/stat")).ok()?;
        let start: u64 = text.rsplit(')').next()?.split_whitespace().nth(19)?.parse().ok()?;
        let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
        let now: f64 = uptime.split_whitespace().next()?.parse().ok()?;
        #[expect(clippy::cast_precision_loss, reason = "hundredths of a second since boot")]
        (now - start as f64 / 100.0 > 2.5).then_some(())
    });
    kill(Pid::from_raw(keeper), Signal::SIGKILL).expect("it is ours");
    wait_for(|| agent.processes().iter().all(|(_, pid)| *pid != keeper).then_some(()))
        .unwrap_or_else(|| panic!("the agent has not seen it go:\n{}", agent.doing()));
    assert_eq!(addresses(&agent.wait_up()), wanted);
    let decky = agent.decky("web-40");
    let ping = world.visit("ping", &["-c1", "-W2", &decky.ip.to_string()]);
    assert!(ping.status.success(), "{ping:?}");
}

/// The kernel takes the namespaces of a killed keeper apart in its own time. Until then their MACs
/// are busy, and so are their successors' links.
#[test]
fn a_decky_waits_for_a_link_of_its_mac_to_go() {
    let world = World::make();
    let config = "[[decky]]\nname = \"web\"\nservices = [\"http\"]\n";
    let agent = world.agent(config);
    let mac = agent.decky("web").mac.to_string();
    assert!(agent.end(Signal::SIGTERM).success());
    let stale = ["ip", "link", "add", "stale", "link", NODE, "address", &mac, "type", "macvlan"];
    for line in [&stale[..], &["ip", "link", "set", "stale", "up"]] {
        assert!(world.on_node(line).status.success(), "{line:?}");
    }
    let agent = world.start_agent(config);
    let until = Instant::now() + Duration::from_secs(1);
    wait_for(|| (Instant::now() >= until).then_some(()));
    assert!(world.on_node(&["ip", "link", "del", "stale"]).status.success());
    agent.wait_up();
}
