//! What the Redis of a decky holds: keys in sixteen databases, and what has been set of the server.
//!
//! Bounded in keys and in bytes. What would go beyond pushes other keys out, as a server with
//! `allkeys-lru` does, and in the end itself.

use std::collections::BTreeMap;

use super::bait;
use super::error::{Error, NO_ROOM, WRONG_TYPE};
use super::value::{Kind, Value, scatter};
use crate::logic::decky::Identity;
use crate::logic::time::Timestamp;

/// Most keys in all databases.
pub(super) const MAX_KEYS: usize = 1024;

/// Most bytes of all keys and values, as they are counted.
pub(super) const MAX_COST: usize = 1024 * 1024;

/// Longest key.
const MAX_KEY: usize = 4096;

/// Longest text.
pub(super) const MAX_TEXT: usize = 64 * 1024;

/// What a key costs beside its bytes.
const KEY: usize = 96;

/// How many databases there are.
pub(super) const DATABASES: usize = 16;

/// After how long what visitors destroyed is put back, in nanoseconds: six hours.
const HEAL: u64 = 6 * 3600 * 1_000_000_000;

/// What the Redis of a decky holds.
#[derive(Debug, Default)]
pub struct Keys {
    databases: [BTreeMap<Vec<u8>, Entry>; DATABASES],
    cost: usize,
    /// What the order of keys and members follows from.
    pub(super) seed: u64,
    /// When the bait was laid out.
    seeded: Option<Timestamp>,
    /// What has been set with `CONFIG SET`.
    pub(super) set: BTreeMap<&'static str, String>,
    /// The master it was told to follow.
    pub(super) master: Option<(String, u16)>,
    /// Changes since the last `SAVE`.
    pub(super) changes: u64,
    /// When `SAVE` was last done.
    pub(super) saved: Option<Timestamp>,
    /// Clients since the start.
    pub(super) clients: u64,
    /// Commands since the start.
    pub(super) commands: u64,
    /// Keys that were looked for and found, and not found.
    pub(super) looked: (u64, u64),
    /// Keys that went because their time had come.
    pub(super) expired: u64,
    /// Keys that were pushed out.
    pub(super) evicted: u64,
    /// By how much less than [`MAX_COST`] they may cost.
    pub(super) denied: usize,
}

/// A value with its end.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// What the key holds.
    pub(super) value: Value,
    /// When it goes, in milliseconds since 1970.
    pub(super) expires: Option<u64>,
}

impl Keys {
    /// Lays out the bait, the first time and when it has been long ago.
    pub(super) fn prepare(&mut self, decky: &Identity, now: Timestamp) {
        let old = self.seeded.is_none_or(|seeded| now.0.saturating_sub(seeded.0) > HEAL);
        if !old {
            return;
        }
        self.seeded = Some(now);
        self.seed = decky
            .secret
            .derive("redis order")
            .0
            .iter()
            .fold(0, |sum: u64, byte| sum.rotate_left(8) ^ u64::from(*byte));
        self.master = None;
        self.set.clear();
        for (key, value, expires) in bait::all(decky, now) {
            let key = key.into_bytes();
            if self.database(0).contains_key(&key) {
                continue;
            }
            // What the bait costs is known to fit.
            let _fits = self.put(0, &key, Entry { value, expires });
        }
        self.changes = 0;
    }

    /// A database by its number.
    pub(super) fn database(&self, index: usize) -> &BTreeMap<Vec<u8>, Entry> {
        self.databases.get(index).unwrap_or(&self.databases[0])
    }

    /// Swaps two databases.
    pub(super) fn swap(&mut self, one: usize, other: usize) {
        if one.max(other) < DATABASES {
            self.databases.swap(one, other);
        }
    }

    /// The entry of a key that is still there.
    pub(super) fn entry(&mut self, database: usize, key: &[u8], now: u64) -> Option<&Entry> {
        self.expire(database, key, now);
        let found = self.databases.get(database)?.get(key);
        let (hits, misses) = &mut self.looked;
        *(if found.is_some() { hits } else { misses }) += 1;
        found
    }

    /// The value of a key as this type, if there is one.
    pub(super) fn read<K: Kind>(
        &mut self,
        database: usize,
        key: &[u8],
        now: u64,
    ) -> Result<Option<&K>, Error> {
        match self.entry(database, key, now) {
            Some(entry) => entry.value.as_kind().map(Some),
            None => Ok(None),
        }
    }

