//! Starting and stopping the agent without systemd.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::SuperviseError;
use super::processes::{self, Agent};
use crate::edge::files;

/// How the agent is started when nobody else does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// What to run: through the link, so that it is what is installed.
    pub program: PathBuf,
    /// With which options, unless an agent that was found has others.
    pub args: Vec<String>,
    /// Where the agent's process is written down.
    pub pid_file: PathBuf,
    /// Where its options are.
    pub args_file: PathBuf,
    /// The lock that an agent holds.
    pub lock: PathBuf,
}

/// The updater, which starts the agent itself.
#[derive(Debug)]
pub struct Direct {
    launch: Launch,
    child: Option<Child>,
}

impl Direct {
    /// It starts nothing yet.
    pub fn new(launch: Launch) -> Self {
        Self { launch, child: None }
    }

    pub(super) fn restart(&mut self) -> Result<(), SuperviseError> {
        let running = processes::agents(&self.launch.lock);
        self.remember(&running);
        self.end(&running)?;
        let program = &self.launch.program;
        let failed = |why: String| SuperviseError::Failed {
            what: format!("start `{} agent`", program.display()),
            why,
        };
        let child = Command::new(program)
            .arg("agent")
            .args(self.arguments())
            // It is no unit's first process, and answers to nobody but itself.
            .env_remove("INVOCATION_ID")
            .env_remove("NOTIFY_SOCKET")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let pid = child.id();
        self.child = Some(child);
        files::replace(&self.launch.pid_file, pid.to_string().as_bytes())
            .map_err(|error| failed(error.to_string()))
    }

    pub(super) fn stop(&mut self) -> Result<(), SuperviseError> {
        let running = processes::agents(&self.launch.lock);
        self.remember(&running);
        self.end(&running)
    }

    pub(super) fn process(&mut self) -> Option<u32> {
        if let Some(child) = &mut self.child {
            if let Ok(None) = child.try_wait() {
                return Some(child.id());
            }
            self.child = None;
        }
        processes::agents(&self.launch.lock).first().map(|agent| agent.pid)
    }

    fn end(&mut self, running: &[Agent]) -> Result<(), SuperviseError> {
        let ended = processes::end(running);
        if let Some(mut child) = self.child.take() {
            // It has ended by now, or is stuck and cannot be waited for.
            drop(child.try_wait());
        }
        ended.map_err(|why| SuperviseError::Failed { what: "stop the agent".into(), why })
    }

    /// Writes down how the agent was started, however that was.
    fn remember(&self, running: &[Agent]) {
        let args = running.iter().find_map(|agent| processes::arguments(agent.pid));
        let Some(args) = args else { return };
        let bytes = serde_json::to_vec(&args).unwrap_or_default();
        if let Err(error) = files::replace(&self.launch.args_file, &bytes) {
            tracing::warn!(%error, "cannot keep how the agent was started");
        }
    }

    fn arguments(&self) -> Vec<String> {
        let kept = files::read(&self.launch.args_file).ok().flatten();
        let kept = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        kept.unwrap_or_else(|| self.launch.args.clone())
    }
}
