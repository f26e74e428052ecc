//! Another authority takes the place of the fleet's: nodes trust both for a while, nobody is refused,
//! and whoever has a copy of the old key has nothing.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use decnet::edge::clock;
use decnet::logic::trust::CertRole;
use decnet_tests::master::Master;
use decnet_tests::papers::{Papers, authority};
use decnet_tests::world::{Agent, Lan, Node, decnet, wait_for};
use serde_json::{Value, json};

const MASTER: &str = "10.77.255.1";

/// A running updater of a node.
struct Updater(Child);

impl Drop for Updater {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn start_updater(node: &Node) -> Updater {
    // The agent, which is somebody else here, must be able to enter it.
    std::fs::create_dir_all(node.state_dir()).expect("the directory is ours");
    let log = std::fs::File::create(node.dir.join("updater.log")).expect("the directory is ours");
    let mut command = Command::new(decnet());
    command.arg("updater").args(node.dirs());
    command.arg("--etc-dir").arg(node.etc_dir());
    command.arg("--updater-dir").arg(node.etc_dir().join("agent-updater"));
    command.arg("--install-dir").arg(node.dir.join("opt"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    Updater(node.spawn(command))
}

fn enroll(master: &Master<'_>, lan: &Lan, node: &Node) {
    let (dir, address) = (node.etc_dir().join("agent"), lan.ip(node).to_string());
    let dir = dir.display().to_string();
    let line = ["enroll", "--name", &node.name, "--address", &address, "--updater"];
    let enrolled = master.swarm(&[&line[..], &["--out-dir", &dir]].concat());
    assert!(enrolled.status.success(), "{enrolled:?}");
}

/// How the authority stands.
fn standing(master: &Master<'_>) -> Value {
    master.json(&["ca"])
}

fn phase(standing: &Value) -> &str {
    standing["succession"]["phase"].as_str().unwrap_or("none")
}

/// What is said of a node.
fn progress(standing: &Value, name: &str) -> (String, String) {
    let nodes = standing["nodes"].as_array().expect("nodes");
    let found = nodes.iter().find(|node| node["name"] == json!(name)).expect("it is there");
    let text = |part: &str| found[part].as_str().unwrap_or("-").to_owned();
    (text("agent"), text("updater"))
}

/// Waits for what takes several heartbeats and looks of the master's.
fn wait_long(master: &Master<'_>, what: &str, mut is: impl FnMut(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    for _ in 0..4 {
        let found = wait_for(|| {
            last = standing(master);
            is(&last).then_some(())
        });
        if found.is_some() {
            return last;
        }
    }
    panic!("never {what}: {last}\n{}", master.log());
}

fn answers(master: &Master<'_>, names: &[&str]) {
    let check = master.json(&["check"]);
    let results = check["results"].as_array().expect("results");
    for result in
        results.iter().filter(|it| names.contains(&it["host_name"].as_str().expect("text")))
    {
        assert_eq!(result["ok"], json!(true), "{check}\n{}", master.log());
    }
}

fn deploy(master: &Master<'_>, dir: &Path, names: [&str; 2]) {
    let file = dir.join("fleet.toml");
    let one = |name: &str| format!("[[decky]]\nname = \"{name}\"\nservices = [\"http\"]\n");
    std::fs::write(&file, names.map(one).concat()).expect("the directory is ours");
    let file = file.display().to_string();
    let line = ["deploy", "--config", &file, "--host", "node-1", "--host", "node-2"];
    let done = master.swarm(&line);
    assert!(done.status.success(), "{done:?}\n{}", master.log());
}

/// A copy of the authority's directory, and what can be made with it.
struct Thief {
    dir: PathBuf,
}

impl Thief {
    fn of(master: &Master<'_>, dir: PathBuf) -> Self {
        std::fs::create_dir_all(dir.join("ca")).expect("the directory is ours");
        for name in ["ca.key", "ca.crt"] {
            std::fs::copy(master.ca_dir().join(name), dir.join("ca").join(name)).expect("there");
        }
        Self { dir }
    }

