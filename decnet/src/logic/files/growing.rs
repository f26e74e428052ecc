//! Files that are written in pieces, as they come: each piece is there as soon as it has come, and
//! what there is of it is kept over a restart once it is all there.

use std::sync::Arc;

use super::access::Access;
use super::alter::{WRITE, discards};
use super::fault::Fault;
use super::walk::{Found, Last, Thing};

/// What becomes of the content of a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It goes.
    Emptied,
    /// It stays where nothing is written.
    Kept,
}

impl Access<'_> {
    /// Adds `bytes` at a file's end, and makes the file where there is none.
    ///
    /// # Errors
    ///
    /// As for [`Access::write`].
    pub fn append(&mut self, path: &str, bytes: &[u8]) -> Result<(), Fault> {
        let Some(at) = self.open(path, Existing::Kept)? else { return Ok(()) };
        let found = self.walk_as_root(&at)?;
        let end = self.stat_of(&found).size;
        let done = self.write_at(&at, end, bytes);
        self.close(&at, None);
        done
    }

    /// Makes ready a file that will be written to in pieces: empty, or as it is. Says where it lies;
    /// nowhere when what is written to it is discarded.
    ///
    /// # Errors
    ///
    /// Those of [`Access::write`].
    pub fn open(&mut self, path: &str, existing: Existing) -> Result<Option<String>, Fault> {
        let found = match self.walk(path, Last::Follow) {
            Ok(found) if discards(&found) => return self.keep(path, &[], 0).map(|_| None),
            Ok(found) => Some(found),
            Err(_) => None,
        };
        let stays = |found: &Found| existing == Existing::Kept && self.may(found, WRITE);
        let at = match found.filter(stays) {
            Some(Found { path, thing: Thing::File { .. }, .. }) => path,
            found => {
                let head = found.as_ref().map(|found| self.content_of(found)).unwrap_or_default();
                let len = found.map_or(0, |found| self.stat_of(&found).size);
                if self.keep(path, &head, len)? < head.len() {
                    return Err(Fault::NoSpace);
                }
                self.walk_as_root(path)?.path
            }
        };
        if let Some(overlay) = &mut self.files.overlay {
            overlay.open(&at);
        }
        Ok(Some(at))
    }

    /// Writes to a file that was [opened](Self::open), whoever may do that by now. When it is not
    /// there any more, that goes nowhere.
    ///
    /// # Errors
    ///
    /// [`Fault::NoSpace`] with as much written as fits.
    pub fn write_at(&mut self, at: &str, offset: u64, bytes: &[u8]) -> Result<(), Fault> {
        let overlay = self.files.overlay.as_mut();
        match overlay.and_then(|overlay| overlay.write_at(at, offset, bytes)) {
            Some(written) if written < bytes.len() => Err(Fault::NoSpace),
            _ => Ok(()),
        }
    }

    /// Ends writing to such a file. `digest` is that of all that was written, which it holds if
    /// nothing else was, and all of it has found room.
    pub fn close(&mut self, at: &str, digest: Option<Arc<str>>) {
        let now = self.now;
        if let Some(overlay) = &mut self.files.overlay {
            overlay.touch(at, now, digest);
        }
    }

    /// A number for an upload, which no other of this decky has, and never 0.
    pub fn number(&mut self) -> u32 {
        self.files.uploads = self.files.uploads.wrapping_add(1).max(1);
        self.files.uploads
    }
}
