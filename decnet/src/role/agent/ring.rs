//! A ring of the capture, as it is read in the agent's loop.

use anyhow::{Context as _, Result, ensure};

use crate::edge::bpf::{Ring, Unread};
use crate::edge::watch::Watched;

/// A ring that takes none of the agent's memory until something is expected of it. What the kernel
/// writes meanwhile stays in it.
pub(super) struct LazyRing {
    unread: Option<Unread>,
    ring: Option<Watched<Ring>>,
}

impl LazyRing {
    pub(super) fn new(ring: Unread) -> Self {
        Self { unread: Some(ring), ring: None }
    }

    /// Begins to read it, if that was not begun before.
    pub(super) fn open(&mut self) -> Result<()> {
        if let Some(ring) = self.unread.take() {
            self.ring = Some(Watched::new(ring.read()?).context("cannot watch a ring")?);
        }
        ensure!(self.ring.is_some(), "a ring could not be opened when it was tried");
        Ok(())
    }

    /// Waits until there may be records.
    pub(super) async fn readable(&self) -> std::io::Result<()> {
        match &self.ring {
            Some(ring) => ring.readable().await,
            None => std::future::pending().await,
        }
    }

    /// Calls `take` with each record that waits, at most `most` of them, and says how many there
    /// were.
    pub(super) fn drain(&mut self, most: usize, take: impl FnMut(&[u8])) -> usize {
        let Some(ring) = &mut self.ring else { return 0 };
        let count = ring.inner_mut().drain(most, take);
        if count < most {
            ring.exhausted();
        }
        count
    }
}
