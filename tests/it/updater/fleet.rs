//! Bad releases for a whole fleet of real updaters: whatever is in them, each node answers afterwards
//! and runs a release that has proved itself, and what the operator is told is true.

use std::fs;
use std::process::{Command, Output, Stdio};
use std::thread;

use decnet_tests::master::Master;
use decnet_tests::releases::{Bundle, Workshop};
use decnet_tests::rollout::{node, report};
use decnet_tests::shell::Shell;
use decnet_tests::world::{Lan, decnet, wait_for};
use serde_json::{Value, json};

use super::stand_in;

/// How many nodes there are.
const NODES: u8 = 10;
/// How long an operator waits, in seconds.
const PATIENCE: &str = "280";

/// What is wrong with a release: its name, whose part is bad, and what its program does then. The
/// first are tried in every run.
const KINDS: [(&str, Part, &str); 24] = [
    ("an agent that ends at once", Part::Agent, "exit 3"),
    ("an agent that ends after two seconds", Part::Agent, "END 2 KILL"),
    ("an agent that ends well at once", Part::Agent, "exit 0"),
    ("an agent that never answers", Part::Agent, "exec sleep 1000"),
    ("an agent that freezes", Part::Agent, "END 1 STOP"),
    ("an agent that is the one before", Part::Agent, "PREV"),
    ("an agent that is killed at once", Part::Agent, "kill -9 $$"),
    ("an agent that aborts", Part::Agent, "kill -ABRT $$"),
    ("an agent without its program", Part::Agent, "exec /nonexistent"),
    (
        "an agent that does not end when it is told to",
        Part::Agent,
        "trap '' TERM; while :; do sleep 1; done",
    ),
    ("a self-check that fails", Part::Check, "echo 'it is not well' >&2; exit 3"),
    ("a self-check that never ends", Part::Check, "exec sleep 1000"),
    ("a self-check that says another release", Part::Check, "echo 0; exit 0"),
    ("an updater that ends at once", Part::Updater, "exit 3"),
    ("an updater that ends after a second", Part::Updater, "END 1 KILL"),
    ("an updater that listens elsewhere", Part::Updater, "PORT"),
    ("an updater that ends well at once", Part::Updater, "exit 0"),
    ("an updater that ends after five seconds", Part::Updater, "END 5 KILL"),
    ("an updater that ends well after five seconds", Part::Updater, "END 5 TERM"),
    ("an updater that freezes at once", Part::Updater, "kill -STOP $$"),
    ("an updater that freezes after a second", Part::Updater, "END 1 STOP"),
    ("an updater that never answers", Part::Updater, "exec sleep 1000"),
    ("an updater that is the one before", Part::Updater, "PREV"),
    ("an updater that cannot use its state", Part::Updater, "STATE"),
];
/// How many of them are tried in every run.
const USUAL: usize = 2;
/// Seconds for which a release is watched: longer than the latest end of one that is tried.
const SOAK: u8 = 8;

/// Whose part of a release is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Agent,
    Check,
    Updater,
}

impl Part {
    fn role(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Check => "selfcheck",
            Self::Updater => "updater",
        }
    }
}

/// A node with an updater and an agent that does nothing but answer.
struct Member {
    name: String,
    place: String,
    shell: Shell,
}

/// A master, and nodes with real updaters.
struct Fleet<'a> {
    master: Master<'a>,
    lan: &'a Lan,
    shop: &'a Workshop,
    members: Vec<Member>,
    number: u64,
}

