//! The embedded store: one SQLite file in WAL mode, one writer, any number of readers.
//!
//! The agent (later the listener) writes events in batches and keeps what can be counted beside
//! them: sources, sessions, credentials, the deckies and the capture counters. The `api`, the
//! `events` command and `up` read. Nobody but this folder knows the schema (`schema.rs`).

mod append;
mod follow;
mod schema;
mod status;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

pub use append::Appended;
pub use follow::Follower;

/// How long one process waits for another's write.
const BUSY: Duration = Duration::from_secs(10);

/// What can go wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
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

/// The result of working with the store.
pub type Result<T> = std::result::Result<T, StoreError>;

/// An open store.
#[derive(Debug)]
pub struct Store {
    db: Connection,
}

impl Store {
    /// Opens the store for writing, making or migrating it where needed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Open`] when the file cannot be opened or is no SQLite file;
    /// [`StoreError::TooNew`] when a later version wrote it.
    pub fn create(path: &Path) -> Result<Self> {
        let mut store = Self::connect(path, OpenFlags::default())?;
        let open = |source| StoreError::Open { path: path.into(), source };
        store.db.pragma_update(None, "journal_mode", "wal").map_err(open)?;
        store.db.pragma_update(None, "synchronous", "normal").map_err(open)?;
        store.db.pragma_update(None, "cache_size", -4096).map_err(open)?;
        schema::migrate(&mut store.db, path)?;
        Ok(store)
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

    fn connect(path: &Path, flags: OpenFlags) -> Result<Self> {
        let open = |source| StoreError::Open { path: path.into(), source };
        let db = Connection::open_with_flags(path, flags).map_err(open)?;
        db.busy_timeout(BUSY).map_err(open)?;
        db.set_prepared_statement_cache_capacity(64);
        Ok(Self { db })
    }
}

/// Names what was being done when a statement failed.
fn doing(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError {
    move |source| StoreError::Query { doing, source }
}

#[cfg(test)]
mod tests;
