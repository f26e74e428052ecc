//! A directory and what is below it, reached through one descriptor.

use std::ffi::CStr;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, open, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};

use super::DiskError;

/// Deepest directory that is looked into: a release has eight at most, so this is hand-made.
const MAX_DEPTH: usize = 16;

/// A directory and what is below it.
#[derive(Debug)]
pub struct Tree {
    dir: OwnedFd,
    path: PathBuf,
    undo: Undo,
}

/// What becomes of a tree that nobody keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Undo {
    Keep,
    Remove,
}

/// What is in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    File,
    Other,
}

impl Tree {
    /// Makes a directory, which goes with all that is in it unless it is kept.
    ///
    /// # Errors
    ///
    /// [`DiskError`], also when there is something of that name.
    pub fn make(path: &Path) -> Result<Self, DiskError> {
        let failed = |errno| DiskError::new("make directory", path, errno);
        mkdirat(AT_FDCWD, path, Mode::from_bits_truncate(0o755)).map_err(failed)?;
        match Self::open(path) {
            Ok(mut tree) => {
                tree.undo = Undo::Remove;
                Ok(tree)
            }
            Err(error) => {
                drop(std::fs::remove_dir(path));
                Err(error)
            }
        }
    }

    /// Opens a directory.
    ///
    /// # Errors
    ///
    /// [`DiskError`], also when it is a link.
    pub fn open(path: &Path) -> Result<Self, DiskError> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_RDONLY;
        let dir = open(path, flags, Mode::empty())
            .map_err(|errno| DiskError::new("open directory", path, errno))?;
        Ok(Self { dir, path: path.into(), undo: Undo::Keep })
    }

    /// Where it was when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lets it stay.
    pub fn keep(&mut self) {
        self.undo = Undo::Keep;
    }

    /// Makes a directory in it, if there is none.
    ///
    /// # Errors
    ///
    /// [`DiskError`].
    pub fn make_dir(&self, name: &str) -> Result<(), DiskError> {
        let failed = |errno| DiskError::new("make directory", self.path.join(name), errno);
        let (parent, last) = self.parent(name).map_err(failed)?;
        match mkdirat(&parent, last, Mode::from_bits_truncate(0o755)) {
            Ok(()) | Err(Errno::EEXIST) => Ok(()),
            Err(errno) => Err(failed(errno)),
        }
    }

    /// Makes a file in it, for writing.
    ///
    /// # Errors
    ///
    /// [`DiskError`], also when there is one.
    pub fn make_file(&self, name: &str, mode: u32) -> Result<File, DiskError> {
        let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY;
        let mode = Mode::from_bits_truncate(mode);
        self.beneath(name, flags, mode)
            .map(File::from)
            .map_err(|errno| DiskError::new("make", self.path.join(name), errno))
    }

    /// Opens a file in it, for reading.
    ///
    /// # Errors
    ///
    /// [`DiskError`].
    pub fn open_file(&self, name: &str) -> Result<File, DiskError> {
        // A fifo must not make us wait for whoever writes into it.
        self.beneath(name, OFlag::O_RDONLY | OFlag::O_NONBLOCK, Mode::empty())
            .map(File::from)
            .map_err(|errno| DiskError::new("open", self.path.join(name), errno))
    }

    /// Gives a file in it a second name, in another tree.
    ///
    /// # Errors
    ///
    /// linkat(2)'s: EXDEV for a tree of another file system, EPERM for one that has no links or a
    /// file that is somebody else's, EMLINK when there are too many, EEXIST.
    pub(super) fn link(&self, name: &str, into: &Self, new_name: &str) -> nix::Result<()> {
        let (from, last) = self.parent(name)?;
        let (to, new_last) = into.parent(new_name)?;
        linkat(&from, last, &to, new_last, AtFlags::empty())
    }

    /// Everything in it, by path; `most` things at most.
    ///
    /// # Errors
    ///
    /// [`DiskError`]; E2BIG for more.
    pub(super) fn list(&self, most: usize) -> Result<Vec<(String, Kind)>, DiskError> {
        let mut found = Vec::new();
        let mut folders = vec![(String::new(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            let failed = |errno| DiskError::new("read", self.path.join(&folder), errno);
            for (name, kind) in self.names(&folder).map_err(failed)? {
                let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                if found.len() >= most || depth > MAX_DEPTH {
                    return Err(failed(Errno::E2BIG));
                }
                if kind == Kind::Directory {
                    folders.push((path.clone(), depth + 1));
                }
                found.push((path, kind));
            }
        }
        Ok(found)
    }

    /// Removes everything in it, and itself. It goes on where it can.
    ///
    /// # Errors
    ///
    /// [`DiskError`] of the first thing that stayed.
    pub fn remove(mut self) -> Result<(), DiskError> {
        self.undo = Undo::Keep;
        let emptied = empty(&self.dir, 0);
        let removed = std::fs::remove_dir(&self.path);
        emptied.map_err(|errno| DiskError::new("empty", &self.path, errno))?;
        removed.map_err(|error| DiskError::new("remove", &self.path, error))
    }

    /// The directory that a name is in, and the last part of the name.
    fn parent<'a>(&self, name: &'a str) -> nix::Result<(OwnedFd, &'a str)> {
        let (folder, last) = name.rsplit_once('/').unwrap_or((".", name));
        let dir = self.beneath(folder, OFlag::O_DIRECTORY | OFlag::O_PATH, Mode::empty())?;
        Ok((dir, last))
    }

    fn beneath(&self, name: &str, flags: OFlag, mode: Mode) -> nix::Result<OwnedFd> {
        // Not openat2(2): under RestrictSUIDSGID= systemd says that there is none.
        let flags = flags | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
        let through = OFlag::O_DIRECTORY | OFlag::O_PATH | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
        let mut parts = name.split('/').peekable();
        let mut folder = None::<OwnedFd>;
        while let Some(part) = parts.next() {
            if part.is_empty() || part == ".." {
                return Err(Errno::EINVAL);
            }
            let within = folder.as_ref().unwrap_or(&self.dir);
            if parts.peek().is_none() {
                return openat(within, part, flags, mode);
            }
            folder = Some(openat(within, part, through, Mode::empty())?);
        }
        Err(Errno::EINVAL)
    }

    fn names(&self, folder: &str) -> nix::Result<Vec<(String, Kind)>> {
        let folder = if folder.is_empty() { "." } else { folder };
        let dir = self.beneath(folder, OFlag::O_DIRECTORY, Mode::empty())?;
        names(dir)
    }
}

