//! Captures on request: the frames of a decky as a pcapng file, for as long as somebody reads it.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use tokio::sync::mpsc;

use super::engine::Engine;
use super::ring::LazyRing;
use crate::edge::bpf::Unread;
use crate::edge::clock;
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
    ring: LazyRing,
    readers: HashMap<DeckyId, Vec<Reader>>,
}

struct Reader {
    queue: mpsc::Sender<Vec<u8>>,
    dropped: u64,
}

impl Captures {
    pub(super) fn new(ring: Unread) -> Self {
        Self { ring: LazyRing::new(ring), readers: HashMap::new() }
    }

    /// Waits until there may be frames.
    pub(super) async fn readable(&self) -> std::io::Result<()> {
        self.ring.readable().await
    }

    pub(super) fn is_empty(&self) -> bool {
        self.readers.is_empty()
    }

    /// Takes the frames that wait, and gives them to their readers.
    pub(super) fn take(&mut self) {
        let Self { ring, readers } = self;
        let offset =
            std::time::Duration::from_nanos(clock::now().0).saturating_sub(clock::monotonic());
        ring.drain(TURN, |bytes| {
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
    }
}

impl Engine {
    /// Begins a capture of a decky, and returns the file, piece by piece.
    pub(super) fn begin_capture(&mut self, id: DeckyId) -> Result<mpsc::Receiver<Vec<u8>>> {
        let decky = self.fleet.decky(id).context("the decky is gone")?;
        let head = pcapng::head(decky.identity.name.as_str());
        self.captures.ring.open()?;
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
