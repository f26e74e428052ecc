//! Finds logins that were tried.

use std::net::IpAddr;

use rusqlite::{Row, params};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Cursor, Page, Result, Store, doing, time};
use crate::logic::time::Timestamp;

/// What logins are ordered by, greatest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CredentialOrder {
    /// When they were last tried.
    #[default]
    Last,
    /// How often they were tried.
    Tries,
}

/// A login that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Credential {
    /// At which service.
    pub service: String,
    /// The user name.
    pub user: String,
    /// The password, or the fingerprint of a key.
    pub password: String,
    /// When it was first tried.
    #[schemars(with = "String")]
    pub first: Timestamp,
    /// When it was last tried.
    #[schemars(with = "String")]
    pub last: Timestamp,
    /// How often.
    pub tries: i64,
    /// How often it was let in.
    pub accepted: i64,
    /// How many visitors tried it; one where they are listed for one visitor.
    pub sources: i64,
}

impl Store {
    /// The logins that come after `before`, at most `limit`; with `text`, those whose user or
    /// password has it.
    ///
    /// # Errors
    ///
    /// [`super::StoreError::Query`] when the store cannot be read.
    pub fn credentials(
        &self,
        order: CredentialOrder,
        text: Option<&str>,
        before: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<Credential>> {
        let order = match order {
            CredentialOrder::Last => "last",
            CredentialOrder::Tries => "tries",
        };
        let contains = match text {
            Some(_) => "AND (instr(user, ?4) > 0 OR instr(password, ?4) > 0)",
            None => "AND ?4 IS NULL",
        };
        let sql = format!(
            "SELECT service, user, password, first, last, tries, accepted, sources
             FROM credentials WHERE {order} <= ?1 {contains}
             ORDER BY {order} DESC, service DESC, user DESC, password DESC LIMIT ?2 OFFSET ?3"
        );
        let (at, shown) = Cursor::resume(before);
        let mut find = self.db.prepare_cached(&sql).map_err(doing("find credentials"))?;
        let rows = find
            .query_map(params![at, limit.saturating_add(1), shown, text], |row| {
                let number: i64 = row.get(order)?;
                Ok((number, credential(row)?))
            })
            .and_then(Iterator::collect)
            .map_err(doing("find credentials"))?;
        let page = Page::cut(rows, limit, before, |(number, _)| *number);
        Ok(Page { rows: page.rows.into_iter().map(|(_, row)| row).collect(), next: page.next })
    }

    /// What the visitor at `ip` tried, latest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`super::StoreError::Query`] when the store cannot be read.
    pub fn tries(&self, ip: IpAddr, limit: u32) -> Result<Vec<Credential>> {
        let sql = "SELECT service, user, password, first, last, tries, accepted, 1 FROM tries
                   WHERE ip = ?1 ORDER BY last DESC LIMIT ?2";
        let mut find = self.db.prepare_cached(sql).map_err(doing("read credentials"))?;
        find.query_map(params![ip.to_string(), limit], credential)
            .and_then(Iterator::collect)
            .map_err(doing("read credentials"))
    }
}

fn credential(row: &Row<'_>) -> rusqlite::Result<Credential> {
    Ok(Credential {
        service: row.get(0)?,
        user: row.get(1)?,
        password: row.get(2)?,
        first: time(3)(row)?,
        last: time(4)(row)?,
        tries: row.get(5)?,
        accepted: row.get(6)?,
        sources: row.get(7)?,
    })
}
