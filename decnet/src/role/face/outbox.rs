//! Reports on their way to the agent.

use std::collections::VecDeque;
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::edge::channel::{Channel, ChannelError, Wait};
use crate::logic::decky::DeckyId;
use crate::logic::files::Change;
use crate::logic::wire::{FromFace, Joined, MAX_MESSAGE, Reported, encode};

/// Bytes of a message that is sent without waiting for more.
const BATCH: usize = 32 * 1024;
/// Bytes that wait for the agent before visitors wait too.
const FULL: usize = 4 * 1024 * 1024;

/// Reports that wait to be sent, in order, and never dropped.
pub(super) struct Outbox {
    agent: Channel,
    open: Vec<u8>,
    messages: VecDeque<Vec<u8>>,
    waiting: usize,
}

impl Outbox {
    pub(super) fn new(agent: Channel) -> Self {
        Self { agent, open: Vec::new(), messages: VecDeque::new(), waiting: 0 }
    }

    /// The channel to the agent.
    pub(super) fn agent(&self) -> &Channel {
        &self.agent
    }

    /// Puts a report in.
    pub(super) fn put(&mut self, reported: Reported) {
        self.send(&FromFace::Reported(Box::new(reported)));
    }

    /// Says that a data connection was made.
    pub(super) fn join(&mut self, joined: Joined) {
        self.send(&FromFace::Joined(joined));
    }

    /// Says what has changed of a decky's files.
    pub(super) fn changed(&mut self, decky: DeckyId, changes: Vec<Change>) {
        for change in changes {
            self.send(&FromFace::Changed(decky, Box::new(change)));
        }
    }

    fn send(&mut self, message: &FromFace) {
        let bytes = match encode(message) {
            Ok(bytes) => bytes,
            Err(error) => {
                // Services bound what they report far below this.
                tracing::error!(%error, "a report cannot be sent, dropping it");
                return;
            }
        };
        if self.open.len() + bytes.len() > MAX_MESSAGE {
            self.close();
        }
        self.waiting += bytes.len();
        self.open.extend_from_slice(&bytes);
        if self.open.len() >= BATCH {
            self.close();
        }
    }

    /// Whether so much waits that visitors must wait too.
    pub(super) fn is_full(&self) -> bool {
        self.waiting >= FULL
    }

    /// Sends as much as the agent takes now.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.close();
        while let Some(message) = self.messages.front() {
            match self.agent.send(message, &[], Wait::No) {
                Ok(()) => {
                    self.waiting = self.waiting.saturating_sub(message.len());
                    self.messages.pop_front();
                }
                // Without an agent the keeper ends too, and says so.
                Err(ChannelError::NotReady | ChannelError::Closed) => return Ok(()),
                Err(error) => return Err(error).context("cannot reach the agent"),
            }
        }
        Ok(())
    }

    /// Sends everything, unless the agent is gone or takes longer than that.
    pub(super) fn flush_by(&mut self, until: Instant) -> Result<()> {
        self.flush()?;
        while !self.messages.is_empty() && self.agent.is_writable_by(until) {
            self.flush()?;
        }
        Ok(())
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.messages.push_back(std::mem::take(&mut self.open));
        }
    }
}
