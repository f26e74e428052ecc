//! What visitors send, on its way into the store: pieces that are whole in the end, or forgotten.
//!
//! It belongs to the thread that writes events. What the face says of pieces is not believed: the
//! digest is made here, of the bytes as they are kept.

use std::collections::{BTreeMap, HashSet};

use sha2::{Digest as _, Sha256};

use super::writer::Whole;
use crate::edge::clock;
use crate::edge::store::{EvidenceId, FileChange, Part, Store, StoreError};
use crate::logic::event::{Event, Kind, MAX_RAW, MAX_WHOLE, SessionId, sha256_text};
use crate::logic::fair::Budget;
use crate::logic::files::{Body, Node};
use crate::logic::source::Source;
use crate::logic::wire::Sent;

/// Pieces written at a time, some 32 KiB each.
const BATCH: usize = 32;
/// Most bytes that arrive at a time, of everybody, whatever the store may use.
const MAX_ARRIVING: u64 = 256 * 1024 * 1024;
/// Of what the store may use, one part in so many may be arriving.
const ARRIVING: u64 = 4;
/// Of what the store may use, one part in so many may be kept whole.
const KEPT: u64 = 2;
/// A source may have another piece arriving while it has less than one part in so many of what is
/// free: alone it gets a third.
const PART: usize = 2;
/// What one thing is counted as beside its bytes.
const FRAME: usize = 4 * 1024;
/// Contents forgotten at a time where there are too many: more than can come until the next time.
const PRUNES: u32 = 8_192;

/// What is arriving.
pub(super) struct Arrivals {
    /// Bytes that the store may use.
    limit: u64,
    arriving: BTreeMap<(SessionId, u32), Arriving>,
    /// Bytes that arrive, by whose they are.
    budget: Budget<Source>,
    parts: Vec<Part>,
}

struct Arriving {
    /// None when it will not be whole: there was no room.
    id: Option<EvidenceId>,
    source: Source,
    parts: u32,
    bytes: usize,
    hash: Sha256,
}

impl Arrivals {
    /// None yet; the store may use `limit` bytes.
    pub(super) fn new(limit: u64) -> Self {
        let most = usize::try_from((limit / ARRIVING).min(MAX_ARRIVING)).unwrap_or(usize::MAX);
        let budget = Budget::with_part(most, PART);
        Self { limit, arriving: BTreeMap::new(), budget, parts: Vec::new() }
    }

    /// Takes a piece.
    pub(super) fn take(&mut self, sent: Sent, store: &mut Store) {
        let Sent { session, of, source, bytes } = sent;
        let key = (session, of);
        let Some(bytes) = bytes else { return self.forget(key, store) };
        if !self.arriving.contains_key(&key) {
            let id = self.begin(source, store);
            self.budget.take(source, FRAME);
            let hash = Sha256::new();
            self.arriving.insert(key, Arriving { id, source, parts: 0, bytes: 0, hash });
        }
        let Some(known) = self.arriving.get_mut(&key) else { return };
        let Some(id) = known.id else { return };
        if known.bytes + bytes.len() > MAX_WHOLE || !self.budget.has_room(known.source) {
            return self.give_up(key, store);
        }
        known.hash.update(&bytes);
        known.bytes += bytes.len();
        self.budget.take(known.source, bytes.len());
        self.parts.push(Part { of: id, number: known.parts, body: bytes });
        known.parts += 1;
        if self.parts.len() >= BATCH {
            self.write(store);
        }
    }

    fn begin(&self, source: Source, store: &Store) -> Option<EvidenceId> {
        if !self.budget.has_room(source) {
            return None;
        }
        let begun = store.begin_evidence(clock::now());
        begun.inspect_err(|error| tracing::warn!(%error, "cannot keep what a visitor sends")).ok()
    }

    /// Writes what waits. What cannot be written will not be whole, and there its event says so.
    pub(super) fn write(&mut self, store: &mut Store) {
        if self.parts.is_empty() {
            return;
        }
        let parts = std::mem::take(&mut self.parts);
        let mut saved = store.save_parts(&parts);
        // The oldest goes, as where the store may have no more.
        if saved.as_ref().is_err_and(StoreError::is_full)
            && store.prune_evidence(0, 1).is_ok_and(|forgotten| forgotten > 0)
        {
            saved = store.save_parts(&parts);
        }
        let Err(error) = saved else { return };
        tracing::warn!(%error, "cannot keep what visitors send");
        let lost: HashSet<EvidenceId> = parts.iter().map(|part| part.of).collect();
        let lost = |known: &Arriving| known.id.is_some_and(|id| lost.contains(&id));
        let keys = self.arriving.iter().filter(|(_, known)| lost(known)).map(|(key, _)| *key);
        for key in keys.collect::<Vec<_>>() {
            self.give_up(key, store);
        }
    }

