//! What one decky's visitors have changed, bounded, and which of it has yet to be kept.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use super::change::{Body, Change, Node};
use super::content::Content;
use super::fault::Fault;
use super::path::{is_below, is_normal};
use super::{MAX_BYTES, MAX_ENTRIES, MAX_FILE};
use crate::logic::time::Timestamp;

/// The entries that differ from the base, by path.
#[derive(Debug)]
pub(super) struct Overlay {
    slots: BTreeMap<String, Slot>,
    /// Paths whose slot, or whose want of one, has not been taken yet.
    changed: BTreeSet<String>,
    bytes: usize,
    /// What they may be at most.
    most: usize,
}

impl Default for Overlay {
    fn default() -> Self {
        Self { slots: BTreeMap::new(), changed: BTreeSet::new(), bytes: 0, most: MAX_BYTES }
    }
}

#[derive(Debug)]
struct Slot {
    node: Node,
    /// Whether an earlier state of it was taken, so that its end must be told too.
    taken: bool,
    /// Whether it is being written to in pieces, and not to be taken before its end.
    open: bool,
}

impl Overlay {
    pub(super) fn node(&self, path: &str) -> Option<&Node> {
        self.slots.get(path).map(|slot| &slot.node)
    }

    /// Every entry below `directory`, at any depth.
    pub(super) fn below<'a>(
        &'a self,
        directory: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a Node)> {
        // `/a-b` sorts between `/a` and `/a/b`, so the range begins at `/a/`.
        let first = format!("{}/", directory.trim_end_matches('/'));
        self.slots
            .range::<String, _>((Bound::Included(first), Bound::Unbounded))
            .take_while(move |(path, _)| is_below(path, directory))
            .map(|(path, slot)| (path.as_str(), &slot.node))
    }

    /// Puts an entry in place of what was at `path`.
    pub(super) fn set(&mut self, path: &str, node: Node) -> Result<(), Fault> {
        let before = self.slots.get(path).map(|slot| weight(path, &slot.node));
        let bytes = self.bytes - before.unwrap_or(0) + weight(path, &node);
        let entries = self.slots.len() + usize::from(before.is_none());
        if entries > MAX_ENTRIES || bytes > self.most || node.weight() > MAX_FILE {
            return Err(Fault::NoSpace);
        }
        self.bytes = bytes;
        let taken = self.slots.get(path).map_or(self.changed.contains(path), |slot| slot.taken);
        self.slots.insert(path.to_owned(), Slot { node, taken, open: false });
        self.changed.insert(path.to_owned());
        Ok(())
    }

    /// Begins to write to a file in pieces.
    pub(super) fn open(&mut self, path: &str) {
        if let Some(slot) = self.slots.get_mut(path) {
            slot.open = true;
        }
    }

    /// Writes to a file that is here, as much as there is room for, and says how much that is. It is
    /// not what is to be kept before it is [touched](Self::touch).
    pub(super) fn write_at(&mut self, path: &str, offset: u64, bytes: &[u8]) -> Option<usize> {
        let room = self.room(path);
        let Slot { node, .. } = self.slots.get_mut(path)?;
        let Body::File { bytes: content, len } = &mut node.body else { return None };
        let Some(begin) = usize::try_from(offset).ok().filter(|begin| *begin < room) else {
            return Some(0);
        };
        let some = bytes.get(..room - begin).unwrap_or(bytes);
        let before = content.len();
        content.write(begin, some);
        *len = (*len).max(content.len() as u64);
        self.bytes += content.len() - before;
        Some(some.len())
    }

    /// What was written to a file since is to be kept. Whoever knows it says what its digest is.
    pub(super) fn touch(&mut self, path: &str, now: Timestamp, digest: Option<Arc<str>>) {
        let Some(slot) = self.slots.get_mut(path) else { return };
        slot.node.mtime = now;
        slot.open = false;
        if let (Body::File { bytes, .. }, Some(digest)) = (&mut slot.node.body, digest) {
            bytes.note_digest(digest);
        }
        self.changed.insert(path.to_owned());
    }

    /// Room for the content of a file at `path`, in bytes.
    pub(super) fn room(&self, path: &str) -> usize {
        let own = self.slots.get(path).map_or(0, |slot| weight(path, &slot.node));
        (self.most + own).saturating_sub(self.bytes + path.len()).min(MAX_FILE)
    }

    /// Lets it have so many bytes at most, or as many as it has.
    pub(super) fn set_most(&mut self, most: usize) {
        self.most = most.max(self.bytes);
    }

    /// Forgets the entry at `path`, so that the base shows again.
    pub(super) fn forget(&mut self, path: &str) -> Option<Node> {
        let slot = self.slots.remove(path)?;
        self.bytes -= weight(path, &slot.node);
        if slot.taken {
            self.changed.insert(path.to_owned());
        } else {
            self.changed.remove(path);
        }
        Some(slot.node)
    }

    /// Forgets every entry below `directory`.
    pub(super) fn forget_below(&mut self, directory: &str) {
        let paths: Vec<String> = self.below(directory).map(|(path, _)| path.to_owned()).collect();
        for path in paths {
            self.forget(&path);
        }
    }

    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        let mut changes = Vec::with_capacity(self.changed.len());
        for path in std::mem::take(&mut self.changed) {
            let slot = self.slots.get_mut(&path);
            if slot.as_ref().is_some_and(|slot| slot.open) {
                self.changed.insert(path);
                continue;
            }
            let node = slot.map(|slot| {
                slot.taken = true;
                slot.node.clone()
            });
            changes.push(Change { path, node });
        }
        changes
    }

    pub(super) fn restore(&mut self, changes: Vec<Change>) {
        // The end fits, but a step between two states of it might not: so first all goes that
        // will be no more, or be another.
        for change in &changes {
            self.forget(&change.path);
            self.changed.remove(&change.path);
        }
        for Change { path, node } in changes {
            let Some(node) = node.filter(|_| is_normal(&path)) else { continue };
            if self.set(&path, here(node)).is_ok() {
                self.changed.remove(&path);
                self.slots.entry(path).and_modify(|slot| slot.taken = true);
            }
        }
    }

    pub(super) fn restore_more(&mut self, path: &str, bytes: &[u8]) {
        let Some(Slot { node: Node { body: Body::File { bytes: content, .. }, .. }, .. }) =
            self.slots.get(path)
        else {
            return;
        };
        let (end, digest) = (content.len() as u64, content.digest().cloned());
        self.write_at(path, end, bytes);
        if let Some(Slot { node: Node { body: Body::File { bytes, .. }, .. }, .. }) =
            self.slots.get_mut(path)
            && let Some(digest) = digest
        {
            bytes.note_digest(digest);
        }
    }

    pub(super) fn has_changes(&self) -> bool {
        let is_open = |path: &String| self.slots.get(path).is_some_and(|slot| slot.open);
        self.changed.iter().any(|path| !is_open(path))
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// What was kept, as it is here: a file whose bytes are on their way is empty until they come.
fn here(node: Node) -> Node {
    let Body::Stored { sha256, len, .. } = node.body else { return node };
    let mut bytes = Content::default();
    bytes.note_digest(sha256.into());
    Node { body: Body::File { bytes, len }, ..node }
}

fn weight(path: &str, node: &Node) -> usize {
    path.len() + node.weight()
}
