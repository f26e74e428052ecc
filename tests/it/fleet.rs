//! Several nodes under one master, on one LAN.

use std::net::IpAddr;

use decnet::edge::clock;
use decnet::logic::event::Kind;
use decnet::logic::trust::CertRole;
use decnet_tests::master::Master;
use decnet_tests::papers::{Papers, authority};
use decnet_tests::world::{Agent, Cut, Lan, Node, VISITOR_IP, wait_for};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

const CONFIG: &str = "[[decky]]\nname = \"web\"\nservices = [\"http\"]\n";

/// Nodes that were enrolled and whose agents are asked and answer.
struct Fleet<'a> {
    lan: &'a Lan,
    master: Master<'a>,
    agents: Vec<Agent<'a>>,
}

impl<'a> Fleet<'a> {
    fn start(lan: &'a Lan) -> Self {
        let master = Master::start_on(&lan.master);
        let start = |node: &'a Node| {
            let (dir, address) = (node.etc_dir().join("agent"), lan.ip(node).to_string());
            let dir = dir.display().to_string();
            let line = ["enroll", "--name", &node.name, "--address", &address, "--out-dir", &dir];
            let enrolled = master.swarm(&line);
            assert!(enrolled.status.success(), "{enrolled:?}");
            node.start_agent("")
        };
        let agents = lan.nodes.iter().map(start).collect();
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

    /// Has one decky on each node; where they are.
    fn deploy(&self) -> Vec<IpAddr> {
        let lan = self.lan;
        let authority = authority(&self.master.ca_dir());
        let dir = lan.master.dir.join("papers");
        let who = ("master", IpAddr::from([127, 0, 0, 1]));
        let papers = Papers::issue(dir, &authority, who, CertRole::Master, clock::now());
        let deploy = |node| {
            let url = format!("https://{}:8765/deploy", lan.ip(node));
            let (status, code) = papers.told(&lan.master, &url, Some(&json!({ "config": CONFIG })));
            assert_eq!((code, &status["deckies"][0]["state"]), (200, &json!("up")), "{status}");
            text(&status["deckies"][0]["ip"]).parse().expect("an address")
        };
        lan.nodes.iter().map(deploy).collect()
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
