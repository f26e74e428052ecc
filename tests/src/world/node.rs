//! A machine with an agent's directories, and what its agent has written there.

use std::ffi::OsString;
use std::ops::Deref;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use decnet::edge::store::Store;
use decnet::logic::event::{Event, Kind};

use super::{Agent, Machine, NODE, decnet, wait_for};

/// A machine that an agent can run on.
pub struct Node {
    pub(super) machine: Machine,
    /// What it is called.
    pub name: String,
}

impl Node {
    /// The machine that it is.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    pub fn state_dir(&self) -> PathBuf {
        self.dir.join("state")
    }

    pub fn run_dir(&self) -> PathBuf {
        self.dir.join("run")
    }

    /// The directory of configuration and identities.
    pub fn etc_dir(&self) -> PathBuf {
        self.dir.join("etc")
    }

    /// Writes a configuration and returns its path.
    pub fn config(&self, text: &str) -> PathBuf {
        let path = self.dir.join("decnet.toml");
        std::fs::write(&path, text).expect("the directory is ours");
        path
    }

    /// The arguments by which every command finds this world.
    pub fn dirs(&self) -> [String; 4] {
        let text = |path: PathBuf| path.display().to_string();
        ["--state-dir".into(), text(self.state_dir()), "--run-dir".into(), text(self.run_dir())]
    }

    /// The arguments by which operators find the agent of this world.
    pub fn run_arg(&self) -> String {
        format!("--run-dir={}", self.run_dir().display())
    }

    /// What its agent has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("agent.log")).unwrap_or_default()
    }

    /// Starts an agent with this configuration, and waits until its deckies are up.
    pub fn agent(&self, config: &str) -> Agent<'_> {
        let agent = self.start_agent(config);
        agent.wait_up();
        agent
    }

    /// Starts an agent with this configuration.
    pub fn start_agent(&self, config: &str) -> Agent<'_> {
        self.start_agent_by(&[], config)
    }

    /// Starts an agent with this configuration by a program that takes its command line and
    /// becomes it.
    pub fn start_agent_by(&self, program: &[&str], config: &str) -> Agent<'_> {
        let log = std::fs::File::create(self.dir.join("agent.log")).expect("the directory is ours");
        let mut line: Vec<OsString> = program.iter().map(OsString::from).collect();
        line.push(decnet().into());
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]).arg("agent").arg("--config").arg(self.config(config));
        command.args(self.dirs());
        command.args(["--interface", NODE, "--node", &self.name, "--log-level", "debug"]);
        command.env("DECNET_ETC_DIR", self.etc_dir());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Agent { node: self, process: self.spawn(command) }
    }

    /// The store.
    pub fn store(&self) -> Store {
        Store::open(&decnet::edge::store::path(&self.state_dir())).expect("the agent has made it")
    }

    /// All events so far.
    pub fn events(&self) -> Vec<Event> {
        let store = self.store();
        let mut follower = store.follow_all();
        let mut all = Vec::new();
        loop {
            let some = follower.next(&store).expect("the store can be read");
            if some.is_empty() {
                return all;
            }
            all.extend(some.into_iter().map(|(_, event)| event));
        }
    }

    /// The first event that is wanted, waited for.
    pub fn event(&self, what: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        let found = wait_for(|| self.events().into_iter().find(|event| wanted(event)));
        found.unwrap_or_else(|| panic!("no {what} among:\n{}", listing(&self.events())))
    }

    /// The first event of a kind, waited for.
    pub fn event_of(&self, kind: Kind) -> Event {
        self.event(kind.as_str(), |event| event.event == kind)
    }
}

impl Deref for Node {
    type Target = Machine;

    fn deref(&self) -> &Machine {
        &self.machine
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the log of {}'s agent:\n{}", self.name, self.log());
        }
    }
}

/// Events, one a line.
pub fn listing(events: &[Event]) -> String {
    let line = |event: &Event| serde_json::to_string(event).expect("an event is JSON");
    events.iter().map(line).collect::<Vec<_>>().join("\n")
}
