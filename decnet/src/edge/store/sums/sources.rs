//! Visitors, and which deckies they touched.

use std::collections::HashMap;
use std::net::IpAddr;

use rusqlite::{Transaction, params};

use super::Span;
use crate::edge::store::{Result, doing};
use crate::logic::event::{Event, Kind};
use crate::logic::mac::Mac;

/// What a batch adds to the visitors.
#[derive(Default)]
pub(super) struct Sources<'a> {
    sources: HashMap<IpAddr, SourceSum<'a>>,
    touches: HashMap<(IpAddr, &'a str), Span>,
}

#[derive(Default)]
struct SourceSum<'a> {
    span: Span,
    sessions: i64,
    logins: i64,
    mac: Option<Mac>,
    tcp: Option<&'a str>,
}

impl<'a> Sources<'a> {
    pub(super) fn add(&mut self, event: &'a Event) {
        let Some(src) = &event.src else { return };
        let Some(ip) = src.ip else { return };
        if let Some(decky) = &event.decky {
            self.touches.entry((ip, decky.name.as_str())).or_default().add(event);
        }
        let sum = self.sources.entry(ip).or_default();
        sum.span.add(event);
        sum.sessions += i64::from(event.event == Kind::ConnOpen);
        sum.logins += i64::from(event.event == Kind::AuthAttempt);
        sum.mac = src.mac.or(sum.mac);
        sum.tcp = src.tcp.as_deref().or(sum.tcp);
    }

    /// Saves them; answers how many visitors were not known before.
    pub(super) fn save(self, step: &Transaction<'_>) -> Result<i64> {
        let new = save_sources(step, self.sources)?;
        let deckies = save_touches(step, &self.touches)?;
        let mut save = step
            .prepare_cached(
                "INSERT INTO touched (decky, first, last, events, sources)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (decky) DO UPDATE SET
                    first = min(first, excluded.first), last = max(last, excluded.last),
                    events = events + excluded.events, sources = sources + excluded.sources",
            )
            .map_err(doing("save touched decky"))?;
        for (decky, (span, sources)) in deckies {
            save.execute(params![decky, span.first, span.last, span.count, sources])
                .map_err(doing("save touched decky"))?;
        }
        Ok(new)
    }
}

/// Saves the visitors; answers how many were not known before.
///
/// An update and, where it changed nothing, an insert: `RETURNING` would tell as much in one
/// statement and costs three times as much.
fn save_sources(step: &Transaction<'_>, sources: HashMap<IpAddr, SourceSum<'_>>) -> Result<i64> {
    let prepare = |sql| step.prepare_cached(sql).map_err(doing("save source"));
    let mut known = prepare(
        "UPDATE sources SET first = min(first, ?2), last = max(last, ?3), events = events + ?4,
            sessions = sessions + ?5, logins = logins + ?6, mac = coalesce(?7, mac),
            tcp = coalesce(?8, tcp) WHERE ip = ?1",
    )?;
    let mut unknown = prepare(
        "INSERT INTO sources (ip, first, last, events, sessions, logins, mac, tcp)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    let mut new = 0;
    for (ip, sum) in sources {
        let (ip, mac) = (ip.to_string(), sum.mac.map(|mac| mac.to_string()));
        let Span { first, last, count } = sum.span;
        let row = params![ip, first, last, count, sum.sessions, sum.logins, mac, sum.tcp];
        if known.execute(row).map_err(doing("save source"))? == 0 {
            unknown.execute(row).map_err(doing("save source"))?;
            new += 1;
        }
    }
    Ok(new)
}

/// Saves the touches; answers for each decky the sum of them and how many were the first.
fn save_touches<'a>(
    step: &Transaction<'_>,
    touches: &HashMap<(IpAddr, &'a str), Span>,
) -> Result<HashMap<&'a str, (Span, i64)>> {
    let prepare = |sql| step.prepare_cached(sql).map_err(doing("save touch"));
    let mut known = prepare(
        "UPDATE touches SET first = min(first, ?3), last = max(last, ?4), events = events + ?5
         WHERE ip = ?1 AND decky = ?2",
    )?;
    let mut unknown = prepare(
        "INSERT INTO touches (ip, decky, first, last, events) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let mut deckies: HashMap<&str, (Span, i64)> = HashMap::new();
    for ((ip, decky), span) in touches {
        let (all, new) = deckies.entry(decky).or_default();
        all.join(*span);
        let ip = ip.to_string();
        let row = params![ip, decky, span.first, span.last, span.count];
        if known.execute(row).map_err(doing("save touch"))? == 0 {
            unknown.execute(row).map_err(doing("save touch"))?;
            *new += 1;
        }
    }
    Ok(deckies)
}