    /// Changes the value of a key with `act`, which gets an empty one when there is none; what is
    /// empty then is gone.
    pub(super) fn change<K: Kind, R>(
        &mut self,
        database: usize,
        key: &[u8],
        now: u64,
        act: impl FnOnce(&mut K) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.expire(database, key, now);
        let Some(entries) = self.databases.get_mut(database) else { return Err(NO_ROOM) };
        if key.len() > MAX_KEY {
            return Err(NO_ROOM);
        }
        let fresh = !entries.contains_key(key);
        if fresh {
            let value = K::empty();
            entries.insert(key.to_vec(), Entry { value, expires: None });
            self.cost += KEY + key.len();
        }
        let Some(entry) = entries.get_mut(key) else { return Err(NO_ROOM) };
        let before = entry.value.cost();
        let kind = K::of_mut(&mut entry.value);
        let result = kind.ok_or(WRONG_TYPE).and_then(act);
        let (after, gone) = (entry.value.cost(), entry.value.is_gone());
        self.cost = (self.cost + after).saturating_sub(before);
        if gone || fresh && result.is_err() {
            self.remove(database, key);
        }
        if result.is_ok() {
            self.changes += 1;
            self.make_room(database, key);
        }
        result
    }

    /// Sets a key, whatever it held.
    pub(super) fn put(&mut self, database: usize, key: &[u8], entry: Entry) -> Result<(), Error> {
        let text = matches!(&entry.value, Value::Text(text) if text.len() > MAX_TEXT);
        if key.len() > MAX_KEY || text || entry.value.cost() > MAX_COST {
            return Err(NO_ROOM);
        }
        self.remove(database, key);
        self.cost += KEY + key.len() + entry.value.cost();
        if let Some(entries) = self.databases.get_mut(database) {
            entries.insert(key.to_vec(), entry);
        }
        self.changes += 1;
        self.make_room(database, key);
        Ok(())
    }

    /// Sets or lifts the end of a key that is there.
    pub(super) fn set_expiry(&mut self, database: usize, key: &[u8], expires: Option<u64>) {
        let entries = self.databases.get_mut(database);
        if let Some(entry) = entries.and_then(|entries| entries.get_mut(key)) {
            entry.expires = expires;
            self.changes += 1;
        }
    }

    /// Removes a key; what it held.
    pub(super) fn remove(&mut self, database: usize, key: &[u8]) -> Option<Entry> {
        let entry = self.databases.get_mut(database)?.remove(key)?;
        self.cost = self.cost.saturating_sub(KEY + key.len() + entry.value.cost());
        self.changes += 1;
        Some(entry)
    }

    /// Empties a database, or all of them.
    pub(super) fn flush(&mut self, database: Option<usize>) {
        for (index, entries) in self.databases.iter_mut().enumerate() {
            if database.is_none_or(|database| database == index) {
                self.changes += entries.len() as u64;
                entries.clear();
            }
        }
        let all = self.databases.iter().flatten();
        self.cost = all.map(|(key, entry)| KEY + key.len() + entry.value.cost()).sum();
    }

    /// Removes what has come to its end.
    pub(super) fn sweep(&mut self, now: u64) {
        for entries in &mut self.databases {
            let before = entries.len();
            entries.retain(|_, entry| entry.expires.is_none_or(|end| end > now));
            self.expired += (before - entries.len()) as u64;
        }
        let all = self.databases.iter().flatten();
        self.cost = all.map(|(key, entry)| KEY + key.len() + entry.value.cost()).sum();
    }

    /// The keys of a database in the order in which the server goes through them.
    pub(super) fn order(&self, database: usize) -> Vec<&[u8]> {
        let mut keys: Vec<_> = self.database(database).keys().map(Vec::as_slice).collect();
        keys.sort_by_cached_key(|key| scatter(key, self.seed));
        keys
    }

    /// Lets all of it cost so many bytes at most, and no more than [`MAX_COST`].
    pub fn set_most(&mut self, most: usize) {
        self.denied = MAX_COST.saturating_sub(most);
    }

    /// How many bytes all of it costs.
    pub fn cost(&self) -> usize {
        self.cost
    }

    fn expire(&mut self, database: usize, key: &[u8], now: u64) {
        let entry = self.databases.get(database).and_then(|entries| entries.get(key));
        if entry.is_some_and(|entry| entry.expires.is_some_and(|end| end <= now)) {
            self.remove(database, key);
            self.expired += 1;
        }
    }

    /// Pushes other keys out until everything fits, and this one last.
    fn make_room(&mut self, database: usize, key: &[u8]) {
        while self.cost > MAX_COST.saturating_sub(self.denied)
            || self.databases.iter().map(BTreeMap::len).sum::<usize>() > MAX_KEYS
        {
            let mut all = self
                .databases
                .iter()
                .enumerate()
                .flat_map(|(index, entries)| entries.keys().map(move |key| (index, key)));
            let other = all.find(|(index, other)| *index != database || *other != key);
            let (index, other) = match other {
                Some((index, other)) => (index, other.clone()),
                None => (database, key.to_vec()),
            };
            self.evicted += 1;
            if self.remove(index, &other).is_none() {
                break;
            }
        }
    }
}