    /// All of something has come, and this is its digest. Says whether all of it is kept.
    fn end(&mut self, session: SessionId, of: u32, sha256: &str, store: &mut Store) -> bool {
        self.write(store);
        let Some(known) = self.arriving.remove(&(session, of)) else { return false };
        self.budget.give_back(known.source, known.bytes + FRAME);
        let Some(id) = known.id else { return false };
        if sha256_text(known.hash) != sha256 {
            self.drop_from(store, id);
            return false;
        }
        let bytes = known.bytes as u64;
        let ended = store.end_evidence(id, sha256, bytes, clock::now());
        if let Err(error) = &ended {
            tracing::warn!(%error, "cannot keep what a visitor sent");
            self.drop_from(store, id);
        }
        ended.is_ok()
    }

    /// Says of bytes of which the event has not all whether they are kept whole.
    pub(super) fn mark(&mut self, event: &mut Event, of: Option<u32>, store: &mut Store) {
        self.end_of(event, store);
        let Some(raw) = &event.raw else { return };
        let whole = of
            .zip(event.session)
            .is_some_and(|(of, session)| self.end(session, of, &raw.sha256, store));
        if whole || raw.len > MAX_RAW as u64 {
            event.data.put("whole", whole);
        }
    }

    /// A change whose content has come in pieces: a file of which not all is kept is not kept at all.
    pub(super) fn settle(
        &mut self,
        mut change: FileChange,
        whole: Option<Whole>,
        store: &mut Store,
    ) -> FileChange {
        let Some(Node { body: Body::Stored { sha256, .. }, .. }) = &change.change.node else {
            return change;
        };
        if let Some((session, of)) = whole {
            self.end(session, of, sha256, store);
        }
        if !store.evidence_len(sha256).is_ok_and(|known| known.is_some()) {
            tracing::warn!(
                decoy = change.decky,
                "a file has no room in the store, it ends with the face"
            );
            change.change.node = None;
        }
        change
    }

    /// Forgets what will not be whole any more, where whoever sent it is gone.
    fn end_of(&mut self, event: &Event, store: &mut Store) {
        let keys: Vec<(SessionId, u32)> = match (event.event, event.session) {
            (Kind::ConnClose, Some(session)) => {
                let all = (session, 0)..=(session, u32::MAX);
                self.arriving.range(all).map(|(key, _)| *key).collect()
            }
            (Kind::FaceEnded, _) => self.arriving.keys().copied().collect(),
            _ => return,
        };
        for key in keys {
            self.forget(key, store);
        }
    }

    /// Forgets the oldest where more is kept than may be.
    pub(super) fn prune(&self, store: &mut Store) {
        if let Err(error) = store.prune_evidence(self.limit / KEPT, PRUNES) {
            tracing::warn!(%error, "the store keeps what visitors sent, trying again");
        }
    }

    /// Forgets the oldest, for there is no room for an event. Says whether there was something.
    pub(super) fn make_room(&mut self, store: &mut Store) -> bool {
        self.parts.clear();
        let arriving: Vec<_> = self.arriving.keys().copied().collect();
        let some = !arriving.is_empty();
        for key in arriving {
            self.give_up(key, store);
        }
        some | store.prune_evidence(0, 1).is_ok_and(|forgotten| forgotten > 0)
    }

    /// Keeps no more of something, and remembers that.
    fn give_up(&mut self, key: (SessionId, u32), store: &mut Store) {
        let Some(known) = self.arriving.get_mut(&key) else { return };
        self.budget.give_back(known.source, std::mem::take(&mut known.bytes));
        if let Some(id) = known.id.take() {
            self.drop_from(store, id);
        }
    }

    fn forget(&mut self, key: (SessionId, u32), store: &mut Store) {
        self.give_up(key, store);
        if let Some(known) = self.arriving.remove(&key) {
            self.budget.give_back(known.source, FRAME);
        }
    }

    fn drop_from(&mut self, store: &mut Store, id: EvidenceId) {
        self.parts.retain(|part| part.of != id);
        if let Err(error) = store.forget_evidence(id) {
            // The next start forgets it.
            tracing::warn!(%error, "cannot forget what is not whole");
        }
    }
}

#[cfg(test)]
mod tests;
