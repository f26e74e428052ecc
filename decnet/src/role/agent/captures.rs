//! Captures on request: the frames of a decky as a pcapng file, for as long as somebody reads it.

use std::collections::HashMap;

use anyhow::{Context as _, Result, ensure};
use tokio::sync::mpsc;

use super::engine::Engine;
use crate::edge::bpf::{Ring, Unread};
use crate::edge::clock;
use crate::edge::watch::Watched;
use crate::logic::decky::DeckyId;
use crate::logic::pcapng::{self, Frame};
use crate::logic::sighting::Record;
use crate::logic::time::Timestamp;

/// Frames taken before anything else is looked at.
const TURN: usize = 4_096;
/// Frames that may wait for a reader; more are dropped, and counted in the file.
const QUEUE: usize = 8_192;

/// Who reads which decky's frames.
pub(super) struct Captures {
    /// Until the first capture: a node that is asked for none has no memory for it.
    unread: Option<Unread>,
    ring: Option<Watched<Ring>>,
    readers: HashMap<DeckyId, Vec<Reader>>,
}

struct Reader {
    queue: mpsc::Sender<Vec<u8>>,
    dropped: u64,
}

impl Captures {
    pub(super) fn new(ring: Unread) -> Self {
        Self { unread: Some(ring), ring: None, readers: HashMap::new() }
    }

    /// Begins to read the ring, if that was not begun before.
    fn open(&mut self) -> Result<()> {
        if let Some(ring) = self.unread.take() {
            self.ring = Some(Watched::new(ring.read()?).context("cannot watch a ring")?);
        }
        ensure!(self.ring.is_some(), "the ring of frames could not be opened when it was tried");
        Ok(())
    }

    /// Waits until there may be frames.
    pub(super) async fn readable(&self) -> std::io::Result<()> {
        match &self.ring {
            Some(ring) => ring.readable().await,
            None => std::future::pending().await,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.readers.is_empty()
    }

    /// Takes the frames that wait, and gives them to their readers.
    pub(super) fn take(&mut self) {
        let Self { ring: Some(ring), readers, .. } = self else { return };
        let offset =
            std::time::Duration::from_nanos(clock::now().0).saturating_sub(clock::monotonic());
        let count = ring.inner_mut().drain(TURN, |bytes| {
            let Ok(record) = Record::read(bytes) else { return };
            let Some(readers) = readers.get_mut(&record.decky) else { return };
            let frame = Frame {
                at: Timestamp(record.ktime_ns).plus(offset),
                wire_len: record.wire_len,
                outbound: record.outbound,
                vlan: record.vlan,
                bytes: record.frame,
            };
            for reader in readers {
                let block = pcapng::frame(&frame, reader.dropped);
                if reader.queue.try_send(block).is_err() {
                    reader.dropped += 1;
                }
            }
        });
        if count < TURN {
            ring.exhausted();
        }
    }
}

impl Engine {
    /// Begins a capture of a decky, and returns the file, piece by piece.
    pub(super) fn begin_capture(&mut self, id: DeckyId) -> Result<mpsc::Receiver<Vec<u8>>> {
        let decky = self.fleet.decky(id).context("the decky is gone")?;
        let head = pcapng::head(decky.identity.name.as_str());
        self.captures.open()?;
        self.maps.add_decky(id, &decky.identity, decnet_ebpf::policy::COPY)?;
        let (queue, pieces) = mpsc::channel(QUEUE);
        queue.try_send(head).context("cannot begin the capture")?;
        self.captures.readers.entry(id).or_default().push(Reader { queue, dropped: 0 });
        Ok(pieces)
    }

    /// Ends the captures that nobody reads any more.
    pub(super) fn end_captures(&mut self) {
        let mut ended = Vec::new();
        self.captures.readers.retain(|id, readers| {
            readers.retain(|reader| !reader.queue.is_closed());
            if readers.is_empty() {
                ended.push(*id);
            }
            !readers.is_empty()
        });
        for id in ended {
            let Some(decky) = self.fleet.decky(id) else { continue };
            if let Err(error) = self.maps.add_decky(id, &decky.identity, 0) {
                tracing::warn!(%error, "cannot end a capture");
            }
        }
    }
}
