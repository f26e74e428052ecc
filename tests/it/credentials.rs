//! Certificates end, are damaged or missing, and clocks are wrong: deckies answer and events are
//! recorded all the same, and what is needed to command the node again comes back by itself.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use decnet::edge::clock;
use decnet::logic::event::Kind;
use decnet::logic::time::Timestamp;
use decnet::logic::trust::CertRole;
use decnet_tests::papers::{Papers, authority};
use decnet_tests::world::{Agent, NODE_IP, World, wait_for};

const FLEET: &str = "[[decky]]\nname = \"web\"\nip = \"10.77.0.9\"\nservices = [\"http\"]\n";
const URL: &str = "https://127.0.0.1:8765/health";
const DAY: u64 = 86_400 * 1_000_000_000;

/// A node of a fleet whose master is only papers.
struct Fleet {
    world: World,
    master: Papers,
}

impl Fleet {
    /// Whose agent was given its certificate at `when`.
    fn made_at(when: Timestamp) -> Self {
        let world = World::make();
        let fleet = Self { master: Papers::at(world.dir.join("master")), world };
        fleet.issue("master", CertRole::Master, clock::now());
        fleet.enrol(when);
        fleet
    }

    fn issue(&self, dir: &str, role: CertRole, when: Timestamp) {
        let authority = authority(&self.world.dir.join("ca"));
        let host = ("node-1", IpAddr::from([127, 0, 0, 1]));
        Papers::issue(self.world.dir.join(dir), &authority, host, role, when);
    }

    /// Gives the agent a certificate, as an operator would by hand.
    fn enrol(&self, when: Timestamp) {
        self.issue("etc/agent", CertRole::Agent, when);
    }

    fn agent_dir(&self) -> PathBuf {
        self.world.etc_dir().join("agent")
    }

    /// Waits until the master is served.
    fn is_served(&self) {
        let asked =
            wait_for(|| self.master.ask(&self.world, URL, &[]).status.success().then_some(()));
        assert!(asked.is_some(), "nobody answers the master:\n{}", self.world.log());
    }

    /// Waits until the agent's log says something.
    fn logged(&self, what: &str) {
        let said = wait_for(|| self.world.log().contains(what).then_some(()));
        assert!(said.is_some(), "`{what}` is not said:\n{}", self.world.log());
    }
}

/// A visitor is answered, and what they do is recorded.
fn answers_and_records(world: &World, path: &str) {
    let url = format!("http://10.77.0.9/{path}");
    let page = wait_for(|| {
        let page = world.visit("curl", &["-sS", "-m", "5", "-o", "/dev/null", &url]);
        page.status.success().then_some(())
    });
    assert!(page.is_some(), "the decky does not answer:\n{}", world.log());
    let target = format!("/{path}");
    world.event(path, |event| {
        event.event == Kind::HttpRequest && event.data.text("target") == Some(target.as_str())
    });
}

fn damage(file: &Path) {
    std::fs::write(file, "nothing of use\n").expect("the directory is ours");
}

/// Whatever is wrong with the agent's identity at the start: the deckies do not wait for it, and
/// when it is put right the master is served, without anybody at the node.
#[test]
fn deckies_do_not_wait_for_the_master_and_it_is_served_once_it_can_be() {
    let now = clock::now();
    type Spoil = fn(&Fleet);
    let spoils: [(&str, Spoil, &str); 4] = [
        (
            "key-gone",
            |it| std::fs::remove_file(it.agent_dir().join("worker.key")).expect("there"),
            "there is no `",
        ),
        (
            "damaged",
            |it| damage(&it.agent_dir().join("worker.crt")),
            "worker.crt` must hold one certificate",
        ),
        (
            "stranger",
            |it| damage(&it.agent_dir().join("ca.crt")),
            "ca.crt` must hold 1 to 8 certificates",
        ),
        (
            "gone",
            |it| {
                std::fs::remove_dir_all(it.agent_dir())
                    .and_then(|()| std::fs::create_dir(it.agent_dir()))
                    .expect("there")
            },
            "there is no `",
        ),
    ];
    let fleet = Fleet::made_at(now);
    {
        let _agent = fleet.world.agent(FLEET);
        fleet.is_served();
        // From here on the machine is known to have been a node.
        std::fs::write(
            fleet.world.state_dir().join("agent/master.json"),
            r#"{"url":null,"certificates":[]}"#,
        )
        .expect("the directory is ours");
    }
    for (what, spoil, why) in spoils {
        spoil(&fleet);
        let agent: Agent<'_> = fleet.world.agent(FLEET);
        answers_and_records(&fleet.world, what);
        fleet.logged(why);
        fleet.enrol(now);
        fleet.is_served();
        assert!(agent.status().is_some(), "it is the same agent");
    }
}

