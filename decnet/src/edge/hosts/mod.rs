//! The master's record of its nodes: one SQLite file, written through before anything is answered.

mod reports;
mod rollouts;
mod tokens;
mod wanted;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Row, params};
use serde::de::DeserializeOwned;
use uuid::Uuid;

pub use reports::Reported;
pub use rollouts::{NodeRow, RolloutRow};
pub use tokens::StoredToken;

use super::files::{self, FileError};
use crate::logic::swarm::{Host, HostReport, HostStatus};
use crate::logic::time::Timestamp;
use crate::logic::trust::Fingerprint;

const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE hosts (
    uuid        TEXT PRIMARY KEY,
    name        TEXT    NOT NULL,
    address     TEXT    NOT NULL,
    port        INTEGER NOT NULL,
    notes       TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    release     TEXT,
    fingerprint TEXT    NOT NULL,
    updater     TEXT,
    enrolled    INTEGER NOT NULL,
    seen        INTEGER
) WITHOUT ROWID;
-- A name comes free with the node that had it.
CREATE UNIQUE INDEX hosts_by_name ON hosts (name) WHERE status <> 'decommissioned';
",
    "
ALTER TABLE hosts ADD COLUMN sans TEXT NOT NULL DEFAULT '[]';
-- The certificate that takes the place of the other with its first use.
ALTER TABLE hosts ADD COLUMN next TEXT;
CREATE INDEX hosts_by_fingerprint ON hosts (fingerprint);
CREATE INDEX hosts_by_next ON hosts (next);
CREATE TABLE tokens (
    id          TEXT PRIMARY KEY,
    wish        TEXT    NOT NULL,
    expires     INTEGER NOT NULL,
    -- Who has used it: the public key, and the node.
    key         TEXT,
    host        TEXT
) WITHOUT ROWID;
CREATE TABLE wanted (
    host        TEXT PRIMARY KEY,
    generation  INTEGER NOT NULL,
    deckies     TEXT    NOT NULL
) WITHOUT ROWID;
CREATE TABLE reports (
    host        TEXT PRIMARY KEY,
    generation  INTEGER NOT NULL,
    boot        TEXT    NOT NULL,
    revision    INTEGER NOT NULL,
    lag         INTEGER NOT NULL,
    drops       INTEGER NOT NULL,
    deckies     TEXT    NOT NULL,
    -- When the node spoke by itself; none for one that only answers.
    beat        INTEGER
) WITHOUT ROWID;
",
    "
CREATE TABLE rollouts (
    id          TEXT PRIMARY KEY,
    created     INTEGER NOT NULL,
    phase       TEXT    NOT NULL,
    policy      TEXT    NOT NULL,
    -- What is offered, as JSON.
    offer       TEXT    NOT NULL,
    forgiven    INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE rollout_nodes (
    rollout     TEXT    NOT NULL,
    host        TEXT    NOT NULL,
    place       INTEGER NOT NULL,
    -- How the node is and how its updater is, as JSON.
    state       TEXT    NOT NULL,
    own         TEXT    NOT NULL,
    -- What its agent came to while its updater's turn has not ended, as JSON.
    agent       TEXT,
    -- The word by which its updater knows what it was told, and whether it may have been.
    attempt     TEXT    NOT NULL,
    told        INTEGER NOT NULL,
    PRIMARY KEY (rollout, host)
) WITHOUT ROWID;
-- Which release each node is to have, and which rollout says so.
CREATE TABLE desired (
    host        TEXT PRIMARY KEY,
    rollout     TEXT    NOT NULL,
    digest      TEXT    NOT NULL,
    sha256      TEXT    NOT NULL
) WITHOUT ROWID;
",
];

const COLUMNS: &str = "uuid, name, address, port, notes, status, release, fingerprint, updater, \
                       enrolled, seen, sans, next";

