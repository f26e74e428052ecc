//! A running agent.

use std::process::Child;

use decnet::logic::status::{DeckyState, DeckyStatus, Status};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Node, wait_for};

/// A running agent.
pub struct Agent<'a> {
    pub(super) node: &'a Node,
    pub process: Child,
}

impl Agent<'_> {
    /// How things are, by `decnet status --json`; `None` when it does not answer.
    pub fn status(&self) -> Option<Status> {
        let run_dir = self.node.run_dir().display().to_string();
        let output = self.node.decnet(&["status", "--json", "--run-dir", &run_dir]);
        serde_json::from_slice(&output.stdout).ok()
    }

    /// Waits until every decky is up, and returns how things are.
    pub fn wait_up(&self) -> Status {
        let all_up = |status: &Status| {
            !status.deckies.is_empty()
                && status.deckies.iter().all(|decky| decky.state == DeckyState::Up)
        };
        wait_for(|| self.status().filter(all_up))
            .unwrap_or_else(|| panic!("the deckies do not come up: {:?}", self.status()))
    }

    /// The decky of this name.
    pub fn decky(&self, name: &str) -> DeckyStatus {
        let status = self.status().expect("the agent answers");
        let found = status.deckies.into_iter().find(|decky| decky.name.as_str() == name);
        found.unwrap_or_else(|| panic!("no decky {name}"))
    }

    /// Its process and those that it started, by their roles.
    pub fn processes(&self) -> Vec<(String, i32)> {
        let mut found = vec![("agent".to_owned(), self.pid())];
        for (role, parent) in [("keeper", "agent"), ("face", "keeper")] {
            let Some((_, parent)) = found.iter().find(|(name, _)| name == parent).cloned() else {
                break;
            };
            found.extend(children(parent).into_iter().map(|pid| (role.to_owned(), pid)));
        }
        found
    }

    /// What each of its processes is doing, for the message of a failing test.
    pub fn doing(&self) -> String {
        let mut text = String::new();
        for (role, pid) in self.processes() {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let state = status.lines().find(|line| line.starts_with("State")).unwrap_or("gone");
            let stack = std::fs::read_to_string(format!("/proc/{pid}/stack")).unwrap_or_default();
            text.push_str(&format!("{role} {pid}: {state}\n{stack}"));
        }
        text
    }

    /// The process of a role.
    pub fn process_of(&self, role: &str) -> i32 {
        let found = wait_for(|| self.processes().into_iter().find(|(name, _)| name == role));
        found.unwrap_or_else(|| panic!("no {role}")).1
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.process.id()).expect("a process number")
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).expect("it is ours");
    }

    /// Sends a signal and waits for the end.
    pub fn end(mut self, signal: Signal) -> std::process::ExitStatus {
        self.signal(signal);
        self.process.wait().expect("it is ours")
    }
}

impl Drop for Agent<'_> {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The children of a process.
pub fn children(pid: i32) -> Vec<i32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}