/// An operator who starts an agent on a machine that is part of nothing hears what is missing.
#[test]
fn a_first_start_without_an_identity_says_what_makes_one() {
    let fleet = Fleet::made_at(clock::now());
    std::fs::remove_file(fleet.agent_dir().join("worker.key")).expect("it is there");
    let mut agent = fleet.world.start_agent(FLEET);
    let ended = wait_for(|| agent.process.try_wait().expect("it is ours"));
    assert_eq!(ended.and_then(|status| status.code()), Some(2), "{}", fleet.world.log());
    fleet.logged("`decnet join` makes it here");
}

/// The certificate has ended, or is not good yet: the deckies are there, it is told in the log and as
/// an event, and one that is brought later is taken.
#[test]
fn a_certificate_that_is_not_good_is_told_and_stops_nothing() {
    let now = clock::now();
    for (what, when, state, said) in [
        ("ended", Timestamp(now.0 - 400 * DAY), "ended", "ended 35 d ago"),
        (
            "early",
            Timestamp(now.0 + 40 * DAY),
            "not_yet_good",
            "is the clock of this machine right?",
        ),
        ("ending", Timestamp(now.0 - 340 * DAY), "ends", "the master has not renewed it"),
    ] {
        let fleet = Fleet::made_at(when);
        let _agent = fleet.world.agent(FLEET);
        answers_and_records(&fleet.world, what);
        fleet.logged(said);
        let told = fleet.world.event_of(Kind::CredentialExpiring);
        assert_eq!(told.data.text("state"), Some(state), "{told:?}");
        assert_eq!(told.data.text("credential"), Some("agent's certificate"), "{told:?}");
        if what != "early" {
            fleet.enrol(now);
            fleet.is_served();
        }
    }
}

/// The clock of the machine is wrong at the start, and again while the agent runs.
#[test]
fn whatever_the_clock_says_deckies_answer_and_are_recorded() {
    let fleet = Fleet::made_at(clock::now());
    let file = fleet.world.dir.join("clock");
    let set = |when: &str| std::fs::write(&file, when).expect("the directory is ours");
    let preload = format!("LD_PRELOAD={}", faketime().display());
    let file_of = format!("FAKETIME_TIMESTAMP_FILE={}", file.display());
    let fake = ["env", &file_of, "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", &preload];
    for year in ["1970", "2038", "2099"] {
        set(&format!("@{year}-01-20 03:14:00"));
        let agent = fleet.world.start_agent_by(&fake, FLEET);
        agent.wait_up();
        answers_and_records(&fleet.world, &format!("start-{year}"));
        fleet.logged(if year == "1970" { "is the clock of this machine right?" } else { "ended" });
        // The clock is put right, and wrong again.
        set("+0");
        fleet.is_served();
        for other in ["1970", "2038", "2099"] {
            set(&format!("@{other}-01-20 03:14:00"));
            answers_and_records(&fleet.world, &format!("while-{year}-{other}"));
        }
        set("+0");
        fleet.is_served();
        drop(agent);
    }
    assert!(NODE_IP.is_private());
}

/// The library by which a program sees another time, as Debian has it on any machine.
fn faketime() -> PathBuf {
    let mut dirs = std::fs::read_dir("/usr/lib").expect("it is there").flatten();
    let library = |dir: PathBuf| dir.join("faketime/libfaketimeMT.so.1");
    let found = dirs.find_map(|dir| Some(library(dir.path())).filter(|path| path.is_file()));
    found.expect("`cargo xtask test` installs faketime")
}