/// Nodes with what they have said last.
const HOSTS: &str =
    "SELECT uuid, name, address, port, notes, status, release, fingerprint, updater,
    enrolled, seen, sans, next, boot, reports.generation, wanted.generation, lag, drops,
    json_array_length(reports.deckies)
    FROM hosts LEFT JOIN reports ON reports.host = uuid LEFT JOIN wanted ON wanted.host = uuid";

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
            let values = params![id.to_string(), status.as_str(), release, now.0.cast_signed()];
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

    /// Decommissions a node; says whether there was one. What it was to do is forgotten.
    ///
    /// # Errors
    ///
    /// [`HostsError::Query`].
    pub fn decommission(&mut self, id: Uuid) -> Result<bool> {
        let step = self.db.transaction()?;
        let sql = "UPDATE hosts SET status = 'decommissioned'
                   WHERE uuid = ?1 AND status <> 'decommissioned'";
        let done = step.execute(sql, [id.to_string()])? > 0;
        for table in ["wanted", "reports", "desired"] {
            step.execute(&format!("DELETE FROM {table} WHERE host = ?1"), [id.to_string()])?;
        }
        step.commit()?;
        Ok(done)
    }
}

/// What a node has said last, when it has said anything.
fn report(row: &Row<'_>) -> rusqlite::Result<Option<HostReport>> {
    let Some(boot_id) = row.get(13)? else { return Ok(None) };
    let number = |index| row.get::<_, i64>(index).map(i64::cast_unsigned);
    Ok(Some(HostReport {
        boot_id,
        generation: number(14)?,
        wanted: row.get::<_, Option<i64>>(15)?.map(i64::cast_unsigned),
        lag: number(16)?,
        drops: number(17)?,
        deckies: number(18)?,
    }))
}

/// A column that holds JSON.
fn json<T: DeserializeOwned>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    let text: String = row.get(index)?;
    serde_json::from_str(&text).map_err(|error| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(index, kind, Box::new(error))
    })
}

fn insert(db: &Connection, host: &Host) -> Result<()> {
    let sql = format!(
        "INSERT INTO hosts ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
    );
    let values = params![
        host.host_uuid.to_string(),
        host.name.as_str(),
        host.address,
        host.agent_port,
        host.notes,
        host.status.as_str(),
        host.release,
        host.client_cert_fingerprint.to_string(),
        host.updater_cert_fingerprint.map(|print| print.to_string()),
        host.enrolled_at.0.cast_signed(),
        host.last_seen.map(|seen| seen.0.cast_signed()),
        serde_json::to_string(&host.sans).expect("texts are JSON"),
        host.next_cert_fingerprint.map(|print| print.to_string()),
    ];
    match db.execute(&sql, values) {
        Err(rusqlite::Error::SqliteFailure(error, _))
            if error.code == ErrorCode::ConstraintViolation =>
        {
            Err(HostsError::Duplicate(host.name.to_string()))
        }
        done => Ok(done.map(drop)?),
    }
}

fn host(row: &Row<'_>) -> rusqlite::Result<Host> {
    fn parsed<T: std::str::FromStr>(row: &Row<'_>, index: usize) -> rusqlite::Result<T>
    where
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        row.get::<_, String>(index)?.parse().map_err(|error: T::Err| {
            let kind = rusqlite::types::Type::Text;
            rusqlite::Error::FromSqlConversionFailure(index, kind, Box::new(error))
        })
    }
    let status: String = row.get(5)?;
    let (updater, next): (Option<String>, Option<String>) = (row.get(8)?, row.get(12)?);
    let time = |index| {
        let at: Option<i64> = row.get(index)?;
        Ok::<_, rusqlite::Error>(at.map(|at| Timestamp(at.cast_unsigned())))
    };
    Ok(Host {
        host_uuid: parsed(row, 0)?,
        name: parsed(row, 1)?,
        address: row.get(2)?,
        agent_port: row.get(3)?,
        notes: row.get(4)?,
        status: HostStatus::find(&status).unwrap_or(HostStatus::Unreachable),
        release: row.get(6)?,
        client_cert_fingerprint: parsed(row, 7)?,
        updater_cert_fingerprint: updater.is_some().then(|| parsed(row, 8)).transpose()?,
        enrolled_at: time(9)?.unwrap_or(Timestamp(0)),
        last_seen: time(10)?,
        sans: json(row, 11)?,
        next_cert_fingerprint: next.is_some().then(|| parsed(row, 12)).transpose()?,
        report: report(row)?,
    })
}
