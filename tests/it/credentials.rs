//! Certificates end, are damaged or missing, and clocks are wrong: deckies answer and events are
//! recorded all the same, and what is needed to command the node again comes back by itself.

mod clocks;
mod renewed;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use decnet::edge::clock;
use decnet::edge::hosts::Hosts;
use decnet::edge::pki::KeyRequest;
use decnet::logic::event::Kind;
use decnet::logic::time::Timestamp;
use decnet::logic::trust::CertRole;
use decnet_tests::master::Master;
use decnet_tests::papers::{Papers, authority};
use decnet_tests::world::{Agent, NODE_IP, VISITOR_IP, World, decnet, wait_for};
use serde_json::{Value, json};

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
}

/// A node whose certificate has ended may have another where an operator has said so, and nothing else;
/// one that was let go may not.
#[test]
fn with_a_certificate_that_has_ended_a_node_gets_another_and_nothing_else() {
    let world = World::make();
    let master = Master::start(&world);
    let authority = authority(&master.ca_dir());
    let old = Timestamp(clock::now().0 - 400 * DAY);
    let papers = Papers::issue(
        world.dir.join("old"),
        &authority,
        ("node-1", NODE_IP.into()),
        CertRole::Agent,
        old,
    );
    let dir = world.dir.join("papers").display().to_string();
    let line = ["enroll", "--name", "node-1", "--address", "10.77.255.2", "--out-dir", &dir];
    assert!(master.swarm(&line).status.success());
    let hosts = Hosts::open(&master.state_dir().join("swarm")).expect("it is there");
    let mut record = hosts.list(None).expect("a record").remove(0);
    record.client_cert_fingerprint = papers.fingerprint();
    hosts.rejoin(&record).expect("it is written");

    let url = |path: &str| format!("https://{VISITOR_IP}:8771{path}");
    let ask = |path: &str, body: &Value| {
        let (body, json) = (body.to_string(), "content-type: application/json");
        let more = ["-k", "-H", json, "-d", &body];
        let answer = papers.ask(&world, &url(path), &more);
        let text = String::from_utf8_lossy(&answer.stdout).into_owned();
        text.rsplit_once('\n').map(|(_, status)| status.to_owned()).unwrap_or_default()
    };
    let request = KeyRequest::make().expect("there is randomness");
    let renew = json!({ "csr_pem": request.csr_pem });
    assert_eq!(ask("/renew", &renew), "000", "nobody has said so");
    let unknown = master.swarm(&["token", "--name", "node-2", "--rejoin"]);
    assert_eq!(unknown.status.code(), Some(1), "{unknown:?}");
    assert!(master.swarm(&["token", "--name", "node-1", "--rejoin"]).status.success());
    assert_eq!(ask("/heartbeat", &json!({})), "403");
    assert_eq!(ask("/heartbeat", &renew), "403");
    assert_eq!(ask("/renew", &renew), "200");
    assert_eq!(ask("/renew", &renew), "200", "whoever did not hear the answer asks again");
    assert!(master.swarm(&["decommission", "--name", "node-1", "--yes"]).status.success());
    assert_eq!(ask("/renew", &renew), "000", "it was let go");
    let gone = master.swarm(&["token", "--name", "node-1", "--rejoin"]);
    assert_eq!(gone.status.code(), Some(1), "{gone:?}");
}

/// It was enrolled by hand a year ago, and no master has ever spoken to it: it does not know where one is.
#[test]
fn a_node_that_never_met_its_master_is_taken_back_too() {
    let world = World::make();
    let master = Master::start(&world);
    let dir = world.dir.join("papers").display().to_string();
    let line = ["enroll", "--name", "node-1", "--address", "10.77.255.2", "--out-dir", &dir];
    assert!(master.swarm(&line).status.success());
    let who = ("node-1", NODE_IP.into());
    let (authority, old) = (authority(&master.ca_dir()), Timestamp(clock::now().0 - 400 * DAY));
    let papers =
        Papers::issue(world.etc_dir().join("agent"), &authority, who, CertRole::Agent, old);
    let hosts = Hosts::open(&master.state_dir().join("swarm")).expect("it is there");
    let mut record = hosts.list(None).expect("a record").remove(0);
    record.client_cert_fingerprint = papers.fingerprint();
    hosts.rejoin(&record).expect("it is written");
    let _agent = world.start_agent("");
    let served = wait_for(|| world.log().contains("the master is served").then_some(()));
    assert!(served.is_some(), "{}", world.log());
    let check = master.json(&["check"]);
    assert_eq!(check["results"][0]["ok"], json!(false), "nobody has said so: {check}");
    assert!(master.swarm(&["token", "--name", "node-1", "--rejoin"]).status.success());
    let back = wait_for(|| {
        let host = master.json(&["list"])[0].clone();
        let is_other = host["client_cert_fingerprint"] != json!(papers.fingerprint());
        (is_other && host["status"] == json!("active")).then_some(host)
    });
    let back = back.unwrap_or_else(|| panic!("{}\n{}", master.log(), world.log()));
    assert_eq!(back["host_uuid"], json!(record.host_uuid));
}

