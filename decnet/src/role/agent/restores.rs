//! Files that visitors changed: into the store, and back to a face that knows nothing of them.
//!
//! The store's thread reads them after all that was written before. A few deckies' at a time are
//! on their way, and the face lets nobody in before it has them.

use std::collections::VecDeque;

use anyhow::{Context as _, Result};

use tokio::sync::oneshot;

use super::engine::{Done, Engine};
use super::writer::FilesRead;
use crate::edge::channel::ChannelError;
use crate::edge::store::FileChange;
use crate::logic::decky::{DeckyId, Identity};
use crate::logic::files::Change;
use crate::logic::wire::{FromAgent, MAX_MESSAGE, encode};

/// Deckies whose files are read at a time; each has at most two megabytes.
const AT_ONCE: usize = 16;

/// What has yet to be given back.
#[derive(Debug, Default)]
pub(super) struct Restores {
    waiting: VecDeque<DeckyId>,
    /// Some were asked for and have not come.
    asked: bool,
    messages: VecDeque<Vec<u8>>,
}

/// What the store has a decky's files under: another kind of system has other files.
pub(super) fn key(decky: &Identity) -> String {
    format!("{}@{}", decky.name, decky.persona.id)
}

impl Engine {
    /// The face serves these deckies from now on, and has none of their files.
    pub(super) fn restore_all(&mut self, ids: impl IntoIterator<Item = DeckyId>) -> Result<()> {
        for id in ids {
            if !self.restores.waiting.contains(&id) {
                self.restores.waiting.push_back(id);
            }
        }
        self.restore()
    }

    /// Goes on giving files back.
    pub(super) fn restore(&mut self) -> Result<()> {
        while let Some(message) = self.restores.messages.front() {
            match self.keeper.tell_face(message) {
                Ok(()) => drop(self.restores.messages.pop_front()),
                // Looked at again at the next tick.
                Err(ChannelError::NotReady) => return Ok(()),
                // A new keeper has a new face, and the deckies are made anew.
                Err(ChannelError::Closed) => self.restores.messages.clear(),
                Err(error) => return Err(error).context("cannot reach the face"),
            }
        }
        if self.restores.asked || self.restores.waiting.is_empty() {
            return Ok(());
        }
        let count = self.restores.waiting.len().min(AT_ONCE);
        let ids = self.restores.waiting.drain(..count);
        let named = ids.filter_map(|id| Some((id, key(&self.fleet.decky(id)?.identity))));
        let named: Vec<_> = named.collect();
        self.restores.asked = true;
        let (taker, files) = oneshot::channel();
        self.writer.files(named, taker);
        let results = self.results.clone();
        tokio::spawn(async move {
            let files = files.await.unwrap_or_default();
            // The loop may have ended.
            drop(results.send(Done::Files(files)).await);
        });
        Ok(())
    }

    /// Takes what the store had.
    pub(super) fn give_files(&mut self, files: FilesRead) -> Result<()> {
        self.restores.asked = false;
        for (id, changes) in files {
            let mut message = Vec::new();
            let restore = |change| FromAgent::Restore(id, Box::new(change));
            let all = changes.into_iter().map(restore).chain([FromAgent::Restored(id)]);
            for part in all {
                let bytes = encode(&part)?;
                if message.len() + bytes.len() > MAX_MESSAGE {
                    self.restores.messages.push_back(std::mem::take(&mut message));
                }
                message.extend_from_slice(&bytes);
            }
            self.restores.messages.push_back(message);
        }
        self.restore()
    }

    /// Keeps what has changed. It comes from the face: the store bounds what a decky may have.
    pub(super) fn keep_change(&self, id: DeckyId, change: Change) {
        if let Some(decky) = self.fleet.decky(id) {
            self.writer.change(FileChange { decky: key(&decky.identity), change });
        }
    }
}
