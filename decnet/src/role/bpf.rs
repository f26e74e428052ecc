//! `decnet bpf`: the short-lived loader of the capture programs.
//!
//! What takes CAP_BPF and CAP_PERFMON is done here and over in a moment, so that no long-running
//! process needs either.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};

use crate::edge::bpf::{self, Programs};
use crate::edge::log::say;
use crate::edge::privileges::Account;
use crate::edge::{bpf_fs, files, privileges};
use crate::role::agent::{DIR, PINS};

/// Loads the programs and pins them for `user`. What another release had pinned is replaced, and
/// pins of just these programs stay as they are: the unit runs this before each start of the agent.
///
/// # Errors
///
/// When this process may not, or the kernel does not take the programs; nothing is changed then.
pub fn load(run_dir: &Path, user: Option<&str>) -> Result<ExitCode> {
    let account = privileges::daemon(DIR, user)?;
    let dir = run_dir.join(PINS);
    if bpf::are_ours(&dir) && bpf_fs::is_of(&dir, account) {
        return Ok(ExitCode::SUCCESS);
    }
    let mut programs = Programs::load()?;
    if privileges::is_root() {
        // From here on nobody else can say what lies there, or lead a mount elsewhere.
        files::take_dir(run_dir)?;
        files::make_room(run_dir, DIR, account)?;
        bpf_fs::mount_at(&dir, account)?;
    }
    ensure!(
        bpf_fs::is_mounted(&dir),
        "no bpffs is mounted at `{}`: run `decnet bpf load` as root, or start the systemd unit \
         `decnet-bpf.service`, which mounts one",
        dir.display()
    );
    bpf::remove_mark(&dir)?;
    bpf_fs::clear(&dir)?;
    let pinned = pin(&mut programs, &dir, account);
    if pinned.is_err() {
        bpf_fs::clear(&dir).context("cannot take back what was pinned")?;
    }
    pinned.map(|()| ExitCode::SUCCESS)
}

fn pin(programs: &mut Programs, dir: &Path, account: Account) -> Result<()> {
    programs.pin(dir)?;
    if privileges::is_root() {
        bpf_fs::give_all(dir, account)?;
    }
    Ok(bpf::put_mark(dir)?)
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
