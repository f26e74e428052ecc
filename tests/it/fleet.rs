//! Several nodes under one master, on one LAN.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::thread;

use decnet::logic::event::Kind;
use decnet_tests::master::Master;
use decnet_tests::world::{Agent, Cut, Lan, Node, VISITOR_IP, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// Nodes that were enrolled and whose agents are asked and answer.
struct Fleet<'a> {
    lan: &'a Lan,
    master: Master<'a>,
    agents: Vec<Agent<'a>>,
}

impl<'a> Fleet<'a> {
    fn start(lan: &'a Lan) -> Self {
        let master = Master::start_on(&lan.master);
        let agents = master.enroll(lan);
        let fleet = Self { lan, master, agents };
        fleet.wait_for_check(&[]);
        fleet
    }

    /// Asks every node; those that do not answer, by name, and why.
    fn check(&self) -> Vec<(String, String)> {
        let outcomes = self.master.json(&["check"]);
        let results = outcomes["results"].as_array().expect("results");
        assert_eq!(results.len(), self.lan.nodes.len(), "{outcomes}");
        let missing = results.iter().filter(|outcome| outcome["ok"] != json!(true));
        missing.map(|outcome| (text(&outcome["host_name"]), text(&outcome["detail"]))).collect()
    }

    /// Asks until it is these nodes that do not answer.
    fn wait_for_check(&self, missing: &[&str]) {
        let found = wait_for(|| {
            let names: Vec<String> = self.check().into_iter().map(|(name, _)| name).collect();
            (names == missing).then_some(())
        });
        assert!(found.is_some(), "{:?}, not {missing:?}", self.check());
    }

    /// How each node is in `swarm list`, in the order of the names.
    fn listed(&self) -> Vec<String> {
        let hosts = self.master.json(&["list"]);
        hosts.as_array().expect("hosts").iter().map(|host| text(&host["status"])).collect()
    }

    /// Has one decky on each node; where they are, in the order of the nodes.
    fn deploy(&self) -> Vec<IpAddr> {
        let count = self.lan.nodes.len();
        let done = self.master.swarm(&["deploy", "--config", &wish(self.lan, count)]);
        assert!(done.status.success(), "{done:?}");
        let all = deckies(&self.master);
        let on = |node: &Node| {
            let found = all.iter().find(|(_, of, _)| *of == node.name).expect("one on each");
            found.2.parse().expect("an address")
        };
        self.lan.nodes.iter().map(on).collect()
    }

