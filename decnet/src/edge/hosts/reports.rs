//! What nodes have said of themselves.

use rusqlite::{OptionalExtension as _, Transaction, params};
use uuid::Uuid;

use super::{Hosts, Result, json};
use crate::logic::status::DeckyStatus;
use crate::logic::swarm::{FleetDecky, HostStatus, NodeReport};
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

impl Hosts {
    /// Records reports; who reports is active.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn reported(&mut self, all: &[Reported]) -> Result<()> {
        let step = self.db.transaction()?;
        for reported in all {
            record(&step, reported)?;
        }
        Ok(step.commit()?)
    }

    /// Which state of its deckies the master knows of a node.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn revision(&self, id: Uuid) -> Result<Option<u64>> {
        let sql = "SELECT revision FROM reports WHERE host = ?1";
        let found = self.db.query_row(sql, [id.to_string()], |row| row.get::<_, i64>(0));
        Ok(found.optional()?.map(i64::cast_unsigned))
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
        let rows = update.query_map([then.0.cast_signed()], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The deckies of all nodes, by the nodes' names.
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
            let deckies: Vec<DeckyStatus> = json(row, 3)?;
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

fn record(step: &Transaction<'_>, reported: &Reported) -> Result<()> {
    let Reported { host, report, at, beat } = reported;
    let (host, at) = (host.to_string(), at.0.cast_signed());
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
    // What is not known has a number of its own: the node's next report is asked to say it.
    let revision = if deckies.is_some() { report.revision } else { !report.revision };
    let drops: u64 = report.capture.drops.values().sum();
    step.prepare_cached(sql)?.execute(params![
        host,
        report.generation.cast_signed(),
        report.boot_id.to_string(),
        revision.cast_signed(),
        report.lag.cast_signed(),
        drops.cast_signed(),
        deckies,
        beat.then_some(at),
    ])?;
    Ok(())
}
