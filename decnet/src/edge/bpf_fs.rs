//! The file system in which capture programs are pinned.
//!
//! One of our own instead of `/sys/fs/bpf`, which is root's alone: whoever may open a pinned
//! program may attach it, so the directory is for the agent's user and nobody else.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::statfs::statfs;

use crate::edge::files;
use crate::edge::privileges::Account;

/// Magic number of a bpffs (`BPF_FS_MAGIC`).
const MAGIC: i64 = 0xcafe_4a11;

/// Why it cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BpfFsError {
    /// The directory cannot be made or given away.
    #[error(transparent)]
    Directory(#[from] files::FileError),
    /// The kernel refuses.
    #[error("cannot {doing} `{path}`")]
    Refused {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        #[source]
        source: Errno,
    },
}

/// Whether `dir` is a bpffs.
pub fn is_mounted(dir: &Path) -> bool {
    statfs(dir).is_ok_and(|found| found.filesystem_type().0 == MAGIC)
}

/// Mounts one at `dir`, for `owner` alone.
///
/// # Errors
///
/// [`BpfFsError`] without CAP_SYS_ADMIN.
pub fn mount_at(dir: &Path, owner: Account) -> Result<(), BpfFsError> {
    if !is_mounted(dir) {
        files::take_dir(dir)?;
        let options = "mode=0700";
        mount(
            Some("decnet"),
            dir,
            Some("bpf"),
            MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC,
            Some(options),
        )
        .map_err(|source| BpfFsError::Refused {
            doing: "mount a bpffs at",
            path: dir.into(),
            source,
        })?;
    }
    files::give(dir, owner)?;
    Ok(())
}

/// Whether it belongs to this user.
pub fn is_of(dir: &Path, owner: Account) -> bool {
    std::fs::metadata(dir).is_ok_and(|found| found.uid() == owner.uid.as_raw())
}

/// Removes all that is pinned in `dir`; who has it open goes on with it.
///
/// # Errors
///
/// [`BpfFsError`] when this process may not.
pub fn clear(dir: &Path) -> Result<(), BpfFsError> {
    for entry in entries(dir)? {
        files::remove(&entry)?;
    }
    Ok(())
}

/// Gives everything in `dir` to `owner`.
///
/// # Errors
///
/// [`BpfFsError`] when this process may not.
pub fn give_all(dir: &Path, owner: Account) -> Result<(), BpfFsError> {
    for entry in entries(dir)? {
        files::give(&entry, owner)?;
    }
    Ok(())
}

/// What is pinned in `dir`: not the files of the kernel's own, whose names have a dot.
///
/// # Errors
///
/// [`BpfFsError`] when it cannot be read.
pub fn entries(dir: &Path) -> Result<Vec<PathBuf>, BpfFsError> {
    let failed = |source| files::FileError { doing: "read directory", path: dir.into(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_none() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Takes it away with everything pinned in it; one that is not there is as good.
///
/// # Errors
///
/// [`BpfFsError`] without CAP_SYS_ADMIN.
pub fn unmount(dir: &Path) -> Result<(), BpfFsError> {
    let refused = |source| BpfFsError::Refused { doing: "unmount", path: dir.into(), source };
    if is_mounted(dir) {
        umount2(dir, MntFlags::MNT_DETACH).map_err(refused)?;
    }
    match std::fs::remove_dir(dir) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(files::FileError { doing: "remove directory", path: dir.into(), source }.into())
        }
        _ => Ok(()),
    }
}
