//! Starting and stopping the agent without systemd.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::processes::{self, Agent};
use super::{SuperviseError, ability};
use crate::edge::child::{is_of_program, passed_to_agent};
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
    /// Where it is to answer.
    pub port: u16,
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

    /// Whether the agent that `program` is could be started from here.
    pub(super) fn could_start(&self, program: &Path) -> Result<(), SuperviseError> {
        let lacking = ability::lacking(&self.launch, program);
        if lacking.is_empty() {
            return Ok(());
        }
        Err(SuperviseError::Hindered { what: "start the agent".into(), why: lacking.join("; ") })
    }

    /// The lock that an agent holds.
    pub(super) fn lock(&self) -> &Path {
        &self.launch.lock
    }

    pub(super) fn restart(&mut self) -> Result<(), SuperviseError> {
        // Whoever runs is stopped for one that can be started, and else goes on.
        self.could_start(&self.launch.program)?;
        self.stop()?;
        let program = &self.launch.program;
        let child = Command::new(program)
            .arg("agent")
            .args(self.arguments())
            // It is no unit's first process, and answers to nobody but itself.
            .env_clear()
            .envs(passed_to_agent())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|error| cannot_start(program, &error))?;
        let pid = child.id().to_string();
        self.child = Some(child);
        // Agents are found by their lock: this is for people.
        if let Err(error) = files::replace(&self.launch.pid_file, pid.as_bytes()) {
            tracing::warn!(%error, "cannot write down which process the agent is");
        }
        Ok(())
    }

    pub(super) fn stop(&mut self) -> Result<(), SuperviseError> {
        let hindered = |why| SuperviseError::Hindered { what: "stop the agent".into(), why };
        let running = processes::agents(&self.launch.lock)
            .map_err(|error| hindered(format!("cannot tell which process it is: {error}")))?;
        self.remember(&running);
        let ended = processes::end(&running);
        if let Some(mut child) = self.child.take() {
            // It has ended by now, or is stuck and cannot be waited for.
            drop(child.try_wait());
        }
        ended.map_err(hindered)
    }

    pub(super) fn process(&mut self) -> Option<u32> {
        if let Some(child) = &mut self.child {
            if let Ok(None) = child.try_wait() {
                return Some(child.id());
            }
            self.child = None;
        }
        processes::agents(&self.launch.lock).ok()?.first().map(|agent| agent.pid)
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

/// Whether a program that is not started is no program that can run here; else it was the machine
/// that could not start it.
fn cannot_start(program: &Path, error: &io::Error) -> SuperviseError {
    let what = format!("start `{} agent`", program.display());
    let why = error.to_string();
    if is_of_program(error) {
        SuperviseError::Failed { what, why }
    } else {
        SuperviseError::Hindered { what, why }
    }
}
