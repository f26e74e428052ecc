//! What is sent, on disk until it is installed or given up: a broken transfer goes on where it
//! broke off.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::edge::files;
use crate::logic::release::Digest;

/// How many transfers are kept: for one more, the oldest that nobody sends is forgotten.
const MOST: usize = 4;
/// After so long nobody goes on with one.
const OLD: Duration = Duration::from_hours(24);

/// Where transfers are kept.
#[derive(Clone, Debug)]
pub(super) struct Spool {
    dir: PathBuf,
}

/// A transfer that nobody else adds to.
#[derive(Debug)]
pub(super) struct Transfer {
    /// Its file.
    pub(super) file: Flock<File>,
    path: PathBuf,
    left: Left,
}

/// What becomes of a transfer that is neither taken nor forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// Its sender goes on with it.
    Stays,
    /// It was to be all of it.
    Goes,
}

impl Transfer {
    /// How much is there.
    pub(super) fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Gives up its name: what is left of it goes with the last descriptor.
    pub(super) fn take(mut self) -> io::Result<File> {
        fs::remove_file(&self.path)?;
        self.left = Left::Stays;
        self.file.try_clone()
    }

    /// Begins anew with one that goes unless it is taken: whatever refuses the rest of what comes
    /// with it need not think of it.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        self.left = Left::Goes;
        self.file.set_len(0)
    }

    /// Forgets it.
    pub(super) fn forget(mut self) {
        self.left = Left::Goes;
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        if self.left == Left::Goes {
            // Else it goes when it is old.
            drop(fs::remove_file(&self.path));
        }
    }
}

impl Spool {
    /// Opens the directory, without what is old.
    pub(super) fn open(dir: PathBuf) -> files::Result<Self> {
        files::make_dir(&dir)?;
        let spool = Self { dir };
        for (path, age) in spool.list() {
            if age > OLD {
                forget_unused(&path);
            }
        }
        Ok(spool)
    }

    /// How much of something is there.
    pub(super) fn offset(&self, sha256: Digest) -> u64 {
        fs::metadata(self.path(sha256)).map_or(0, |found| found.len())
    }

    /// Opens a transfer to add to it; `None` when somebody else does.
    pub(super) fn transfer(&self, sha256: Digest) -> io::Result<Option<Transfer>> {
        let path = self.path(sha256);
        self.make_room(&path);
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).read(true).mode(0o600).open(&path)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(file) => Ok(Some(Transfer { file, path, left: Left::Stays })),
            Err((_, Errno::EWOULDBLOCK)) => Ok(None),
            Err((_, errno)) => Err(errno.into()),
        }
    }

    /// Where it is.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Forgets whatever nobody is sending: there is no space for more.
    pub(super) fn clear(&self) {
        for (path, _) in self.list() {
            forget_unused(&path);
        }
    }

    fn path(&self, sha256: Digest) -> PathBuf {
        self.dir.join(format!("{sha256}.part"))
    }

    fn make_room(&self, wanted: &Path) {
        let mut others = self.list();
        others.retain(|(path, _)| path != wanted);
        others.sort_by_key(|(_, age)| *age);
        for (path, _) in others.split_off(others.len().min(MOST - 1)) {
            forget_unused(&path);
        }
    }

    /// Every transfer, and for how long nothing was added to it.
    fn list(&self) -> Vec<(PathBuf, Duration)> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let age = |entry: &fs::DirEntry| {
            let changed = entry.metadata().ok()?.modified().ok()?;
            changed.elapsed().ok()
        };
        entries.map(|entry| (entry.path(), age(&entry).unwrap_or_default())).collect()
    }
}

fn forget_unused(path: &Path) {
    let unused = match File::open(path) {
        Ok(file) => Flock::lock(file, FlockArg::LockExclusiveNonblock).is_ok(),
        Err(error) => error.kind() != ErrorKind::NotFound,
    };
    if unused {
        drop(fs::remove_file(path));
    }
}
