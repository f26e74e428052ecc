//! What each node's deckies are to be.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension as _, params};
use uuid::Uuid;

use super::rows::json;
use super::{Hosts, Result};
use crate::logic::swarm::{Count, Order, OrderedDecky};
use crate::logic::time::Timestamp;

impl Hosts {
    /// What a node is to do, when it was ever told.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn wanted(&self, id: Uuid) -> Result<Option<Order>> {
        let sql = "SELECT generation, deckies FROM wanted WHERE host = ?1";
        let found = self.db.query_row(sql, [id.to_string()], |row| {
            Ok(Order { generation: Count::kept(row.get(0)?), deckies: json(row, 1)? })
        });
        Ok(found.optional()?)
    }

    /// The number of that order.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn wanted_generation(&self, id: Uuid) -> Result<Option<Count>> {
        let sql = "SELECT generation FROM wanted WHERE host = ?1";
        let mut find = self.db.prepare_cached(sql)?;
        let found = find.query_row([id.to_string()], |row| row.get(0).map(Count::kept));
        Ok(found.optional()?)
    }

    /// What every node is to do; a row that cannot be read wants nothing.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn all_wanted(&self) -> Result<BTreeMap<Uuid, Vec<OrderedDecky>>> {
        let mut find = self.db.prepare_cached("SELECT host, deckies FROM wanted")?;
        let rows = find.query_map([], |row| {
            let host: String = row.get(0)?;
            Ok(host.parse().ok().zip(json(row, 1).ok()))
        })?;
        Ok(rows.filter_map(rusqlite::Result::transpose).collect::<rusqlite::Result<_>>()?)
    }

    /// Wants these deckies of these nodes, each by an order that is newer than all before. Orders
    /// are numbered by the clock, in milliseconds, so that those of a record that was lost or
    /// brought back count as older; what nodes say they have taken has no part in it.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`]: then nothing is wanted anew.
    pub fn want(
        &mut self,
        orders: &BTreeMap<Uuid, Vec<OrderedDecky>>,
        now: Timestamp,
    ) -> Result<()> {
        let step = self.db.transaction()?;
        let by_clock = Count::capped(now.0 / 1_000_000).column();
        for (host, deckies) in orders {
            let sql = "INSERT INTO wanted (host, generation, deckies) VALUES (?1, max(?3, 1), ?2)
                       ON CONFLICT (host) DO UPDATE SET
                           generation = max(excluded.generation, generation + 1),
                           deckies = excluded.deckies";
            let text = serde_json::to_string(deckies).expect("deckies are JSON");
            step.prepare_cached(sql)?.execute(params![host.to_string(), text, by_clock])?;
        }
        Ok(step.commit()?)
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
