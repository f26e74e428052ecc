//! `decnet selfcheck`: the updater asks a release, before anything names it, whether it runs here.

use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use nix::sys::utsname::uname;

use crate::edge::bpf;
use crate::edge::log::say;
use crate::edge::release::running;
use crate::logic::kernel;

/// Says which release this is.
///
/// # Errors
///
/// What is missing on this machine.
pub fn run() -> Result<ExitCode> {
    let name = uname().context("the kernel does not say its version")?;
    kernel::check(&name.release().to_string_lossy())?;
    ensure!(bpf::is_whole(), "the capture programs in this release are damaged");
    let release =
        running().context("this program is in no release: there is no ../release.json")?;
    say(&release.to_string());
    Ok(ExitCode::SUCCESS)
}
