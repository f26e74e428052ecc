//! Finds visitors.

use std::net::IpAddr;

use rusqlite::{OptionalExtension as _, Row, params};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Cursor, Page, Result, Store, StoreError, doing, time};
use crate::logic::time::Timestamp;

/// What visitors are ordered by, greatest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceOrder {
    /// How much they did.
    Events,
    /// When they were last seen.
    #[default]
    Last,
}

/// Which visitors to find.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceFilter {
    /// In which order.
    pub order: SourceOrder,
    /// Whose address or MAC begins so.
    pub begins: Option<String>,
}

/// Whoever touched a decky.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Visitor {
    /// Its address.
    pub ip: String,
    /// When it was first seen.
    #[schemars(with = "String")]
    pub first: Timestamp,
    /// When it was last seen.
    #[schemars(with = "String")]
    pub last: Timestamp,
    /// Events it caused.
    pub events: i64,
    /// Connections it made.
    pub sessions: i64,
    /// Logins it tried.
    pub logins: i64,
    /// Deckies it touched.
    pub deckies: i64,
    /// The MAC its packets came from.
    pub mac: Option<String>,
    /// The signature of its TCP stack.
    pub tcp: Option<String>,
}

/// A decky that a visitor touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Touch {
    /// Its name.
    pub decky: String,
    /// When it was first touched.
    #[schemars(with = "String")]
    pub first: Timestamp,
    /// When it was last touched.
    #[schemars(with = "String")]
    pub last: Timestamp,
    /// Events that were caused on it.
    pub events: i64,
}

/// A fingerprint that a visitor showed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Fingerprint {
    /// The kind of event that brought it.
    pub kind: String,
    /// What that event said.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub print: Box<RawValue>,
    /// When it was first seen.
    #[schemars(with = "String")]
    pub first: Timestamp,
    /// When it was last seen.
    #[schemars(with = "String")]
    pub last: Timestamp,
    /// How often.
    pub events: i64,
}

const COLUMNS: &str = "ip, first, last, events, sessions, logins, mac, tcp,
    (SELECT count(*) FROM touches WHERE touches.ip = sources.ip)";

impl Store {
    /// The visitors that come after `before`, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Query`] when the store cannot be read.
    pub fn visitors(
        &self,
        filter: &SourceFilter,
        before: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<Visitor>> {
        let order = match filter.order {
            SourceOrder::Events => "events",
            SourceOrder::Last => "last",
        };
        let begins = match filter.begins {
            Some(_) => "AND (substr(ip, 1, length(?4)) = ?4 OR substr(mac, 1, length(?4)) = ?4)",
            None => "AND ?4 IS NULL",
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM sources WHERE {order} <= ?1 {begins}
             ORDER BY {order} DESC, ip DESC LIMIT ?2 OFFSET ?3"
        );
        let (at, shown) = Cursor::resume(before);
        let mut find = self.db.prepare_cached(&sql).map_err(doing("find visitors"))?;
        let row = params![at, limit.saturating_add(1), shown, filter.begins];
        let rows = find
            .query_map(row, |row| {
                let number: i64 = row.get(order)?;
                Ok((number, visitor(row)?))
            })
            .and_then(Iterator::collect)
            .map_err(doing("find visitors"))?;
        let page = Page::cut(rows, limit, before, |(number, _)| *number);
        Ok(Page { rows: page.rows.into_iter().map(|(_, row)| row).collect(), next: page.next })
    }

    /// The visitor at `ip`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Query`] when the store cannot be read.
    pub fn visitor(&self, ip: IpAddr) -> Result<Option<Visitor>> {
        let sql = format!("SELECT {COLUMNS} FROM sources WHERE ip = ?1");
        let mut find = self.db.prepare_cached(&sql).map_err(doing("read visitor"))?;
        find.query_row([ip.to_string()], visitor).optional().map_err(doing("read visitor"))
    }

    /// The deckies that the visitor at `ip` touched, latest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Query`] when the store cannot be read.
    pub fn touches(&self, ip: IpAddr, limit: u32) -> Result<Vec<Touch>> {
        let sql = "SELECT decky, first, last, events FROM touches WHERE ip = ?1
                   ORDER BY last DESC LIMIT ?2";
        let mut find = self.db.prepare_cached(sql).map_err(doing("read touches"))?;
        find.query_map(params![ip.to_string(), limit], |row| {
            Ok(Touch {
                decky: row.get(0)?,
                first: time(1)(row)?,
                last: time(2)(row)?,
                events: row.get(3)?,
            })
        })
        .and_then(Iterator::collect)
        .map_err(doing("read touches"))
    }

    /// The fingerprints of the visitor at `ip`, latest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot be read or what is in it is damaged.
    pub fn fingerprints(&self, ip: IpAddr, limit: u32) -> Result<Vec<Fingerprint>> {
        let sql = "SELECT kind, print, first, last, events FROM fingerprints WHERE ip = ?1
                   ORDER BY last DESC LIMIT ?2";
        let mut find = self.db.prepare_cached(sql).map_err(doing("read fingerprints"))?;
        let rows = find
            .query_map(params![ip.to_string(), limit], |row| {
                let (first, last) = (time(2)(row)?, time(3)(row)?);
                Ok((row.get(0)?, row.get::<_, String>(1)?, first, last, row.get(4)?))
            })
            .map_err(doing("read fingerprints"))?;
        let mut prints = Vec::new();
        for row in rows {
            let (kind, print, first, last, events) = row.map_err(doing("read fingerprints"))?;
            let print = RawValue::from_string(print).map_err(StoreError::Json)?;
            prints.push(Fingerprint { kind, print, first, last, events });
        }
        Ok(prints)
    }
}

fn visitor(row: &Row<'_>) -> rusqlite::Result<Visitor> {
    Ok(Visitor {
        ip: row.get(0)?,
        first: time(1)(row)?,
        last: time(2)(row)?,
        events: row.get(3)?,
        sessions: row.get(4)?,
        logins: row.get(5)?,
        mac: row.get(6)?,
        tcp: row.get(7)?,
        deckies: row.get(8)?,
    })
}
