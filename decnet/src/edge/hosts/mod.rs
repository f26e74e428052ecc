//! The master's record of its nodes: one SQLite file, written through before anything is answered.

mod credentials;
mod notices;
mod quarantines;
mod reports;
mod rollouts;
mod rows;
mod schema;
mod succession;
mod tokens;
mod wanted;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;

pub use reports::Reported;
pub use rollouts::{NodeRow, RolloutRow};
pub use tokens::StoredToken;

use rows::{HOSTS, column, host, insert};
use schema::MIGRATIONS;

use super::files::{self, FileError};
use crate::logic::swarm::{Host, HostStatus};
use crate::logic::time::Timestamp;
use crate::logic::trust::Fingerprint;

/// What can go wrong with the record.
#[derive(Debug, thiserror::Error)]
pub enum HostsError {
    /// Its directory cannot be made.
    #[error(transparent)]
    File(#[from] FileError),
    /// It cannot be opened, or was written by a later version.
    #[error("cannot open the record of nodes `{path}`: {why}")]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Another node has the name.
    #[error("there is a node `{0}` already")]
    Duplicate(String),
    /// The token was used by somebody else.
    #[error("the token was used already")]
    TokenUsed,
    /// It cannot be read or written.
    #[error("cannot use the record of nodes")]
    Query(#[from] rusqlite::Error),
}

/// The result of using the record.
pub type Result<T> = std::result::Result<T, HostsError>;

/// The open record.
#[derive(Debug)]
pub struct Hosts {
    db: Connection,
}

impl Hosts {
    /// Opens `swarm.db` in `dir`, or makes it there for its owner alone.
    ///
    /// # Errors
    ///
    /// [`HostsError::File`] or [`HostsError::Open`].
    pub fn open(dir: &Path) -> Result<Self> {
        files::make_dir(dir)?;
        let path = dir.join("swarm.db");
        let open = |error: rusqlite::Error| HostsError::Open {
            path: path.clone(),
            why: error.to_string(),
        };
        let mut db = Connection::open(&path).map_err(open)?;
        db.busy_timeout(std::time::Duration::from_secs(5)).map_err(open)?;
        db.pragma_update(None, "journal_mode", "wal").map_err(open)?;
        db.pragma_update(None, "synchronous", "full").map_err(open)?;
        let step = db.transaction().map_err(open)?;
        let known = i64::try_from(MIGRATIONS.len()).expect("few migrations");
        let version: i64 =
            step.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(open)?;
        if !(0..=known).contains(&version) {
            let why = format!("it has version {version}: use the release that wrote it");
            return Err(HostsError::Open { path, why });
        }
        for sql in MIGRATIONS.iter().skip(usize::try_from(version).unwrap_or(0)) {
            step.execute_batch(sql).map_err(open)?;
        }
        step.pragma_update(None, "user_version", known).map_err(open)?;
        step.commit().map_err(open)?;
        Ok(Self { db })
    }

    /// Adds a node.
    ///
    /// # Errors
    ///
    /// [`HostsError::Duplicate`] when another has its name.
    pub fn add(&self, host: &Host) -> Result<()> {
        insert(&self.db, host)
    }

    /// The nodes in the order of their names, those of one status only when it is said.
    ///
    /// # Errors
    ///
    /// [`HostsError::Query`].
    pub fn list(&self, status: Option<HostStatus>) -> Result<Vec<Host>> {
        let sql = format!("{HOSTS} WHERE ?1 IS NULL OR status = ?1 ORDER BY name, enrolled");
        let mut find = self.db.prepare_cached(&sql)?;
        let rows = find.query_map([status.map(HostStatus::as_str)], host)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The node `id`.
    ///
    /// # Errors
    ///
    /// [`HostsError::Query`].
    pub fn host(&self, id: Uuid) -> Result<Option<Host>> {
        let sql = format!("{HOSTS} WHERE uuid = ?1");
        let mut find = self.db.prepare_cached(&sql)?;
        Ok(find.query_row([id.to_string()], host).optional()?)
    }

    /// Records what came of asking nodes: the release of each that answered. One that is
    /// decommissioned stays so.
    ///
    /// # Errors
    ///
    /// [`HostsError::Query`].
    pub fn asked(&mut self, nodes: &[(Uuid, Option<String>)], now: Timestamp) -> Result<()> {
        let step = self.db.transaction()?;
        for (id, release) in nodes {
            let sql = "UPDATE hosts SET status = ?2, release = coalesce(?3, release),
                       seen = CASE WHEN ?3 IS NULL THEN seen ELSE ?4 END
                       WHERE uuid = ?1 AND status <> 'decommissioned'";
            let answered = release.is_some();
            let status = if answered { HostStatus::Active } else { HostStatus::Unreachable };
            let values = params![id.to_string(), status.as_str(), release, column(now)];
            step.prepare_cached(sql)?.execute(values)?;
        }
        Ok(step.commit()?)
    }

    /// The node that has this certificate now, or will have it next; none that is decommissioned.
    ///
    /// # Errors
    ///
    /// [`HostsError::Query`].
    pub fn known_by(&self, print: Fingerprint) -> Result<Option<Host>> {
        let sql =
            format!("{HOSTS} WHERE (fingerprint = ?1 OR next = ?1) AND status <> 'decommissioned'");
        let mut find = self.db.prepare_cached(&sql)?;
        Ok(find.query_row([print.to_string()], host).optional()?)
    }

    /// The certificate that a node will have next.
    ///
    /// # Errors
    ///
    /// [`HostsError::Query`].
    pub fn renew(&self, id: Uuid, next: Fingerprint) -> Result<()> {
        let sql = "UPDATE hosts SET next = ?2 WHERE uuid = ?1";
        self.db.execute(sql, [id.to_string(), next.to_string()])?;
        Ok(())
    }

    /// A node has spoken from another address than the last time.
    ///
    /// # Errors
    ///
    /// [`HostsError::Query`].
    pub fn heard_from(&self, id: Uuid, address: &str) -> Result<()> {
        let sql = "UPDATE hosts SET heard = ?2 WHERE uuid = ?1";
        self.db.execute(sql, [&id.to_string(), address])?;
        Ok(())
    }

    /// A node has shown its certificate there; at the address of its enrolment when none is said.
    ///
    /// # Errors
    ///
    /// [`HostsError::Query`].
    pub fn reached_at(&self, id: Uuid, address: Option<&str>) -> Result<()> {
        let sql = "UPDATE hosts SET reached = ?2 WHERE uuid = ?1";
        self.db.execute(sql, params![id.to_string(), address])?;
        Ok(())
    }

    /// A node has shown the certificate that it was to have next: the other is good no more.
    ///
    /// # Errors
    ///
    /// [`HostsError::Query`].
    pub fn renewed(&self, id: Uuid) -> Result<()> {
        let sql = "UPDATE hosts SET fingerprint = next, next = NULL
                   WHERE uuid = ?1 AND next IS NOT NULL";
        self.db.execute(sql, [id.to_string()])?;
        Ok(())
    }

    /// Decommissions a node; says whether there was one. What it was to do is forgotten, and its
    /// certificates are revoked.
    ///
    /// # Errors
    ///
    /// [`HostsError::Query`].
    pub fn decommission(&mut self, id: Uuid, now: Timestamp) -> Result<bool> {
        let step = self.db.transaction()?;
        let sql = "SELECT fingerprint, next, updater FROM hosts
                   WHERE uuid = ?1 AND status <> 'decommissioned'";
        let prints: Option<[Option<String>; 3]> = step
            .query_row(sql, [id.to_string()], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))
            .optional()?;
        for print in prints.into_iter().flatten().flatten() {
            notices::revoke(&step, "node", &print, now)?;
        }
        let sql = "UPDATE hosts SET status = 'decommissioned'
                   WHERE uuid = ?1 AND status <> 'decommissioned'";
        let done = step.execute(sql, [id.to_string()])? > 0;
        for table in ["wanted", "reports", "desired", "quarantines", "credentials"] {
            step.execute(&format!("DELETE FROM {table} WHERE host = ?1"), [id.to_string()])?;
        }
        if done {
            notices::announce(&step, now)?;
        }
        step.commit()?;
        Ok(done)
    }
}

#[cfg(test)]
mod tests;
