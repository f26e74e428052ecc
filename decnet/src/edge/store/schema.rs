//! The tables, and how an older file becomes a newer one.
//!
//! Migrations are numbered from 1 and never changed once released; `user_version` says how many
//! have run. Times are nanoseconds since 1970, addresses text as Rust writes them.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::{Result, StoreError, doing};

const MIGRATIONS: &[&str] = &["
-- One row an event; `body` is the JSON line. `n` is the order in which this store took them.
CREATE TABLE events (
    n       INTEGER PRIMARY KEY,
    ts      INTEGER NOT NULL,
    kind    TEXT    NOT NULL,
    decky   TEXT,
    src     TEXT,
    service TEXT,
    session INTEGER,
    body    TEXT    NOT NULL
);
-- Openings and closings are most of all events, so that going through all finds them soon.
CREATE INDEX events_by_kind    ON events (kind)
    WHERE kind NOT IN ('conn.open', 'conn.close');
CREATE INDEX events_by_src     ON events (src) WHERE src IS NOT NULL;
CREATE INDEX events_by_session ON events (session) WHERE session IS NOT NULL;

-- How far each run of each node's agent has been taken, so that nothing is taken twice.
CREATE TABLE streams (
    node    TEXT    NOT NULL,
    boot_id TEXT    NOT NULL,
    seq     INTEGER NOT NULL,
    PRIMARY KEY (node, boot_id)
) WITHOUT ROWID;

-- How many events of each kind, and of all under `*`, there were in each minute since 1970, and
-- between which numbers they are: a histogram, and the way from a time to a number without an
-- index of times.
CREATE TABLE minutes (
    kind    TEXT    NOT NULL,
    minute  INTEGER NOT NULL,
    events  INTEGER NOT NULL,
    first_n INTEGER NOT NULL,
    last_n  INTEGER NOT NULL,
    PRIMARY KEY (kind, minute)
) WITHOUT ROWID;

-- How much there is of everything.
CREATE TABLE totals (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    events   INTEGER NOT NULL,
    sources  INTEGER NOT NULL,
    sessions INTEGER NOT NULL,
    logins   INTEGER NOT NULL
);
INSERT INTO totals VALUES (1, 0, 0, 0, 0);

-- One row a visitor.
CREATE TABLE sources (
    ip       TEXT PRIMARY KEY,
    first    INTEGER NOT NULL,
    last     INTEGER NOT NULL,
    events   INTEGER NOT NULL,
    sessions INTEGER NOT NULL,
    logins   INTEGER NOT NULL,
    mac      TEXT,
    tcp      TEXT
) WITHOUT ROWID;
CREATE INDEX sources_by_last ON sources (last);

-- Which deckies a visitor touched, and how.
CREATE TABLE touches (
    ip     TEXT    NOT NULL,
    decky  TEXT    NOT NULL,
    first  INTEGER NOT NULL,
    last   INTEGER NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (ip, decky)
) WITHOUT ROWID;

-- The same for each decky, whoever touched it.
CREATE TABLE touched (
    decky   TEXT PRIMARY KEY,
    first   INTEGER NOT NULL,
    last    INTEGER NOT NULL,
    events  INTEGER NOT NULL,
    sources INTEGER NOT NULL
) WITHOUT ROWID;

-- One row a connection. Their numbers are in the order of time.
CREATE TABLE sessions (
    id      INTEGER PRIMARY KEY,
    ip      TEXT,
    port    INTEGER,
    decky   TEXT,
    service TEXT,
    dst_port INTEGER,
    opened  INTEGER NOT NULL,
    closed  INTEGER,
    events  INTEGER NOT NULL,
    logins  INTEGER NOT NULL,
    commands  INTEGER NOT NULL,
    bytes_in  INTEGER,
    bytes_out INTEGER,
    user    TEXT
);
CREATE INDEX sessions_by_ip ON sessions (ip);

-- One row for each login that was tried, however often and by whom.
CREATE TABLE credentials (
    service  TEXT    NOT NULL,
    user     TEXT    NOT NULL,
    password TEXT    NOT NULL,
    first    INTEGER NOT NULL,
    last     INTEGER NOT NULL,
    tries    INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    sources  INTEGER NOT NULL,
    PRIMARY KEY (service, user, password)
) WITHOUT ROWID;
CREATE INDEX credentials_by_last ON credentials (last);

-- The same for each visitor.
CREATE TABLE tries (
    ip       TEXT    NOT NULL,
    service  TEXT    NOT NULL,
    user     TEXT    NOT NULL,
    password TEXT    NOT NULL,
    first    INTEGER NOT NULL,
    last     INTEGER NOT NULL,
    tries    INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    PRIMARY KEY (ip, service, user, password)
) WITHOUT ROWID;

-- One row for each fingerprint that a visitor showed; `print` is the event's data as JSON.
CREATE TABLE fingerprints (
    ip     TEXT    NOT NULL,
    kind   TEXT    NOT NULL,
    print  TEXT    NOT NULL,
    first  INTEGER NOT NULL,
    last   INTEGER NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (ip, kind, print)
) WITHOUT ROWID;

-- The deckies as they are, one JSON object each.
CREATE TABLE deckies (
    name  TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    since INTEGER NOT NULL,
    body  TEXT NOT NULL
) WITHOUT ROWID;

-- Files that visitors made or changed on a decky.
CREATE TABLE files (
    decky TEXT NOT NULL,
    path  TEXT NOT NULL,
    body  BLOB NOT NULL,
    PRIMARY KEY (decky, path)
) WITHOUT ROWID;

-- Everything of which there is one: the capture counters, the key of the api's tokens.
CREATE TABLE notes (
    name TEXT PRIMARY KEY,
    body BLOB NOT NULL
) WITHOUT ROWID;

-- Who may log in to the dashboard.
CREATE TABLE users (
    name        TEXT PRIMARY KEY,
    role        TEXT    NOT NULL,
    password    TEXT    NOT NULL,
    must_change INTEGER NOT NULL,
    changed     INTEGER NOT NULL
) WITHOUT ROWID;

-- Which tokens of the api are in force; one that is not here is none, whatever its signature.
CREATE TABLE tokens (
    id      TEXT PRIMARY KEY,
    user    TEXT    NOT NULL,
    expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX tokens_by_user ON tokens (user, expires);
"];

/// Tables that came later, of which a release that does not know them need not know: they do not raise
/// the version, so that the release before can be gone back to.
const LATER: &str = "
-- What visitors sent, whole, each once; `sha256` is absent while it arrives, `last` is when it was
-- last sent.
CREATE TABLE IF NOT EXISTS evidence (
    id     INTEGER PRIMARY KEY,
    sha256 TEXT UNIQUE,
    bytes  INTEGER NOT NULL CHECK (bytes >= 0),
    last   INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS evidence_by_last ON evidence (last, bytes);

-- Its bytes, in pieces from 0 on.
CREATE TABLE IF NOT EXISTS evidence_parts (
    evidence INTEGER NOT NULL,
    part     INTEGER NOT NULL,
    body     BLOB    NOT NULL,
    PRIMARY KEY (evidence, part)
) STRICT;
";

/// Brings the file at `path` to the newest version.
///
/// # Errors
///
/// [`StoreError::TooNew`] when it is newer than that; [`StoreError::Query`] when a step fails, and
/// then no step of this call has happened.
pub(super) fn migrate(db: &mut Connection, path: &Path) -> Result<()> {
    let known = u32::try_from(MIGRATIONS.len()).expect("few migrations");
    let version = |db: &Connection| db.query_row("PRAGMA user_version", [], |row| row.get(0));
    let open = |source| StoreError::Open { path: path.into(), source };
    let found: u32 = version(db).map_err(open)?;
    if found == known {
        return add_later(db);
    }
    if found > known {
        return Err(StoreError::TooNew { path: path.into(), found, known });
    }
    let step = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(open)?;
    // Another process may have migrated while this one waited.
    let found: u32 = version(&step).map_err(open)?;
    for sql in MIGRATIONS.iter().skip(found as usize) {
        step.execute_batch(sql).map_err(doing("migrate"))?;
    }
    step.pragma_update(None, "user_version", known).map_err(doing("migrate"))?;
    step.execute_batch(LATER).map_err(doing("migrate"))?;
    step.commit().map_err(doing("migrate"))
}

/// Makes the tables that a release before this one did not make.
fn add_later(db: &mut Connection) -> Result<()> {
    let find = "SELECT count(*) FROM sqlite_schema WHERE name = 'evidence_parts'";
    let found: u32 = db.query_row(find, [], |row| row.get(0)).map_err(doing("look for tables"))?;
    if found > 0 {
        return Ok(());
    }
    let step = db.transaction_with_behavior(TransactionBehavior::Immediate);
    let step = step.map_err(doing("migrate"))?;
    step.execute_batch(LATER).map_err(doing("migrate"))?;
    step.commit().map_err(doing("migrate"))
}
