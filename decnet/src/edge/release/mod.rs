//! Releases on disk: as a tree, as a bundle, as a parcel, and the keys that sign them.
//!
//! Everything below a release's directory is reached through its descriptor, one part of
//! a name after the other, so that no link and no `..` leads out of it, whoever else writes there.

mod bundle;
mod keys;
mod pack;
pub mod parcel;
mod running;
mod tree;
mod unpack;
mod verify;

pub use bundle::{read, resign};
pub use keys::{KeyError, read_public, read_root, read_secret, write_secret};
pub use pack::{PackError, pack, survey};
pub use running::{in_use, name, running};
pub use tree::Tree;
pub use unpack::{UnpackError, Unpacked, is_parcel, peek, receive, unpack};
pub use verify::{Unsound, verify};

use std::path::PathBuf;

use super::denied;

/// What can go wrong with a release's files.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} `{path}`")]
pub struct DiskError {
    /// What was tried.
    pub doing: &'static str,
    /// On what.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: std::io::Error,
}

impl DiskError {
    fn new(
        doing: &'static str,
        path: impl Into<PathBuf>,
        source: impl Into<std::io::Error>,
    ) -> Self {
        let path = path.into();
        let source = denied::explain(&path, source.into());
        Self { doing, path, source }
    }

    /// Whether the disk is full, or the user's part of it.
    pub fn is_full(&self) -> bool {
        use std::io::ErrorKind;
        matches!(self.source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
    }
}

#[cfg(test)]
mod tests;
