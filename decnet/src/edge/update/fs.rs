//! The operations on files that an update is made of: each is done whole or not at all, or is
//! repaired by being done again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, symlink};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, FallocateFlags, RenameFlags, fallocate, renameat2};

use crate::edge::release::Tree;

/// Operations on files. The tests of the updater put others in their place, which fail or forget.
pub trait Fs {
    /// Has room for so many bytes after the end of a file, which is there, where the file system can
    /// do that.
    ///
    /// # Errors
    ///
    /// Whatever the kernel says.
    fn allocate(&self, path: &Path, room: u64) -> io::Result<()>;
    /// Adds to the end of a file, which is there.
    ///
    /// # Errors
    ///
    /// Whatever the kernel says; a part may have been written.
    fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Gives two directories each other's names.
    ///
    /// # Errors
    ///
    /// Whatever the kernel says.
    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()>;
    /// Makes a symbolic link.
    ///
    /// # Errors
    ///
    /// Whatever the kernel says, also when there is something of that name.
    fn link(&self, target: &Path, path: &Path) -> io::Result<()>;
    /// Makes a file of these bytes, which only its owner may read, over what is there: where that is
    /// as long, no space is needed.
    ///
    /// # Errors
    ///
    /// Whatever the kernel says; a part may have been written.
    fn overwrite(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Removes a file or a link, if it is there.
    ///
    /// # Errors
    ///
    /// Whatever the kernel says.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Removes a directory and all that is in it.
    ///
    /// # Errors
    ///
    /// Whatever the kernel says; a part may be gone.
    fn remove_tree(&self, path: &Path) -> io::Result<()>;
    /// Gives a file, a link or a directory another name, in place of what has it.
    ///
    /// # Errors
    ///
    /// Whatever the kernel says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Has the names in a directory reach the disk.
    ///
    /// # Errors
    ///
    /// Whatever the kernel says.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Has a file's bytes reach the disk.
    ///
    /// # Errors
    ///
    /// Whatever the kernel says.
    fn sync_file(&self, path: &Path) -> io::Result<()>;
    /// Has everything of the file system that a directory is on reach the disk.
    ///
    /// # Errors
    ///
    /// Whatever the kernel says.
    fn sync_tree(&self, path: &Path) -> io::Result<()>;
    /// Cuts a file.
    ///
    /// # Errors
    ///
    /// Whatever the kernel says.
    fn truncate(&self, path: &Path, length: u64) -> io::Result<()>;
    /// Makes a file of these bytes, which only its owner may read, in place of what is there.
    ///
    /// # Errors
    ///
    /// Whatever the kernel says; a part may have been written.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
}

/// The files of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealFs;

impl Fs for RealFs {
    fn allocate(&self, path: &Path, room: u64) -> io::Result<()> {
        let file = OpenOptions::new().append(true).open(path)?;
        let end = i64::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        let room = i64::try_from(room).map_err(io::Error::other)?;
        match fallocate(&file, FallocateFlags::FALLOC_FL_KEEP_SIZE, end, room) {
            Err(Errno::EOPNOTSUPP | Errno::ENOSYS) => Ok(()),
            other => Ok(other?),
        }
    }

    fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        OpenOptions::new().append(true).open(path)?.write_all(bytes)
    }

    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()> {
        let flags = RenameFlags::RENAME_EXCHANGE;
        Ok(renameat2(AT_FDCWD, one, AT_FDCWD, other, flags)?)
    }

    fn link(&self, target: &Path, path: &Path) -> io::Result<()> {
        symlink(target, path)
    }

    fn overwrite(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(false).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        let length = bytes.len() as u64;
        if file.metadata()?.len() > length { file.set_len(length) } else { Ok(()) }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn remove_tree(&self, path: &Path) -> io::Result<()> {
        Tree::open(path).and_then(Tree::remove).map_err(|error| error.source)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        OpenOptions::new().write(true).open(path)?.sync_all()
    }

    fn sync_tree(&self, path: &Path) -> io::Result<()> {
        Ok(nix::unistd::syncfs(File::open(path)?)?)
    }

    fn truncate(&self, path: &Path, length: u64) -> io::Result<()> {
        OpenOptions::new().write(true).open(path)?.set_len(length)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.open(path)?.write_all(bytes)
    }
}
