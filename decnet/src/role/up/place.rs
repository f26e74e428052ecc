//! The directories of a run of `up`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::Settings;
use crate::edge::privileges::Account;
use crate::edge::{files, random};
use crate::role;

/// The directories of this run.
pub(super) struct Place {
    /// Where state is kept.
    pub(super) state_dir: PathBuf,
    /// Where sockets are.
    pub(super) run_dir: PathBuf,
    /// The state directory goes with the run.
    temporary: bool,
    _lock: nix::fcntl::Flock<std::fs::File>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.temporary
            && let Err(error) = std::fs::remove_dir_all(&self.state_dir)
        {
            tracing::warn!(%error, "cannot remove `{}`", self.state_dir.display());
        }
        drop(files::remove(&self.run_dir.join(NOTE)));
        drop(role::lab::forget(&self.run_dir));
    }
}

/// Where a run notes its temporary state directory, for the next to clear away after a crash.
const NOTE: &str = "up.state";

/// Name of the visitor's directory below the state directory.
const SCRATCH: &str = "visitor";

impl Place {
    /// The visitor's directory.
    pub(super) fn scratch(&self) -> PathBuf {
        self.state_dir.join(SCRATCH)
    }

    /// Makes them, and clears away what a run that was killed has left.
    pub(super) fn prepare(settings: &Settings, account: Account) -> Result<Self> {
        let run_dir = settings.run_dir.clone();
        // Root writes here, and does what it finds written.
        files::take_dir(&run_dir)?;
        let path = run_dir.join("up.lock");
        let lock = files::lock(&path)?.with_context(|| {
            format!("another `decnet up` is running here (it holds `{}`)", path.display())
        })?;
        let note = run_dir.join(NOTE);
        if let Some(left) = files::read_of_owner(&note)? {
            let left = PathBuf::from(String::from_utf8_lossy(&left).into_owned());
            drop(std::fs::remove_dir_all(&left));
        }
        let temporary = settings.state_dir.is_none() && settings.interface.is_none();
        let named = settings.state_dir.clone();
        let state_dir = if temporary {
            let dir = std::env::temp_dir().join(format!("decnet-{}", word()));
            files::replace(&note, dir.as_os_str().as_encoded_bytes())?;
            dir
        } else {
            named.unwrap_or_else(|| Path::new("/var/lib/decnet").to_owned())
        };
        files::make_open_dir(&state_dir)?;
        files::make_room(&state_dir, SCRATCH, account)?;
        Ok(Self { state_dir, run_dir, temporary, _lock: lock })
    }
}

/// Eight random letters.
pub(super) fn word() -> String {
    let mut bytes = [0; 8];
    random::fill(&mut bytes);
    bytes.iter().map(|byte| char::from(b'a' + byte % 26)).collect()
}
