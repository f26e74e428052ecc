//! Finds connections.

use std::net::IpAddr;

use rusqlite::types::Value as Sql;
use rusqlite::{OptionalExtension as _, Row, params_from_iter};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Cursor, Page, Result, Store, doing, maybe_time, time};
use crate::logic::event::SessionId;
use crate::logic::name::DeckyName;
use crate::logic::time::Timestamp;

/// Which connections to find: those that meet every part that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// From this address.
    pub source: Option<IpAddr>,
    /// To this decky.
    pub decky: Option<DeckyName>,
    /// To this service.
    pub service: Option<String>,
}

/// A connection of a visitor to a decky.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Session {
    /// Its number: 16 hexadecimal digits.
    #[schemars(with = "String")]
    pub id: SessionId,
    /// Whose it is.
    pub ip: Option<String>,
    /// From which port.
    pub port: Option<u16>,
    /// To which decky.
    pub decky: Option<String>,
    /// To which service.
    pub service: Option<String>,
    /// To which port.
    pub dst_port: Option<u16>,
    /// When it began.
    #[schemars(with = "String")]
    pub opened: Timestamp,
    /// When it ended; none while it lasts.
    #[schemars(with = "Option<String>")]
    pub closed: Option<Timestamp>,
    /// Events in it.
    pub events: i64,
    /// Logins tried in it.
    pub logins: i64,
    /// Commands given in it.
    pub commands: i64,
    /// Bytes that the visitor sent.
    pub bytes_in: Option<i64>,
    /// Bytes that the decky sent.
    pub bytes_out: Option<i64>,
    /// As whom the visitor was let in.
    pub user: Option<String>,
}

const COLUMNS: &str = "id, ip, port, decky, service, dst_port, opened, closed, events, logins,
    commands, bytes_in, bytes_out, user";

impl Store {
    /// The connections that meet `filter` and began before `before`, latest first.
    ///
    /// # Errors
    ///
    /// [`super::StoreError::Query`] when the store cannot be read.
    pub fn sessions(
        &self,
        filter: &SessionFilter,
        before: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<Session>> {
        let (at, shown) = Cursor::resume(before);
        let mut sql = format!("SELECT {COLUMNS} FROM sessions WHERE id <= ?");
        let mut values: Vec<Sql> = vec![at.into()];
        let parts = [
            ("ip", filter.source.map(|source| source.to_string())),
            ("decky", filter.decky.as_ref().map(|decky| decky.as_str().to_owned())),
            ("service", filter.service.clone()),
        ];
        for (column, value) in parts {
            let Some(value) = value else { continue };
            sql.push_str(&format!(" AND {column} = ?"));
            values.push(value.into());
        }
        sql.push_str(" ORDER BY id DESC LIMIT ? OFFSET ?");
        values.extend([i64::from(limit).saturating_add(1).into(), i64::from(shown).into()]);
        let mut find = self.db.prepare_cached(&sql).map_err(doing("find sessions"))?;
        let rows = find
            .query_map(params_from_iter(values), session)
            .and_then(Iterator::collect)
            .map_err(doing("find sessions"))?;
        Ok(Page::cut(rows, limit, before, |session| session.id.0.cast_signed()))
    }

    /// The connection `id`.
    ///
    /// # Errors
    ///
    /// [`super::StoreError::Query`] when the store cannot be read.
    pub fn session(&self, id: SessionId) -> Result<Option<Session>> {
        let sql = format!("SELECT {COLUMNS} FROM sessions WHERE id = ?1");
        let mut find = self.db.prepare_cached(&sql).map_err(doing("read session"))?;
        find.query_row([id.0.cast_signed()], session).optional().map_err(doing("read session"))
    }
}

fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        id: SessionId(row.get::<_, i64>(0)?.cast_unsigned()),
        ip: row.get(1)?,
        port: row.get(2)?,
        decky: row.get(3)?,
        service: row.get(4)?,
        dst_port: row.get(5)?,
        opened: time(6)(row)?,
        closed: maybe_time(7)(row)?,
        events: row.get(8)?,
        logins: row.get(9)?,
        commands: row.get(10)?,
        bytes_in: row.get(11)?,
        bytes_out: row.get(12)?,
        user: row.get(13)?,
    })
}
