//! Keeps this process apart from others of the same user.
//!
//! All daemons are one user, so whoever takes one over may do to the others what the kernel lets a
//! user do to his own processes. Units and groups take most of that away; the rest is here, because
//! only the process itself can do it. An `execve(2)` and every change of user or capabilities undo
//! [`close_memory`], so it is done after them.

use landlock::{CompatLevel, Compatible as _, Ruleset, RulesetAttr as _, RulesetError, Scope};
use nix::errno::Errno;
use nix::sys::prctl;

/// Why it cannot be kept apart.
#[derive(Debug, thiserror::Error)]
pub enum ApartError {
    /// The kernel does not close the memory.
    #[error("cannot close this process's memory to others")]
    Memory(#[source] Errno),
    /// Landlock is there and refuses.
    #[error("cannot give up signals to others")]
    Signals(#[source] RulesetError),
}

/// [`close_memory`] and [`keep_signals`].
///
/// # Errors
///
/// As they have.
pub fn alone() -> Result<(), ApartError> {
    close_memory()?;
    keep_signals()
}

/// Closes memory, descriptors and environment of this process to everybody but root
/// (`PR_SET_DUMPABLE`, proc(5)); there will be no core dump either.
///
/// # Errors
///
/// [`ApartError::Memory`].
pub fn close_memory() -> Result<(), ApartError> {
    prctl::set_dumpable(false).map_err(ApartError::Memory)
}

/// Gives up signals to all but what this process starts from now on. For a process with one thread
/// that can get no new privileges. A kernel before 6.12 cannot; there, what is killed is started
/// again, and what is stopped is noticed.
///
/// # Errors
///
/// [`ApartError::Signals`].
pub fn keep_signals() -> Result<(), ApartError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .scope(Scope::Signal)
        .and_then(Ruleset::create)
        .and_then(|rules| rules.restrict_self())
        .map(drop)
        .map_err(ApartError::Signals)
}
