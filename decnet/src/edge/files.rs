//! Files and directories that must be whole or not there.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use nix::unistd::chown;
use sha2::{Digest as _, Sha256};

use crate::edge::privileges::Account;
use crate::logic::release::Digest;

/// What can go wrong with a file.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} `{path}`")]
pub struct FileError {
    /// What was tried.
    pub doing: &'static str,
    /// On what.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// The result of working with files.
pub type Result<T> = std::result::Result<T, FileError>;

fn failed<'a>(doing: &'static str, path: &'a Path) -> impl Fn(io::Error) -> FileError + 'a {
    move |source| FileError { doing, path: path.into(), source }
}

/// Makes a directory and those above it; one made here is for its owner alone.
///
/// # Errors
///
/// [`FileError`] when it cannot be made.
pub fn make_dir(path: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(failed("make directory", path))
}

/// Lets everybody look into a directory.
///
/// # Errors
///
/// [`FileError`] when this process may not.
pub fn publish(path: &Path) -> Result<()> {
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(path, permissions).map_err(failed("publish", path))
}

/// Gives a path to a user.
///
/// # Errors
///
/// [`FileError`] when this process may not.
pub fn give(path: &Path, to: Account) -> Result<()> {
    chown(path, Some(to.uid), Some(to.gid))
        .map_err(|errno| failed("give away", path)(io::Error::from(errno)))
}

/// Replaces a file: a reader finds the old one or the new one, also after a power cut. It is for
/// its owner alone.
///
/// # Errors
///
/// [`FileError`] when it cannot be written; the old one is then as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let fresh = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)
        .map_err(failed("write", &fresh))?;
    file.write_all(bytes).map_err(failed("write", &fresh))?;
    file.sync_all().map_err(failed("sync", &fresh))?;
    fs::rename(&fresh, path).map_err(failed("replace", path))?;
    let dir = path.parent().unwrap_or(Path::new("."));
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed("sync", dir))
}

/// The contents of a file, when there is one.
///
/// # Errors
///
/// [`FileError`] when there is one and it cannot be read.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

/// Removes a file, when there is one.
///
/// # Errors
///
/// [`FileError`] when there is one and it cannot be removed.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Takes the lock of `path`, which ends with the value or the process; `None` when another
/// process has it.
///
/// # Errors
///
/// [`FileError`] when the file cannot be opened.
pub fn lock(path: &Path) -> Result<Option<Flock<File>>> {
    loop {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed("open", path))?;
        let lock = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => lock,
            Err((_, nix::errno::Errno::EWOULDBLOCK)) => return Ok(None),
            Err((_, errno)) => return Err(failed("lock", path)(io::Error::from(errno))),
        };
        // Whoever had it may have removed the file in between; then it locks nothing.
        let held = lock.metadata().map_err(failed("look at", path))?.ino();
        if fs::metadata(path).is_ok_and(|found| found.ino() == held) {
            return Ok(Some(lock));
        }
    }
}

/// The SHA-256 of what is left to read.
///
/// # Errors
///
/// As `read` has.
pub fn digest(mut input: impl Read) -> io::Result<Digest> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    while let count @ 1.. = input.read(&mut buffer)? {
        hash.update(buffer.get(..count).unwrap_or_default());
    }
    Ok(Digest(hash.finalize().into()))
}
