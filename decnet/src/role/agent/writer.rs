//! The thread that writes events: into the store, and wherever else they are wanted.
//!
//! The queue to it is bounded, in entries and in bytes. While much waits the agent takes nothing from
//! the face, where visitors then wait by what each has caused; while more waits it takes nothing from
//! the kernel's ring either, and goes on with all else. Nothing is dropped before that ring is full.
//! What the store cannot take for [`PATIENCE`] (a full disk) is dropped, counted, and said.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use super::evidence::Arrivals;
use crate::edge::sinks::Sinks;
use crate::edge::store::{FileChange, Store};
use crate::edge::{clock, memory};
use crate::logic::decky::DeckyId;
use crate::logic::event::{Event, SessionId};
use crate::logic::files::{Change, Node};
use crate::logic::status::{CaptureStatus, DeckyStatus};
use crate::logic::wire::Sent;

/// Events that may wait.
const QUEUE: usize = 32_768;
/// Bytes of events that wait before the face does.
const MUCH: usize = 16 * 1024 * 1024;
/// As many of both, and the kernel's ring waits too: what comes with one look at it has room above.
const FULL: usize = 2 * MUCH;
const CROWD: usize = QUEUE / 4 * 3;
/// Bytes of events that wait after which it is worth while to give memory back.
const FLOOD: usize = 4 * 1024 * 1024;
/// Events written at a time, and bytes of them.
const BATCH: usize = 2_048;
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// How long the store may refuse before events are dropped.
const PATIENCE: Duration = Duration::from_secs(30);
/// A batch of this many events is followed by a pause, so that the next is large too: what a
/// transaction costs is then shared by many.
const BUSY: usize = 64;
/// How long that pause is.
const GATHER: Duration = Duration::from_millis(8);
/// Steps of forgetting at a time; the counters come twice a second.
const PRUNES: u32 = 4;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// Bytes of changes of files that may wait.
const MAX_CHANGES: usize = 32 * 1024 * 1024;

/// What there was of the files of deckies.
pub(super) type FilesRead = Vec<(DeckyId, Vec<Change>)>;

/// How much of that a change is.
fn weight(change: &FileChange) -> usize {
    let node = change.change.node.as_ref().map_or(0, Node::weight);
    change.change.path.len() + node + size_of::<FileChange>()
}

/// Something to write.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are events, and each is boxed")]
enum Job {
    /// A change of a file, and of what its content is, where that came in pieces.
    Change(FileChange, Option<Whole>),
    Counters(CaptureStatus),
    Deckies(Vec<DeckyStatus>),
    /// An event, and of what its bytes are all pieces.
    Event(Event, Option<u32>),
    Files(Vec<(DeckyId, String)>, oneshot::Sender<FilesRead>),
    Forget(String),
    Parts(Wanted, oneshot::Sender<Vec<Vec<u8>>>),
    Piece(Sent),
}

/// Something of which all pieces have come.
pub(super) type Whole = (SessionId, u32);

/// Pieces of what has a digest: the first, and how many.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) sha256: String,
    pub(super) first: u32,
    pub(super) most: u32,
}

