//! When the certificates of nodes end, which takes the place of which, and who may be taken back.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::rows::{column, time};
use super::{Hosts, Result};
use crate::logic::swarm::{Certificate, Certificates, Part};
use crate::logic::time::Timestamp;
use crate::logic::trust::Fingerprint;

const COLUMNS: &str = "part, ends, next, window";

impl Hosts {
    /// What is known of the certificates of all nodes.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn certificates(&self) -> Result<BTreeMap<Uuid, Certificates>> {
        let sql = format!("SELECT host, {COLUMNS} FROM credentials");
        let mut find = self.db.prepare_cached(&sql)?;
        let rows = find.query_map([], |row| {
            let host: String = row.get(0)?;
            Ok((host, part(row, 1)?))
        })?;
        let mut all: BTreeMap<Uuid, Certificates> = BTreeMap::new();
        for row in rows {
            let (host, found) = row?;
            // A row that is none of ours hides no other.
            let (Ok(host), Some((part, certificate))) = (host.parse(), found) else { continue };
            *all.entry(host).or_default().of_mut(part) = certificate;
        }
        Ok(all)
    }

    /// What is known of one of them.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn certificate(&self, host: Uuid, which: Part) -> Result<Certificate> {
        let sql = format!("SELECT {COLUMNS} FROM credentials WHERE host = ?1 AND part = ?2");
        let mut find = self.db.prepare_cached(&sql)?;
        let found = find
            .query_row([host.to_string().as_str(), which.as_str()], |row| part(row, 0))
            .optional()?;
        Ok(found.flatten().map(|(_, certificate)| certificate).unwrap_or_default())
    }

    /// A certificate that is in use ends then.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn ends(&self, host: Uuid, part: Part, ends: Timestamp) -> Result<()> {
        let sql = "INSERT INTO credentials (host, part, ends) VALUES (?1, ?2, ?3)
                   ON CONFLICT (host, part) DO UPDATE SET ends = excluded.ends";
        let values = params![host.to_string(), part.as_str(), column(ends)];
        self.db.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// An updater is about to be brought this certificate.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn updater_next(&self, host: Uuid, next: Fingerprint) -> Result<()> {
        let sql = "INSERT INTO credentials (host, part, next) VALUES (?1, 'updater', ?2)
                   ON CONFLICT (host, part) DO UPDATE SET next = excluded.next";
        self.db.execute(sql, [host.to_string(), next.to_string()])?;
        Ok(())
    }

    /// An updater has shown the certificate that it was brought: the other is good no more.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn updater_renewed(
        &mut self,
        host: Uuid,
        shown: Fingerprint,
        ends: Timestamp,
    ) -> Result<()> {
        let step = self.db.transaction()?;
        let (host, shown) = (host.to_string(), shown.to_string());
        let sql = "UPDATE hosts SET updater = ?2 WHERE uuid = ?1 AND status <> 'decommissioned'";
        step.execute(sql, [&host, &shown])?;
        let sql = "UPDATE credentials SET ends = ?3, next = NULL, window = NULL
                   WHERE host = ?1 AND part = 'updater' AND next = ?2";
        step.execute(sql, params![host, shown, column(ends)])?;
        Ok(step.commit()?)
    }

    /// Until `until` the node of this name may have another certificate for one that has ended;
    /// says which node that is. One that is decommissioned may not.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn open_window(&mut self, name: &str, until: Timestamp) -> Result<Option<Uuid>> {
        let step = self.db.transaction()?;
        let sql = "SELECT uuid FROM hosts WHERE name = ?1 AND status <> 'decommissioned'";
        let found = step.query_row(sql, [name], |row| row.get::<_, String>(0)).optional()?;
        let Some(host) = found else { return Ok(None) };
        for part in Part::ALL {
            let sql = "INSERT INTO credentials (host, part, window) VALUES (?1, ?2, ?3)
                       ON CONFLICT (host, part) DO UPDATE SET window = excluded.window";
            step.execute(sql, params![host, part.as_str(), column(until)])?;
        }
        step.commit()?;
        Ok(host.parse().ok())
    }

    /// A node has been taken back: one of its certificates that has ended is good for nothing again.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn close_window(&self, host: Uuid, part: Part) -> Result<()> {
        let sql = "UPDATE credentials SET window = NULL WHERE host = ?1 AND part = ?2";
        self.db.execute(sql, [host.to_string().as_str(), part.as_str()])?;
        Ok(())
    }
}

/// What a row says, from this column on; `None` when it says nothing that is known.
fn part(row: &Row<'_>, from: usize) -> rusqlite::Result<Option<(Part, Certificate)>> {
    let name: String = row.get(from)?;
    let at = |index| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(index)?.map(time));
    let next: Option<String> = row.get(from + 2)?;
    let certificate = Certificate {
        until: at(from + 1)?,
        next: next.and_then(|next| next.parse().ok()),
        window: at(from + 3)?,
        behind: None,
    };
    Ok(Part::find(&name).map(|part| (part, certificate)))
}
