//! Fingerprints that visitors showed.

use std::collections::HashMap;
use std::net::IpAddr;

use rusqlite::{Transaction, params};

use super::Span;
use crate::edge::store::{Result, StoreError, doing};
use crate::logic::event::{Event, Kind};

/// What a batch adds to the fingerprints.
#[derive(Default)]
pub(super) struct Prints {
    /// By visitor, kind and the event's data as JSON.
    prints: HashMap<(IpAddr, Kind, String), Span>,
}

impl Prints {
    pub(super) fn add(&mut self, event: &Event) -> Result<()> {
        let kinds = [Kind::FingerprintSsh, Kind::FingerprintTcp, Kind::FingerprintTls];
        let ip = event.src.as_ref().and_then(|src| src.ip);
        let Some(ip) = ip.filter(|_| kinds.contains(&event.event)) else { return Ok(()) };
        let print = serde_json::to_string(&event.data).map_err(StoreError::Json)?;
        self.prints.entry((ip, event.event, print)).or_default().add(event);
        Ok(())
    }

    pub(super) fn save(self, step: &Transaction<'_>) -> Result<()> {
        let mut save = step
            .prepare_cached(
                "INSERT INTO fingerprints (ip, kind, print, first, last, events)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (ip, kind, print) DO UPDATE SET
                    first = min(first, excluded.first), last = max(last, excluded.last),
                    events = events + excluded.events",
            )
            .map_err(doing("save fingerprint"))?;
        for ((ip, kind, print), span) in self.prints {
            let row =
                params![ip.to_string(), kind.as_str(), print, span.first, span.last, span.count];
            save.execute(row).map_err(doing("save fingerprint"))?;
        }
        Ok(())
    }
}
