//! Finds events, newest first.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use rusqlite::types::Value as Sql;
use rusqlite::{params, params_from_iter};
use serde_json::value::RawValue;

use super::append::signed;
use super::{ALL_KINDS, Cursor, MINUTE, Result, Store, StoreError, doing};
use crate::logic::event::{Kind, SessionId};
use crate::logic::name::DeckyName;
use crate::logic::time::Timestamp;

/// How many numbers are searched at first; each further look takes four times as many.
const FIRST_LOOK: i64 = 1_024;

/// Which events to find: those that meet every part that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Of one of these kinds; empty for any.
    pub kinds: Vec<Kind>,
    /// That happened to this decky.
    pub decky: Option<DeckyName>,
    /// That came from this address.
    pub source: Option<IpAddr>,
    /// Of this service.
    pub service: Option<String>,
    /// Of this connection.
    pub session: Option<SessionId>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
    /// Whose JSON has this text in a value or a name; ASCII letters in either case.
    pub text: Option<String>,
}

/// An event as the store has it.
#[derive(Clone, Debug)]
pub struct StoredEvent {
    /// Its number in the order of the store.
    pub n: i64,
    /// The JSON line.
    pub body: Box<RawValue>,
}

/// What a search has found so far.
#[derive(Debug)]
pub struct EventPage {
    /// The events, newest first.
    pub events: Vec<StoredEvent>,
    /// Where to go on; none when nothing is left.
    pub next: Option<Cursor>,
    /// How far back the search has come when its time ran out before the page was full.
    pub searched_to: Option<Timestamp>,
}

impl Store {
    /// The newest `limit` events before `before` that meet `filter`.
    ///
    /// A search that finds little reads much. It goes back step by step, and what it has before
    /// `patience` would end is the page; the next page goes on from there.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot be read or an event in it is damaged.
    pub fn events(
        &self,
        filter: &EventFilter,
        before: Option<Cursor>,
        limit: u32,
        patience: Duration,
    ) -> Result<EventPage> {
        let begin = Instant::now();
        let (oldest, newest) = self.numbers(filter)?;
        let mut high = newest.min(Cursor::resume(before).0.saturating_sub(1));
        let (sql, values) = search(filter);
        let mut find = self.db.prepare_cached(&sql).map_err(doing("find events"))?;
        let (mut events, mut span) = (Vec::new(), FIRST_LOOK);
        while high >= oldest {
            let low = oldest.max(high.saturating_sub(span));
            let room = i64::from(limit) - events.len() as i64;
            let bounds = [Sql::Integer(low), Sql::Integer(high)];
            let all = bounds.into_iter().chain(values.iter().cloned()).chain([room.into()]);
            let rows = find
                .query_map(params_from_iter(all), |row| Ok((row.get(0)?, row.get(1)?)))
                .map_err(doing("find events"))?;
            for row in rows {
                events.push(stored(row.map_err(doing("find events"))?)?);
            }
            if events.len() >= limit as usize {
                let next = events.last().map(|event| Cursor { at: event.n, shown: 1 });
                return Ok(EventPage { events, next, searched_to: None });
            }
            high = low - 1;
            // The next look takes three times as long as all before it.
            if begin.elapsed() * 4 > patience && high >= oldest {
                let searched_to = self.time_of(low)?;
                let next = Some(Cursor { at: low, shown: 1 });
                return Ok(EventPage { events, next, searched_to });
            }
            span = span.saturating_mul(4);
        }
        Ok(EventPage { events, next: None, searched_to: None })
    }

