//! How the updater and an agent of its own are started again: as the operator did, from what was
//! recorded, never from the arguments of the process.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::super::agent::LOCK;
use super::Settings;
use crate::edge::supervise::{Launch, Systemd};
use crate::edge::update::Place;
use crate::edge::{child, files};
use crate::logic::release::{Component, Digest};
use crate::logic::update::{Journal, Phase, Slot};

impl Settings {
    /// Where this node reaches its own updater.
    pub(super) fn reached_at(&self) -> SocketAddr {
        let host = match self.host {
            IpAddr::V4(host) if host.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(host) if host.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            host => host,
        };
        SocketAddr::new(host, self.port)
    }

    /// The command by which the release before watches what is installed.
    pub(super) fn judge(&self) -> Vec<String> {
        let mut command = self.command_of("prev");
        command.push("--rescue".into());
        command
    }

    /// The command that starts this updater, through the link that names what is installed.
    pub(super) fn command(&self) -> Vec<String> {
        self.command_of("current")
    }

    fn command_of(&self, link: &str) -> Vec<String> {
        let path = |path: &PathBuf| path.display().to_string();
        let program = self.install_dir.join("updater").join(link).join("bin/decnet");
        let mut command = vec![path(&program)];
        let mebibytes = |bytes: u64| (bytes / (1024 * 1024)).to_string();
        let options = [
            ("config", path(&self.config)),
            ("host", self.host.to_string()),
            ("port", self.port.to_string()),
            ("updater-dir", path(&self.updater_dir)),
            ("agent-dir", path(&self.agent_dir)),
            ("install-dir", path(&self.install_dir)),
            ("state-dir", path(&self.state_dir)),
            ("run-dir", path(&self.run_dir)),
            ("agent", self.agent.to_string()),
            ("reserve", mebibytes(self.reserve)),
            ("max-upload", mebibytes(self.most)),
            ("soak", self.soak.as_secs().to_string()),
            ("patience", self.patience.as_secs().to_string()),
        ];
        command.push("updater".into());
        command.extend(options.into_iter().map(|(name, value)| format!("--{name}={value}")));
        command
    }

    /// How an agent is started where there is no systemd.
    pub(super) fn agent_launch(&self) -> Launch {
        let state = self.state_dir.join("updater");
        let path = |path: &PathBuf| path.display().to_string();
        Launch {
            program: self.install_dir.join("current/bin/decnet"),
            args: vec![
                format!("--config={}", path(&self.config)),
                format!("--agent-dir={}", path(&self.agent_dir)),
                format!("--state-dir={}", path(&self.state_dir)),
                format!("--run-dir={}", path(&self.run_dir)),
                format!("--port={}", self.agent.port()),
            ],
            pid_file: state.join("agent.pid"),
            args_file: state.join("agent.args"),
            lock: self.run_dir.join(LOCK),
            port: self.agent.port(),
        }
    }
}

/// Sees to it that a release on trial is judged where there is no systemd: whoever started this one
/// anew, after a crash or a power cut, knows nothing of its trial.
pub(super) fn be_judged(settings: &Settings, release: Option<Digest>) -> Result<()> {
    let place = Place::of(Component::Updater, &settings.install_dir, &settings.state_dir);
    let journal = files::read(&place.journal())?.and_then(|bytes| Journal::parse(&bytes).ok());
    let is_on_trial = journal.is_some_and(|journal| match journal.phase {
        Phase::Trial { attempt, .. } => Some(attempt.to.digest) == release,
        _ => false,
    });
    let has_prev = place.link(Slot::Prev).join("bin/decnet").exists();
    if !is_on_trial
        || child::is_one()
        || !has_prev
        || Systemd::find(&settings.agent_launch().lock).is_some()
    {
        return Ok(());
    }
    Err(exec(&settings.judge())).context("cannot become the release before, to be judged by it")
}

/// Becomes another release of the updater. It comes back only when that fails.
pub(super) fn exec(command: &[String]) -> std::io::Error {
    let Some((program, args)) = command.split_first() else {
        return std::io::ErrorKind::InvalidInput.into();
    };
    Command::new(program).args(args).exec()
}
