//! Network and user namespaces: made, entered, held.
//!
//! A namespace belongs to a thread. Whoever needs a socket in one starts a thread that enters it,
//! does only that, and ends; the socket stays where it was made.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::unistd::{getegid, geteuid};

/// What can go wrong with a namespace.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// The kernel refuses.
    #[error("cannot {doing}")]
    Refused {
        /// What was tried.
        doing: &'static str,
        /// Why.
        #[source]
        source: Errno,
    },
    /// A file that describes the namespace cannot be used.
    #[error("cannot use `{path}`")]
    File {
        /// Which.
        path: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// The result of working with namespaces.
pub type Result<T> = std::result::Result<T, NamespaceError>;

const THIS_NETWORK: &str = "/proc/thread-self/ns/net";

/// The network namespace of this thread.
///
/// # Errors
///
/// [`NamespaceError::File`] when `/proc` is not there.
pub fn current() -> Result<OwnedFd> {
    let file = File::open(THIS_NETWORK)
        .map_err(|source| NamespaceError::File { path: THIS_NETWORK, source })?;
    Ok(file.into())
}

/// The kernel's number of the network namespace of this thread, which no other will ever have; 0
/// on a kernel before 5.14, which gives none.
///
/// # Errors
///
/// [`NamespaceError::Refused`] when there is no socket to ask.
pub fn cookie() -> Result<u64> {
    let refused =
        |source| NamespaceError::Refused { doing: "ask for a namespace's number", source };
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Unix, SockType::Datagram, flags, None).map_err(refused)?;
    let mut cookie = 0u64;
    let mut length = libc::socklen_t::try_from(size_of_val(&cookie)).unwrap_or(0);
    #[expect(unsafe_code, reason = "nix does not have this option")]
    // SAFETY: the kernel writes at most `length` bytes to `cookie`, which has as many.
    let code = unsafe {
        let (level, name) = (libc::SOL_SOCKET, libc::SO_NETNS_COOKIE);
        libc::getsockopt(socket.as_raw_fd(), level, name, (&raw mut cookie).cast(), &raw mut length)
    };
    Ok(if code == 0 { cookie } else { 0 })
}

/// Puts this thread into a new network namespace.
///
/// # Errors
///
/// [`NamespaceError::Refused`] without CAP_SYS_ADMIN in the thread's user namespace, and when the
/// kernel's limit of namespaces is reached.
pub fn create() -> Result<OwnedFd> {
    unshare(CloneFlags::CLONE_NEWNET)
        .map_err(|source| NamespaceError::Refused { doing: "make a network namespace", source })?;
    current()
}

/// Puts this thread into `network`.
///
/// # Errors
///
/// [`NamespaceError::Refused`] without CAP_SYS_ADMIN over it.
pub fn enter(network: impl AsFd) -> Result<()> {
    setns(network, CloneFlags::CLONE_NEWNET)
        .map_err(|source| NamespaceError::Refused { doing: "enter a network namespace", source })
}

/// Puts this process, which must have one thread, into a user namespace of its own in which it has
/// every capability, with a network namespace that has no way out.
///
/// Its user and group become root there, and nobody outside; no other id exists in it.
///
/// # Errors
///
/// [`NamespaceError::Refused`] where user namespaces are forbidden: EPERM by AppArmor or
/// `kernel.unprivileged_userns_clone`, ENOSPC or EUSERS by `user.max_user_namespaces`.
pub fn isolate() -> Result<()> {
    let (user, group) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)
        .map_err(|source| NamespaceError::Refused { doing: "make a user namespace", source })?;
    // Groups may not be changed inside before the mapping is allowed (user_namespaces(7)).
    for (path, text) in [
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/uid_map", format!("0 {user} 1")),
        ("/proc/self/gid_map", format!("0 {group} 1")),
    ] {
        std::fs::write(path, text).map_err(|source| NamespaceError::File { path, source })?;
    }
    Ok(())
}
