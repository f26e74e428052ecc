//! `decnet confine`: becomes the self-check of a release that nobody has proved yet, closed off.
//!
//! It is a program of its own, and the proved one, because what closes a process off stays with it.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::edge::child::is_of_program;
use crate::edge::clock;
use crate::edge::confine;
use crate::edge::log::say_error;
use crate::edge::update::{CANNOT_ASK, CANNOT_RUN, NO_CONFIG, SELFCHECK};

/// How long the program may be held open by somebody else.
const BUSY: Duration = Duration::from_secs(2);

/// Becomes `dir`'s `decnet selfcheck`; comes back only when that cannot be.
///
/// # Errors
///
/// When it cannot be closed off.
pub fn run(dir: &Path) -> Result<ExitCode> {
    let program = dir.join("bin/decnet");
    confine::to_release(dir).context("cannot close off a release that is to check itself")?;
    let begun = Instant::now();
    // A process that was forked while the program was written may hold it open for a moment, and the
    // kernel runs no program that somebody could write to.
    let error = loop {
        let error = Command::new(&program).arg(SELFCHECK).env_clear().envs([NO_CONFIG]).exec();
        let is_busy = error.kind() == std::io::ErrorKind::ExecutableFileBusy;
        if !is_busy || begun.elapsed() >= BUSY {
            break error;
        }
        clock::pause(Duration::from_millis(10));
    };
    let code = if is_of_program(&error) { CANNOT_RUN } else { CANNOT_ASK };
    say_error(&anyhow::Error::from(error).context(format!("cannot run `{}`", program.display())));
    Ok(ExitCode::from(code))
}
