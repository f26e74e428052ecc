//! Takes events in batches, and keeps the counts beside them in the same transaction.

use std::collections::HashMap;

use rusqlite::{CachedStatement, Transaction, params};

use super::{Result, Store, StoreError, doing};
use crate::logic::event::{Event, Kind, Outcome};

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Events that are now in the store.
    pub taken: u64,
    /// Events that were in it already.
    pub repeated: u64,
}

/// What a batch adds to a source.
#[derive(Default)]
struct SourceSum {
    first: i64,
    last: i64,
    events: i64,
    sessions: i64,
    logins: i64,
    mac: Option<String>,
    tcp: Option<String>,
}

/// What a batch adds to a touch of a decky by a source.
#[derive(Default)]
struct TouchSum {
    first: i64,
    last: i64,
    events: i64,
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
        let step = self.db.transaction().map_err(doing("begin"))?;
        let fresh = fresh(&step, events)?;
        insert(&step, &fresh)?;
        add_sums(&step, &fresh)?;
        for event in &fresh {
            add_session(&step, event)?;
            add_credentials(&step, event)?;
        }
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

fn insert(step: &Transaction<'_>, events: &[&Event]) -> Result<()> {
    let mut add = step
        .prepare_cached(
            "INSERT INTO events (ts, kind, decky, src, service, session, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )
        .map_err(doing("add event"))?;
    for event in events {
        let body = serde_json::to_string(event).map_err(StoreError::Json)?;
        add.execute(params![
            signed(event.ts.0),
            event.event.as_str(),
            event.decky.as_ref().map(|decky| decky.name.as_str()),
            source_of(event),
            event.service.as_deref(),
            event.session.map(|session| session.0.cast_signed()),
            body,
        ])
        .map_err(doing("add event"))?;
    }
    Ok(())
}

fn add_sums(step: &Transaction<'_>, events: &[&Event]) -> Result<()> {
    let mut sources: HashMap<String, SourceSum> = HashMap::new();
    let mut touches: HashMap<(String, &str), TouchSum> = HashMap::new();
    for event in events {
        let Some(ip) = source_of(event) else { continue };
        let ts = signed(event.ts.0);
        if let Some(decky) = &event.decky {
            let sum = touches.entry((ip.clone(), decky.name.as_str())).or_default();
            (sum.first, sum.last) = span(sum.events, sum.first, sum.last, ts);
            sum.events += 1;
        }
        let sum = sources.entry(ip).or_default();
        (sum.first, sum.last) = span(sum.events, sum.first, sum.last, ts);
        sum.events += 1;
        sum.sessions += i64::from(event.event == Kind::ConnOpen);
        sum.logins += i64::from(event.event == Kind::AuthAttempt);
        if let Some(src) = &event.src {
            sum.mac = src.mac.map(|mac| mac.to_string()).or(sum.mac.take());
            sum.tcp = src.tcp.as_deref().map(str::to_owned).or(sum.tcp.take());
        }
    }
    save_sources(step, &sources)?;
    save_touches(step, &touches)
}

/// The first and the last of the times so far and `ts`.
fn span(events: i64, first: i64, last: i64, ts: i64) -> (i64, i64) {
    if events == 0 { (ts, ts) } else { (first.min(ts), last.max(ts)) }
}

fn save_sources(step: &Transaction<'_>, sources: &HashMap<String, SourceSum>) -> Result<()> {
    let mut save = step
        .prepare_cached(
            "INSERT INTO sources (ip, first, last, events, sessions, logins, mac, tcp)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (ip) DO UPDATE SET
                first = min(first, excluded.first), last = max(last, excluded.last),
                events = events + excluded.events, sessions = sessions + excluded.sessions,
                logins = logins + excluded.logins,
                mac = coalesce(excluded.mac, mac), tcp = coalesce(excluded.tcp, tcp)",
        )
        .map_err(doing("save source"))?;
    for (ip, sum) in sources {
        let row = params![
            ip,
            sum.first,
            sum.last,
            sum.events,
            sum.sessions,
            sum.logins,
            sum.mac,
            sum.tcp
        ];
        save.execute(row).map_err(doing("save source"))?;
    }
    Ok(())
}

fn save_touches(step: &Transaction<'_>, touches: &HashMap<(String, &str), TouchSum>) -> Result<()> {
    let mut save = step
        .prepare_cached(
            "INSERT INTO touches (ip, decky, first, last, events) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (ip, decky) DO UPDATE SET
                first = min(first, excluded.first), last = max(last, excluded.last),
                events = events + excluded.events",
        )
        .map_err(doing("save touch"))?;
    for ((ip, decky), sum) in touches {
        save.execute(params![ip, decky, sum.first, sum.last, sum.events])
            .map_err(doing("save touch"))?;
    }
    Ok(())
}

fn add_session(step: &Transaction<'_>, event: &Event) -> Result<()> {
    let (Some(session), Some(ip)) = (event.session, source_of(event)) else { return Ok(()) };
    let id = session.0.cast_signed();
    let run = |mut statement: CachedStatement<'_>, row: &[&dyn rusqlite::ToSql]| {
        statement.execute(row).map_err(doing("save session"))
    };
    let prepare = |sql| step.prepare_cached(sql).map_err(doing("save session"));
    match event.event {
        Kind::ConnOpen => run(
            prepare(
                "INSERT OR IGNORE INTO sessions
                    (id, ip, port, decky, service, dst_port, opened, events)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1)",
            )?,
            params![
                id,
                ip,
                event.src.as_ref().and_then(|src| src.port),
                event.decky.as_ref().map_or("", |decky| decky.name.as_str()),
                event.service.as_deref(),
                event.dst.and_then(|dst| dst.port),
                signed(event.ts.0),
            ],
        )?,
        Kind::ConnClose => run(
            prepare(
                "UPDATE sessions SET closed = ?2, events = events + 1, bytes_in = ?3,
                    bytes_out = ?4 WHERE id = ?1",
            )?,
            params![
                id,
                signed(event.ts.0),
                event.data.number("bytes_in").map(signed),
                event.data.number("bytes_out").map(signed),
            ],
        )?,
        _ => {
            let accepted = event.outcome == Some(Outcome::Success);
            let user = event.creds.as_ref().and_then(|creds| creds.user.as_deref());
            run(
                prepare(
                    "UPDATE sessions SET events = events + 1, user = coalesce(?2, user)
                     WHERE id = ?1",
                )?,
                params![id, user.filter(|_| accepted)],
            )?
        }
    };
    Ok(())
}