impl AsFd for Tree {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.dir.as_fd()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        if self.undo == Undo::Remove {
            // Whoever refused it has said why; what stays is removed at the next start.
            if empty(&self.dir, 0).is_ok() {
                drop(std::fs::remove_dir(&self.path));
            }
        }
    }
}

/// What is in a directory. A name that is no UTF-8 is shown with marks for what is not, and so
/// is the name of nothing that we know.
fn names(dir: OwnedFd) -> nix::Result<Vec<(String, Kind)>> {
    let mut dir = Dir::from_fd(dir)?;
    let mut found = Vec::new();
    for entry in dir.iter() {
        let entry = entry?;
        let name = entry.file_name();
        if is_itself(name) {
            continue;
        }
        let kind = match entry.file_type() {
            Some(Type::Directory) => Kind::Directory,
            Some(Type::File) => Kind::File,
            _ => Kind::Other,
        };
        found.push((name.to_string_lossy().into_owned(), kind));
    }
    Ok(found)
}

fn is_itself(name: &CStr) -> bool {
    matches!(name.to_bytes(), b"." | b"..")
}

/// Removes what is in a directory, following nothing.
fn empty(dir: &OwnedFd, depth: usize) -> nix::Result<()> {
    if depth > MAX_DEPTH {
        return Err(Errno::E2BIG);
    }
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_RDONLY;
    let mut listing = Dir::openat(dir, ".", flags, Mode::empty())?;
    let mut failed = Ok(());
    for entry in listing.iter() {
        let entry = entry?;
        let name = entry.file_name();
        if is_itself(name) {
            continue;
        }
        let removed = match unlinkat(dir, name, UnlinkatFlags::NoRemoveDir) {
            Err(Errno::EISDIR | Errno::EPERM) => {
                let inner = openat(dir, name, flags, Mode::empty());
                inner
                    .and_then(|inner| empty(&inner, depth + 1))
                    .and_then(|()| unlinkat(dir, name, UnlinkatFlags::RemoveDir))
            }
            other => other,
        };
        failed = failed.and(removed);
    }
    failed
}
