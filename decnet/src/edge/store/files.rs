//! The files that visitors made or changed, so that a decky has them again after a restart.

use rusqlite::{Transaction, params};

use super::append::signed;
use super::{Result, Store, doing};
use crate::logic::files::{Change, MAX_ENTRIES, MAX_INLINE, Node};
use crate::logic::wire::{decode, encode};

/// Rows of one decky. Twice what a decky holds: between two of its states there may be more.
const MAX_ROWS: u64 = 2 * MAX_ENTRIES as u64;
/// Bytes of one decky, likewise.
const MAX_ROW_BYTES: u64 = (MAX_ENTRIES * MAX_INLINE) as u64;

/// A change of a file, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// The decky, by whatever names it and its kind of system.
    pub decky: String,
    /// What has changed.
    pub change: Change,
}

impl Store {
    /// Keeps changes, all or none, each in place of what was kept of its path. Says how many were
    /// left out because a decky has more than any decky holds.
    ///
    /// # Errors
    ///
    /// [`StoreError::Query`](super::StoreError::Query) when SQLite refuses.
    pub fn save_files(&mut self, changes: &[FileChange]) -> Result<u64> {
        let step = self.step()?;
        let mut left_out = 0;
        // What goes makes room for what comes.
        for FileChange { decky, change } in changes.iter().filter(|one| one.change.node.is_none()) {
            step.prepare_cached("DELETE FROM files WHERE decky = ?1 AND path = ?2")
                .and_then(|mut remove| remove.execute(params![decky, change.path]))
                .map_err(doing("remove file"))?;
        }
        for FileChange { decky, change } in changes {
            let Some(node) = &change.node else { continue };
            let Ok(body) = encode(node) else {
                left_out += 1;
                continue;
            };
            if !has_room(&step, decky, &change.path, body.len())? {
                left_out += 1;
                continue;
            }
            step.prepare_cached(
                "INSERT OR REPLACE INTO files (decky, path, body) VALUES (?1, ?2, ?3)",
            )
            .and_then(|mut save| save.execute(params![decky, change.path, body]))
            .map_err(doing("save file"))?;
        }
        step.commit().map_err(doing("save files"))?;
        Ok(left_out)
    }

    /// What is kept of a decky's files. What an older version wrote and this cannot read is left
    /// out.
    ///
    /// # Errors
    ///
    /// [`StoreError::Query`](super::StoreError::Query) when it cannot be read.
    pub fn files(&self, decky: &str) -> Result<Vec<Change>> {
        let mut find = self
            .db
            .prepare_cached("SELECT path, body FROM files WHERE decky = ?1 ORDER BY path")
            .map_err(doing("read files"))?;
        let rows = find
            .query_map([decky], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?)))
            .map_err(doing("read files"))?;
        let mut changes = Vec::new();
        for row in rows {
            let (path, body) = row.map_err(doing("read files"))?;
            if let Ok(node) = decode::<Node>(&body) {
                changes.push(Change { path, node: Some(node) });
            }
        }
        Ok(changes)
    }

    /// Forgets the files of every decky but these.
    ///
    /// # Errors
    ///
    /// [`StoreError::Query`](super::StoreError::Query) when SQLite refuses.
    pub fn keep_files_of(&mut self, deckies: &[String]) -> Result<()> {
        let step = self.step()?;
        let known: Vec<String> = {
            let mut find = step
                .prepare_cached("SELECT DISTINCT decky FROM files")
                .map_err(doing("read files"))?;
            let rows = find.query_map([], |row| row.get(0)).map_err(doing("read files"))?;
            rows.collect::<rusqlite::Result<_>>().map_err(doing("read files"))?
        };
        for decky in known.iter().filter(|decky| !deckies.contains(decky)) {
            step.execute("DELETE FROM files WHERE decky = ?1", [decky])
                .map_err(doing("remove files"))?;
        }
        step.commit().map_err(doing("remove files"))
    }

    /// Forgets the files of a decky.
    ///
    /// # Errors
    ///
    /// [`StoreError::Query`](super::StoreError::Query) when SQLite refuses.
    pub fn forget_files(&self, decky: &str) -> Result<()> {
        let gone = self.db.execute("DELETE FROM files WHERE decky = ?1", [decky]);
        gone.map(drop).map_err(doing("remove files"))
    }
}

/// Whether a decky may have so much at this path besides what it has at others.
fn has_room(step: &Transaction<'_>, decky: &str, path: &str, length: usize) -> Result<bool> {
    let sum = "SELECT count(*), coalesce(sum(length(path) + length(body)), 0)
               FROM files WHERE decky = ?1 AND path <> ?2";
    let (rows, bytes): (i64, i64) = step
        .prepare_cached(sum)
        .and_then(|mut sum| {
            sum.query_row(params![decky, path], |row| Ok((row.get(0)?, row.get(1)?)))
        })
        .map_err(doing("count files"))?;
    let added = signed((path.len() + length) as u64);
    Ok(rows < signed(MAX_ROWS) && bytes.saturating_add(added) <= signed(MAX_ROW_BYTES))
}
