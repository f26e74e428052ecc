//! What is known of one client.

use std::collections::BTreeSet;

use super::request::{Standing, Words};

/// Most commands that wait for `EXEC`.
pub(super) const MAX_QUEUED: usize = 256;

/// Most bytes that these hold.
pub(super) const MAX_QUEUED_BYTES: usize = 256 * 1024;

/// Most channels and patterns that a client listens to.
pub(super) const MAX_CHANNELS: usize = 256;

/// A client.
#[derive(Debug, Default)]
pub(super) struct Client {
    /// Number of the connection.
    pub(super) id: u64,
    /// What it calls itself.
    pub(super) name: Vec<u8>,
    /// Which database it works on.
    pub(super) database: usize,
    /// Whether it may do anything.
    pub(super) let_in: bool,
    /// Commands that wait for `EXEC`.
    pub(super) queue: Option<Queue>,
    /// Keys it watches, with what they held: database, key, digest.
    pub(super) watched: Vec<(usize, Vec<u8>, u64)>,
    /// Channels it listens to.
    pub(super) channels: BTreeSet<Vec<u8>>,
    /// Patterns of channels it listens to.
    pub(super) patterns: BTreeSet<Vec<u8>>,
    /// Shard channels it listens to.
    pub(super) shards: BTreeSet<Vec<u8>>,
    /// Whether it is told of commands.
    pub(super) monitor: bool,
    /// How it wants to be answered.
    pub(super) replies: Replies,
    /// Whether it waits for something that never comes, and for how long yet (milliseconds).
    pub(super) blocked: Option<u64>,
    /// How much its commands have cost since it last gave way.
    pub(super) work: usize,
    /// Whether it is to be closed.
    pub(super) closing: bool,
    /// When it came, in milliseconds since 1970.
    pub(super) since: u64,
}

/// Commands that wait for `EXEC`.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// The commands.
    pub(super) commands: Vec<Words>,
    /// Bytes they hold.
    pub(super) held: usize,
    /// Whether one was refused.
    pub(super) broken: bool,
}

/// How a client wants to be answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Replies {
    /// Not at all.
    Off,
    /// As usual.
    #[default]
    On,
    /// Not to the command after this one.
    SkipNext,
    /// Not to this command.
    SkipThis,
}

impl Client {
    /// How many channels and patterns it listens to.
    pub(super) fn listening(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }

    /// Bytes that are held for it.
    pub(super) fn held(&self) -> usize {
        let queue = self.queue.as_ref().map_or(0, |queue| queue.held);
        let watched: usize = self.watched.iter().map(|(_, key, _)| key.len()).sum();
        let names = self.channels.iter().chain(&self.patterns).chain(&self.shards);
        queue + watched + names.map(Vec::len).sum::<usize>()
    }

    /// Whether it may send long commands.
    pub(super) fn standing(&self) -> Standing {
        if self.let_in { Standing::Known } else { Standing::Stranger }
    }

    /// Forgets all that `RESET` forgets, its login too.
    pub(super) fn reset(&mut self) {
        let (id, since) = (self.id, self.since);
        *self = Self { id, since, ..Self::default() };
    }
}