/// The words of a release whose parts are as they should be, but for one.
fn script(bad: Option<(Part, &str)>) -> String {
    let bad = bad.map_or_else(String::new, |(part, act)| {
        let act = match act.split(' ').collect::<Vec<_>>()[..] {
            ["END", after, signal] => format!("(sleep {after}; kill -{signal} $$) &"),
            ["PORT"] => "set -- \"${@/--port=8766/--port=8799}\"".to_owned(),
            ["PREV"] => "exec ${0%/*}/../../../prev/bin/decnet \"$@\"".to_owned(),
            ["STATE"] => "set -- \"${@/--state-dir=*/--state-dir=\\/proc\\/1}\"".to_owned(),
            _ => act.to_owned(),
        };
        format!("if [ $1 = {} ]; then\n{act}\nfi\n", part.role())
    });
    // Whose agent it is says where the release is: an agent is started with the words of the one
    // before.
    let agent = stand_in::script(std::path::Path::new("$BASE"));
    let agent = agent.replace("'$BASE'", "\"${PWD%/opt/releases/*}\"");
    let agent = agent.replacen("#!/bin/bash\n", "", 1);
    format!("#!/bin/bash\n{bad}if [ $1 = agent ]; then\n{agent}fi\n")
}

impl<'a> Fleet<'a> {
    fn start(lan: &'a Lan, shop: &'a Workshop) -> Self {
        let master = Master::start_on(&lan.master);
        let mut fleet = Self { master, lan, shop, members: Vec::new(), number: 0 };
        let first = fleet.next(None);
        let made: Vec<Member> = thread::scope(|scope| {
            let (fleet, first) = (&fleet, &first);
            let one = |node| scope.spawn(move || fleet.member(node, first));
            let all: Vec<_> = lan.nodes.iter().map(one).collect();
            all.into_iter().map(|it| it.join().expect("no panic")).collect()
        });
        fleet.members = made;
        fleet.said();
        fleet
    }

    /// The next release.
    fn next(&mut self, bad: Option<(Part, &str)>) -> Bundle {
        self.number += 1;
        self.shop.around(self.number, &script(bad))
    }

    /// Makes a node of the fleet, as an operator does.
    fn member(&self, node: &decnet_tests::world::Node, first: &Bundle) -> Member {
        let (place, ip) = (node.machine().dir.display().to_string(), self.lan.ip(node).to_string());
        let agent = format!("{place}/etc/agent");
        let line =
            ["enroll", "--name", &node.name, "--address", &ip, "--out-dir", &agent, "--updater"];
        let enrolled = self.master.swarm(&line);
        assert!(enrolled.status.success(), "{enrolled:?}");
        let mut shell = Shell::on(node.machine());
        let (root, bundle) = (self.shop.path().join("root.json"), first.path.display());
        let program = decnet();
        shell.ok(&format!(
            "set -e; cd {place}; mkdir -p run; chmod 755 .; mv etc/agent-updater etc/updater\n\
             cp {} etc/updater/root.json; touch etc/decnet.toml\n\
             {} release install {bundle} --root etc/updater/root.json --install-dir opt \
             --state-dir state",
            root.display(),
            program.display()
        ));
        let options = format!(
            "--config={place}/etc/decnet.toml --agent-dir={place}/etc/agent \
             --state-dir={place}/state --run-dir={place}/run"
        );
        shell.ok(&format!(
            "cd {place}; (bash -c 'opt/current/bin/decnet agent {options} & exec sleep infinity' \
             >agent.log 2>&1 &); \
             (unset DECNET_PARENT; while :; do opt/updater/current/bin/decnet updater --host=0.0.0.0 --port=8766 \
             --agent=127.0.0.1:8765 --reserve=0 --soak={SOAK} --patience=15 --updater-dir={place}/etc/updater \
             --install-dir={place}/opt {options}; sleep .5; done >updater.log 2>&1 &)"
        ));
        Member { name: node.name.clone(), place, shell }
    }

    /// Brings everybody a release; what the operator hears.
    fn update(&self, bundle: &Bundle, more: &[&str]) -> Output {
        let (file, state) = (bundle.path.display().to_string(), self.master.state_dir());
        let mut command = Command::new("timeout");
        command.arg(PATIENCE).arg(decnet()).args(["swarm", "--state-dir"]).arg(state);
        command.args(["update", "--all", "--include-self", "--json", "--bundle", &file]);
        command.args(more).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let operator = self.lan.master.spawn(command);
        operator.wait_with_output().expect("it ends")
    }

