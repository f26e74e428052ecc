//! How much there is of everything.

use rusqlite::Row;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Result, Store, doing, maybe_time};
use crate::logic::time::Timestamp;

/// The totals of a store: what ever came, also what [`Store::prune`] has forgotten since.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Stats {
    /// Events.
    pub events: i64,
    /// Visitors.
    pub sources: i64,
    /// Connections.
    pub sessions: i64,
    /// Logins that were tried.
    pub logins: i64,
    /// Deckies that were asked for.
    pub deckies: i64,
    /// Deckies that answer.
    pub deckies_up: i64,
    /// The number of the newest event: where to begin to follow.
    pub newest: i64,
    /// When the newest event happened.
    #[schemars(with = "Option<String>")]
    pub last_event: Option<Timestamp>,
}

impl Store {
    /// The totals.
    ///
    /// # Errors
    ///
    /// [`super::StoreError::Query`] when the store cannot be read.
    pub fn stats(&self) -> Result<Stats> {
        // One statement, so that the parts agree while others write.
        let sql = "SELECT events, sources, sessions, logins,
                       (SELECT count(*) FROM deckies),
                       (SELECT count(*) FROM deckies WHERE state = 'up'),
                       (SELECT coalesce(max(n), 0) FROM events),
                       (SELECT ts FROM events ORDER BY n DESC LIMIT 1)
                   FROM totals";
        let stats = |row: &Row<'_>| {
            Ok(Stats {
                events: row.get(0)?,
                sources: row.get(1)?,
                sessions: row.get(2)?,
                logins: row.get(3)?,
                deckies: row.get(4)?,
                deckies_up: row.get(5)?,
                newest: row.get(6)?,
                last_event: maybe_time(7)(row)?,
            })
        };
        self.db
            .prepare_cached(sql)
            .and_then(|mut find| find.query_row([], stats))
            .map_err(doing("read totals"))
    }
}
