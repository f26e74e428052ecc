//! Reads events in the order in which the store took them, as they come.

use rusqlite::params;

use super::events::{StoredEvent, stored};
use super::{Result, Store, StoreError, doing};
use crate::logic::event::Event;

/// Most events that one look brings.
const PAGE: u32 = 1_000;

/// A place in the order of events.
#[derive(Debug)]
pub struct Follower {
    after: i64,
    version: i64,
}

impl Store {
    /// Follows from the first event on.
    pub fn follow_all(&self) -> Follower {
        self.follow_after(0)
    }

    /// Follows from `after` on, the number of the last event that is known already.
    pub fn follow_after(&self, after: i64) -> Follower {
        Follower { after, version: -1 }
    }

    /// The number of the newest event, 0 when there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Query`] when the store cannot be read.
    pub fn newest(&self) -> Result<i64> {
        self.db
            .prepare_cached("SELECT coalesce(max(n), 0) FROM events")
            .and_then(|mut find| find.query_row([], |row| row.get(0)))
            .map_err(doing("read newest event"))
    }

    /// A number that changes whenever another connection has written to the store.
    ///
    /// # Errors
    ///
    /// [`StoreError::Query`] when the store cannot be read.
    pub fn version(&self) -> Result<i64> {
        self.db
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut find| find.query_row([], |row| row.get(0)))
            .map_err(doing("look for events"))
    }

    /// The first `limit` events after the number `after`, oldest first.
    ///
    /// # Errors
    ///
    /// As [`Store::events`].
    pub fn events_after(&self, after: i64, limit: u32) -> Result<Vec<StoredEvent>> {
        let sql = "SELECT n, body FROM events WHERE n > ?1 ORDER BY n LIMIT ?2";
        let mut find = self.db.prepare_cached(sql).map_err(doing("read events"))?;
        let rows = find
            .query_map(params![after, limit], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(doing("read events"))?;
        let mut events = Vec::new();
        for row in rows {
            events.push(stored(row.map_err(doing("read events"))?)?);
        }
        Ok(events)
    }
}

impl Follower {
    /// The next events and their numbers; none when there are none yet. Costs next to nothing
    /// while nobody writes. Events that this very connection wrote show once another one writes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Query`] when the store cannot be read, [`StoreError::Damaged`] when an event
    /// cannot be.
    pub fn next(&mut self, store: &Store) -> Result<Vec<(i64, Event)>> {
        let parse = |StoredEvent { n, body }| {
            let event = serde_json::from_str(body.get());
            event.map(|event| (n, event)).map_err(|source| StoreError::Damaged { n, source })
        };
        self.next_stored(store, PAGE)?.into_iter().map(parse).collect()
    }

    /// The same as the store has them, at most `limit`.
    ///
    /// # Errors
    ///
    /// As [`Follower::next`].
    pub fn next_stored(&mut self, store: &Store, limit: u32) -> Result<Vec<StoredEvent>> {
        let version = store.version()?;
        if version == self.version {
            return Ok(Vec::new());
        }
        let events = store.events_after(self.after, limit)?;
        if let Some(event) = events.last() {
            self.after = event.n;
        }
        if events.len() < limit as usize {
            self.version = version;
        }
        Ok(events)
    }

    /// Passes over all but the newest `keep` events; answers how many were passed over.
    ///
    /// # Errors
    ///
    /// [`StoreError::Query`] when the store cannot be read.
    pub fn skip(&mut self, store: &Store, keep: i64) -> Result<i64> {
        let to = store.newest()?.saturating_sub(keep).max(self.after);
        let skipped = to.saturating_sub(self.after);
        self.after = to;
        Ok(skipped)
    }
}
