//! What visitors change, in the form that is kept over a restart.

use serde::{Deserialize, Serialize};

use super::content::Content;
use crate::logic::time::Timestamp;

/// One path that differs from what was last kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Absolute, without `.`, `..`, links or a `/` at its end.
    pub path: String,
    /// What is there; `None` when nothing of it need be kept any more.
    pub node: Option<Node>,
}

/// An entry that differs from the base.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// What it is.
    pub body: Body,
    /// Permission bits, as `chmod` takes them.
    pub mode: u16,
    /// Number of its user.
    pub uid: u32,
    /// Number of its group.
    pub gid: u32,
    /// When its content changed.
    pub mtime: Timestamp,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// As the base has it at this path, with other permissions or under another name.
    Base(String),
    /// A directory of which nothing is in the base.
    Directory,
    /// A file.
    File {
        /// Its first bytes; those after them are zeros.
        bytes: Content,
        /// How long it is, never less than `bytes`.
        len: u64,
    },
    /// Removed, with all below it.
    Gone,
    /// A symbolic link.
    Link(String),
    /// A file whose bytes are kept elsewhere, by their digest. Deckies have none: it is how one that
    /// is too large to be sent at once is told of.
    Stored {
        /// SHA-256 in hexadecimal.
        sha256: String,
        /// Bytes that are kept.
        bytes: u64,
        /// How long it is, never less.
        len: u64,
    },
}

impl Node {
    /// How much of the limit it takes, in bytes.
    pub fn weight(&self) -> usize {
        match &self.body {
            Body::Base(text) | Body::Link(text) => text.len(),
            Body::Directory | Body::Gone => 0,
            Body::Stored { sha256, .. } => sha256.len(),
            Body::File { bytes, .. } => bytes.len(),
        }
    }
}
