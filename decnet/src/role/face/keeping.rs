//! Files of deckies on their way to whoever keeps them over a restart, and back.
//!
//! A small one goes as a change. A large one goes before its change in pieces, as long as there is
//! room for them, and its decky's other changes wait for it.

use std::collections::VecDeque;

use sha2::{Digest as _, Sha256};

use super::outbox::Outbox;
use super::served::{Deckies, Decky};
use super::turning::Who;
use crate::logic::decky::DeckyId;
use crate::logic::event::sha256_text;
use crate::logic::files::{Body, Change, Content, MAX_INLINE, Node};

/// Pieces that are sent before visitors have turns again.
const PIECES: usize = 8;

/// Changes that are on their way.
#[derive(Default)]
pub(super) struct Keeping {
    waiting: VecDeque<(DeckyId, Change)>,
    /// What of the first has been sent.
    large: Option<Large>,
    /// Large files so far.
    number: u32,
}

/// A file that goes in pieces.
struct Large {
    content: Content,
    piece: usize,
    hash: Sha256,
}

impl Keeping {
    /// Whether there is something to send.
    pub(super) fn is_busy(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Sends on, as long as there is room.
    fn send(&mut self, outbox: &mut Outbox) {
        for _ in 0..PIECES {
            if !outbox.has_room_for_changes() {
                return;
            }
            let Some((decky, change)) = self.waiting.front_mut() else { return };
            let Some(content) = large(change) else {
                outbox.changed(*decky, change.clone(), None);
                self.waiting.pop_front();
                continue;
            };
            if let Some(digest) = content.digest() {
                let sha256 = digest.to_string();
                outbox.changed(*decky, stored(change, sha256), None);
                self.waiting.pop_front();
                continue;
            }
            let large = self.large.get_or_insert_with(|| {
                self.number = self.number.wrapping_add(1);
                Large { content: content.clone(), piece: 0, hash: Sha256::new() }
            });
            if let Some(bytes) = large.content.piece(large.piece) {
                large.hash.update(bytes);
                large.piece += 1;
                outbox.file_piece(self.number, bytes.to_vec());
                continue;
            }
            let sha256 = self.large.take().map(|large| sha256_text(large.hash));
            let change = stored(change, sha256.unwrap_or_default());
            outbox.changed(*decky, change, Some(self.number));
            self.waiting.pop_front();
        }
    }

    /// Sends no more of a decky's: it is gone.
    fn forget(&mut self, id: DeckyId, outbox: &mut Outbox) {
        if self.waiting.front().is_some_and(|(decky, _)| *decky == id)
            && self.large.take().is_some()
        {
            outbox.no_file(self.number);
        }
        self.waiting.retain(|(decky, _)| *decky != id);
    }

    fn knows(&self, id: DeckyId) -> bool {
        self.waiting.iter().any(|(decky, _)| *decky == id)
    }
}

/// The content of a file that cannot go with its change.
fn large(change: &Change) -> Option<&Content> {
    match &change.node.as_ref()?.body {
        Body::File { bytes, .. } if bytes.len() > MAX_INLINE => Some(bytes),
        _ => None,
    }
}

/// The change of a file whose content has gone before it.
fn stored(change: &Change, sha256: String) -> Change {
    let body = |node: &Node| match &node.body {
        Body::File { bytes, len } => Body::Stored { sha256, bytes: bytes.len() as u64, len: *len },
        other => other.clone(),
    };
    let node = change.node.as_ref().map(|node| Node { body: body(node), ..node.clone() });
    Change { path: change.path.clone(), node }
}

impl Deckies {
    /// Sends what has changed since the last time.
    pub(super) fn keep(&mut self, outbox: &mut Outbox) {
        self.keep_on(outbox);
        for (id, decky) in &self.deckies {
            if !outbox.has_room_for_changes() {
                // The rest next time.
                return;
            }
            if self.keeping.knows(*id) {
                continue;
            }
            let mut state = decky.state.borrow_mut();
            // Before the old files are back, the new ones are not what is to be kept.
            if decky.whole.get() && state.files.has_changes() {
                let changes = state.files.take_changes();
                self.keeping.waiting.extend(changes.into_iter().map(|change| (*id, change)));
            }
        }
        self.keep_on(outbox);
        self.unkept = self.keeping.is_busy();
    }

    /// Sends on what is on its way.
    pub(super) fn keep_on(&mut self, outbox: &mut Outbox) {
        if self.keeping.is_busy() {
            self.keeping.send(outbox);
        }
    }

    /// Sends all that is left, as long as there is room. Says whether there is more.
    pub(super) fn keep_rest(&mut self, outbox: &mut Outbox) -> bool {
        self.keep(outbox);
        while self.keeping.is_busy() && outbox.has_room_for_changes() {
            self.keeping.send(outbox);
        }
        let changed = |decky: &Decky| decky.whole.get() && decky.state.borrow().files.has_changes();
        self.keeping.is_busy() || self.deckies.values().any(|decky| changed(decky))
    }

    /// Keeps no more of a decky that is gone.
    pub(super) fn keep_no_more(&mut self, id: DeckyId, outbox: &mut Outbox) {
        self.keeping.forget(id, outbox);
    }

    /// Brings back a file.
    pub(super) fn restore(&self, id: DeckyId, change: Change) {
        if let Some(decky) = self.deckies.get(&id) {
            decky.state.borrow_mut().files.restore(vec![change]);
        }
    }

    /// Brings back more of a file.
    pub(super) fn restore_more(&self, id: DeckyId, path: &str, bytes: &[u8]) {
        if let Some(decky) = self.deckies.get(&id) {
            decky.state.borrow_mut().files.restore_more(path, bytes);
        }
    }

    /// All files are back: lets visitors in.
    pub(super) fn restored(&mut self, id: DeckyId) {
        let Some(decky) = self.deckies.get(&id).cloned() else { return };
        decky.whole.set(true);
        self.weigh_decky(&decky);
        let doors = self.doors.iter().filter(|(_, door)| door.decky.id == id);
        let doors: Vec<usize> = doors.map(|(index, _)| index).collect();
        doors.into_iter().for_each(|index| self.wants_turn(Who::Door(index)));
    }

    /// Whether a decky is known.
    pub(super) fn knows(&self, id: DeckyId) -> bool {
        self.deckies.contains_key(&id)
    }
}
