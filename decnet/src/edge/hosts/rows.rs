//! Rows of the record as what they mean. One that is damaged is still a row: what cannot be read
//! has something else in its place, and the row says so, for a listing must never fail by it.

use std::fmt::Display;
use std::str::FromStr;

use rusqlite::types::FromSql;
use rusqlite::{Connection, Row, params};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{HostsError, Result};
use crate::logic::swarm::{Count, Host, HostReport, HostStatus};
use crate::logic::time::Timestamp;
use crate::logic::trust::{Fingerprint, NodeName};

const COLUMNS: &str = "uuid, name, address, port, notes, status, release, fingerprint, updater, \
                       enrolled, seen, sans, next";

/// Nodes with what they have said last.
pub(super) const HOSTS: &str =
    "SELECT uuid, name, address, port, notes, status, release, fingerprint, updater,
    enrolled, seen, sans, next, boot, reports.generation, wanted.generation, lag, drops,
    iif(json_valid(reports.deckies), json_array_length(reports.deckies), -1), heard, reached
    FROM hosts LEFT JOIN reports ON reports.host = uuid LEFT JOIN wanted ON wanted.host = uuid";

/// A certificate that nobody has.
const NOBODY: Fingerprint = Fingerprint([0; 32]);

/// A time as it is kept: those after the year 2262 are its last moment.
pub(super) fn column(at: Timestamp) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

/// A time that was kept.
pub(super) fn time(column: i64) -> Timestamp {
    Timestamp(u64::try_from(column).unwrap_or(0))
}

/// A column that holds JSON.
pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    let text: String = row.get(index)?;
    serde_json::from_str(&text).map_err(|error| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(index, kind, Box::new(error))
    })
}

/// Adds a node.
pub(super) fn insert(db: &Connection, host: &Host) -> Result<()> {
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
        column(host.enrolled_at),
        host.last_seen.map(column),
        serde_json::to_string(&host.sans).expect("texts are JSON"),
        host.next_cert_fingerprint.map(|print| print.to_string()),
    ];
    match db.execute(&sql, values) {
        Err(rusqlite::Error::SqliteFailure(error, _)) if is_taken(error) => {
            Err(HostsError::Duplicate(host.name.to_string()))
        }
        done => Ok(done.map(drop)?),
    }
}

/// Whether another row has what must be there once.
fn is_taken(error: rusqlite::ffi::Error) -> bool {
    use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
    [SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE].contains(&error.extended_code)
}

/// A row that may be damaged.
struct Reader<'a> {
    row: &'a Row<'a>,
    flaws: Vec<&'static str>,
}

impl Reader<'_> {
    fn column<T: FromSql>(&mut self, index: usize, what: &'static str) -> Option<T> {
        match self.row.get::<_, Option<T>>(index) {
            Ok(value) => value,
            Err(_) => self.flaw(what),
        }
    }

    fn flaw<T>(&mut self, what: &'static str) -> Option<T> {
        self.flaws.push(what);
        None
    }

    /// A column that holds a text that means something, when it holds one.
    fn parsed<T: FromStr<Err: Display>>(&mut self, index: usize, what: &'static str) -> Option<T> {
        let text: String = self.column(index, what)?;
        text.parse().ok().or_else(|| self.flaw(what))
    }

    /// The same where there must be one.
    fn given<T>(&mut self, found: Option<T>, what: &'static str, instead: T) -> T {
        found.unwrap_or_else(|| {
            if !self.flaws.contains(&what) {
                self.flaws.push(what);
            }
            instead
        })
    }

    fn json<T: DeserializeOwned + Default>(&mut self, index: usize, what: &'static str) -> T {
        let text: Option<String> = self.column(index, what);
        let read = text.and_then(|text| serde_json::from_str(&text).ok());
        self.given(read, what, T::default())
    }

    fn count(&mut self, index: usize) -> Count {
        let found = self.column(index, "report").filter(|number: &i64| *number >= 0);
        self.given(found.map(Count::kept), "report", Count::default())
    }

    /// What the node has said last, when it has said anything.
    fn report(&mut self) -> Option<HostReport> {
        let boot_id: String = self.column(13, "report")?;
        let wanted: Option<i64> = self.column(15, "wanted");
        Some(HostReport {
            boot_id,
            generation: self.count(14),
            wanted: wanted.map(Count::kept),
            lag: self.count(16),
            drops: self.count(17),
            deckies: self.count(18),
        })
    }

    fn damage(self) -> Option<String> {
        (!self.flaws.is_empty()).then(|| self.flaws.join(", "))
    }
}

/// A node of [`HOSTS`].
pub(super) fn host(row: &Row<'_>) -> rusqlite::Result<Host> {
    let mut reader = Reader { row, flaws: Vec::new() };
    let of = &mut reader;
    let uuid = of.parsed(0, "uuid");
    let host_uuid = of.given(uuid, "uuid", Uuid::nil());
    let name = of.parsed(1, "name");
    let nameless = || NodeName::from_str("damaged").expect("a name");
    let name = of.given(name, "name", nameless());
    let address = of.column(2, "address");
    let port = of.column(3, "port");
    let status = of.column(5, "status").and_then(|text: String| HostStatus::find(&text));
    let print = of.parsed(7, "fingerprint");
    let enrolled: Option<i64> = of.column(9, "enrolled");
    let seen: Option<i64> = of.column(10, "seen");
    let host = Host {
        host_uuid,
        name,
        address: of.given(address, "address", String::new()),
        agent_port: of.given(port, "port", 0),
        notes: of.column(4, "notes").unwrap_or_default(),
        status: of.given(status, "status", HostStatus::Unreachable),
        release: of.column(6, "release"),
        client_cert_fingerprint: of.given(print, "fingerprint", NOBODY),
        updater_cert_fingerprint: of.parsed(8, "updater"),
        enrolled_at: time(enrolled.unwrap_or(0)),
        last_seen: seen.map(time),
        heard_from: of.column(19, "heard"),
        reached_at: of.column(20, "reached"),
        sans: of.json(11, "sans"),
        next_cert_fingerprint: of.parsed(12, "next"),
        report: of.report(),
        damaged: None,
    };
    Ok(Host { damaged: reader.damage(), ..host })
}
