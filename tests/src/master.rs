//! A master, which commands the agents of the nodes.

use std::path::PathBuf;
use std::process::{Child, Output, Stdio};

use crate::world::{Agent, Lan, Machine, Node, World, command_by, wait_for};

/// A running `decnet swarmctl`.
pub struct Master<'a> {
    machine: &'a Machine,
    pub process: Child,
}

impl<'a> Master<'a> {
    /// Starts it where the visitor is, and waits until it answers.
    pub fn start(world: &'a World) -> Self {
        Self::start_on(&world.visitor)
    }

    /// Starts it on a machine, and waits until it answers.
    pub fn start_on(machine: &'a Machine) -> Self {
        Self::start_by(machine, &[])
    }

    /// The same by a program that takes its command line and becomes it.
    pub fn start_by(machine: &'a Machine, program: &[&str]) -> Self {
        let dir = machine.dir.join("master");
        std::fs::create_dir_all(&dir).expect("the directory is ours");
        let log = std::fs::File::create(dir.join("log")).expect("the directory is ours");
        let mut command = command_by(program);
        command.args(["swarmctl", "--etc-dir"]).arg(dir.join("etc"));
        command.arg("--state-dir").arg(dir.join("state"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let master = Self { machine, process: machine.spawn(command) };
        let answers = wait_for(|| {
            let health = machine.run(&["curl", "-sSf", "http://127.0.0.1:8770/health"]);
            health.status.success().then_some(())
        });
        assert!(answers.is_some(), "swarmctl does not answer:\n{}", master.log());
        master
    }

    /// Kills it, and starts another over what it has left.
    pub fn kill_and_start(self) -> Self {
        let machine = self.machine;
        drop(self);
        Self::start_on(machine)
    }

    /// Where it keeps state.
    pub fn state_dir(&self) -> PathBuf {
        self.machine.dir.join("master/state")
    }

    /// Where its authority is.
    pub fn ca_dir(&self) -> PathBuf {
        self.state_dir().join("swarm/ca")
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.machine.dir.join("master/log")).unwrap_or_default()
    }

    /// Enrols every node of a LAN and starts their agents, in the order of the nodes.
    pub fn enroll<'n>(&self, lan: &'n Lan) -> Vec<Agent<'n>> {
        let one = |node: &'n Node| {
            let (dir, address) = (node.etc_dir().join("agent"), lan.ip(node).to_string());
            let dir = dir.display().to_string();
            let line = ["enroll", "--name", &node.name, "--address", &address, "--out-dir", &dir];
            let enrolled = self.swarm(&line);
            assert!(enrolled.status.success(), "{enrolled:?}");
            node.start_agent("")
        };
        lan.nodes.iter().map(one).collect()
    }

    /// Runs `decnet swarm …` beside it.
    pub fn swarm(&self, args: &[&str]) -> Output {
        let state_dir = self.state_dir().display().to_string();
        let fixed = ["swarm", "--state-dir", &state_dir];
        self.machine.decnet(&[&fixed, args].concat())
    }

    /// The same with `--json`: what it prints.
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        let output = self.swarm(&[args, &["--json"]].concat());
        assert!(output.status.success(), "{args:?}: {output:?}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }
}

impl Drop for Master<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("swarmctl's log:\n{}", self.log());
        }
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
