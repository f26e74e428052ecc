//! A release says itself whether it runs here, before anything names it.

use std::io::{self, ErrorKind, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::logic::release::Digest;

/// The subcommand that does it.
pub const SELFCHECK: &str = "selfcheck";
/// How long it may take.
const TIME: Duration = Duration::from_secs(10);
/// How long its program may be held open by somebody else.
const BUSY: Duration = Duration::from_secs(2);
/// Most bytes of what it says.
const MOST: u64 = 4 * 1024;

/// Runs the self-check of a release that lies in `dir`.
///
/// # Errors
///
/// What is wrong with it.
pub fn self_check(dir: &Path, digest: Digest) -> Result<(), String> {
    let program = dir.join("bin/decnet");
    let begun = Instant::now();
    let mut child = start(&program, begun)
        .map_err(|error| format!("cannot run `{}`: {error}", program.display()))?;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if begun.elapsed() < TIME => thread::park_timeout(Duration::from_millis(10)),
            Ok(None) => {
                drop(child.kill());
                drop(child.wait());
                return Err(format!("it has not ended within {} s", TIME.as_secs()));
            }
            Err(error) => return Err(format!("it cannot be waited for: {error}")),
        }
    };
    let said = |pipe: Option<&mut dyn io::Read>| {
        let mut bytes = Vec::new();
        let read = pipe.map(|pipe| pipe.take(MOST).read_to_end(&mut bytes));
        read.and_then(Result::ok);
        String::from_utf8_lossy(&bytes).trim().to_owned()
    };
    let out = said(child.stdout.as_mut().map(|pipe| pipe as _));
    let error = said(child.stderr.as_mut().map(|pipe| pipe as _));
    if !status.success() {
        return Err(format!("it ended with {status}: {error}"));
    }
    match out.parse::<Digest>() {
        Ok(found) if found == digest => Ok(()),
        _ => Err(format!("it says that it is `{}`", out.chars().take(80).collect::<String>())),
    }
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