    /// The events of a session in order, from the one after the number `after` on.
    ///
    /// # Errors
    ///
    /// As [`Store::events`].
    pub fn session_events(
        &self,
        session: SessionId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<EventPage> {
        let sql = "SELECT n, body FROM events WHERE session = ?1 AND n > ?2 ORDER BY n LIMIT ?3";
        let mut find = self.db.prepare_cached(sql).map_err(doing("read session"))?;
        let row = params![session.0.cast_signed(), after.map_or(0, |after| after.at), limit];
        let rows = find
            .query_map(row, |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(doing("read session"))?;
        let mut events = Vec::new();
        for row in rows {
            events.push(stored(row.map_err(doing("read session"))?)?);
        }
        let full = events.len() >= limit as usize;
        let last = events.last().filter(|_| full);
        let next = last.map(|event| Cursor { at: event.n, shown: 1 });
        Ok(EventPage { events, next, searched_to: None })
    }

    /// The least and the greatest number that events within the filter's times can have.
    fn numbers(&self, filter: &EventFilter) -> Result<(i64, i64)> {
        let newest = self.newest()?;
        let low = match filter.from {
            None => 1,
            Some(from) => self.minute_bound(
                "SELECT min(first_n) FROM minutes WHERE kind = ?1 AND minute >= ?2",
                from,
                i64::MAX,
            )?,
        };
        let high = match filter.to {
            None => newest,
            Some(to) => self.minute_bound(
                "SELECT max(last_n) FROM minutes WHERE kind = ?1 AND minute <= ?2",
                to,
                0,
            )?,
        };
        Ok((low, high.min(newest)))
    }

    fn minute_bound(&self, sql: &str, at: Timestamp, otherwise: i64) -> Result<i64> {
        let mut find = self.db.prepare_cached(sql).map_err(doing("find minute"))?;
        let found: Option<i64> = find
            .query_row(params![ALL_KINDS, signed(at.0) / MINUTE], |row| row.get(0))
            .map_err(doing("find minute"))?;
        Ok(found.unwrap_or(otherwise))
    }

    fn time_of(&self, n: i64) -> Result<Option<Timestamp>> {
        let sql = "SELECT ts FROM events WHERE n >= ?1 ORDER BY n LIMIT 1";
        let mut find = self.db.prepare_cached(sql).map_err(doing("read event"))?;
        let mut rows = find.query_map([n], super::time(0)).map_err(doing("read event"))?;
        rows.next().transpose().map_err(doing("read event"))
    }
}

/// The statement that finds a filter's events between two numbers, and the values that stand
/// between those numbers and the limit.
pub(super) fn search(filter: &EventFilter) -> (String, Vec<Sql>) {
    let (condition, values) = condition(filter);
    let sql = format!(
        "SELECT n, body FROM events WHERE n >= ? AND n <= ?{condition} ORDER BY n DESC LIMIT ?"
    );
    (sql, values)
}

/// The conditions of a filter and their values, in order.
///
/// At most one of them may use an index, the most telling; a `+` keeps the others from it, for
/// SQLite would otherwise guess.
fn condition(filter: &EventFilter) -> (String, Vec<Sql>) {
    let mut sql = String::new();
    let mut values = Vec::new();
    let mut add = |text: &str, value: Sql| {
        sql.push_str(" AND ");
        sql.push_str(text);
        values.push(value);
    };
    if let Some(session) = filter.session {
        add("session = ?", session.0.cast_signed().into());
    }
    if let Some(source) = filter.source {
        let text = if filter.session.is_some() { "+src = ?" } else { "src = ?" };
        add(text, source.to_string().into());
    }
    if let Some(decky) = &filter.decky {
        add("decky = ?", decky.as_str().to_owned().into());
    }
    if let Some(service) = &filter.service {
        add("service = ?", service.clone().into());
    }
    if let Some(from) = filter.from {
        add("ts >= ?", signed(from.0).into());
    }
    if let Some(to) = filter.to {
        add("ts < ?", signed(to.0).into());
    }
    if let Some(text) = &filter.text {
        add("body LIKE ? ESCAPE '\\'", like(text).into());
    }
    if !filter.kinds.is_empty() {
        let indexed = filter.session.is_none() && filter.source.is_none();
        let plus = if indexed { "" } else { "+" };
        let marks = vec!["?"; filter.kinds.len()].join(", ");
        sql.push_str(&format!(" AND {plus}kind IN ({marks})"));
        // What SQLite must see to use the index, which has these kinds left out.
        if !filter.kinds.iter().any(|kind| matches!(kind, Kind::ConnOpen | Kind::ConnClose)) {
            sql.push_str(" AND kind NOT IN ('conn.open', 'conn.close')");
        }
        values.extend(filter.kinds.iter().map(|kind| Sql::from(kind.as_str().to_owned())));
    }
    (sql, values)
}

/// A pattern that finds `text` in JSON, where quotes and control characters are written escaped.
fn like(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    let inner = json.get(1..json.len().saturating_sub(1)).unwrap_or_default();
    let mut pattern = String::from("%");
    for c in inner.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// An event as it was read.
pub(super) fn stored((n, body): (i64, String)) -> Result<StoredEvent> {
    let body = RawValue::from_string(body).map_err(|source| StoreError::Damaged { n, source })?;
    Ok(StoredEvent { n, body })
}
