//! Whoever starts and stops the agent: systemd, or the updater itself.

mod ability;
mod direct;
mod processes;
mod strays;
mod systemd;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use direct::{Direct, Launch};
pub use systemd::{HELPER_SOCKET, State, Systemd, systemctl};

use crate::logic::unit;

/// Why the agent is not restarted.
#[derive(Debug, thiserror::Error)]
pub enum SuperviseError {
    /// This process may not do it: that says nothing of the release.
    #[error(
        "systemd does not let this user {verb} `{unit}` ({why}): install the polkit rule \
         `50-decnet.rules`, or enable `decnet-units.socket`"
    )]
    Denied {
        /// What was asked.
        verb: &'static str,
        /// Of which unit.
        unit: &'static str,
        /// What systemd says.
        why: String,
    },
    /// It was tried and did not come about.
    #[error("cannot {what}: {why}")]
    Failed {
        /// What was tried, on what.
        what: String,
        /// What came of it.
        why: String,
    },
    /// The machine could not do what it takes: that says nothing of the release.
    #[error("cannot {what}: {why}")]
    Hindered {
        /// What was tried, on what.
        what: String,
        /// What came of it.
        why: String,
    },
}

/// Whoever starts and stops the agent.
#[derive(Debug)]
pub enum Supervisor {
    /// The updater itself.
    Direct(Direct),
    /// systemd, of which this process is a unit.
    Systemd(Systemd),
}

impl Supervisor {
    /// systemd where it has started this process and can be asked; else this process itself.
    pub fn find(direct: Direct) -> Self {
        match Systemd::find(direct.lock()) {
            Some(systemd) => Self::Systemd(systemd),
            None => Self::Direct(direct),
        }
    }

    /// Whether the agent that `program` is could be started, as far as that can be told before: what
    /// systemd starts has what its unit says.
    ///
    /// # Errors
    ///
    /// [`SuperviseError::Hindered`], which names what is missing.
    pub fn could_start(&self, program: &Path) -> Result<(), SuperviseError> {
        match self {
            Self::Direct(direct) => direct.could_start(program),
            Self::Systemd(_) => Ok(()),
        }
    }

    /// Starts the agent that `current` names, in place of whatever runs. It does not wait for it.
    ///
    /// # Errors
    ///
    /// [`SuperviseError`].
    pub fn restart(&mut self) -> Result<(), SuperviseError> {
        match self {
            Self::Direct(direct) => direct.restart(),
            Self::Systemd(systemd) => systemd.restart_agent(),
        }
    }

    /// Stops the agent.
    ///
    /// # Errors
    ///
    /// [`SuperviseError`].
    pub fn stop(&mut self) -> Result<(), SuperviseError> {
        match self {
            Self::Direct(direct) => direct.stop(),
            Self::Systemd(systemd) => systemd.stop(unit::AGENT),
        }
    }

    /// How the agent is.
    pub fn state(&mut self) -> State {
        match self {
            Self::Direct(direct) => State { pid: direct.process(), hindrance: None },
            Self::Systemd(systemd) => systemd.state(unit::AGENT),
        }
    }

    /// Has whoever else runs from the agent's releases run what `current` names. Without systemd
    /// nobody knows who that is.
    ///
    /// # Errors
    ///
    /// Why some do not.
    pub fn follow(&mut self) -> Result<(), Vec<SuperviseError>> {
        match self {
            Self::Direct(_) => Ok(()),
            Self::Systemd(systemd) => systemd.follow(),
        }
    }
}

/// A program on the path.
fn on_path(name: &str, path: Option<OsString>) -> Option<PathBuf> {
    std::env::split_paths(&path?).map(|dir| dir.join(name)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests;
