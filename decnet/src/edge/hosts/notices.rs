//! What the authority is to say to every daemon: which certificates are good no more, and where the
//! master is.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::rows::column;
use super::{Hosts, Result};
use crate::logic::swarm::{Count, MAX_REVOKED, MasterUrl, Notice};
use crate::logic::time::Timestamp;
use crate::logic::trust::Fingerprint;

/// How long a certificate can be good that was made just now: a year, and a month for clocks.
const LIFE: u64 = 396 * 86_400 * 1_000_000_000;

impl Hosts {
    /// The notice as it is now, but for the authorities, of which the record has no certificates;
    /// none before there was anything to say.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn notice(&self) -> Result<Option<Notice>> {
        let sql = "SELECT number, places FROM notice";
        let found = self.db.query_row(sql, [], |row| {
            let places: String = row.get(1)?;
            Ok((Count::kept(row.get(0)?), places))
        });
        let Some((number, places)) = found.optional()? else { return Ok(None) };
        // Masters first: of too many, the certificates of nodes are refused by the master itself.
        let sql =
            format!("SELECT fingerprint FROM revoked ORDER BY what, at DESC LIMIT {MAX_REVOKED}");
        let mut find = self.db.prepare_cached(&sql)?;
        let rows = find.query_map([], |row| row.get::<_, String>(0))?;
        let texts: Vec<String> = rows.collect::<rusqlite::Result<_>>()?;
        let revoked: BTreeSet<Fingerprint> =
            texts.iter().filter_map(|text| text.parse().ok()).collect();
        let places: Vec<MasterUrl> = serde_json::from_str(&places).unwrap_or_default();
        Ok(Some(Notice { number, revoked, places, authorities: Vec::new() }))
    }

    /// A certificate of a master's is good no more.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn revoke_master(&mut self, print: Fingerprint, now: Timestamp) -> Result<()> {
        let step = self.db.transaction()?;
        revoke(&step, "master", &print.to_string(), now)?;
        announce(&step, now)?;
        Ok(step.commit()?)
    }

    /// The master is reached there from now on.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn move_to(&mut self, places: &[MasterUrl], now: Timestamp) -> Result<()> {
        let step = self.db.transaction()?;
        announce(&step, now)?;
        let text = serde_json::to_string(places).expect("places are JSON");
        step.execute("UPDATE notice SET places = ?1", [text])?;
        Ok(step.commit()?)
    }
}

/// Takes a certificate out of use, by the next notice.
pub(super) fn revoke(db: &Connection, what: &str, print: &str, now: Timestamp) -> Result<()> {
    let sql = "INSERT OR IGNORE INTO revoked (fingerprint, what, at) VALUES (?1, ?2, ?3)";
    db.prepare_cached(sql)?.execute(params![print, what, column(now)])?;
    Ok(())
}

/// Makes the next notice a later one. Notices are numbered by the clock, as orders are; what has
/// ended by itself is left out of it.
pub(super) fn announce(db: &Connection, now: Timestamp) -> Result<()> {
    let ended = column(Timestamp(now.0.saturating_sub(LIFE)));
    db.execute("DELETE FROM revoked WHERE at < ?1 AND what = 'node'", [ended])?;
    let sql = "INSERT INTO notice (one, number, places) VALUES (1, max(?1, 1), '[]')
               ON CONFLICT (one) DO UPDATE SET number = max(excluded.number, number + 1)";
    db.execute(sql, [Count::capped(now.0 / 1_000_000).column()])?;
    Ok(())
}
