//! Files that visitors changed: into the store, and back to a face that knows nothing of them.
//!
//! The store's thread reads them after all that was written before. A few deckies' at a time are
//! on their way, a few pieces of a large file, and the face lets nobody in before it has them.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context as _, Result};

use tokio::sync::oneshot;

use super::engine::{Done, Engine};
use super::writer::{FilesRead, Wanted};
use crate::edge::channel::ChannelError;
use crate::edge::store::FileChange;
use crate::logic::decky::{DeckyId, Identity};
use crate::logic::files::{Body, Change, Node};
use crate::logic::wire::{FILES, FromAgent, MAX_MESSAGE, encode};

/// Deckies whose files are read at a time; each has at most two megabytes.
const AT_ONCE: usize = 16;
/// Pieces of a large file that are read at a time; each has 32 KiB.
const PIECES: u32 = 32;
/// Until a face that has not taken all that it was sent is tried again.
const SHORTLY: Duration = Duration::from_millis(5);

/// What has yet to be given back.
#[derive(Debug, Default)]
pub(super) struct Restores {
    waiting: VecDeque<DeckyId>,
    /// Some were asked for and have not come.
    asked: bool,
    messages: VecDeque<Vec<u8>>,
    /// What follows those messages.
    large: VecDeque<Large>,
}

/// What comes after the files of several deckies that can be sent at once.
#[derive(Debug)]
enum Large {
    /// A file, from its piece of this number on.
    File { id: DeckyId, path: String, wanted: Wanted },
    /// The decky has all of them.
    Restored(DeckyId),
}

impl Large {
    fn id(&self) -> DeckyId {
        match self {
            Self::File { id, .. } | Self::Restored(id) => *id,
        }
    }
}

impl Restores {
    /// Waits a little where the face has not taken all that it was sent, and for ever elsewhere.
    pub(super) async fn shortly(&self) {
        if self.messages.is_empty() {
            std::future::pending().await
        } else {
            tokio::time::sleep(SHORTLY).await;
        }
    }
}

/// What the store has a decky's files under: another kind of system has other files.
pub(super) fn key(decky: &Identity) -> String {
    format!("{}@{}", decky.name, decky.persona.id)
}

impl Engine {
    /// The face serves these deckies from now on, and has none of their files.
    pub(super) fn restore_all(&mut self, ids: impl IntoIterator<Item = DeckyId>) -> Result<()> {
        for id in ids {
            self.restores.large.retain(|large| large.id() != id);
            if !self.restores.waiting.contains(&id) {
                self.restores.waiting.push_back(id);
            }
        }
        self.restore()
    }

    /// Goes on giving files back.
    pub(super) fn restore(&mut self) -> Result<()> {
        loop {
            while let Some(message) = self.restores.messages.front() {
                match self.keeper.tell_face(message) {
                    Ok(()) => drop(self.restores.messages.pop_front()),
                    // Looked at again shortly.
                    Err(ChannelError::NotReady) => return Ok(()),
                    // A new keeper has a new face, and the deckies are made anew.
                    Err(ChannelError::Closed) => {
                        self.restores.messages.clear();
                        self.restores.large.clear();
                    }
                    Err(error) => return Err(error).context("cannot reach the face"),
                }
            }
            if self.restores.asked {
                return Ok(());
            }
            if !self.restores.waiting.is_empty() {
                self.ask_for_files();
                return Ok(());
            }
            // Deckies that have large files wait for those that have none.
            match self.restores.large.pop_front() {
                None => return Ok(()),
                Some(Large::Restored(id)) => {
                    self.restores.messages.push_back(encode(&FromAgent::Restored(id))?);
                }
                Some(large @ Large::File { .. }) => self.ask_for_parts(large),
            }
        }
    }

    fn ask_for_files(&mut self) {
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
    }

    fn ask_for_parts(&mut self, large: Large) {
        let Large::File { wanted, .. } = &large else { return };
        self.restores.asked = true;
        let (taker, parts) = oneshot::channel();
        self.writer.parts(wanted.clone(), taker);
        let results = self.results.clone();
        tokio::spawn(async move {
            let parts = parts.await.unwrap_or_default();
            // The loop may have ended.
            drop(results.send(Done::Parts(Asked(large), parts)).await);
        });
    }

    /// Takes what the store had.
    pub(super) fn give_files(&mut self, files: FilesRead) -> Result<()> {
        self.restores.asked = false;
        for (id, changes) in files {
            let mut message = Vec::new();
            let (mut large, mut small) = (Vec::new(), Vec::new());
            for change in changes {
                if let Some(Node { body: Body::Stored { sha256, .. }, .. }) = &change.node {
                    let wanted = Wanted { sha256: sha256.clone(), first: 0, most: PIECES };
                    large.push(Large::File { id, path: change.path.clone(), wanted });
                }
                small.push(FromAgent::Restore(id, Box::new(change)));
            }
            if large.is_empty() {
                small.push(FromAgent::Restored(id));
            }
            for part in small {
                let bytes = encode(&part)?;
                if message.len() + bytes.len() > MAX_MESSAGE {
                    self.restores.messages.push_back(std::mem::take(&mut message));
                }
                message.extend_from_slice(&bytes);
            }
            if !message.is_empty() {
                self.restores.messages.push_back(message);
            }
            if !large.is_empty() {
                self.restores.large.extend(large);
                self.restores.large.push_back(Large::Restored(id));
            }
        }
        self.restore()
    }

    /// Takes pieces of a large file.
    pub(super) fn give_parts(&mut self, asked: Asked, parts: Vec<Vec<u8>>) -> Result<()> {
        self.restores.asked = false;
        let Asked(Large::File { id, path, mut wanted }) = asked else { return Ok(()) };
        if self.restores.waiting.contains(&id) {
            // Another face wants it from its beginning.
            return self.restore();
        }
        let more = parts.len() >= usize::try_from(wanted.most).unwrap_or(usize::MAX);
        for bytes in parts {
            let message = encode(&FromAgent::RestoreMore(id, path.clone(), bytes))?;
            self.restores.messages.push_back(message);
        }
        if more {
            wanted.first = wanted.first.saturating_add(wanted.most);
            self.restores.large.push_front(Large::File { id, path, wanted });
        }
        self.restore()
    }

    /// Keeps what has changed. It comes from the face: the store bounds what a decky may have.
    pub(super) fn keep_change(&self, id: DeckyId, change: Change, of: Option<u32>) {
        if let Some(decky) = self.fleet.decky(id) {
            let change = FileChange { decky: key(&decky.identity), change };
            self.writer.change(change, of.map(|of| (FILES, of)));
        }
    }
}

/// What pieces were asked for.
#[derive(Debug)]
pub(super) struct Asked(Large);