    /// What each node says that its agent and its updater are, in the order of the names, once all
    /// of them say something.
    fn said(&self) -> Vec<(Value, Value)> {
        let file = self.shop.path().join("release-1.tar").display().to_string();
        let line = ["update", "--all", "--include-self", "--dry-run", "--json", "--bundle", &file];
        let found = wait_for(|| {
            let dry = report(&self.master.swarm(&line));
            let said = |member: &Member| {
                let all = dry["results"].as_array().expect("results");
                let its = all.iter().find(|it| it["host_name"] == json!(member.name));
                let its = its.expect("each is asked");
                (its["current"].clone(), its["current_self"].clone())
            };
            let all: Vec<(Value, Value)> = self.members.iter().map(said).collect();
            all.iter().all(|(agent, own)| agent.is_string() && own.is_string()).then_some(all)
        });
        found.unwrap_or_else(|| panic!("a node does not answer any more: {}", self.logs()))
    }

    /// What the nodes' updaters have logged, of each the end.
    fn logs(&self) -> String {
        let log = |member: &Member| {
            let text = fs::read_to_string(format!("{}/updater.log", member.place));
            let text = text.unwrap_or_default();
            let from = text.len().saturating_sub(1_500);
            format!("{}: {}\n", member.name, text.get(from..).unwrap_or_default())
        };
        self.members.iter().map(log).collect()
    }

    /// Pushes a release of which a part is bad, and sees that nobody was lost and that what the
    /// operator hears is what is so.
    fn survives(&mut self, (what, part, act): (&str, Part, &str), more: &[&str]) {
        let before = self.said();
        let bad = self.next(Some((part, act)));
        let output = self.update(&bad, more);
        assert_eq!(output.status.code(), Some(1), "{what}: {output:?}\n{}", self.logs());
        let told = report(&output);
        assert!(told["counts"]["bad"].as_u64() > Some(0), "{what}: {told}");
        let after = self.said();
        let digest = json!(bad.digest);
        for (member, (before, after)) in self.members.iter_mut().zip(before.iter().zip(&after)) {
            let row = node(&told, &member.name);
            let is_told = |word: &str, well: &str| row[word] == json!(well);
            let agent = if is_told("agent", "updated") { &digest } else { &before.0 };
            let own = if is_told("self", "ok") { &digest } else { &before.1 };
            assert_eq!((&after.0, &after.1), (agent, own), "{what}: {row}");
            // The bad part runs nowhere.
            let runs = if part == Part::Updater { &after.1 } else { &after.0 };
            assert_ne!(runs, &digest, "{what}: {row}");
            let (code, links) = member
                .shell
                .run(&format!("cd {}/opt && readlink current updater/current", member.place));
            let named = |release: &Value| format!("releases/{}", release.as_str().unwrap_or(""));
            let wanted = format!("{}\n{}", named(&after.0), named(&after.1));
            assert_eq!((code, links.trim()), (0, wanted.as_str()), "{what}");
        }
    }

    /// Pushes a good one, which everybody has afterwards.
    fn goes_on(&mut self) {
        let good = self.next(None);
        let output = self.update(&good, &["--max-in-flight", "10", "--soak", "1"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}\n{}", self.logs());
        let digest = json!(good.digest);
        assert!(self.said().iter().all(|it| *it == (digest.clone(), digest.clone())));
    }
}

#[test]
fn a_fleet_survives_bad_releases_and_is_told_the_truth() {
    let (lan, shop) = (Lan::make(NODES), Workshop::open());
    let mut fleet = Fleet::start(&lan, &shop);
    let is_exhaustive = std::env::var_os("DECNET_EXHAUSTIVE").is_some();
    let count = if is_exhaustive { KINDS.len() } else { USUAL };
    for kind in KINDS.into_iter().take(count) {
        let canary = ["--canary", "1", "--max-failures", "0", "--soak", "1"];
        fleet.survives(kind, &canary);
        if is_exhaustive {
            let all = ["--canary", "0", "--max-failures", "10", "--max-in-flight", "10"];
            fleet.survives(kind, &all);
        }
    }
    fleet.goes_on();
}