    /// Whether a visitor is answered at a decky.
    fn visit(&self, decky: IpAddr) -> bool {
        let url = format!("http://{decky}/");
        self.lan.visitor.run(&["curl", "-sS", "-m", "2", &url]).status.success()
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

#[test]
fn a_visitor_who_goes_from_node_to_node_is_seen_by_each() {
    let lan = Lan::make(3);
    let fleet = Fleet::start(&lan);
    assert_eq!(fleet.listed(), ["active", "active", "active"]);
    let deckies = fleet.deploy();
    for decky in &deckies {
        assert!(fleet.visit(*decky), "{decky} does not answer");
    }
    for (node, decky) in lan.nodes.iter().zip(&deckies) {
        let opened = node.event_of(Kind::ConnOpen);
        let src = opened.src.and_then(|src| src.ip);
        let place = opened.decky.map(|part| part.ip);
        assert_eq!((src, place), (Some(VISITOR_IP.into()), Some(*decky)), "{}", node.name);
        let all = node.events();
        let others = all.iter().filter(|event| *event.node != *node.name).count();
        assert_eq!(others, 0, "a node tells of itself alone");
    }
}

/// The deckies that are up, and where: name, node, address.
fn deckies(master: &Master<'_>) -> Vec<(String, String, String)> {
    let all = master.json(&["deckies", "--state", "up"]);
    let row = |decky: &Value| (text(&decky["name"]), text(&decky["host_name"]), text(&decky["ip"]));
    all.as_array().expect("deckies").iter().map(row).collect()
}

/// Writes what the fleet is to be, and where that is.
fn wish(lan: &Lan, count: usize) -> String {
    let path = lan.master.dir.join("fleet.toml");
    let one = format!("[[decky]]\nname = \"d\"\nservices = [\"http\"]\ncount = {count}\n");
    std::fs::write(&path, one).expect("the directory is ours");
    path.display().to_string()
}

/// Waits until so many deckies are up, each at an address of its own; how many each node has.
fn wait_for_deckies(master: &Master<'_>, count: usize) -> Vec<usize> {
    let up = wait_for(|| Some(deckies(master)).filter(|all| all.len() == count));
    let up = up.unwrap_or_else(|| panic!("{} of {count} are up", deckies(master).len()));
    let ips: BTreeSet<&String> = up.iter().map(|(.., ip)| ip).collect();
    assert_eq!(ips.len(), count, "an address is there twice: {up:?}");
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    up.iter().for_each(|(_, node, _)| *counts.entry(node).or_default() += 1);
    counts.into_values().collect()
}

#[test]
fn deckies_are_spread_over_the_nodes_and_stay_where_they_are() {
    let lan = Lan::make(3);
    let fleet = Fleet::start(&lan);
    let config = wish(&lan, 30);
    let done = fleet.master.swarm(&["deploy", "--config", &config]);
    assert!(done.status.success(), "{done:?}");
    assert_eq!(wait_for_deckies(&fleet.master, 30), [10, 10, 10]);
    let before = deckies(&fleet.master);
    for node in ["node-1", "node-2", "node-3"] {
        let (_, _, ip) = before.iter().find(|(_, of, _)| of == node).expect("it has ten");
        assert!(fleet.visit(ip.parse().expect("an address")), "{node}: {ip}");
    }
    // One node is away: the new deckies go to the others, and nothing moves.
    lan.cut(&lan.nodes[1], Cut::Drops);
    let away = fleet.master.swarm(&["deploy", "--config", &wish(&lan, 34), "--json"]);
    assert_eq!(away.status.code(), Some(1), "{away:?}");
    let outcomes: Value = serde_json::from_slice(&away.stdout).expect("JSON");
    let ok: Vec<&Value> =
        outcomes["results"].as_array().expect("results").iter().map(|one| &one["ok"]).collect();
    assert_eq!(ok, [true, false, true]);
    lan.mend(&lan.nodes[1], Cut::Drops);
    assert_eq!(wait_for_deckies(&fleet.master, 34), [12, 10, 12]);
    let after = deckies(&fleet.master);
    assert!(before.iter().all(|decky| after.contains(decky)), "{before:?} {after:?}");
    let gone = fleet.master.swarm(&["teardown", "--host", "node-1"]);
    assert!(gone.status.success(), "{gone:?}");
    assert_eq!(wait_for_deckies(&fleet.master, 22), [10, 12]);
}

/// The master and an agent are killed while deckies come up: the order was taken, and is carried
/// out without anybody giving it again.
#[test]
fn a_deploy_is_finished_whoever_was_killed_in_the_middle_of_it() {
    let lan = Lan::make(3);
    let Fleet { master, mut agents, .. } = Fleet::start(&lan);
    let config = wish(&lan, 90);
    let begun = |agent: &Agent<'_>| agent.status().is_some_and(|status| !status.deckies.is_empty());
    thread::scope(|scope| {
        let asked = scope.spawn(|| master.swarm(&["deploy", "--config", &config]));
        let under_way = wait_for(|| agents.iter().any(begun).then_some(()));
        assert!(under_way.is_some(), "nothing begins");
        kill(Pid::from_raw(master.process.id().cast_signed()), Signal::SIGKILL).expect("it runs");
        let asked = asked.join().expect("it does not panic");
        assert!(!asked.status.success(), "the operator is told: {asked:?}");
    });
    drop(agents.remove(0));
    let _again = lan.nodes[0].start_agent("");
    let master = master.kill_and_start();
    assert_eq!(wait_for_deckies(&master, 90), [30, 30, 30]);
}

/// What can come between the master and a node.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    Cut(Cut),
    /// Its agent runs and does nothing.
    Stopped,
}

#[test]
fn a_node_that_is_cut_off_is_unreachable_until_it_is_back_and_the_others_go_on() {
    let lan = Lan::make(3);
    let fleet = Fleet::start(&lan);
    let deckies = fleet.deploy();
    let (node, agent) = (&lan.nodes[1], &fleet.agents[1]);
    let processes = agent.processes();
    for trouble in [Trouble::Cut(Cut::Drops), Trouble::Cut(Cut::Unplugged), Trouble::Stopped] {
        match trouble {
            Trouble::Cut(how) => lan.cut(node, how),
            Trouble::Stopped => agent.signal(Signal::SIGSTOP),
        }
        let missing = fleet.check();
        let [(name, why)] = missing.as_slice() else { panic!("{trouble:?}: {missing:?}") };
        assert_eq!(name, "node-2", "{trouble:?}");
        let place = format!("{}:8765", lan.ip(node));
        // Nobody answers for its address, or it is known and nothing comes back.
        let late = format!("no answer from {place} within 5 s");
        let gone = format!("cannot connect to {place}");
        assert!(*why == late || why.starts_with(&gone), "{trouble:?}: {why}");
        assert_eq!(fleet.listed(), ["active", "unreachable", "active"], "{trouble:?}");
        for at in [0, 2] {
            assert!(fleet.visit(deckies[at]), "{trouble:?}: a decky of another node is gone");
        }
        // The face serves what is open to it also when the agent is stopped; a LAN that is cut does
        // not let anybody through.
        if matches!(trouble, Trouble::Cut(_)) {
            assert!(!fleet.visit(deckies[1]), "{trouble:?}: it is not cut off");
        }
        match trouble {
            Trouble::Cut(how) => lan.mend(node, how),
            Trouble::Stopped => agent.signal(Signal::SIGCONT),
        }
        fleet.wait_for_check(&[]);
        assert_eq!(fleet.listed(), ["active", "active", "active"], "{trouble:?}");
        let back = wait_for(|| fleet.visit(deckies[1]).then_some(()));
        assert!(back.is_some(), "{trouble:?}: its decky does not come back");
    }
    assert_eq!(agent.processes(), processes, "a process was replaced");
}
