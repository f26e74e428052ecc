//! Files and directories that must be whole or not there.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::fcntl::{AT_FDCWD, AtFlags, Flock, FlockArg, OFlag};
use nix::unistd::{Gid, fchownat};
use sha2::{Digest as _, Sha256};

use crate::edge::denied;
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

impl FileError {
    /// What was tried on which path, and what came of it.
    pub fn new(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self { doing, path: path.into(), source: denied::explain(path, source) }
    }
}

/// The result of working with files.
pub type Result<T> = std::result::Result<T, FileError>;

fn failed<'a>(doing: &'static str, path: &'a Path) -> impl Fn(io::Error) -> FileError + 'a {
    move |source| FileError::new(doing, path, source)
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

/// Makes a directory and those above it for everybody to look into; one that is there stays as it is.
///
/// # Errors
///
/// [`FileError`] when it cannot be made.
pub fn make_open_dir(path: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(path)
        .map_err(failed("make directory", path))
}

/// Makes a directory root's, and nobody else's to write: what it holds from then on, root has put
/// there. What it held before, anybody may have.
///
/// # Errors
///
/// [`FileError`] when it is a symbolic link or no directory, or this process may not.
pub fn take_dir(path: &Path) -> Result<()> {
    make_open_dir(path)?;
    if !fs::symlink_metadata(path).map_err(failed("look at", path))?.is_dir() {
        return Err(failed("use as a directory", path)(ErrorKind::NotADirectory.into()));
    }
    give(path, Account::ROOT)?;
    publish(path)
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

/// Lets a group have what `mode` says of what is root's: a file or a directory, and no link.
///
/// # Errors
///
/// [`FileError`] when it is another's or a link, or this process may not.
pub fn show(path: &Path, group: Gid, mode: u32) -> Result<()> {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = opened.map_err(failed("open", path))?;
    std::os::unix::fs::fchown(&file, None, Some(group.as_raw())).map_err(failed("show", path))?;
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
    file.set_permissions(permissions).map_err(failed("show", path))
}

/// Whether a directory is this account's.
pub fn is_owned_by(dir: &Path, account: Option<Account>) -> bool {
    let found = fs::symlink_metadata(dir);
    account.is_some_and(|account| found.is_ok_and(|found| found.uid() == account.uid.as_raw()))
}

/// Where a file of one daemon is: in its directory, or beside that, where it was before there were
/// such directories and nobody has brought it there.
pub fn place(state_dir: &Path, dir: &str, name: &str) -> PathBuf {
    let (here, before) = (state_dir.join(dir).join(name), state_dir.join(name));
    if !here.exists() && before.exists() { before } else { here }
}

/// Gives a path to a user; of a symbolic link the link itself.
///
/// # Errors
///
/// [`FileError`] when this process may not.
pub fn give(path: &Path, to: Account) -> Result<()> {
    let (uid, gid) = (Some(to.uid), Some(to.gid));
    fchownat(AT_FDCWD, path, uid, gid, AtFlags::AT_SYMLINK_NOFOLLOW)
        .map_err(|errno| failed("give away", path)(io::Error::from(errno)))
}

/// Makes `name` in `dir` a directory of `owner`'s, as far as root may do that without trusting
/// anybody: where `dir` is another's, it could lead anywhere, so it is left alone, and `owner` makes
/// the directory himself with [`make_dir`] once the process has become him.
///
/// # Errors
///
/// [`FileError`] when `name` is there and no directory, or cannot be made or given.
pub fn make_room(dir: &Path, name: &str, owner: Account) -> Result<()> {
    let look = || fs::symlink_metadata(dir).map_err(failed("look at", dir));
    if ![0, owner.uid.as_raw()].contains(&look()?.uid()) {
        // Of whoever served here before.
        take_dir(dir)?;
    }
    let above = look()?;
    if !above.is_dir() || above.uid() != 0 || above.mode() & 0o022 != 0 {
        return Ok(());
    }
    let path = dir.join(name);
    make_dir(&path)?;
    let found = fs::symlink_metadata(&path).map_err(failed("look at", &path))?;
    if !found.is_dir() {
        return Err(failed("use as a directory", &path)(ErrorKind::NotADirectory.into()));
    }
    give(&path, owner)
}

/// Replaces a file: a reader finds the old one or the new one, also after a power cut. It is for
/// its owner alone.
///
/// # Errors
///
/// [`FileError`] when it cannot be written; the old one is then as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let fresh = path.with_extension("new");
    // What is left of another try is not written to: somebody may have made it lead elsewhere.
    remove(&fresh)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh)
        .map_err(failed("write", &fresh))?;
    file.write_all(bytes).map_err(failed("write", &fresh))?;
    file.sync_all().map_err(failed("sync", &fresh))?;
    fs::rename(&fresh, path).map_err(failed("replace", path))?;
    let dir = path.parent().unwrap_or(Path::new("."));
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed("sync", dir))
}

/// Overwrites a file where it is with zeros, when there is one. Copies of it elsewhere, also those
/// that a file system or a disk keeps by itself, stay.
///
/// # Errors
///
/// [`FileError`] when there is one and it cannot be written.
pub fn wipe(path: &Path) -> Result<()> {
    let Some(bytes) = read(path)? else { return Ok(()) };
    let mut file = OpenOptions::new().write(true).open(path).map_err(failed("open", path))?;
    file.write_all(&vec![0; bytes.len()]).map_err(failed("write", path))?;
    file.sync_all().map_err(failed("sync", path))
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

/// As [`read`], for root who reads in another's directory: only a file that is the directory's
/// owner's too. A link to another file, or another name of it, is none.
///
/// # Errors
///
/// As [`read`], and when the file is somebody else's.
pub fn read_of_owner(path: &Path) -> Result<Option<Vec<u8>>> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path);
    let mut file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path)(error)),
    };
    let owner = fs::metadata(dir).map_err(failed("look at", dir))?.uid();
    let found = file.metadata().map_err(failed("look at", path))?;
    if !found.is_file() || found.uid() != owner {
        let why = io::Error::new(ErrorKind::PermissionDenied, "it is not its directory's owner's");
        return Err(failed("trust", path)(why));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(failed("read", path))?;
    Ok(Some(bytes))
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
