//! `decnet bpf`: the short-lived loader of the capture programs.
//!
//! What takes CAP_BPF and CAP_PERFMON is done here and over in a moment, so that no long-running
//! process needs either.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::edge::bpf::Programs;
use crate::edge::log::say;
use crate::edge::{bpf_fs, files, privileges};
use crate::role::agent::PINS;

/// Loads the programs and pins them for `user`. What was pinned before is replaced.
///
/// # Errors
///
/// When this process may not, or the kernel does not take the programs; nothing is pinned then.
pub fn load(run_dir: &Path, user: Option<&str>) -> Result<ExitCode> {
    let account = privileges::account(user)?;
    let mut programs = Programs::load()?;
    let dir = run_dir.join(PINS);
    bpf_fs::unmount(&dir)?;
    files::make_dir(run_dir)?;
    files::give(run_dir, account)?;
    bpf_fs::mount_at(&dir, account)?;
    let pinned = programs.pin(&dir).map_err(anyhow::Error::from);
    let given = pinned.and_then(|()| Ok(bpf_fs::give_all(&dir, account)?));
    if given.is_err() {
        bpf_fs::unmount(&dir).context("cannot take back what was pinned")?;
    }
    given.map(|()| ExitCode::SUCCESS)
}

/// Takes the programs out of the kernel.
///
/// # Errors
///
/// When this process may not.
pub fn unload(run_dir: &Path) -> Result<ExitCode> {
    bpf_fs::unmount(&run_dir.join(PINS))?;
    Ok(ExitCode::SUCCESS)
}

/// Says whether the programs are there; fails when they are not.
///
/// # Errors
///
/// When the pins cannot be read.
pub fn status(run_dir: &Path) -> Result<ExitCode> {
    let dir = run_dir.join(PINS);
    if !bpf_fs::is_mounted(&dir) {
        say(&format!("not loaded: nothing is pinned at `{}`", dir.display()));
        return Ok(ExitCode::FAILURE);
    }
    Programs::open(&dir)?;
    for entry in bpf_fs::entries(&dir)? {
        say(&entry.display().to_string());
    }
    Ok(ExitCode::SUCCESS)
}
