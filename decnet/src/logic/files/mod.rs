//! The file system of a decky: an immutable base that all deckies of a kind share, and over it
//! the little that this decky's visitors have changed.
//!
//! It is apart because ssh, telnet and ftp show the same files. A decky that nobody has written
//! to holds two words here. What visitors write is bounded ([`MAX_ENTRIES`],
//! [`MAX_FILE`], [`MAX_BYTES`]); beyond that they read "No space left on device". Files that
//! depend on the decky are made when they are read.
//!
//! Reading and writing goes through [`Files::by`], which binds who asks and when.

mod access;
mod alter;
mod base;
mod change;
mod content;
mod fault;
mod growing;
mod overlay;
mod path;
mod tree;
mod walk;

use crate::logic::decky::Identity;
use crate::logic::time::Timestamp;

pub use access::{Access, Kind, READ_LIMIT, Stat};
pub(in crate::logic) use base::{load, traffic};
pub use change::{Body, Change, Node};
pub use content::{Content, PIECE};
pub use fault::Fault;
pub use growing::Existing;
pub use path::{absolute, file_name, parent};

pub(in crate::logic) use tree::installed;

use overlay::Overlay;

/// Most entries that differ from the base.
pub const MAX_ENTRIES: usize = 512;
/// Most bytes kept of one file.
pub const MAX_FILE: usize = 16 * 1024 * 1024;
/// Most bytes kept of all files, their names included.
pub const MAX_BYTES: usize = 80 * 1024 * 1024;

/// Most bytes of a file that is kept over a restart with its name; larger ones are kept by their
/// digest.
pub const MAX_INLINE: usize = 4 * 1024;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// User number; 0 may do everything.
    pub uid: u32,
    /// Number of the user's group.
    pub gid: u32,
}

impl Owner {
    /// The superuser.
    pub const ROOT: Self = Self { uid: 0, gid: 0 };
}

/// The files of one decky, as far as they differ from its base.
#[derive(Debug, Default)]
pub struct Files {
    overlay: Option<Box<Overlay>>,
    /// Uploads so far.
    uploads: u32,
}

impl Files {
    /// The files as `owner` sees them on `decky` at `now`.
    pub fn by<'a>(&'a mut self, decky: &'a Identity, owner: Owner, now: Timestamp) -> Access<'a> {
        Access::new(self, decky, owner, now)
    }

    /// What has changed since the last call, for whoever keeps it over a restart.
    ///
    /// **Shape**: at most twice [`MAX_ENTRIES`], each path once. Applied in any order to what the
    /// earlier calls gave, it makes the same files.
    pub fn take_changes(&mut self) -> Vec<Change> {
        self.overlay.as_mut().map(|overlay| overlay.take_changes()).unwrap_or_default()
    }

    /// Whether [`Files::take_changes`] has something to give.
    pub fn has_changes(&self) -> bool {
        self.overlay.as_ref().is_some_and(|overlay| overlay.has_changes())
    }

    /// Brings back what earlier calls of [`Files::take_changes`] gave. What goes beyond the
    /// limits, or is no absolute path, is left out.
    pub fn restore(&mut self, changes: Vec<Change>) {
        if !changes.is_empty() {
            self.overlay.get_or_insert_default().restore(changes);
        }
    }

    /// Goes on with bringing back a file that is too large to be sent at once: its next bytes.
    /// What goes beyond the limits is left out.
    pub fn restore_more(&mut self, path: &str, bytes: &[u8]) {
        if let Some(overlay) = &mut self.overlay {
            overlay.restore_more(path, bytes);
        }
    }

    /// Lets them hold so many bytes at most, and no more than [`MAX_BYTES`]; what they hold already
    /// stays.
    pub fn set_most(&mut self, most: usize) {
        if let Some(overlay) = &mut self.overlay {
            overlay.set_most(most.min(MAX_BYTES));
        }
    }

    /// Bytes held for this decky, names included.
    pub fn bytes(&self) -> usize {
        self.overlay.as_ref().map_or(0, |overlay| overlay.bytes())
    }
}

#[cfg(test)]
mod tests;