/// The agent's end of the queue. Dropping it writes what waits and ends the thread.
#[derive(Debug)]
pub(super) struct Writer {
    /// It has its places from the start, so they are small.
    queue: Option<SyncSender<Box<Job>>>,
    /// Bytes of changes that wait.
    changes: Arc<AtomicUsize>,
    /// Events that wait.
    events: Arc<AtomicUsize>,
    /// Bytes of them, and of what visitors send.
    bytes: Arc<AtomicUsize>,
    /// Told when less waits.
    room: Arc<Notify>,
    /// So much waited that memory is to be given back when it does not.
    swollen: AtomicBool,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread; the store may use `limit` bytes.
    pub(super) fn start(store: Store, sinks: Sinks, limit: u64) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(QUEUE);
        let changes = Arc::new(AtomicUsize::new(0));
        let events = Arc::new(AtomicUsize::new(0));
        let (bytes, room) = (Arc::<AtomicUsize>::default(), Arc::<Notify>::default());
        let desk = Desk {
            store,
            sinks,
            limit,
            arrivals: Arrivals::new(limit),
            dropped: 0,
            waiting: changes.clone(),
            lag: events.clone(),
            bytes: bytes.clone(),
            room: room.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || desk.work(&jobs))?;
        let (queue, thread) = (Some(queue), Some(thread));
        Ok(Self { queue, changes, events, bytes, room, swollen: AtomicBool::default(), thread })
    }

    pub(super) fn event(&self, event: Event) {
        self.event_of(event, None);
    }

    /// The same of an event whose bytes have come before, as pieces of this.
    pub(super) fn event_of(&self, event: Event, whole: Option<u32>) {
        self.events.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(event.weight(), Ordering::Relaxed);
        self.put(Job::Event(event, whole));
    }

    /// Keeps a piece of what a visitor sends.
    pub(super) fn piece(&self, sent: Sent) {
        self.bytes.fetch_add(sent.weight(), Ordering::Relaxed);
        self.put(Job::Piece(sent));
    }

    /// Reads pieces of what is kept; `taker` is told.
    pub(super) fn parts(&self, wanted: Wanted, taker: oneshot::Sender<Vec<Vec<u8>>>) {
        self.put(Job::Parts(wanted, taker));
    }

    /// Whether so much waits that nothing more is to be taken from the face.
    pub(super) fn has_much(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) >= MUCH
    }

    /// Whether so much waits that nothing more is to be taken from the kernel's ring either.
    pub(super) fn is_full(&self) -> bool {
        let events = self.events.load(Ordering::Relaxed);
        self.bytes.load(Ordering::Relaxed) >= FULL || events >= CROWD
    }

    /// Gives memory back after a flood of events.
    pub(super) fn give_memory_back(&self) {
        let waiting = self.bytes.load(Ordering::Relaxed);
        if waiting > FLOOD {
            self.swollen.store(true, Ordering::Relaxed);
        } else if waiting < FLOOD / 4 && self.swollen.swap(false, Ordering::Relaxed) {
            memory::trim();
        }
    }

    /// Waits until less waits.
    pub(super) async fn has_less(&self) {
        self.room.notified().await;
    }

    /// Events that are not written yet.
    pub(super) fn lag(&self) -> u64 {
        u64::try_from(self.events.load(Ordering::Relaxed)).unwrap_or(u64::MAX)
    }

    pub(super) fn deckies(&self, deckies: Vec<DeckyStatus>) {
        self.put(Job::Deckies(deckies));
    }

    pub(super) fn counters(&self, counters: CaptureStatus) {
        self.put(Job::Counters(counters));
    }

    /// Keeps a change of a file. When too much of that waits it is left out.
    pub(super) fn change(&self, change: FileChange, whole: Option<Whole>) {
        let bytes = weight(&change);
        if self.changes.load(Ordering::Relaxed) + bytes > MAX_CHANGES {
            tracing::warn!(decoy = change.decky, "too many files change at once, one is not kept");
            return;
        }
        self.changes.fetch_add(bytes, Ordering::Relaxed);
        self.put(Job::Change(change, whole));
    }

    /// Reads the files of deckies, after what was to be written before; `taker` is told.
    pub(super) fn files(&self, deckies: Vec<(DeckyId, String)>, taker: oneshot::Sender<FilesRead>) {
        self.put(Job::Files(deckies, taker));
    }

    /// Forgets the files of a decky.
    pub(super) fn forget_files(&self, decky: String) {
        self.put(Job::Forget(decky));
    }

    fn put(&self, job: Job) {
        let queue = self.queue.as_ref().expect("there until it is dropped");
        if queue.send(Box::new(job)).is_err() {
            tracing::error!("the writer has ended, an event is lost");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writer failed");
        }
    }
}

struct Desk {
    store: Store,
    sinks: Sinks,
    limit: u64,
    arrivals: Arrivals,
    dropped: u64,
    /// As [`Writer::changes`].
    waiting: Arc<AtomicUsize>,
    /// As [`Writer::events`].
    lag: Arc<AtomicUsize>,
    /// As [`Writer`] has it.
    bytes: Arc<AtomicUsize>,
    /// As [`Writer`] has it.
    room: Arc<Notify>,
}

