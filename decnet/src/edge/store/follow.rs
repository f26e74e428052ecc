//! Reads events in the order in which the store took them, as they come.

use rusqlite::params;

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
        Follower { after: 0, version: -1 }
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
        let sql = "SELECT coalesce(max(n), 0) FROM events";
        self.db.query_row(sql, [], |row| row.get(0)).map_err(doing("read newest event"))
    }
}

impl Follower {
    /// The next events and their numbers; none when there are none yet. Costs next to nothing
    /// while nobody writes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Query`] when the store cannot be read, [`StoreError::Damaged`] when an event
    /// cannot be.
    pub fn next(&mut self, store: &Store) -> Result<Vec<(i64, Event)>> {
        let version = store
            .db
            .query_row("PRAGMA data_version", [], |row| row.get(0))
            .map_err(doing("look for events"))?;
        if version == self.version {
            return Ok(Vec::new());
        }
        let mut find = store
            .db
            .prepare_cached("SELECT n, body FROM events WHERE n > ?1 ORDER BY n LIMIT ?2")
            .map_err(doing("read events"))?;
        let rows = find
            .query_map(params![self.after, PAGE], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
            })
            .map_err(doing("read events"))?;
        let mut events = Vec::new();
        for row in rows {
            let (n, body) = row.map_err(doing("read events"))?;
            let event =
                serde_json::from_str(&body).map_err(|source| StoreError::Damaged { n, source })?;
            events.push((n, event));
        }
        if let Some((n, _)) = events.last() {
            self.after = *n;
        }
        if events.len() < PAGE as usize {
            self.version = version;
        }
        Ok(events)
    }
}
