//! Takes away from this process what it does not need, so that whoever takes it over has no more.
//!
//! Three layers that do not rely on each other: no capability, no file and no signal to others
//! (Landlock), and a list of the system calls that serving takes, with the arguments that it takes
//! (seccomp). `socket`, `bind` and `connect` are not among them: the face serves sockets that it is
//! given, and opens none. `listen` is: some of them are to accept only while a visitor is expected.
//! Whoever makes another call is killed.

mod calls;

use std::os::fd::{AsRawFd as _, BorrowedFd, RawFd};

use caps::CapSet;
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    Scope,
};
use nix::sys::prctl;

pub use calls::{ALLOWED, Allowed, Must};

/// Why the sandbox cannot be closed.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Capabilities cannot be given up.
    #[error("cannot give up capabilities")]
    Capabilities(#[source] caps::errors::CapsError),
    /// Files cannot be closed off.
    #[error("cannot close off files with Landlock")]
    Files(#[source] landlock::RulesetError),
    /// `no_new_privs` cannot be set.
    #[error("cannot forbid new privileges")]
    Privileges(#[source] nix::errno::Errno),
    /// System calls cannot be filtered.
    #[error("cannot filter system calls")]
    Calls(#[source] seccompiler::Error),
    /// The filter itself is wrong.
    #[error("cannot make the filter of system calls")]
    Filter(#[source] seccompiler::BackendError),
}

/// Gives up everything but serving. The descriptors `held` stay open as long as this process lives.
///
/// # Errors
///
/// [`SandboxError`] says which layer cannot be put in place. A kernel without Landlock is not an
/// error: the other two layers hold.
pub fn close(held: &[BorrowedFd<'_>]) -> Result<(), SandboxError> {
    prctl::set_no_new_privs().map_err(SandboxError::Privileges)?;
    drop_capabilities()?;
    close_files()?;
    let held: Vec<RawFd> = held.iter().map(BorrowedFd::as_raw_fd).collect();
    let program = calls::filter(&held).map_err(SandboxError::Filter)?;
    seccompiler::apply_filter_all_threads(&program).map_err(SandboxError::Calls)
}

fn drop_capabilities() -> Result<(), SandboxError> {
    for set in [CapSet::Ambient, CapSet::Bounding, CapSet::Inheritable] {
        caps::clear(None, set).map_err(SandboxError::Capabilities)?;
    }
    for set in [CapSet::Effective, CapSet::Permitted] {
        caps::clear(None, set).map_err(SandboxError::Capabilities)?;
    }
    Ok(())
}

fn close_files() -> Result<(), SandboxError> {
    let newest = ABI::V6;
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(newest))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(newest)))
        .and_then(|rules| rules.scope(Scope::from_all(newest)))
        .and_then(Ruleset::create)
        .and_then(|rules| rules.restrict_self())
        .map(drop)
        .map_err(SandboxError::Files)
}
