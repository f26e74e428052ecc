//! What the visitors of one decky share, and what outlives their connections.

use super::{redis, ssh};
use crate::logic::files::Files;

/// The memory of a decky.
#[derive(Debug, Default)]
pub struct State {
    /// Its files, as far as visitors have changed them.
    pub files: Files,
    /// What its Redis holds.
    pub redis: redis::Keys,
    /// The host keys of its SSH server, as far as they were needed.
    pub ssh: ssh::Keys,
}

impl State {
    /// Bytes that visitors have made it hold.
    pub fn weight(&self) -> usize {
        self.files.bytes() + self.redis.cost()
    }

    /// Lets it hold more, as far as its parts allow, or not.
    pub fn set_growth(&mut self, growth: Growth) {
        let (files, keys) = match growth {
            Growth::Allowed => (usize::MAX, usize::MAX),
            Growth::Stopped => (self.files.bytes(), self.redis.cost()),
        };
        self.files.set_most(files);
        self.redis.set_most(keys);
    }
}

/// Whether a decky may be made to hold more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// It may.
    Allowed,
    /// All deckies together hold so much that this one has had its share.
    Stopped,
}

#[cfg(test)]
mod tests;
