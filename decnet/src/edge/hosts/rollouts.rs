//! Rollouts, how each of their nodes is, and which release each node is to have.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use serde::Serialize;
use uuid::Uuid;

use super::rows::{column, json, time};
use super::{Hosts, Result};
use crate::logic::release::Digest;
use crate::logic::rollout::{LastLook, NodeState, Offer, OwnState, Phase, Rollout, Skip};
use crate::logic::time::Timestamp;

/// A rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutRow {
    /// Which.
    pub id: Uuid,
    /// When it was begun.
    pub created_at: Timestamp,
    /// What it brings.
    pub offer: Offer,
    /// How it is.
    pub rollout: Rollout,
}

/// A node of a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRow {
    /// Which.
    pub host: Uuid,
    /// How it is.
    pub state: NodeState,
    /// How its updater is.
    pub own: OwnState,
    /// What its agent came to, while its updater's turn has not ended.
    pub agent: Option<NodeState>,
    /// The word by which its updater knows what it was told.
    pub attempt: String,
    /// Whether it may have been told.
    pub told: bool,
}

/// Those of `rollouts` that still want something, or have nodes under way.
const OPEN: &str = "(phase IN ('halted', 'paused', 'running') OR EXISTS (
    SELECT 1 FROM rollout_nodes WHERE rollout = id
    AND json_extract(state, '$.state') IN ('sending', 'trying', 'soaking')))";
/// Rollouts that are remembered once nothing is wanted any more.
const REMEMBERED: u32 = 100;
/// Rollouts whose releases are kept, as what the next ones are built on.
const BUILT_ON: u32 = 2;

