//! Bytes of the disk that transfers and the update may take, all together: what one was promised is
//! free for no other, also before it is written.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::edge::update::free;
use crate::logic::update::Space;

/// What is promised on a disk, beyond a reserve for everybody else.
#[derive(Clone, Debug)]
pub(super) struct Rooms {
    dir: PathBuf,
    reserve: u64,
    promised: Arc<Mutex<u64>>,
}

/// Bytes that were promised and are not written yet. They are free again when it is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    rooms: Rooms,
    held: u64,
}

/// There are fewer bytes than somebody wants: so many are free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooFew(pub(super) u64);

impl Rooms {
    /// Nothing is promised yet.
    pub(super) fn new(dir: &Path, reserve: u64) -> Self {
        Self { dir: dir.into(), reserve, promised: Arc::default() }
    }

    /// What is free and not promised, where a directory is.
    ///
    /// # Errors
    ///
    /// When the kernel does not say.
    pub(super) fn free(&self, dir: &Path) -> io::Result<Space> {
        self.left(dir, *self.promised())
    }

    /// What is promised to a release that is to be unpacked into a directory, whose space was asked
    /// for before: nothing where that is on another disk.
    pub(super) fn unpacked(&self, install: &Path, bytes: u64) -> Claim {
        let device = |dir: &Path| std::fs::metadata(dir).map(|found| found.dev()).ok();
        let mut claim = self.none();
        if device(install) == device(&self.dir) {
            let mut promised = self.promised();
            (*promised, claim.held) = (promised.saturating_add(bytes), bytes);
        }
        claim
    }

    /// A promise of nothing, which may grow.
    pub(super) fn none(&self) -> Claim {
        Claim { rooms: self.clone(), held: 0 }
    }

    fn promised(&self) -> MutexGuard<'_, u64> {
        self.promised.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn left(&self, dir: &Path, promised: u64) -> io::Result<Space> {
        let found = free(dir, self.reserve)?;
        Ok(Space { bytes: found.bytes.saturating_sub(promised), files: found.files })
    }
}

impl Claim {
    /// Is promised so many bytes more.
    ///
    /// # Errors
    ///
    /// When the kernel does not say what is free; [`TooFew`].
    pub(super) fn grow(&mut self, bytes: u64) -> io::Result<Result<(), TooFew>> {
        let mut promised = self.rooms.promised();
        let free = self.rooms.left(&self.rooms.dir, *promised)?.bytes;
        if bytes > free {
            return Ok(Err(TooFew(free)));
        }
        *promised = promised.saturating_add(bytes);
        self.held = self.held.saturating_add(bytes);
        Ok(Ok(()))
    }

    /// So many of them are written, or not wanted.
    pub(super) fn shrink(&mut self, bytes: u64) {
        let bytes = bytes.min(self.held);
        self.held -= bytes;
        let mut promised = self.rooms.promised();
        *promised = promised.saturating_sub(bytes);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.shrink(self.held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_was_promised_is_free_for_no_other() {
        let dir = tempfile::tempdir().expect("a directory");
        let all = free(dir.path(), 0).expect("the kernel says it").bytes;
        // So that what others write meanwhile does not matter.
        let (reserve, some) = (all / 2, all / 3);
        let rooms = Rooms::new(dir.path(), reserve);
        let (mut one, mut other) = (rooms.none(), rooms.none());
        assert_eq!(one.grow(some).expect("the kernel says it"), Ok(()));
        let refused = other.grow(some).expect("the kernel says it").expect_err("it is promised");
        assert!(refused.0 < some, "{refused:?}");
        assert!(rooms.free(dir.path()).expect("the kernel says it").bytes < some);
        // What is written is no promise any more, and neither is what was given up.
        one.shrink(some);
        assert_eq!(other.grow(some).expect("the kernel says it"), Ok(()));
        drop(other);
        assert_eq!(one.grow(some).expect("the kernel says it"), Ok(()));
    }
}
