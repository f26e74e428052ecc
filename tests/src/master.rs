//! A master in the visitor's namespace, which commands the agents of the node's.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use crate::world::{World, decnet, on_spawner, wait_for};

/// A running `decnet swarmctl`.
pub struct Master<'a> {
    world: &'a World,
    pub process: Child,
}

impl<'a> Master<'a> {
    /// Starts it, and waits until it answers.
    pub fn start(world: &'a World) -> Self {
        let dir = world.dir.join("master");
        std::fs::create_dir_all(&dir).expect("the directory is ours");
        let log = std::fs::File::create(dir.join("log")).expect("the directory is ours");
        let namespace = world.visitor.try_clone().expect("descriptors are left");
        let process = on_spawner(namespace, move || {
            let mut command = Command::new(decnet());
            command.args(["swarmctl", "--etc-dir"]).arg(dir.join("etc"));
            command.arg("--state-dir").arg(dir.join("state"));
            command.env("DECNET_PARENT", std::process::id().to_string());
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
            command.spawn().expect("decnet was built")
        });
        let master = Self { world, process };
        let answers = wait_for(|| {
            let health = world.visit("curl", &["-sSf", "http://127.0.0.1:8770/health"]);
            health.status.success().then_some(())
        });
        assert!(answers.is_some(), "swarmctl does not answer:\n{}", master.log());
        master
    }

    /// Kills it, and starts another over what it has left.
    pub fn kill_and_start(self) -> Self {
        let world = self.world;
        drop(self);
        Self::start(world)
    }

    /// Where it keeps state.
    pub fn state_dir(&self) -> PathBuf {
        self.world.dir.join("master/state")
    }

    /// Where its authority is.
    pub fn ca_dir(&self) -> PathBuf {
        self.world.dir.join("master/etc/ca")
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.world.dir.join("master/log")).unwrap_or_default()
    }

    /// Runs `decnet swarm …` beside it.
    pub fn swarm(&self, args: &[&str]) -> Output {
        let program = decnet().display().to_string();
        let state_dir = self.state_dir().display().to_string();
        let fixed = ["swarm", "--state-dir", &state_dir];
        self.world.visit(&program, &[&fixed, args].concat())
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
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
