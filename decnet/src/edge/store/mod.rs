//! The embedded store: one SQLite file in WAL mode, one writer, any number of readers.
//!
//! The agent (later the listener) writes events in batches and keeps what can be counted beside
//! them: sources, sessions, credentials, the deckies and the capture counters. The `api`, the
//! `events` command and `up` read. Nobody but this folder knows the schema (`schema.rs`).

mod append;
mod credentials;
mod cursor;
mod deckies;
mod events;
mod evidence;
mod files;
mod follow;
mod histogram;
mod prune;
mod room;
mod schema;
mod sessions;
mod sources;
mod stats;
mod status;
mod sums;
mod tokens;
mod users;

use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{
    Connection, ErrorCode, InterruptHandle, OpenFlags, Row, Transaction, TransactionBehavior,
};

use super::denied;
use crate::edge::clock;
use crate::edge::files::place;
use crate::logic::time::Timestamp;

pub use append::Appended;
pub use credentials::{Credential, CredentialOrder};
pub use cursor::{Cursor, NotACursor, Page};
pub use deckies::TouchedDecky;
pub use events::{EventFilter, EventPage, StoredEvent};
pub use evidence::{Evidence, EvidenceId, Part};
pub use files::FileChange;
pub use follow::Follower;
pub use histogram::{Bucket, Span};
pub use sessions::{Session, SessionFilter};
pub use sources::{Fingerprint, SourceFilter, SourceOrder, Touch, Visitor};
pub use stats::Stats;
pub use tokens::TokenUser;
pub use users::{NotARole, Role, User};

/// Nanoseconds in a minute, the grain in which events are counted.
const MINUTE: i64 = 60_000_000_000;

/// What stands for every kind where events are counted by kind.
const ALL_KINDS: &str = "*";

/// How long one process waits for another's write.
const BUSY: Duration = Duration::from_secs(10);
/// Bytes that the log of what is being written keeps on disk when it has been written.
const JOURNAL: i64 = 16 * 1024 * 1024;
/// Pages in that log before they are copied to their places; the more, the fewer are copied twice.
const PAGES: i64 = 4_096;

/// Name of the store's directory, below the state directory.
pub const DIR: &str = "store";

/// Where the store of a machine is, below its state directory.
pub fn path(state_dir: &Path) -> PathBuf {
    place(state_dir, DIR, "events.db")
}

/// What can go wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder or the file cannot be made.
    #[error("cannot make store `{path}`")]
    Make {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file cannot be opened or is no store.
    #[error("cannot open store `{path}`")]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// A statement failed.
    #[error("cannot {doing} in store")]
    Query {
        /// What was tried.
        doing: &'static str,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// More evidence would leave too little of the disk to events.
    #[error("the disk of the store is nearly full")]
    Crowded,
    /// The file was written by a later version.
    #[error(
        "store `{path}` has version {found}, this program knows {known}: use the release that wrote it"
    )]
    TooNew {
        /// Which.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// An event in the store cannot be read.
    #[error("event {n} in store is damaged")]
    Damaged {
        /// Its number.
        n: i64,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// An event cannot be written as JSON.
    #[error("cannot write event as JSON")]
    Json(#[source] serde_json::Error),
}

impl StoreError {
    /// Whether the disk is full or nearly so, or the file may not grow.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Crowded => true,
            Self::Query { source, .. } => source.sqlite_error_code() == Some(ErrorCode::DiskFull),
            _ => false,
        }
    }
}

/// The result of working with the store.
pub type Result<T> = std::result::Result<T, StoreError>;

/// An open store.
#[derive(Debug)]
pub struct Store {
    db: Connection,
}

impl Store {
    /// Opens the store for writing, making or migrating it where needed: the folder for its owner
    /// alone, the file too, for it holds the key of the api's tokens.
    ///
    /// # Errors
    ///
    /// [`StoreError::Make`] when the folder or the file cannot be made; [`StoreError::Open`] when
    /// the file cannot be opened or is no SQLite file; [`StoreError::TooNew`] when a later version
    /// wrote it.
    pub fn create(path: &Path) -> Result<Self> {
        let failed =
            |error| StoreError::Make { path: path.into(), source: denied::explain(path, error) };
        make(path).map_err(failed)?;
        let mut store = Self::connect(path, OpenFlags::default())?;
        let open = |source| StoreError::Open { path: path.into(), source };
        store.keep_a_log().map_err(open)?;
        store.db.pragma_update(None, "synchronous", "normal").map_err(open)?;
        store.db.pragma_update(None, "cache_size", -4096).map_err(open)?;
        store.db.pragma_update(None, "journal_size_limit", JOURNAL).map_err(open)?;
        store.db.pragma_update(None, "wal_autocheckpoint", PAGES).map_err(open)?;
        schema::migrate(&mut store.db, path)?;
        Ok(store)
    }

    /// Switches to a write-ahead log. Somebody who opens the fresh file at this moment is in the
    /// way, which SQLite says at once instead of waiting.
    fn keep_a_log(&self) -> rusqlite::Result<()> {
        let began = Instant::now();
        loop {
            match self.db.pragma_update(None, "journal_mode", "wal") {
                Err(error) if is_busy(&error) && began.elapsed() < BUSY => {
                    clock::pause(Duration::from_millis(2));
                }
                done => return done,
            }
        }
    }

    /// Opens an existing store. It can write too, for `api` keeps the users in it.
    ///
    /// # Errors
    ///
    /// As [`Store::create`], and [`StoreError::Open`] when there is no file.
    pub fn open(path: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut store = Self::connect(path, flags)?;
        schema::migrate(&mut store.db, path)?;
        Ok(store)
    }

    /// Whoever holds it can stop what this store is doing.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.db.get_interrupt_handle())
    }

    /// Begins to write. A step that begins by reading could not go on to write once another
    /// process has written in between, so the lock is taken at once.
    fn step(&mut self) -> Result<Transaction<'_>> {
        self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(doing("begin"))
    }

    fn connect(path: &Path, flags: OpenFlags) -> Result<Self> {
        let open = |source| StoreError::Open { path: path.into(), source };
        let db = Connection::open_with_flags(path, flags).map_err(open)?;
        db.busy_timeout(BUSY).map_err(open)?;
        db.set_prepared_statement_cache_capacity(64);
        Ok(Self { db })
    }
}

/// Stops a store from another thread.
pub struct Stopper(InterruptHandle);

impl Stopper {
    /// Makes what the store is doing fail, if it does anything.
    pub fn stop(&self) {
        self.0.interrupt();
    }
}

impl std::fmt::Debug for Stopper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stopper")
    }
}

impl StoreError {
    /// Whether a [`Stopper`] did it.
    pub fn is_stop(&self) -> bool {
        let Self::Query { source, .. } = self else { return false };
        source.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn make(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    Ok(())
}

/// Reads the time in column `index`.
fn time(index: usize) -> impl Fn(&Row<'_>) -> rusqlite::Result<Timestamp> {
    move |row| Ok(maybe_time(index)(row)?.unwrap_or_default())
}

/// Reads the time in column `index`, where there may be none.
fn maybe_time(index: usize) -> impl Fn(&Row<'_>) -> rusqlite::Result<Option<Timestamp>> {
    move |row| {
        let ns: Option<i64> = row.get(index)?;
        Ok(ns.map(|ns| Timestamp(ns.max(0).cast_unsigned())))
    }
}

/// Names what was being done when a statement failed.
fn doing(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError {
    move |source| StoreError::Query { doing, source }
}

#[cfg(test)]
mod tests;
