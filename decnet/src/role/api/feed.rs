//! One task follows the store for everybody who listens.
//!
//! Each event is read and written out once, whoever listens. The queue to the listeners is bounded
//! in messages and each message in bytes; a listener that falls behind by more than the queue is
//! cut off, and a feed that falls behind the store passes over the middle and says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use serde::Serialize;
use tokio::sync::Notify;
use tokio::sync::broadcast::{Receiver, Sender};
use tokio::time::Instant;

use super::app::App;
use super::v1::Capture;
use crate::edge::store::{Follower, Result, Store, StoredEvent};

/// Messages that a listener may be behind.
const QUEUE: usize = 32;

/// How often the store is looked at while somebody listens, and while nobody does.
const TICK: Duration = Duration::from_millis(100);
const IDLE_TICK: Duration = Duration::from_secs(1);

/// How often the counts are looked at.
const COUNT_TICK: Duration = Duration::from_secs(1);

/// Events that one look reads at a time, and the bytes after which it reads no more.
const STEP: u32 = 8;
const STEPS: u32 = 32;
const MAX_BYTES: usize = 256 * 1024;

/// How far the feed may be behind the store, and how many events it keeps when it is further.
const MAX_BEHIND: i64 = 2_000;
const KEEP: i64 = 100;

/// What listeners are sent.
#[derive(Clone, Debug)]
pub(super) enum Frame {
    /// Events with their numbers, each as it is sent.
    Events(Arc<[(i64, Bytes)]>),
    /// So many events were passed over, up to that number.
    Gap { skipped: i64, to: i64 },
    /// The counts, as they are sent.
    Counts(Bytes),
}

/// The way from the task to the listeners.
pub(super) struct Feed {
    frames: Sender<Frame>,
    /// The number of the last event that was sent or passed over.
    position: AtomicI64,
    /// Somebody begins to listen.
    joined: Notify,
}

impl Feed {
    pub(super) fn new(newest: i64) -> Self {
        Self { frames: Sender::new(QUEUE), position: AtomicI64::new(newest), joined: Notify::new() }
    }

    /// Begins to listen: what comes, and the number of the last event that does not.
    pub(super) fn listen(&self) -> (Receiver<Frame>, i64) {
        // In this order: an event that is sent in between has a number up to the position, and
        // the listener reads it from the store instead.
        let receiver = self.frames.subscribe();
        self.joined.notify_one();
        (receiver, self.position.load(Ordering::SeqCst))
    }

    fn send(&self, frame: Frame, upto: i64) {
        self.position.store(upto, Ordering::SeqCst);
        // Nobody may be listening.
        self.frames.send(frame).ok();
    }
}

