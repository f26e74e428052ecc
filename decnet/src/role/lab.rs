//! `decnet lab shell`: the visitor's place in the lab of a running `decnet up`, for people.
//!
//! `up` writes down where that place is, in the run directory, which belongs to the account that
//! serves. So what stands there is not believed: the process must be root's, as `up` is.

use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::cli::WrongUse;
use crate::edge::log::say_aside;
use crate::edge::{files, namespace, privileges};

/// Name of the file in the run directory that says where the visitor's place is.
const LAB: &str = "lab.json";

/// A descriptor of a running `up`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Visitor {
    pid: u32,
    descriptor: i32,
}

/// Writes down that `place`, which this process keeps open, is where the visitor is.
///
/// # Errors
///
/// When the run directory cannot be written to.
pub(super) fn write_down(run_dir: &Path, place: BorrowedFd<'_>) -> Result<()> {
    let visitor = Visitor { pid: std::process::id(), descriptor: place.as_raw_fd() };
    Ok(files::replace(&run_dir.join(LAB), &serde_json::to_vec(&visitor)?)?)
}

/// Forgets it.
///
/// # Errors
///
/// When it cannot be removed.
pub(super) fn forget(run_dir: &Path) -> Result<()> {
    Ok(files::remove(&run_dir.join(LAB))?)
}

/// Becomes `command`, or a shell, in the visitor's place.
///
/// # Errors
///
/// When no lab is running, or this is not root.
pub fn shell(run_dir: &Path, command: &[String]) -> Result<ExitCode> {
    if !privileges::is_root() {
        bail!("to enter the lab's network namespace takes root: run it with sudo");
    }
    let no_lab = || {
        let path = run_dir.display();
        WrongUse(format!(
            "no lab is running at `{path}`: start one with `decnet up`, without --interface"
        ))
    };
    let found = files::read(&run_dir.join(LAB))?.ok_or_else(no_lab)?;
    let visitor: Visitor = serde_json::from_slice(&found)
        .with_context(|| format!("`{}` is damaged", run_dir.join(LAB).display()))?;
    let process = Path::new("/proc").join(visitor.pid.to_string());
    let owner = process.metadata().ok().map(|process| process.uid());
    if owner != Some(0) {
        return Err(no_lab().into());
    }
    let place = process.join("fd").join(visitor.descriptor.to_string());
    let place = std::fs::File::open(&place).map_err(|_gone| no_lab())?;
    namespace::enter(&place)?;
    let shell = std::env::var("SHELL").unwrap_or_else(|_unset| "/bin/sh".to_owned());
    let (program, args) = match command {
        [program, args @ ..] => (program.as_str(), args),
        [] => {
            say_aside("this is the visitor's place: it reaches the deckies and nothing else");
            (shell.as_str(), command)
        }
    };
    let error = Command::new(program).args(args).exec();
    Err(error).with_context(|| format!("cannot start `{program}`"))
}