    /// Papers of this role made with the stolen key, whose holder takes the fleet for what it is.
    fn papers(&self, master: &Master<'_>, name: &str, role: CertRole) -> Papers {
        let dir =
            self.dir.join(format!("{name}-{}", role.common_name(&name.parse().expect("a name"))));
        let who = (name, MASTER.parse().expect("an address"));
        let papers = Papers::issue(&dir, &authority(&self.dir.join("ca")), who, role, clock::now());
        let both = ["ca.crt", "next.crt"].map(|name| std::fs::read(master.ca_dir().join(name)));
        let both: Vec<u8> = both.into_iter().flatten().flatten().collect();
        std::fs::write(dir.join("ca.crt"), both).expect("the directory is ours");
        papers
    }
}

/// The status of the answer; 000 when nobody is let in.
fn status(lan: &Lan, papers: &Papers, url: &str, name: &str) -> String {
    let (address, port) = url.split("//").nth(1).and_then(|it| it.split_once(':')).expect("a URL");
    let port = port.split('/').next().expect("a port");
    let by_name = url.replace(address, name);
    let more = ["--resolve", &format!("{name}:{port}:{address}")];
    let output = papers.ask(&lan.visitor, &by_name, &more);
    String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default().to_owned()
}

fn all_are_heard(master: &Master<'_>) {
    let active = wait_for(|| {
        master.json(&["check"]);
        let hosts = master.json(&["list"]);
        let beats = |host: &Value| host["heard_from"].is_string();
        hosts.as_array().expect("hosts").iter().all(beats).then_some(())
    });
    assert!(active.is_some(), "{}", master.log());
}

/// Waits until the first two nodes have other certificates; they are asked and told the whole time.
fn are_renewed(master: &Master<'_>, lan: &Lan) {
    let (mut turns, both) = (0, ["node-1", "node-2"]);
    let renewed = ("renewed".to_owned(), "renewed".to_owned());
    wait_long(master, "renewed", |standing| {
        answers(master, &both);
        turns += 1;
        if turns % 20 == 5 {
            deploy(master, &lan.master.dir, ["web-01", if turns % 40 == 5 { "a" } else { "b" }]);
        }
        both.iter().all(|name| progress(standing, name) == renewed)
    });
}

fn killed_again_and_again(mut master: Master<'_>) -> Master<'_> {
    for _ in 0..3 {
        let ends = wait_for(|| {
            let now = standing(&master);
            (progress(&now, "node-3").0 != "unaware" || phase(&now) == "ended").then_some(())
        });
        assert!(ends.is_some(), "{}", standing(&master));
        master = master.kill_and_start();
    }
    master
}

#[test]
fn another_authority_takes_the_place_and_nobody_is_refused() {
    let lan = Lan::make(3);
    let mut master = Master::start_on(&lan.master);
    lan.nodes.iter().for_each(|node| enroll(&master, &lan, node));
    let both = ["node-1", "node-2"];
    let mut agents: Vec<_> = lan.nodes.iter().map(|node| node.start_agent("")).collect();
    let mut updaters: Vec<_> = lan.nodes.iter().map(start_updater).collect();
    all_are_heard(&master);
    deploy(&master, &lan.master.dir, ["web-01", "web-02"]);
    let thief = Thief::of(&master, lan.visitor.dir.join("thief"));
    let old_key = std::fs::read(master.ca_dir().join("ca.key")).expect("it is there");
    // One node is off.
    drop((agents.pop(), updaters.pop()));

    let begun = master.json(&["ca", "rotate"]);
    assert_eq!(phase(&begun), "spreading", "{begun}");
    master = master.kill_and_start();
    let agent = |node: &Node| format!("https://{}:8765/health", lan.ip(node));
    let updater = |node: &Node| format!("https://{}:8766/health", lan.ip(node));
    let node = &lan.nodes[0];
    let stolen = thief.papers(&master, "master", CertRole::Master);
    assert_eq!(status(&lan, &stolen, &agent(node), "node-1"), "403", "it is the authority still");
    are_renewed(&master, &lan);
    let refused = master.swarm(&["ca", "rotate", "--finish"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("yet: node-3;"), "{refused:?}");
    let list = String::from_utf8_lossy(&master.swarm(&["list"]).stdout).into_owned();
    assert!(list.contains("agent: of the old authority"), "{list}");

    // It comes back, and the master is killed again and again meanwhile.
    master = master.kill_and_start();
    agents.push(lan.nodes[2].start_agent(""));
    updaters.push(start_updater(&lan.nodes[2]));
    master = killed_again_and_again(master);
    let settled = ("settled".to_owned(), "settled".to_owned());
    let ended = wait_long(&master, "settled", |standing| {
        answers(&master, &both);
        let all = ["node-1", "node-2", "node-3"];
        phase(standing) == "ended" && all.iter().all(|name| progress(standing, name) == settled)
    });
    assert_eq!(ended["authority"], begun["succession"]["new"], "{ended}");
    answers(&master, &["node-1", "node-2", "node-3"]);
    deploy(&master, &lan.master.dir, ["web-01", "c"]);

    for entry in std::fs::read_dir(master.ca_dir()).expect("it is there").flatten() {
        assert_ne!(std::fs::read(entry.path()).expect("a file"), old_key, "{entry:?}");
    }
    nothing_for(&thief, &lan, &master, (&agent(node), &updater(node)));
    // It is kept, by nodes and master.
    drop(agents);
    drop(updaters);
    master = master.kill_and_start();
    let _agents: Vec<_> = lan.nodes.iter().map(|node| node.start_agent("")).collect();
    let _updaters: Vec<_> = lan.nodes.iter().map(start_updater).collect();
    let back = wait_for(|| {
        let check = master.json(&["check"]);
        let results = check["results"].as_array().expect("results");
        results.iter().all(|it| it["ok"] == json!(true)).then_some(())
    });
    assert!(back.is_some(), "{}\n{}", master.json(&["check"]), master.log());
    nothing_for(&thief, &lan, &master, (&agent(node), &updater(node)));
}

/// What was made with the old key is refused by agent, updater and master; what was not is not.
fn nothing_for(thief: &Thief, lan: &Lan, master: &Master<'_>, (agent, updater): (&str, &str)) {
    let stolen = thief.papers(master, "master", CertRole::Master);
    assert_eq!(status(lan, &stolen, agent, "node-1"), "000");
    assert_eq!(status(lan, &stolen, updater, "node-1"), "000");
    let own = lan.visitor.dir.join("own");
    std::fs::create_dir_all(&own).expect("the directory is ours");
    let swarm = master.state_dir().join("swarm");
    for (from, to) in
        [("ca.crt", "ca.crt"), ("master.crt", "worker.crt"), ("master.key", "worker.key")]
    {
        std::fs::copy(swarm.join(from), own.join(to)).expect("it is there");
    }
    let own = Papers::at(own);
    assert_eq!(status(lan, &own, agent, "node-1"), "200", "the master's own is let in");
    assert_eq!(status(lan, &own, updater, "node-1"), "200");
    let beat = format!("https://{MASTER}:8771/heartbeat");
    let node = thief.papers(master, "node-1", CertRole::Agent);
    assert_eq!(status(lan, &node, &beat, "master"), "000");
    let dirs = ["agent/identity", "identity"].map(|dir| lan.nodes[0].state_dir().join(dir));
    let real = Papers::at(dirs.into_iter().find(|dir| dir.exists()).expect("it was renewed"));
    assert_eq!(status(lan, &real, &beat, "master"), "405", "the node's own is let in");
}

/// Takes a node back by hand, and starts it anew.
fn rejoin<'n>(master: &Master<'_>, node: &'n Node) -> (Agent<'n>, Updater) {
    let made = master.json(&["token", "--name", &node.name, "--rejoin"]);
    let (token, url) = (made["token"].as_str().expect("a token"), format!("https://{MASTER}:8771"));
    let (etc, updater) = (node.etc_dir(), node.etc_dir().join("agent-updater"));
    let (etc, updater) = (etc.display().to_string(), updater.display().to_string());
    let line = ["join", "--rejoin", "--master", &url, "--token", token, "--etc-dir", &etc];
    let joined = node.decnet(&[&line[..], &["--updater-dir", &updater]].concat());
    assert!(joined.status.success(), "{joined:?}");
    (node.start_agent(""), start_updater(node))
}

#[test]
fn who_was_away_comes_back_by_itself_or_by_joining_anew() {
    let lan = Lan::make(3);
    let mut master = Master::start_on(&lan.master);
    lan.nodes.iter().for_each(|node| enroll(&master, &lan, node));
    // The first never hears of it, of the second the agent alone, of the third the updater alone.
    let agent = lan.nodes[1].start_agent("");
    let updater = start_updater(&lan.nodes[2]);
    let heard = wait_for(|| {
        master.json(&["check"]);
        let hosts = master.json(&["list"]);
        hosts[1]["heard_from"].is_string().then_some(())
    });
    assert!(heard.is_some(), "{}", master.log());
    let before = master.json(&["list"]);
    master.json(&["ca", "rotate"]);
    wait_long(&master, "heard", |standing| {
        progress(standing, "node-2").0 == "trusting" && progress(standing, "node-3").1 == "trusting"
    });
    drop((agent, updater));
    let left = master.swarm(&["ca", "rotate", "--leave", "node-9"]);
    assert_eq!(left.status.code(), Some(1), "{left:?}");
    master.json(&["ca", "rotate", "--leave", "node-1", "--leave", "node-3"]);
    assert_eq!(phase(&standing(&master)), "spreading");
    master = master.kill_and_start();
    master.json(&["ca", "rotate", "--leave", "node-2"]);
    wait_long(&master, "ended", |standing| phase(standing) == "ended");

    // Who has heard comes back, and nobody asks for it.
    let updater = start_updater(&lan.nodes[2]);
    let agent = lan.nodes[1].start_agent("");
    wait_long(&master, "renewed", |standing| {
        progress(standing, "node-2").0 == "settled" && progress(standing, "node-3").1 == "settled"
    });
    drop((agent, updater));
    let stranger = lan.nodes[0].start_agent("");
    let said = wait_for(|| {
        master.json(&["check"]);
        lan.nodes[0].log().contains("the master is served").then_some(())
    });
    assert!(said.is_some(), "{}", lan.nodes[0].log());
    let check = master.json(&["check"]);
    assert_eq!(check["results"][0]["ok"], json!(false), "it knows nobody whom it has not heard of");
    assert_eq!(progress(&standing(&master), "node-1"), ("unaware".into(), "unaware".into()));
    drop(stranger);
    let _back: Vec<_> = lan.nodes.iter().map(|node| rejoin(&master, node)).collect();
    let settled = ("settled".to_owned(), "settled".to_owned());
    wait_long(&master, "settled", |standing| {
        // Agents that were never asked do not know where the master is.
        master.json(&["check"]);
        ["node-1", "node-2", "node-3"].iter().all(|name| progress(standing, name) == settled)
    });
    let after = master.json(&["list"]);
    for (before, after) in (0..3).map(|at| (&before[at], &after[at])) {
        assert_eq!(before["host_uuid"], after["host_uuid"]);
        assert_ne!(before["client_cert_fingerprint"], after["client_cert_fingerprint"]);
    }
}
