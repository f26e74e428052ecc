//! What nodes have said of themselves.

use rusqlite::{OptionalExtension as _, Savepoint, params};
use uuid::Uuid;

use super::rows::{column, json};
use super::{Hosts, Result};
use crate::logic::status::DeckyStatus;
use crate::logic::swarm::{Count, FleetDecky, HostStatus, NodeReport};
use crate::logic::time::Timestamp;

/// A report, and how it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// Whose.
    pub host: Uuid,
    /// What it says.
    pub report: NodeReport,
    /// When it came.
    pub at: Timestamp,
    /// Whether the node said it by itself.
    pub beat: bool,
}

impl Reported {
    /// The same with what was said `before` and is not said again, where it is still true: so that
    /// of a node that speaks often, one report waits to be written and no more.
    #[must_use]
    pub fn after(mut self, before: Self) -> Self {
        let same = before.report.revision == self.report.revision;
        if self.report.deckies.is_none() && same {
            self.report.deckies = before.report.deckies;
        }
        self.beat |= before.beat;
        self
    }
}

impl Hosts {
    /// Records reports; who reports is active. One that cannot be recorded leaves the others alone.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`]: the last of those that were not recorded, or why none was.
    pub fn reported<'a>(&mut self, all: impl IntoIterator<Item = &'a Reported>) -> Result<()> {
        let mut step = self.db.transaction()?;
        let mut failed = Ok(());
        for reported in all {
            let one = step.savepoint()?;
            match record(&one, reported) {
                Ok(()) => one.commit()?,
                Err(error) => failed = Err(error),
            }
        }
        step.commit()?;
        failed
    }

    /// Which state of its deckies the master knows of a node.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn revision(&self, id: Uuid) -> Result<Option<u64>> {
        let sql = "SELECT revision FROM reports WHERE host = ?1";
        let found = self.db.query_row(sql, [id.to_string()], |row| row.get::<_, Option<i64>>(0));
        Ok(found.optional()?.flatten().map(i64::cast_unsigned))
    }

    /// Who spoke by itself, and has not since `then`, is unreachable; says who.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn silent_since(&self, then: Timestamp) -> Result<Vec<String>> {
        let sql = "UPDATE hosts SET status = 'unreachable' WHERE status = 'active' AND seen < ?1
                   AND uuid IN (SELECT host FROM reports WHERE beat IS NOT NULL)
                   RETURNING name";
        let mut update = self.db.prepare_cached(sql)?;
        let rows = update.query_map([column(then)], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The deckies of all nodes, by the nodes' names; those that cannot be read are left out, and
    /// [`Hosts::list`] says whose they are.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn fleet(&self) -> Result<Vec<FleetDecky>> {
        let sql = "SELECT hosts.uuid, hosts.name, hosts.status, reports.deckies FROM reports
                   JOIN hosts ON hosts.uuid = reports.host
                   WHERE hosts.status <> 'decommissioned' ORDER BY hosts.name";
        let mut find = self.db.prepare_cached(sql)?;
        let rows = find.query_map([], |row| {
            let (uuid, name): (String, String) = (row.get(0)?, row.get(1)?);
            let status: String = row.get(2)?;
            let deckies: Vec<DeckyStatus> = json(row, 3).unwrap_or_default();
            Ok((uuid, name, status, deckies))
        })?;
        let mut fleet = Vec::new();
        for row in rows {
            let (uuid, name, status, deckies) = row?;
            let (Ok(host_uuid), Ok(host_name)) = (uuid.parse(), name.parse()) else { continue };
            let of: crate::logic::trust::NodeName = host_name;
            let host_status = HostStatus::find(&status).unwrap_or(HostStatus::Unreachable);
            fleet.extend(deckies.into_iter().map(|decky| FleetDecky {
                host_uuid,
                host_name: of.clone(),
                host_status,
                decky,
            }));
        }
        Ok(fleet)
    }
}

fn record(step: &Savepoint<'_>, reported: &Reported) -> Result<()> {
    let Reported { host, report, at, beat } = reported;
    let (host, at) = (host.to_string(), column(*at));
    let sql = "UPDATE hosts SET status = 'active', release = ?2, seen = ?3
               WHERE uuid = ?1 AND status <> 'decommissioned'";
    if step.prepare_cached(sql)?.execute(params![host, report.release, at])? == 0 {
        return Ok(());
    }
    let sql = "INSERT INTO reports (host, generation, boot, revision, lag, drops, deckies, beat)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, coalesce(?7, '[]'), ?8)
               ON CONFLICT (host) DO UPDATE SET
                   generation = excluded.generation, boot = excluded.boot, lag = excluded.lag,
                   drops = excluded.drops,
                   revision = CASE WHEN ?7 IS NULL THEN revision ELSE excluded.revision END,
                   deckies = CASE WHEN ?7 IS NULL THEN deckies ELSE excluded.deckies END,
                   beat = coalesce(excluded.beat, beat)";
    let deckies = report.deckies.as_ref();
    let deckies = deckies.map(|all| serde_json::to_string(all).expect("deckies are JSON"));
    // While the deckies are not known there is none: the node's next report is asked to say them.
    let revision = deckies.is_some().then(|| report.revision.cast_signed());
    let drops = Count::sum(report.capture.drops.values().copied());
    step.prepare_cached(sql)?.execute(params![
        host,
        report.generation.column(),
        report.boot_id.to_string(),
        revision,
        report.lag.column(),
        drops.column(),
        deckies,
        beat.then_some(at),
    ])?;
    Ok(())
}
