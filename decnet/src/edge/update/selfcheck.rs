//! A release says itself whether it runs here, before anything names it.

use std::io::{self, ErrorKind, Read};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::edge::child::is_of_program;
use crate::logic::release::Digest;

/// The subcommand that does it.
pub const SELFCHECK: &str = "selfcheck";
/// How long it may take.
const TIME: Duration = Duration::from_secs(10);
/// How long its program may be held open by somebody else.
const BUSY: Duration = Duration::from_secs(2);
/// Most bytes of what it says.
const MOST: u64 = 4 * 1024;

/// Why a release is not known to be well.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwell {
    /// The machine could not ask it: that says nothing of the release.
    #[error("{0}")]
    Unasked(String),
    /// It does not run here.
    #[error("{0}")]
    Unfit(String),
}

/// Runs the self-check of a release that lies in `dir`.
///
/// # Errors
///
/// [`Unwell`].
pub fn self_check(dir: &Path, digest: Digest) -> Result<(), Unwell> {
    let program = dir.join("bin/decnet");
    let begun = Instant::now();
    let mut child = start(&program, begun).map_err(|error| {
        let why = format!("cannot run `{}`: {error}", program.display());
        if is_of_program(&error) { Unwell::Unfit(why) } else { Unwell::Unasked(why) }
    })?;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if begun.elapsed() < TIME => thread::park_timeout(Duration::from_millis(10)),
            Ok(None) => {
                drop(child.kill());
                drop(child.wait());
                return Err(Unwell::Unfit(format!("it has not ended within {} s", TIME.as_secs())));
            }
            Err(error) => {
                return Err(Unwell::Unasked(format!("it cannot be waited for: {error}")));
            }
        }
    };
    let out = said(child.stdout.take())
        .map_err(|error| Unwell::Unasked(format!("what it says cannot be read: {error}")))?;
    if !status.success() {
        let error = said(child.stderr.take()).unwrap_or_else(|error| error.to_string());
        return Err(Unwell::Unfit(format!("it ended with {status}: {error}")));
    }
    match out.parse::<Digest>() {
        Ok(found) if found == digest => Ok(()),
        _ => {
            let out: String = out.chars().take(80).collect();
            Err(Unwell::Unfit(format!("it says that it is `{out}`")))
        }
    }
}

/// What there is in a pipe whose other end is closed.
fn said(pipe: Option<impl Read>) -> io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(MOST).read_to_end(&mut bytes)?;
    }
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// A process that was forked while the program was written may hold it open for a moment, and the
/// kernel runs no program that somebody could write to.
fn start(program: &Path, begun: Instant) -> io::Result<Child> {
    loop {
        let mut command = Command::new(program);
        command.arg(SELFCHECK).env_clear().process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        match command.spawn() {
            Err(error)
                if error.kind() == ErrorKind::ExecutableFileBusy && begun.elapsed() < BUSY =>
            {
                thread::park_timeout(Duration::from_millis(10));
            }
            other => return other,
        }
    }
}