impl Hosts {
    /// Begins a rollout: its nodes are to have what it offers, whatever another wanted of them.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`]: then there is none.
    pub fn begin_rollout(&mut self, row: &RolloutRow, attempts: &[String]) -> Result<()> {
        let RolloutRow { id, created_at, offer, rollout } = row;
        let step = self.db.transaction()?;
        step.execute(
            "INSERT INTO rollouts (id, created, phase, policy, offer, forgiven)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                id.to_string(),
                column(*created_at),
                rollout.phase.as_str(),
                text(&rollout.policy),
                text(offer),
                number(rollout.forgiven),
            ],
        )?;
        for (place, ((host, state), attempt)) in rollout.nodes.iter().zip(attempts).enumerate() {
            let host = host.to_string();
            step.prepare_cached(
                "INSERT INTO rollout_nodes (rollout, host, place, state, own, attempt, told)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0)",
            )?
            .execute(params![
                id.to_string(),
                host,
                number(place),
                text(state),
                text(&OwnState::None),
                attempt,
            ])?;
            if *state == NodeState::Waiting {
                supersede(&step, &host, *id)?;
                step.prepare_cached("INSERT OR REPLACE INTO desired VALUES (?1, ?2, ?3, ?4)")?
                    .execute([
                        host,
                        id.to_string(),
                        offer.digest.to_string(),
                        offer.sha256.to_string(),
                    ])?;
            }
        }
        forget(&step)?;
        Ok(step.commit()?)
    }

    /// A rollout, when there is one of that number.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn rollout(&self, id: Uuid) -> Result<Option<RolloutRow>> {
        let sql = "SELECT id, created, phase, policy, offer, forgiven, last_look FROM rollouts
                   WHERE id = ?1";
        let mut find = self.db.prepare_cached(sql)?;
        let Some(mut row) = find.query_row([id.to_string()], rollout).optional()? else {
            return Ok(None);
        };
        let sql = "SELECT host, state FROM rollout_nodes WHERE rollout = ?1 ORDER BY place";
        let mut find = self.db.prepare_cached(sql)?;
        let nodes = find.query_map([id.to_string()], |row| Ok((uuid(row, 0)?, json(row, 1)?)))?;
        row.rollout.nodes = nodes.collect::<rusqlite::Result<_>>()?;
        Ok(Some(row))
    }

    /// Every rollout, the latest first.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn rollouts(&self) -> Result<Vec<RolloutRow>> {
        let mut find = self.db.prepare_cached("SELECT id FROM rollouts ORDER BY id DESC")?;
        let ids: Vec<Uuid> =
            find.query_map([], |row| uuid(row, 0))?.collect::<rusqlite::Result<_>>()?;
        let mut rows = Vec::new();
        for id in ids {
            rows.extend(self.rollout(id)?);
        }
        Ok(rows)
    }

    /// The nodes of a rollout, in the order in which they begin.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn rollout_nodes(&self, id: Uuid) -> Result<Vec<NodeRow>> {
        let sql = "SELECT host, state, own, agent, attempt, told FROM rollout_nodes
                   WHERE rollout = ?1 ORDER BY place";
        let mut find = self.db.prepare_cached(sql)?;
        let rows = find.query_map([id.to_string()], node)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// One of them.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn rollout_node(&self, id: Uuid, host: Uuid) -> Result<Option<NodeRow>> {
        let sql = "SELECT host, state, own, agent, attempt, told FROM rollout_nodes
                   WHERE rollout = ?1 AND host = ?2";
        let mut find = self.db.prepare_cached(sql)?;
        Ok(find.query_row([id.to_string(), host.to_string()], node).optional()?)
    }

    /// Writes what has become of a rollout: how it is, and of its nodes those that are not as they
    /// were `before`.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`]: then all is as before.
    pub fn save_rollout(&mut self, id: Uuid, rollout: &Rollout, before: &Rollout) -> Result<()> {
        let step = self.db.transaction()?;
        let id = id.to_string();
        step.prepare_cached(
            "UPDATE rollouts SET phase = ?2, forgiven = ?3, last_look = ?4 WHERE id = ?1",
        )?
        .execute(params![
            id,
            rollout.phase.as_str(),
            number(rollout.forgiven),
            rollout.last_look == LastLook::Taken,
        ])?;
        let sql = "UPDATE rollout_nodes SET state = ?3, told = max(told, ?4)
                   WHERE rollout = ?1 AND host = ?2";
        for (now, before) in rollout.nodes.iter().zip(&before.nodes) {
            if now != before {
                let (host, state) = now;
                let told = *state == NodeState::Trying;
                step.prepare_cached(sql)?.execute(params![
                    id,
                    host.to_string(),
                    text(state),
                    told
                ])?;
                if state.is_bad() {
                    // What took a node down is not promised to it again.
                    step.prepare_cached("DELETE FROM desired WHERE rollout = ?1 AND host = ?2")?
                        .execute(params![id, host.to_string()])?;
                }
            }
        }
        if rollout.phase == Phase::Aborted {
            step.execute("DELETE FROM desired WHERE rollout = ?1", [id])?;
        }
        Ok(step.commit()?)
    }

    /// The agent of a node has come to this; its updater is next.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn agent_ended(&self, id: Uuid, host: Uuid, agent: &NodeState) -> Result<()> {
        let sql = "UPDATE rollout_nodes SET agent = ?3 WHERE rollout = ?1 AND host = ?2";
        self.db.execute(sql, params![id.to_string(), host.to_string(), text(agent)])?;
        Ok(())
    }

    /// The updater of a node has come to this.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn own_ended(&self, id: Uuid, host: Uuid, own: &OwnState) -> Result<()> {
        let sql = "UPDATE rollout_nodes SET own = ?3 WHERE rollout = ?1 AND host = ?2";
        self.db.execute(sql, params![id.to_string(), host.to_string(), text(own)])?;
        Ok(())
    }

    /// The rollouts that have nodes under way, wait for their turn, or are not begun.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn open_rollouts(&self) -> Result<Vec<Uuid>> {
        let sql = format!("SELECT id FROM rollouts WHERE {OPEN}");
        let mut find = self.db.prepare_cached(&sql)?;
        let rows = find.query_map([], |row| uuid(row, 0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The nodes that are away while a release waits for them, and the rollouts that bring it.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn away(&self) -> Result<Vec<(Uuid, Uuid)>> {
        let sql = "SELECT desired.host, desired.rollout FROM desired
                   JOIN rollout_nodes ON rollout_nodes.rollout = desired.rollout
                   AND rollout_nodes.host = desired.host
                   WHERE json_extract(state, '$.state') = 'offline'";
        let mut find = self.db.prepare_cached(sql)?;
        let rows = find.query_map([], |row| Ok((uuid(row, 0)?, uuid(row, 1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The nodes that fell silent when they were brought this release, and the rollouts that did.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn took_down(&self, release: Digest) -> Result<BTreeMap<Uuid, Uuid>> {
        // Of each node the latest word counts.
        let sql = "SELECT host, rollout, json_extract(state, '$.state') = 'silent'
                   FROM rollout_nodes JOIN rollouts ON rollouts.id = rollout
                   WHERE json_extract(offer, '$.digest') = ?1 AND json_extract(state, '$.state')
                   IN ('silent', 'self_failed', 'rolled_back', 'updated', 'unchanged')
                   ORDER BY rollout";
        let mut find = self.db.prepare_cached(sql)?;
        let mut rows = find.query([release.to_string()])?;
        let mut silent = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let (host, by) = (uuid(row, 0)?, uuid(row, 1)?);
            if row.get(2)? {
                silent.insert(host, by);
            } else {
                silent.remove(&host);
            }
        }
        Ok(silent)
    }

    /// Wants no release of a node any more.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn desire_nothing(&self, host: Uuid) -> Result<()> {
        self.db.execute("DELETE FROM desired WHERE host = ?1", [host.to_string()])?;
        Ok(())
    }

    /// The bundle that a release came in, by the digest of its bytes.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn bundle_of(&self, release: Digest) -> Result<Option<Digest>> {
        let sql = "SELECT json_extract(offer, '$.sha256') FROM rollouts
                   WHERE json_extract(offer, '$.digest') = ?1 ORDER BY id DESC LIMIT 1";
        let mut find = self.db.prepare_cached(sql)?;
        let found = find.query_row([release.to_string()], |row| row.get::<_, String>(0));
        Ok(found.optional()?.and_then(|text| text.parse().ok()))
    }

    /// The bundles that are still needed: a node is to have them, a rollout is not over, or the
    /// next releases are sent to nodes that have this one.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn named_bundles(&self) -> Result<BTreeSet<Digest>> {
        let sql = format!(
            "SELECT sha256 FROM desired
             UNION SELECT json_extract(offer, '$.sha256') FROM rollouts WHERE {OPEN}
             UNION SELECT * FROM (
                SELECT json_extract(offer, '$.sha256') FROM rollouts WHERE EXISTS (
                    SELECT 1 FROM rollout_nodes WHERE rollout = rollouts.id
                    AND json_extract(state, '$.state')
                    IN ('updated', 'unchanged', 'soaking', 'self_failed'))
                ORDER BY id DESC LIMIT {BUILT_ON})"
        );
        let mut find = self.db.prepare_cached(&sql)?;
        let rows = find.query_map([], |row| row.get::<_, String>(0))?;
        let texts: Vec<String> = rows.collect::<rusqlite::Result<_>>()?;
        Ok(texts.iter().filter_map(|text| text.parse().ok()).collect())
    }
}

/// What other rollouts wanted of a node is wanted no more.
fn supersede(step: &Transaction<'_>, host: &str, by: Uuid) -> Result<()> {
    let sql = "UPDATE rollout_nodes SET state = ?3 WHERE host = ?1 AND rollout <> ?2
               AND json_extract(state, '$.state') IN ('offline', 'waiting')";
    let state = NodeState::Skipped { skip: Skip::Superseded(by) };
    step.prepare_cached(sql)?.execute([host, &by.to_string(), &text(&state)])?;
    Ok(())
}

/// The oldest rollouts of which nothing is wanted any more are forgotten.
fn forget(step: &Transaction<'_>) -> Result<()> {
    let sql = format!(
        "DELETE FROM rollouts WHERE NOT {OPEN} AND id NOT IN (SELECT rollout FROM desired)
         AND id NOT IN (SELECT id FROM rollouts ORDER BY id DESC LIMIT {REMEMBERED})"
    );
    step.execute(&sql, [])?;
    let sql = "DELETE FROM rollout_nodes WHERE rollout NOT IN (SELECT id FROM rollouts)";
    step.execute(sql, [])?;
    Ok(())
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("it has a form in JSON")
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn uuid(row: &Row<'_>, index: usize) -> rusqlite::Result<Uuid> {
    let text: String = row.get(index)?;
    text.parse().map_err(|error: uuid::Error| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(index, kind, Box::new(error))
    })
}

fn rollout(row: &Row<'_>) -> rusqlite::Result<RolloutRow> {
    let (created, phase): (i64, String) = (row.get(1)?, row.get(2)?);
    let forgiven: i64 = row.get(5)?;
    Ok(RolloutRow {
        id: uuid(row, 0)?,
        created_at: time(created),
        offer: json(row, 4)?,
        rollout: Rollout {
            policy: json(row, 3)?,
            phase: Phase::find(&phase).unwrap_or(Phase::Halted),
            forgiven: usize::try_from(forgiven).unwrap_or(0),
            last_look: if row.get(6)? { LastLook::Taken } else { LastLook::Due },
            nodes: Vec::new(),
        },
    })
}

fn node(row: &Row<'_>) -> rusqlite::Result<NodeRow> {
    let agent: Option<String> = row.get(3)?;
    Ok(NodeRow {
        host: uuid(row, 0)?,
        state: json(row, 1)?,
        own: json(row, 2)?,
        agent: agent.is_some().then(|| json(row, 3)).transpose()?,
        attempt: row.get(4)?,
        told: row.get(5)?,
    })
}

#[cfg(test)]
mod tests;
