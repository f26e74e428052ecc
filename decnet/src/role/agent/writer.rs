//! The thread that writes events: into the store, and wherever else they are wanted.
//!
//! The queue to it is bounded, and when it is full the agent waits, and behind the agent the face
//! and the kernel's ring: nothing is dropped for want of time. What the store cannot take for
//! [`PATIENCE`] (a full disk) is dropped, counted, and said.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::edge::clock;
use crate::edge::sinks::Sinks;
use crate::edge::store::Store;
use crate::logic::event::Event;
use crate::logic::status::{CaptureStatus, DeckyStatus};

/// Events that may wait.
const QUEUE: usize = 65_536;
/// Events written at a time.
const BATCH: usize = 2_048;
/// How long the store may refuse before events are dropped.
const PATIENCE: Duration = Duration::from_secs(30);
/// Steps of forgetting at a time; the counters come twice a second.
const PRUNES: u32 = 4;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// Something to write.
#[derive(Debug)]
enum Job {
    Counters(Box<CaptureStatus>),
    Deckies(Vec<DeckyStatus>),
    Event(Box<Event>),
}

/// The agent's end of the queue. Dropping it writes what waits and ends the thread.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread; the store may use `limit` bytes.
    pub(super) fn start(store: Store, sinks: Sinks, limit: u64) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || Desk { store, sinks, limit, dropped: 0 }.work(&jobs))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    pub(super) fn event(&self, event: Event) {
        self.put(Job::Event(Box::new(event)));
    }

    pub(super) fn deckies(&self, deckies: Vec<DeckyStatus>) {
        self.put(Job::Deckies(deckies));
    }

    pub(super) fn counters(&self, counters: CaptureStatus) {
        self.put(Job::Counters(Box::new(counters)));
    }

    fn put(&self, job: Job) {
        let queue = self.queue.as_ref().expect("there until it is dropped");
        if queue.send(job).is_err() {
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
    dropped: u64,
}

impl Desk {
    fn work(mut self, jobs: &Receiver<Job>) {
        let mut events = Vec::with_capacity(BATCH);
        while let Ok(job) = jobs.recv() {
            let mut counters = None;
            let mut deckies = None;
            let mut next = Some(job);
            while let Some(job) = next {
                match job {
                    Job::Counters(latest) => counters = Some(*latest),
                    Job::Deckies(latest) => deckies = Some(latest),
                    Job::Event(event) => events.push(*event),
                }
                next = if events.len() < BATCH { jobs.try_recv().ok() } else { None };
            }
            self.write(&mut events);
            self.note(counters, deckies);
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
            std::thread::park_timeout(PAUSE);
        }
        events.clear();
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
