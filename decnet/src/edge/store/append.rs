//! Takes events in batches, and keeps the counts beside them in the same transaction.

use std::collections::HashMap;
use std::fmt::Write as _;

use rusqlite::{Transaction, params};

use super::sums::Sums;
use super::{Result, Store, StoreError, doing};
use crate::logic::event::Event;

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Events that are now in the store.
    pub taken: u64,
    /// Events that were in it already.
    pub repeated: u64,
}

impl Store {
    /// Takes `events`, all or none. An event whose number in its stream was taken before is left
    /// out, so a batch can be sent again after a crash.
    ///
    /// # Errors
    ///
    /// [`StoreError::Query`] when SQLite refuses (a full disk, an I/O error); [`StoreError::Json`]
    /// when an event cannot be written.
    pub fn append(&mut self, events: &[Event]) -> Result<Appended> {
        let step = self.step()?;
        let fresh = fresh(&step, events)?;
        let mut sums = Sums::default();
        insert(&step, &fresh, &mut sums)?;
        sums.save(&step)?;
        step.commit().map_err(doing("commit events"))?;
        let taken = fresh.len() as u64;
        Ok(Appended { taken, repeated: events.len() as u64 - taken })
    }
}

/// The events that their streams have not brought yet; moves the streams on.
fn fresh<'a>(step: &Transaction<'_>, events: &'a [Event]) -> Result<Vec<&'a Event>> {
    let mut heads: HashMap<(&str, uuid::Uuid), u64> = HashMap::new();
    let mut fresh = Vec::with_capacity(events.len());
    for event in events {
        let key = (event.node.as_ref(), event.boot_id);
        let head = match heads.get(&key) {
            Some(head) => *head,
            None => stream_head(step, event)?,
        };
        if event.seq > head {
            heads.insert(key, event.seq);
            fresh.push(event);
        }
    }
    let mut save = step
        .prepare_cached("INSERT OR REPLACE INTO streams (node, boot_id, seq) VALUES (?1, ?2, ?3)")
        .map_err(doing("save stream"))?;
    for ((node, boot), seq) in heads {
        save.execute(params![node, boot.to_string(), signed(seq)]).map_err(doing("save stream"))?;
    }
    Ok(fresh)
}

fn stream_head(step: &Transaction<'_>, event: &Event) -> Result<u64> {
    let mut find = step
        .prepare_cached("SELECT seq FROM streams WHERE node = ?1 AND boot_id = ?2")
        .map_err(doing("read stream"))?;
    let found = find.query_row(params![event.node, event.boot_id.to_string()], |row| row.get(0));
    match found {
        Ok(seq) => Ok(i64::cast_unsigned(seq)),
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(0),
        Err(source) => Err(doing("read stream")(source)),
    }
}

fn insert<'a>(step: &Transaction<'_>, events: &[&'a Event], sums: &mut Sums<'a>) -> Result<()> {
    let newest = "SELECT coalesce(max(n), 0) FROM events";
    let mut n: i64 = step.query_row(newest, [], |row| row.get(0)).map_err(doing("add event"))?;
    let mut add = step
        .prepare_cached(
            "INSERT INTO events (n, ts, kind, decky, src, service, session, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )
        .map_err(doing("add event"))?;
    let (mut body, mut address) = (Vec::new(), String::new());
    for event in events {
        n = n.saturating_add(1);
        body.clear();
        serde_json::to_writer(&mut body, event).map_err(StoreError::Json)?;
        let body = std::str::from_utf8(&body).expect("JSON is UTF-8");
        address.clear();
        let ip = event.src.as_ref().and_then(|src| src.ip);
        if let Some(ip) = ip {
            write!(address, "{ip}").expect("a string takes everything");
        }
        add.execute(params![
            n,
            signed(event.ts.0),
            event.event.as_str(),
            event.decky.as_ref().map(|decky| decky.name.as_str()),
            ip.map(|_| address.as_str()),
            event.service.as_deref(),
            event.session.map(|session| session.0.cast_signed()),
            body,
        ])
        .map_err(doing("add event"))?;
        sums.add(n, event)?;
    }
    Ok(())
}

/// SQLite's integers are signed; times and numbers stay below 2^63 until the year 2262.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
