//! What each node's deckies are to be.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension as _, params};
use uuid::Uuid;

use super::{Hosts, Result, json};
use crate::logic::swarm::{Order, OrderedDecky};

impl Hosts {
    /// What a node is to do, when it was ever told.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn wanted(&self, id: Uuid) -> Result<Option<Order>> {
        let sql = "SELECT generation, deckies FROM wanted WHERE host = ?1";
        let found = self.db.query_row(sql, [id.to_string()], |row| {
            let generation: i64 = row.get(0)?;
            Ok(Order { generation: generation.cast_unsigned(), deckies: json(row, 1)? })
        });
        Ok(found.optional()?)
    }

    /// The number of that order.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn wanted_generation(&self, id: Uuid) -> Result<Option<u64>> {
        let sql = "SELECT generation FROM wanted WHERE host = ?1";
        let mut find = self.db.prepare_cached(sql)?;
        let found = find.query_row([id.to_string()], |row| row.get::<_, i64>(0));
        Ok(found.optional()?.map(i64::cast_unsigned))
    }

    /// What every node is to do.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn all_wanted(&self) -> Result<BTreeMap<Uuid, Vec<OrderedDecky>>> {
        let mut find = self.db.prepare_cached("SELECT host, deckies FROM wanted")?;
        let rows = find.query_map([], |row| {
            let host: String = row.get(0)?;
            Ok((host.parse().unwrap_or_default(), json(row, 1)?))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Wants these deckies of these nodes, each by an order that is newer than all before.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`]: then nothing is wanted anew.
    pub fn want(&mut self, orders: &BTreeMap<Uuid, Vec<OrderedDecky>>) -> Result<()> {
        let step = self.db.transaction()?;
        for (host, deckies) in orders {
            let sql = "INSERT INTO wanted (host, generation, deckies) VALUES (?1, 1 + max(
                           coalesce((SELECT generation FROM wanted WHERE host = ?1), 0),
                           coalesce((SELECT generation FROM reports WHERE host = ?1), 0)), ?2)
                       ON CONFLICT (host) DO UPDATE SET
                           generation = excluded.generation, deckies = excluded.deckies";
            let text = serde_json::to_string(deckies).expect("deckies are JSON");
            step.prepare_cached(sql)?.execute(params![host.to_string(), text])?;
        }
        Ok(step.commit()?)
    }

    /// A node has taken an order with a number that we did not give: ours comes after it.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn overtake(&self, id: Uuid, generation: u64) -> Result<()> {
        let sql = "UPDATE wanted SET generation = ?2 + 1 WHERE host = ?1 AND generation <= ?2";
        self.db.execute(sql, params![id.to_string(), generation.cast_signed()])?;
        Ok(())
    }

    /// The nodes that have not taken what is wanted of them.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn behind(&self) -> Result<Vec<Uuid>> {
        let sql = "SELECT wanted.host FROM wanted JOIN hosts ON hosts.uuid = wanted.host
                   LEFT JOIN reports ON reports.host = wanted.host
                   WHERE hosts.status <> 'decommissioned'
                   AND wanted.generation > coalesce(reports.generation, 0)";
        let mut find = self.db.prepare_cached(sql)?;
        let rows = find.query_map([], |row| {
            let host: String = row.get(0)?;
            Ok(host.parse().unwrap_or_default())
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