/// Follows the store until it is aborted. A store that cannot be read is tried again.
pub(super) async fn follow(app: Arc<App>) {
    loop {
        if let Err(error) = follow_once(&app).await {
            tracing::warn!(%error, "cannot follow the store, retrying in 1 s");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn follow_once(app: &Arc<App>) -> Result<()> {
    let mut watch = Watch::new(app.database.open()?, app.feed.listen().1);
    loop {
        let tick = if watch.is_heard { TICK } else { IDLE_TICK };
        // Whoever begins to listen need not wait for the end of an idle tick.
        tokio::time::timeout(tick, app.feed.joined.notified()).await.ok();
        watch.is_heard = app.feed.frames.receiver_count() > 0;
        if !watch.has_news()? {
            continue;
        }
        let looking = tokio::task::spawn_blocking(move || {
            let found = watch.look();
            (watch, found)
        });
        let Ok((back, found)) = looking.await else { return Ok(()) };
        watch = back;
        let found = found?;
        for frame in found.frames {
            app.feed.send(frame, found.upto);
        }
        app.feed.position.store(found.upto, Ordering::SeqCst);
    }
}

/// What the task remembers between two looks.
struct Watch {
    store: Store,
    follower: Follower,
    /// The number of the last event that was found or passed over.
    upto: i64,
    /// The store's version at the last look.
    version: Option<i64>,
    is_behind: bool,
    is_heard: bool,
    /// When the counts were last looked at, in which version, and what they were.
    counted: Option<(Instant, i64)>,
    counts: Bytes,
}

/// What a look found.
struct Found {
    frames: Vec<Frame>,
    upto: i64,
}

impl Watch {
    fn new(store: Store, upto: i64) -> Self {
        let follower = store.follow_after(upto);
        Self {
            store,
            follower,
            upto,
            version: None,
            is_behind: false,
            is_heard: false,
            counted: None,
            counts: Bytes::new(),
        }
    }

    /// Whether a look is worth it. Costs a few microseconds.
    fn has_news(&self) -> Result<bool> {
        let version = Some(self.store.version()?);
        let counts_due = self.is_heard
            && self
                .counted
                .is_none_or(|(at, then)| at.elapsed() >= COUNT_TICK && Some(then) != version);
        Ok(self.is_behind || version != self.version || counts_due)
    }

    fn look(&mut self) -> Result<Found> {
        let version = self.store.version()?;
        self.version = Some(version);
        let mut frames = Vec::new();
        if self.is_heard {
            self.events(&mut frames)?;
            self.count(version, &mut frames)?;
        } else {
            self.upto += self.follower.skip(&self.store, 0)?;
            self.is_behind = false;
        }
        Ok(Found { frames, upto: self.upto })
    }

    fn events(&mut self, frames: &mut Vec<Frame>) -> Result<()> {
        if self.store.newest()?.saturating_sub(self.upto) > MAX_BEHIND {
            let skipped = self.follower.skip(&self.store, KEEP)?;
            self.upto += skipped;
            frames.push(Frame::Gap { skipped, to: self.upto });
        }
        let (mut events, mut size) = (Vec::new(), 0);
        self.is_behind = true;
        for _ in 0..STEPS {
            let step = self.follower.next_stored(&self.store, STEP)?;
            for event in &step {
                let mut bytes = Vec::new();
                write(&mut bytes, event);
                size += bytes.len();
                self.upto = event.n;
                events.push((event.n, bytes.into()));
            }
            if step.len() < STEP as usize {
                self.is_behind = false;
                break;
            }
            if size > MAX_BYTES {
                break;
            }
        }
        if !events.is_empty() {
            frames.push(Frame::Events(events.into()));
        }
        Ok(())
    }

    fn count(&mut self, version: i64, frames: &mut Vec<Frame>) -> Result<()> {
        if self.counted.is_some_and(|(at, _)| at.elapsed() < COUNT_TICK) {
            return Ok(());
        }
        self.counted = Some((Instant::now(), version));
        let counts = counts(&mut self.store)?;
        if counts != self.counts {
            self.counts = counts.clone();
            frames.push(Frame::Counts(counts));
        }
        Ok(())
    }
}

/// The counts, as they are sent.
pub(super) fn counts(store: &mut Store) -> Result<Bytes> {
    #[derive(Serialize)]
    struct Status {
        capture: Capture,
        deckies: std::collections::BTreeMap<String, u64>,
    }
    let status =
        Status { capture: Capture::new(store.counters()?), deckies: store.decky_states()? };
    let mut bytes = Vec::new();
    message(&mut bytes, "stats", &store.stats()?);
    message(&mut bytes, "status", &status);
    Ok(bytes.into())
}

/// Writes an event as it is sent.
pub(super) fn write(to: &mut Vec<u8>, event: &StoredEvent) {
    to.extend_from_slice(format!("id: {}\n", event.n).as_bytes());
    message(to, "event", &event.body);
}

fn message(to: &mut Vec<u8>, name: &str, data: &impl Serialize) {
    to.extend_from_slice(format!("event: {name}\ndata: ").as_bytes());
    serde_json::to_writer(&mut *to, data).expect("counts and events are JSON");
    to.extend_from_slice(b"\n\n");
}
