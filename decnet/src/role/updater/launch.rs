//! How the updater and an agent of its own are started again: as the operator did, from what was
//! recorded, never from the arguments of the process.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use super::super::agent::LOCK;
use super::Settings;
use crate::edge::supervise::Launch;

impl Settings {
    /// The command that starts this updater, through the link that names what is installed.
    pub(super) fn command(&self) -> Vec<String> {
        let path = |path: &PathBuf| path.display().to_string();
        let mut command = vec![path(&self.install_dir.join("updater/current/bin/decnet"))];
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
        }
    }
}

/// Becomes the updater that `current` names. It comes back only when that fails.
pub(super) fn exec(command: &[String]) -> std::io::Error {
    let Some((program, args)) = command.split_first() else {
        return std::io::ErrorKind::InvalidInput.into();
    };
    Command::new(program).args(args).exec()
}
