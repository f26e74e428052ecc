//! Our own program started again as another role, tied to this process.

use std::ffi::{CString, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use nix::errno::Errno;
use nix::libc;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::getppid;

/// In the environment of a child: the process that started it.
const PARENT: &str = "DECNET_PARENT";

/// What a child's environment has of ours: how the log is written, and where programs are.
const PASSED: [&str; 5] =
    ["DECNET_LOG_FORMAT", "DECNET_LOG_LEVEL", "JOURNAL_STREAM", "NO_COLOR", "PATH"];

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

/// Where a child hears and speaks.
#[derive(Debug)]
pub struct Streams {
    /// Its standard input.
    pub input: Stdio,
    /// Its standard output.
    pub output: Stdio,
    /// Its messages.
    pub errors: Stdio,
}

/// Which signals of groups reach a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Those sent to us: whoever ends us all ends it too.
    Ours,
    /// None: a terminal's do not reach it.
    Own,
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
    let input = input.map_or_else(Stdio::null, Stdio::from);
    let streams = Streams { input, output, errors: Stdio::inherit() };
    start_with(role, args, streams, Group::Own)
}

/// The same with any streams. Of what we have it gets nothing else: no descriptor, and of the
/// environment what [`PASSED`] names.
///
/// # Errors
///
/// As [`start`].
pub fn start_with(
    role: &str,
    args: &[String],
    streams: Streams,
    group: Group,
) -> Result<Child, ChildError> {
    let failed = |source| ChildError { role: role.to_owned(), source };
    keep_descriptors().map_err(failed)?;
    let mut command = Command::new("/proc/self/exe");
    command.arg(role).args(args).env_clear();
    command.envs(passed());
    command.env(PARENT, std::process::id().to_string());
    command.stdin(streams.input).stdout(streams.output).stderr(streams.errors);
    if group == Group::Own {
        command.process_group(0);
    }
    command.spawn().map_err(failed)
}

/// What a child's environment has of ours.
fn passed() -> impl Iterator<Item = (&'static str, OsString)> {
    PASSED.iter().filter_map(|name| Some((*name, std::env::var_os(name)?)))
}

/// What an agent's environment has of ours that is started for good and may be told its options there:
/// what any child has, and what is ours by name. That it is nobody's child is part of it.
pub fn passed_to_agent() -> impl Iterator<Item = (OsString, OsString)> {
    let is_option = |name: &OsString| {
        name.to_str().is_some_and(|name| name.starts_with("DECNET_") && name != PARENT)
    };
    let options = std::env::vars_os().filter(move |(name, _)| is_option(name));
    passed().map(|(name, value)| (name.into(), value)).chain(options)
}

/// Makes sure that a program that is executed gets none of our descriptors, also of those that we
/// were started with ourselves.
fn keep_descriptors() -> std::io::Result<()> {
    let (first, last) = (3, libc::c_uint::MAX);
    #[expect(unsafe_code, reason = "nix does not have this call")]
    // SAFETY: it sets a flag of descriptors that does nothing before a program is executed, and
    // touches no memory.
    let code =
        unsafe { libc::syscall(libc::SYS_close_range, first, last, libc::CLOSE_RANGE_CLOEXEC) };
    if code == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

/// Starts another program of ours, tied to this process as [`start`] does it, whose messages and
/// input are ours.
///
/// # Errors
///
/// Whatever the kernel says.
pub fn start_program(command: &[String]) -> std::io::Result<Child> {
    let Some((program, args)) = command.split_first() else {
        return Err(std::io::ErrorKind::InvalidInput.into());
    };
    Command::new(program).args(args).env(PARENT, std::process::id().to_string()).spawn()
}

/// Whether this process was started by one that waits for it.
pub fn is_one() -> bool {
    std::env::var(PARENT).is_ok_and(|parent| parent == getppid().as_raw().to_string())
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
    if std::env::var_os(PARENT).is_some() {
        prctl::set_pdeathsig(Signal::SIGKILL)?;
    }
    check_parent()
}

/// Finds out whether the process that started this one through [`start`] is still there.
///
/// # Errors
///
/// [`Errno::ESRCH`] when it is not.
pub fn check_parent() -> Result<(), Errno> {
    let Ok(parent) = std::env::var(PARENT) else { return Ok(()) };
    // Zero is a parent in another process namespace; it is missed by its channel.
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