impl Desk {
    fn work(mut self, jobs: &Receiver<Box<Job>>) {
        let mut events = Vec::with_capacity(BATCH);
        while let Ok(job) = jobs.recv() {
            let mut counters = None;
            let mut deckies = None;
            let mut changes = Vec::new();
            let mut bytes = 0;
            let mut next = Some(job);
            while let Some(job) = next {
                match *job {
                    Job::Counters(latest) => counters = Some(latest),
                    Job::Deckies(latest) => deckies = Some(latest),
                    Job::Event(mut event, whole) => {
                        bytes += event.weight();
                        self.arrivals.mark(&mut event, whole, &mut self.store);
                        events.push(event);
                    }
                    Job::Piece(sent) => {
                        bytes += sent.weight();
                        self.arrivals.take(sent, &mut self.store);
                    }
                    Job::Change(change, whole) => {
                        changes.push(self.arrivals.settle(change, whole, &mut self.store));
                    }
                    Job::Parts(wanted, taker) => drop(taker.send(self.read_parts(&wanted))),
                    Job::Files(deckies, taker) => {
                        self.keep(&mut changes);
                        // The loop may have ended.
                        drop(taker.send(self.read_files(deckies)));
                    }
                    Job::Forget(decky) => {
                        self.keep(&mut changes);
                        if let Err(error) = self.store.forget_files(&decky) {
                            tracing::warn!(%error, decoy = decky, "cannot forget the files of a decky");
                        }
                    }
                }
                let more = events.len() < BATCH && bytes < BATCH_BYTES;
                next = if more { jobs.try_recv().ok() } else { None };
            }
            let busy = events.len() >= BUSY;
            let written = events.len();
            self.arrivals.write(&mut self.store);
            self.write(&mut events);
            self.lag.fetch_sub(written, Ordering::Relaxed);
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.room.notify_one();
            self.keep(&mut changes);
            self.note(counters, deckies);
            if busy {
                std::thread::park_timeout(GATHER);
            }
        }
    }

    fn write(&mut self, events: &mut Vec<Event>) {
        if events.is_empty() {
            return;
        }
        for event in events.iter() {
            self.sinks.write(event);
        }
        let began = Instant::now();
        while let Err(error) = self.store.append(events) {
            if began.elapsed() >= PATIENCE {
                self.dropped += events.len() as u64;
                tracing::error!(%error, dropped = self.dropped, "the store takes no events, dropping them");
                break;
            }
            tracing::warn!(%error, "the store takes no events, retrying");
            // An event is worth more than what belongs to another.
            if !(error.is_full() && self.arrivals.make_room(&mut self.store)) {
                std::thread::park_timeout(PAUSE);
            }
        }
        events.clear();
    }

    fn read_parts(&self, wanted: &Wanted) -> Vec<Vec<u8>> {
        let Wanted { sha256, first, most } = wanted;
        self.store.evidence_parts(sha256, *first, *most).unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot bring back a file of a decky");
            Vec::new()
        })
    }

    /// Keeps changes of files.
    fn keep(&mut self, changes: &mut Vec<FileChange>) {
        if changes.is_empty() {
            return;
        }
        match self.store.save_files(changes) {
            Ok(0) => {}
            Ok(left_out) => tracing::warn!(left_out, "a decky has more files than it can hold"),
            Err(error) => tracing::warn!(%error, "cannot keep the files of deckies"),
        }
        let bytes = changes.drain(..).map(|change| weight(&change)).sum();
        self.waiting.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn read_files(&self, deckies: Vec<(DeckyId, String)>) -> FilesRead {
        let read = |(id, decky): (DeckyId, String)| {
            let files = self.store.files(&decky).unwrap_or_else(|error| {
                tracing::warn!(%error, decoy = decky, "cannot bring back the files of a decky");
                Vec::new()
            });
            (id, files)
        };
        deckies.into_iter().map(read).collect()
    }

    fn note(&mut self, counters: Option<CaptureStatus>, deckies: Option<Vec<DeckyStatus>>) {
        let noted = counters.is_some();
        let counted = counters.map_or(Ok(()), |counters| self.store.save_counters(&counters));
        let listed =
            deckies.map_or(Ok(()), |deckies| self.store.save_deckies(&deckies, clock::now()));
        if let Err(error) = counted.and(listed) {
            tracing::warn!(%error, "cannot save the status, the next one replaces it");
        }
        if noted {
            self.prune();
        }
    }

    /// Forgets the oldest where the store is over its limit, faster than events can come.
    fn prune(&mut self) {
        self.arrivals.prune(&mut self.store);
        for _ in 0..PRUNES {
            match self.store.prune(self.limit) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "the store forgets nothing, trying again");
                    return;
                }
            }
        }
    }
}
