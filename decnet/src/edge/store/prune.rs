//! Forgets the oldest, so that the store stays within its size.
//!
//! What is deleted leaves pages that the next events fill: the file grows to its limit and stays
//! there. Counts of everything that ever came ([`super::Stats`]) stay as they are.

use rusqlite::{Transaction, params};

use super::{Result, Store, doing};
use crate::logic::event::{Kind, SessionId};
use crate::logic::time::Timestamp;

/// Events forgotten at a time: more than a batch brings, and few enough not to keep it waiting.
const STEP: i64 = 8_192;

impl Store {
    /// Bytes in use, without what was deleted and without the log of what is being written.
    ///
    /// # Errors
    ///
    /// [`super::StoreError::Query`] when SQLite refuses.
    pub fn bytes(&self) -> Result<u64> {
        let number = |pragma: &str| {
            let number = self.db.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0));
            number.map_err(doing("measure")).map(i64::unsigned_abs)
        };
        let pages = number("page_count")?.saturating_sub(number("freelist_count")?);
        Ok(pages.saturating_mul(number("page_size")?))
    }

    /// Forgets the oldest events when more than `limit` bytes are in use, and the visitors,
    /// sessions and logins of which nothing newer is known. Answers how many events it forgot; to
    /// be called after each batch, for it never takes long.
    ///
    /// # Errors
    ///
    /// [`super::StoreError::Query`] when SQLite refuses; nothing is forgotten then.
    pub fn prune(&mut self, limit: u64) -> Result<u64> {
        if self.bytes()? <= limit {
            return Ok(0);
        }
        let step = self.step()?;
        let forgotten = forget(&step)?;
        step.commit().map_err(doing("forget events"))?;
        Ok(forgotten)
    }
}

fn forget(step: &Transaction<'_>) -> Result<u64> {
    let oldest: Option<i64> =
        step.query_row("SELECT min(n) FROM events", [], |row| row.get(0)).map_err(doing("look"))?;
    let Some(oldest) = oldest else { return Ok(0) };
    let until = oldest.saturating_add(STEP);
    let time = "SELECT coalesce(max(ts), 0) FROM events WHERE n < ?1";
    let time: i64 = step.query_row(time, [until], |row| row.get(0)).map_err(doing("look"))?;
    let events = step.execute("DELETE FROM events WHERE n < ?1", [until]);
    let events = events.map_err(doing("forget events"))?;
    forget_visitors(step, time)?;
    let first_kept = SessionId::new(Timestamp(time.cast_unsigned()), 0).0.cast_signed();
    let sessions = "DELETE FROM sessions WHERE id IN
        (SELECT id FROM sessions WHERE id < ?1 ORDER BY id LIMIT ?2)";
    step.execute(sessions, params![first_kept, STEP]).map_err(doing("forget sessions"))?;
    let credentials = "DELETE FROM credentials WHERE (service, user, password) IN
        (SELECT service, user, password FROM credentials WHERE last < ?1 ORDER BY last LIMIT ?2)";
    step.execute(credentials, params![time, STEP]).map_err(doing("forget credentials"))?;
    let minute = time / 60_000_000_000;
    for kind in Kind::ALL.iter().map(|kind| kind.as_str()).chain(["*"]) {
        step.execute("DELETE FROM minutes WHERE kind = ?1 AND minute < ?2", params![kind, minute])
            .map_err(doing("forget minutes"))?;
    }
    Ok(events as u64)
}

/// Forgets who was last seen before `time`, the longest unseen first.
fn forget_visitors(step: &Transaction<'_>, time: i64) -> Result<()> {
    let mut find = step
        .prepare_cached("SELECT ip FROM sources WHERE last < ?1 ORDER BY last LIMIT ?2")
        .map_err(doing("look"))?;
    let found = find.query_map(params![time, STEP], |row| row.get(0)).map_err(doing("look"))?;
    let ips: Vec<String> = found.collect::<rusqlite::Result<_>>().map_err(doing("look"))?;
    for table in ["sources", "touches", "tries", "fingerprints"] {
        let mut forget = step
            .prepare_cached(&format!("DELETE FROM {table} WHERE ip = ?1"))
            .map_err(doing("forget visitors"))?;
        for ip in &ips {
            forget.execute([ip]).map_err(doing("forget visitors"))?;
        }
    }
    Ok(())
}