/// By hand, with new keys: the node stays the node that it was.
#[test]
fn a_node_comes_back_by_hand_as_who_it_was() {
    let world = World::make();
    let master = Master::start(&world);
    let token = |more: &[&str]| {
        let made = master.json(&[&["token", "--name", "node-1"], more].concat());
        made["token"].as_str().expect("a token").to_owned()
    };
    let url = format!("https://{VISITOR_IP}:8771");
    let etc_dir = world.etc_dir().display().to_string();
    let join = |token: &str, more: &[&str]| {
        let args = ["join", "--master", &url, "--token", token, "--etc-dir", &etc_dir];
        world.decnet(&[&args, more].concat())
    };
    assert!(join(&token(&["--updater"]), &[]).status.success());
    let before = master.json(&["list"])[0].clone();
    let key = || std::fs::read_to_string(world.etc_dir().join("agent/worker.key")).expect("there");
    let old_key = key();
    let back = token(&["--rejoin"]);
    let joined = join(&back, &["--rejoin"]);
    assert!(joined.status.success(), "{joined:?}");
    assert!(join(&back, &["--rejoin"]).status.code() == Some(1), "the token is for one key");
    let after = master.json(&["list"])[0].clone();
    assert_eq!(after["host_uuid"], before["host_uuid"]);
    assert_ne!(after["client_cert_fingerprint"], before["client_cert_fingerprint"]);
    assert_ne!(after["updater_cert_fingerprint"], before["updater_cert_fingerprint"]);
    assert_ne!(key(), old_key);
    let _agent = world.start_agent("");
    let heard = wait_for(|| (master.json(&["list"])[0]["status"] == json!("active")).then_some(()));
    assert!(heard.is_some(), "{}", world.log());
}

/// Whoever joins with a wrong clock hears of the clock, and not that the master is a stranger.
#[test]
fn whoever_joins_with_a_wrong_clock_hears_of_the_clock() {
    let world = World::make();
    let master = Master::start(&world);
    let made = master.json(&["token", "--name", "node-1"]);
    let token = made["token"].as_str().expect("a token");
    let (preload, program) = (format!("LD_PRELOAD={}", faketime().display()), decnet());
    let (url, etc_dir) = (format!("https://{VISITOR_IP}:8771"), world.etc_dir());
    let (program, etc_dir) = (program.display().to_string(), etc_dir.display().to_string());
    let join = |when: &str| {
        let time = format!("FAKETIME={when}");
        let args = ["join", "--master", &url, "--token", token, "--etc-dir", &etc_dir];
        world.on_node(&[&["env", &preload, &time, &program], &args[..]].concat())
    };
    for (when, said) in [
        ("@1970-01-20 03:14:00", "days behind the master's, which says 20"),
        ("@2099-01-20 03:14:00", "days ahead of the master's, which says 20"),
    ] {
        let refused = join(when);
        let text = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{text}");
        assert!(
            text.contains("the clock of this machine is wrong") && text.contains(said),
            "{text}"
        );
    }
    // A certificate is good from a day before it was made.
    let joined = join("-12h");
    assert!(joined.status.success(), "{joined:?}");
}

/// The library by which a program sees another time, as Debian has it on any machine.
fn faketime() -> PathBuf {
    let mut dirs = std::fs::read_dir("/usr/lib").expect("it is there").flatten();
    let library = |dir: PathBuf| dir.join("faketime/libfaketimeMT.so.1");
    let found = dirs.find_map(|dir| Some(library(dir.path())).filter(|path| path.is_file()));
    found.expect("`cargo xtask test` installs faketime")
}
