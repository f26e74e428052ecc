//! The rings in which the kernel half sends its records.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use aya::maps::{Map, MapData, RingBuf};

use super::{BpfError, Result};

/// The reader's end of a ring.
pub struct Ring {
    ring: RingBuf<MapData>,
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").field("fd", &self.as_raw_fd()).finish()
    }
}

/// A ring that nobody reads yet, and that takes none of this process's memory.
#[derive(Debug)]
pub struct Unread(Map);

impl Unread {
    pub(super) fn new(map: Map) -> Self {
        Self(map)
    }

    /// Begins to read it: maps it, twice in a row as the kernel lends it.
    ///
    /// # Errors
    ///
    /// [`BpfError::Map`] when it is of another kind, or cannot be mapped.
    pub fn read(self) -> Result<Ring> {
        let ring = self.0.try_into().map_err(|source| BpfError::Map { map: "ring", source })?;
        Ok(Ring { ring })
    }
}

impl Ring {
    /// Calls `take` with each record that waits, at most `most` of them, and says how many there
    /// were. Only when it says fewer than `most` may the reader wait for the descriptor.
    pub fn drain(&mut self, most: usize, mut take: impl FnMut(&[u8])) -> usize {
        let mut count = 0;
        while count < most {
            let Some(record) = self.ring.next() else { break };
            take(&record);
            count += 1;
        }
        count
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}

impl AsRawFd for Ring {
    fn as_raw_fd(&self) -> RawFd {
        self.ring.as_raw_fd()
    }
}