fn add_credentials(step: &Transaction<'_>, event: &Event) -> Result<()> {
    let Some(creds) = &event.creds else { return Ok(()) };
    let secret = creds.password.as_deref().or(creds.key.as_deref());
    let accepted = event.outcome == Some(Outcome::Success);
    step.prepare_cached(
        "INSERT INTO credentials (service, user, password, first, last, tries, accepted, ip)
         VALUES (?1, ?2, ?3, ?4, ?4, 1, ?5, ?6)
         ON CONFLICT (service, user, password) DO UPDATE SET
            last = max(last, excluded.last), tries = tries + 1,
            accepted = accepted + excluded.accepted, ip = excluded.ip",
    )
    .and_then(|mut save| {
        save.execute(params![
            event.service.as_deref().unwrap_or_default(),
            creds.user.as_deref().unwrap_or_default(),
            secret.unwrap_or_default(),
            signed(event.ts.0),
            i64::from(accepted),
            source_of(event),
        ])
    })
    .map_err(doing("save credentials"))?;
    Ok(())
}

fn source_of(event: &Event) -> Option<String> {
    event.src.as_ref().and_then(|src| src.ip).map(|ip| ip.to_string())
}

/// SQLite's integers are signed; times and numbers stay below 2^63 until the year 2262.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
