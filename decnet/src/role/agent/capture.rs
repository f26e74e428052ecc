//! Reads the sightings, follows the visits, and keeps the count.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::engine::Engine;
use super::ring::LazyRing;
use crate::edge::bpf::{Maps, Unread, Wakeups};
use crate::edge::clock;
use crate::logic::event::{Data, Kind};
use crate::logic::sighting::{NOBODY, Record};
use crate::logic::status::CaptureStatus;
use crate::logic::time::Timestamp;
use crate::logic::visitors::{Observation, Visitors};

/// Sightings taken before anything else is looked at.
const TURN: usize = 8_192;
/// Sightings at one look from which on they are fetched on time instead of waking the reader.
const BUSY: usize = 256;
/// Sightings in a tick below which they wake the reader again.
const CALM: u64 = 1_000;

/// The reader's side of the capture.
pub(super) struct Capture {
    ring: LazyRing,
    visitors: Visitors,
    read: u64,
    read_before: u64,
    quiet: bool,
    /// What the kernel's monotonic times lack to be wall-clock times.
    offset: Duration,
    last: CaptureStatus,
}

impl Capture {
    pub(super) fn new(ring: Unread) -> Self {
        Self {
            ring: LazyRing::new(ring),
            visitors: Visitors::default(),
            read: 0,
            read_before: 0,
            quiet: false,
            offset: offset(),
            last: CaptureStatus::default(),
        }
    }

    /// Begins to read the sightings, if that was not begun before.
    pub(super) fn open(&mut self) -> Result<()> {
        self.ring.open()
    }

    /// Waits until there may be sightings.
    pub(super) async fn readable(&self) -> std::io::Result<()> {
        self.ring.readable().await
    }

    /// Whether the ring wakes nobody and must be looked at in time.
    pub(super) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Who touches the deckies.
    pub(super) fn visitors(&mut self) -> &mut Visitors {
        &mut self.visitors
    }

    /// The counters now; as last read when they cannot be.
    pub(super) fn counters(&self, maps: &Maps) -> CaptureStatus {
        maps.counters().map_or_else(|_| self.last.clone(), |counters| counters.status(self.read))
    }
}

/// What the kernel's monotonic times lack to be wall-clock times.
fn offset() -> Duration {
    Duration::from_nanos(clock::now().0).saturating_sub(clock::monotonic())
}

impl Engine {
    /// Takes the sightings that wait.
    pub(super) fn take_sightings(&mut self) -> Result<()> {
        let mut seen = Vec::new();
        loop {
            let Capture { ring, visitors, offset, .. } = &mut self.capture;
            let fleet = &self.fleet;
            let count = ring.drain(TURN, |bytes| {
                let Ok(record) = Record::read(bytes) else { return };
                if record.decky == NOBODY {
                    return;
                }
                let at = Timestamp(record.ktime_ns).plus(*offset);
                visitors.sighted(&record, at, |port| fleet.port(record.decky, port), &mut seen);
            });
            self.capture.read += count as u64;
            for observation in seen.drain(..) {
                self.put_observation(observation);
            }
            if count >= BUSY && !self.capture.quiet {
                self.set_wakeups(Wakeups::Off)?;
            }
            if count < TURN || self.writer.is_full() {
                return Ok(());
            }
        }
    }

    /// Reads the counts, and tells what there is to tell.
    pub(super) fn tick(&mut self) -> Result<()> {
        self.capture.offset = offset();
        if self.capture.quiet {
            let calm = self.capture.read - self.capture.read_before < CALM;
            if calm {
                self.set_wakeups(Wakeups::On)?;
                // What came while nothing woke anybody.
                self.take_sightings()?;
            }
        }
        self.capture.read_before = self.capture.read;
        if !self.capture.visitors.is_idle() {
            let mut seen = Vec::new();
            let maps = &self.maps;
            let tally = |key: &_| maps.tally(key).ok().flatten();
            let Capture { visitors, offset, .. } = &mut self.capture;
            visitors.tick(clock::now(), *offset, tally, &mut seen);
            seen.into_iter().for_each(|observation| self.put_observation(observation));
        }
        self.count();
        self.keeper.listen();
        self.follow_leaving();
        self.end_captures();
        if std::mem::take(&mut self.node.changed) {
            self.writer.deckies(self.fleet.status());
        }
        Ok(())
    }

    fn set_wakeups(&mut self, wakeups: Wakeups) -> Result<()> {
        self.maps.set_wakeups(wakeups).context("cannot change how the capture wakes")?;
        self.capture.quiet = wakeups == Wakeups::Off;
        Ok(())
    }

    /// Shows the counters when they have changed, and says so when packets were lost.
    fn count(&mut self) {
        let counters = self.capture.counters(&self.maps);
        if counters == self.capture.last {
            return;
        }
        let before = std::mem::replace(&mut self.capture.last, counters.clone());
        let mut lost = Data::new();
        for (reason, count) in &counters.drops {
            let more = count - before.drops.get(reason).copied().unwrap_or(0).min(*count);
            if more > 0 {
                lost.put(reason.clone(), more);
            }
        }
        if !lost.is_empty() {
            self.put(Kind::CaptureDrops, |event| event.data = lost);
        }
        self.writer.counters(counters);
    }

    fn put_observation(&mut self, seen: Observation) {
        let mut event = self.stamp.event(seen.kind, seen.at);
        event.decky = seen.decky.and_then(|id| self.fleet.part(id));
        event.src = Some(self.capture.visitors.complete(seen.src));
        event.dst = seen.dst;
        event.transport = seen.transport;
        event.data = seen.data;
        event.raw = seen.raw;
        self.writer.event(event);
    }
}
