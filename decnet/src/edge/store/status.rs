//! What a node says of itself, and the notes of which there is one.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension as _, params};

use super::{Result, Store, StoreError, doing};
use crate::logic::status::{CaptureStatus, DeckyStatus, Status};
use crate::logic::time::Timestamp;

const COUNTERS: &str = "capture.counters";

impl Store {
    /// Replaces the deckies by `deckies`, as they are at `now`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot be written.
    pub fn save_deckies(&mut self, deckies: &[DeckyStatus], now: Timestamp) -> Result<()> {
        let step = self.step()?;
        step.execute("DELETE FROM deckies", []).map_err(doing("clear deckies"))?;
        {
            let mut add = step
                .prepare_cached(
                    "INSERT INTO deckies (name, state, since, body) VALUES (?1, ?2, ?3, ?4)",
                )
                .map_err(doing("save decky"))?;
            for decky in deckies {
                let body = serde_json::to_string(decky).map_err(StoreError::Json)?;
                let since = i64::try_from(now.0).unwrap_or(i64::MAX);
                add.execute(params![decky.name.as_str(), decky.state.as_str(), since, body])
                    .map_err(doing("save decky"))?;
            }
        }
        step.commit().map_err(doing("save deckies"))
    }

    /// Replaces the capture counters.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot be written.
    pub fn save_counters(&self, counters: &CaptureStatus) -> Result<()> {
        let body = serde_json::to_vec(counters).map_err(StoreError::Json)?;
        self.save_note(COUNTERS, &body)
    }

    /// The deckies by name and the capture counters, as last saved.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot be read.
    pub fn status(&self) -> Result<Status> {
        let mut find = self
            .db
            .prepare_cached("SELECT body FROM deckies ORDER BY name")
            .map_err(doing("read deckies"))?;
        let rows =
            find.query_map([], |row| row.get::<_, String>(0)).map_err(doing("read deckies"))?;
        let mut deckies = Vec::new();
        for row in rows {
            let body = row.map_err(doing("read deckies"))?;
            deckies.push(serde_json::from_str(&body).map_err(StoreError::Json)?);
        }
        Ok(Status { deckies, capture: self.counters()? })
    }

    /// The capture counters, as last saved.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot be read.
    pub fn counters(&self) -> Result<CaptureStatus> {
        match self.note(COUNTERS)? {
            Some(body) => serde_json::from_slice(&body).map_err(StoreError::Json),
            None => Ok(CaptureStatus::default()),
        }
    }

    /// How many deckies there are in each state that one is in.
    ///
    /// # Errors
    ///
    /// [`StoreError::Query`] when the store cannot be read.
    pub fn decky_states(&self) -> Result<BTreeMap<String, u64>> {
        self.db
            .prepare_cached("SELECT state, count(*) FROM deckies GROUP BY state")
            .and_then(|mut find| {
                find.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?
                    .collect()
            })
            .map_err(doing("count deckies"))
    }

    /// Replaces the note `name`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Query`] when the store cannot be written.
    pub fn save_note(&self, name: &str, body: &[u8]) -> Result<()> {
        self.db
            .prepare_cached("INSERT OR REPLACE INTO notes (name, body) VALUES (?1, ?2)")
            .and_then(|mut save| save.execute(params![name, body]))
            .map_err(doing("save note"))?;
        Ok(())
    }

    /// Adds the note `name`, unless there is one already.
    ///
    /// # Errors
    ///
    /// [`StoreError::Query`] when the store cannot be written.
    pub fn add_note(&self, name: &str, body: &[u8]) -> Result<()> {
        self.db
            .prepare_cached("INSERT OR IGNORE INTO notes (name, body) VALUES (?1, ?2)")
            .and_then(|mut add| add.execute(params![name, body]))
            .map_err(doing("add note"))?;
        Ok(())
    }

    /// The note `name`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Query`] when the store cannot be read.
    pub fn note(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.db
            .prepare_cached("SELECT body FROM notes WHERE name = ?1")
            .and_then(|mut find| find.query_row([name], |row| row.get(0)).optional())
            .map_err(doing("read note"))
    }
}
