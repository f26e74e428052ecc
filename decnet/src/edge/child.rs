//! Our own program started again as another role, tied to this process.

use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::getppid;

/// In the environment of a child: the process that started it.
const PARENT: &str = "DECNET_PARENT";

/// Why a child cannot be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start `decnet {role}`")]
pub struct ChildError {
    role: String,
    #[source]
    source: std::io::Error,
}

/// Whether what kept a program from being started is wrong with the program: it is not there, or
/// nothing that runs here. Everything else is wrong with the machine (`execve(2)`).
pub fn is_of_program(error: &std::io::Error) -> bool {
    let of_program = [Errno::ENOENT, Errno::ENOEXEC, Errno::ELIBBAD];
    error.raw_os_error().is_some_and(|raw| of_program.contains(&Errno::from_raw(raw)))
}

/// Starts `decnet ROLE ARGS`, with these as its standard input and output. Its messages go where
/// ours go. Signals that a terminal sends to us do not reach it.
///
/// # Errors
///
/// [`ChildError`] when there are no processes or no memory left.
pub fn start(
    role: &str,
    args: &[String],
    input: Option<OwnedFd>,
    output: Option<OwnedFd>,
) -> Result<Child, ChildError> {
    start_talking(role, args, input, output.map_or_else(Stdio::null, Stdio::from))
}

/// The same with any standard output.
///
/// # Errors
///
/// As [`start`].
pub fn start_talking(
    role: &str,
    args: &[String],
    input: Option<OwnedFd>,
    output: Stdio,
) -> Result<Child, ChildError> {
    Command::new("/proc/self/exe")
        .arg(role)
        .args(args)
        .env(PARENT, std::process::id().to_string())
        // Only the first process of a unit speaks to systemd.
        .env_remove("NOTIFY_SOCKET")
        .stdin(input.map_or_else(Stdio::null, Stdio::from))
        .stdout(output)
        .process_group(0)
        .spawn()
        .map_err(|source| ChildError { role: role.to_owned(), source })
}

/// Takes the name `decnet-ROLE` in a process that was started through [`start`]: the kernel would
/// list it as `exe`.
pub fn take_name(role: &str) {
    if std::env::var_os(PARENT).is_some()
        && let Ok(name) = CString::new(format!("decnet-{role}"))
    {
        // Nothing depends on it.
        prctl::set_name(&name).unwrap_or_default();
    }
}

/// Ties this process to the one that started it through [`start`]: it is killed when the thread
/// that did so ends. Does nothing in a process that was started otherwise. To be called after
/// every change of user or capabilities, for those undo it.
///
/// # Errors
///
/// [`Errno::ESRCH`] when the parent has gone already.
pub fn die_with_parent() -> Result<(), Errno> {
    let Ok(parent) = std::env::var(PARENT) else { return Ok(()) };
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    // Zero is a parent in another process namespace, as the keeper is to the face; it is missed
    // by its channel.
    let now = getppid().as_raw();
    if now != 0 && now.to_string() != parent { Err(Errno::ESRCH) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_room_says_nothing_of_a_program() {
        for (errno, expected) in [
            (Errno::ENOENT, true),
            (Errno::ENOEXEC, true),
            (Errno::EAGAIN, false),
            (Errno::EIO, false),
            (Errno::EMFILE, false),
            (Errno::ENOMEM, false),
        ] {
            assert_eq!(is_of_program(&errno.into()), expected, "{errno}");
        }
    }
}
