//! A release says itself whether it runs here, before anything names it.

use std::io::{self, Read};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use crate::edge::clock;
use crate::logic::release::Digest;

/// The subcommand that does it.
pub const SELFCHECK: &str = "selfcheck";
/// The subcommand that closes it off first.
#[cfg(not(test))]
const CONFINE: &str = "confine";
/// What a release is does not depend on what this machine is to do.
pub const NO_CONFIG: (&str, &str) = ("DECNET_CONFIG", "/dev/null");
/// How that ends when the release's program is none.
pub const CANNOT_RUN: u8 = 126;
/// How that ends when the machine cannot run it.
pub const CANNOT_ASK: u8 = 125;
/// How long it may take.
const TIME: Duration = Duration::from_secs(10);
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

/// Runs the self-check of a release that lies in `dir`: closed off, and with all that it starts ended
/// when it has.
///
/// # Errors
///
/// [`Unwell`].
pub fn self_check(dir: &Path, digest: Digest) -> Result<(), Unwell> {
    let unasked = |what: &str, error: io::Error| Unwell::Unasked(format!("{what}: {error}"));
    let mut child = start(dir).map_err(|error| unasked("cannot start a self-check", error))?;
    let ended = await_end(&child, Instant::now());
    // Its whole group, and before it is waited for: until then nobody else can have its number.
    if let Ok(group) = child.id().try_into() {
        // Nobody may be left.
        killpg(Pid::from_raw(group), Signal::SIGKILL).unwrap_or_default();
    }
    let status = child.wait().map_err(|error| unasked("it cannot be waited for", error))?;
    if !ended.map_err(|errno| unasked("it cannot be waited for", errno.into()))? {
        return Err(Unwell::Unfit(format!("it has not ended within {} s", TIME.as_secs())));
    }
    let out = said(child.stdout.take()).map_err(|error| unasked("it cannot be heard", error))?;
    if !status.success() {
        let error = said(child.stderr.take()).unwrap_or_else(|error| error.to_string());
        return Err(unwell(status, &error));
    }
    match out.parse::<Digest>() {
        Ok(found) if found == digest => Ok(()),
        _ => {
            let out: String = out.chars().take(80).collect();
            Err(Unwell::Unfit(format!("it says that it is `{out}`")))
        }
    }
}

/// Why one that has ended so is not well.
fn unwell(status: ExitStatus, error: &str) -> Unwell {
    match status.code().and_then(|code| u8::try_from(code).ok()) {
        Some(CANNOT_ASK) => Unwell::Unasked(error.to_owned()),
        Some(CANNOT_RUN) => Unwell::Unfit(error.to_owned()),
        // We have not, and nobody else may: the kernel does, when there is no memory left.
        _ if status.signal() == Some(libc::SIGKILL) => {
            Unwell::Unasked("its self-check was killed, as for want of memory".to_owned())
        }
        _ => Unwell::Unfit(format!("it ended with {status}: {error}")),
    }
}

/// Waits until it has ended, and leaves it to be waited for; false when it takes too long.
fn await_end(child: &Child, begun: Instant) -> Result<bool, Errno> {
    let pid = Pid::from_raw(child.id().try_into().map_err(|_error| Errno::ESRCH)?);
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
    loop {
        match waitid(Id::Pid(pid), flags) {
            Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) if begun.elapsed() < TIME => {
                clock::pause(Duration::from_millis(10));
            }
            Ok(WaitStatus::StillAlive) => return Ok(false),
            Ok(_) => return Ok(true),
            Err(errno) => return Err(errno),
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

/// Our own program, which is proved, becomes the release's when it is closed off.
fn start(dir: &Path) -> io::Result<Child> {
    let mut command = confined(dir);
    command.env_clear().envs([NO_CONFIG]).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn()
}

#[cfg(not(test))]
fn confined(dir: &Path) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg(CONFINE).arg(dir);
    command
}

/// The program of unit tests cannot close anything off, and their releases are scripts.
#[cfg(test)]
fn confined(dir: &Path) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg(dir.join("bin/decnet")).arg(SELFCHECK);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_self_check_that_is_killed_says_nothing_of_its_release() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join("bin")).expect("it is ours");
        for (script, is_of_release) in [
            ("exit 3", true),
            ("kill -SEGV $$", true),
            ("echo other", true),
            ("kill -KILL $$", false),
        ] {
            std::fs::write(dir.path().join("bin/decnet"), script).expect("it is ours");
            let found = self_check(dir.path(), Digest::of(b"this"));
            assert_eq!(
                matches!(found, Err(Unwell::Unfit(_))),
                is_of_release,
                "{script}: {found:?}"
            );
            assert!(found.is_err(), "{script}");
        }
    }
}
