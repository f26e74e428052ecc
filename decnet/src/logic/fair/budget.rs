//! Bytes that are held, by whom they are held for.

use std::collections::HashMap;
use std::hash::Hash;

/// One who has taken less than this part of what is free may take more: alone it gets a ninth of
/// everything, and sixty-four get a seventy-second each and leave another as much.
///
/// **Source**: Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet
/// switches", IEEE/ACM Transactions on Networking 6 (1998).
const PART: usize = 8;

/// A bound for what all hold together, of which each has a share.
#[derive(Debug)]
pub struct Budget<K> {
    limit: usize,
    part: usize,
    used: usize,
    by: HashMap<K, usize>,
}

impl<K: Copy + Eq + Hash + Ord> Budget<K> {
    /// Nothing is held, and at most about `limit` bytes will be: each may take something once more
    /// while it has room.
    pub fn new(limit: usize) -> Self {
        Self::with_part(limit, PART)
    }

    /// The same where one may take more while it has less than one in so many parts of what is free.
    pub fn with_part(limit: usize, part: usize) -> Self {
        Self { limit, part, used: 0, by: HashMap::new() }
    }

    /// Takes note that `key` holds so many bytes more.
    pub fn take(&mut self, key: K, bytes: usize) {
        if bytes > 0 {
            self.used = self.used.saturating_add(bytes);
            let own = self.by.entry(key).or_default();
            *own = own.saturating_add(bytes);
        }
    }

    /// Takes note that `key` holds so many bytes less.
    pub fn give_back(&mut self, key: K, bytes: usize) {
        let Some(own) = self.by.get_mut(&key) else { return };
        let bytes = bytes.min(*own);
        *own -= bytes;
        self.used = self.used.saturating_sub(bytes);
        if *own == 0 {
            self.by.remove(&key);
        }
    }

    /// Whether `key` may take more.
    pub fn has_room(&self, key: K) -> bool {
        self.of(key).saturating_mul(self.part) < self.limit.saturating_sub(self.used)
    }

    /// Whether all hold so much that somebody has to let go of some.
    pub fn is_used_up(&self) -> bool {
        self.used >= self.limit
    }

    /// Who holds most.
    pub fn greediest(&self) -> Option<K> {
        self.by.iter().max_by_key(|(key, bytes)| (**bytes, **key)).map(|(key, _)| *key)
    }

    /// How much `key` holds.
    pub fn of(&self, key: K) -> usize {
        self.by.get(&key).copied().unwrap_or_default()
    }

    /// How much all hold.
    pub fn used(&self) -> usize {
        self.used
    }
}

#[cfg(test)]
mod tests;
