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

impl Ring {
    pub(super) fn new(map: Map) -> Result<Self> {
        let ring = map.try_into().map_err(|source| BpfError::Map { map: "ring", source })?;
        Ok(Self { ring })
    }

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
