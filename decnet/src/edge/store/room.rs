//! What evidence leaves of the disk, so that events can always be written.

use std::path::Path;

use nix::sys::statvfs::statvfs;

use super::{Result, Store, StoreError, doing};

/// One part in so many of a disk is left to events.
const PART: u64 = 8;
/// Most bytes that are.
const MOST: u64 = 256 * 1024 * 1024;

impl Store {
    /// Makes sure that so many bytes of evidence leave what is for events. What is in the log of
    /// writes needs its place once more when it is copied to where it belongs.
    ///
    /// # Errors
    ///
    /// [`StoreError::Crowded`] when they do not.
    pub(super) fn ensure_room(&self, bytes: u64) -> Result<()> {
        let Some(path) = self.db.path().filter(|path| !path.is_empty()) else { return Ok(()) };
        let Ok(disk) = statvfs(path) else { return Err(StoreError::Crowded) };
        let blocks = |count: u64| count.saturating_mul(disk.fragment_size());
        let (all, free) = (blocks(disk.blocks()), blocks(disk.blocks_available()));
        let log = Path::new(path).with_extension("db-wal");
        let log = log.metadata().map_or(0, |found| found.len());
        let number = |what: &str| {
            let found = self.db.query_row(&format!("PRAGMA {what}"), [], |row| row.get(0));
            found.map(i64::cast_unsigned).map_err(doing("measure"))
        };
        // What was forgotten is used again.
        let unused = number("freelist_count")?.saturating_mul(number("page_size")?);
        let needed = (all / PART).min(MOST).saturating_add(log).saturating_add(bytes);
        if free.saturating_add(unused) >= needed { Ok(()) } else { Err(StoreError::Crowded) }
    }
}
