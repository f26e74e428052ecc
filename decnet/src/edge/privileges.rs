//! Who this process is, and what it may do.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use caps::{CapSet, Capability, CapsHashSet};
use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::{Gid, Group, Uid, User, geteuid, setgroups, setresgid, setresuid};

/// What the agent keeps: links and raw frames.
pub const AGENT: [Capability; 2] = [Capability::CAP_NET_ADMIN, Capability::CAP_NET_RAW];

/// Who serves unless it is said.
pub const USER: &str = "decnet";

/// The user that an unprivileged process becomes when there is no user `decnet`: the kernel's
/// overflow user, which owns nothing.
const NOBODY: u32 = 65_534;

/// Why privileges cannot be given up.
#[derive(Debug, thiserror::Error)]
pub enum PrivilegeError {
    /// A capability cannot be read or changed.
    #[error("cannot change capabilities")]
    Capabilities(#[source] caps::errors::CapsError),
    /// There is no such user.
    #[error("there is no user `{0}`")]
    NoUser(String),
    /// The kernel refuses.
    #[error("cannot become user {user}")]
    Refused {
        /// Which.
        user: Uid,
        /// Why.
        #[source]
        source: Errno,
    },
}

/// The result of changing privileges.
pub type Result<T> = std::result::Result<T, PrivilegeError>;

/// A user and its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub uid: Uid,
    /// The group.
    pub gid: Gid,
}

impl Account {
    /// Root's.
    pub const ROOT: Self = Self { uid: Uid::from_raw(0), gid: Gid::from_raw(0) };
}

/// Whether this process is root.
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// The user to serve as: `name`, or the user `decnet`, or nobody.
///
/// # Errors
///
/// [`PrivilegeError::NoUser`] when `name` is given and there is none.
pub fn account(name: Option<&str>) -> Result<Account> {
    let found = User::from_name(name.unwrap_or(USER)).ok().flatten();
    match (found, name) {
        (Some(user), _) => Ok(Account { uid: user.uid, gid: user.gid }),
        (None, None) => Ok(Account { uid: Uid::from_raw(NOBODY), gid: Gid::from_raw(NOBODY) }),
        (None, Some(name)) => Err(PrivilegeError::NoUser(name.to_owned())),
    }
}

/// The account of a daemon: as [`account`], with the daemon's own group where there is one. The kernel
/// lets a process look into another only where user and group are the same.
///
/// # Errors
///
/// As [`account`].
pub fn daemon(role: &str, name: Option<&str>) -> Result<Account> {
    let account = account(name)?;
    let gid = group_of(role).filter(|_| name.is_none_or(|name| name == USER));
    Ok(Account { gid: gid.unwrap_or(account.gid), ..account })
}

/// The group of a daemon, where there is one.
pub fn group_of(role: &str) -> Option<Gid> {
    let found = Group::from_name(&format!("{USER}-{role}")).ok().flatten();
    found.map(|group| group.gid)
}

/// Becomes `account`, and keeps nothing but these capabilities, as ambient ones too.
///
/// # Errors
///
/// [`PrivilegeError`] when this process is not root.
pub fn become_user(account: Account, keep: &[Capability]) -> Result<()> {
    let refused = |source| PrivilegeError::Refused { user: account.uid, source };
    let kept: CapsHashSet = keep.iter().copied().collect();
    for capability in caps::all() {
        if !kept.contains(&capability)
            && caps::has_cap(None, CapSet::Bounding, capability).unwrap_or(false)
        {
            caps::drop(None, CapSet::Bounding, capability).map_err(PrivilegeError::Capabilities)?;
        }
    }
    prctl::set_keepcaps(true).map_err(refused)?;
    setgroups(&[]).map_err(refused)?;
    setresgid(account.gid, account.gid, account.gid).map_err(refused)?;
    setresuid(account.uid, account.uid, account.uid).map_err(refused)?;
    // In this order: what is effective or inheritable must be permitted, what is ambient both.
    for set in [CapSet::Effective, CapSet::Permitted, CapSet::Inheritable, CapSet::Ambient] {
        caps::set(None, set, &kept).map_err(PrivilegeError::Capabilities)?;
    }
    prctl::set_no_new_privs().map_err(refused)
}

/// Becomes the user to serve as, without any capability. Does nothing in a process that is not root.
///
/// # Errors
///
/// [`PrivilegeError`] when there is no such user.
pub fn serve_as(role: &str, name: Option<&str>) -> Result<()> {
    if is_root() { become_user(daemon(role, name)?, &[]) } else { Ok(()) }
}

/// Becomes whoever `dir` belongs to, so that nothing in it can lead root elsewhere. Does nothing in a
/// process that is not root, and where it is root's or not there.
///
/// # Errors
///
/// [`PrivilegeError`] when the kernel refuses.
pub fn become_owner_of(dir: &Path) -> Result<()> {
    let Ok(found) = std::fs::symlink_metadata(dir) else { return Ok(()) };
    let account = Account { uid: Uid::from_raw(found.uid()), gid: Gid::from_raw(found.gid()) };
    if is_root() && !account.uid.is_root() { become_user(account, &[]) } else { Ok(()) }
}

/// Gives up the ambient capabilities, so that programs started from here have none.
///
/// # Errors
///
/// [`PrivilegeError::Capabilities`] on a kernel without them.
pub fn keep_to_ourselves() -> Result<()> {
    caps::clear(None, CapSet::Ambient).map_err(PrivilegeError::Capabilities)
}

/// Which of these capabilities this process lacks.
pub fn lacking(wanted: &[Capability]) -> Vec<Capability> {
    let has = |capability: &Capability| {
        caps::has_cap(None, CapSet::Effective, *capability).unwrap_or(false)
    };
    wanted.iter().copied().filter(|capability| !has(capability)).collect()
}
