//! The agent's loop: one thread that hears everybody and decides what comes next.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::capture::Capture;
use super::captures::Captures;
use super::control::{Asked, Reply};
use super::fleet::Fleet;
use super::keeper::Keeper;
use super::leaving::Leaving;
use super::management::Watched;
use super::orders::{Orders, Wish};
use super::placing::{Node, Placed};
use super::restores::{Asked as Large, Restores};
use super::supervision::Supervision;
use super::vault::{AllFound, Keeping};
use super::writer::{FilesRead, Writer};
use crate::edge::bpf::{Maps, Programs};
use crate::edge::links::{LinkError, Links};
use crate::edge::{clock, memory};
use crate::logic::control::Answer;
use crate::logic::decky::DeckyId;
use crate::logic::event::{Event, Kind, Stamp};
use crate::logic::mac::Mac;

/// How often counts are read and visits that rest are told about.
const TICK: Duration = Duration::from_millis(500);
/// How often the ring is looked at while it wakes nobody.
const POLL: Duration = Duration::from_millis(2);
/// How long the kernel may take to remove the deckies' links, of which it says nothing.
const GONE: Duration = Duration::from_secs(10);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// Results of work that runs beside the loop.
const RESULTS: usize = 1_024;

/// Everything the agent has.
pub(super) struct Engine {
    pub(super) node: Node,
    pub(super) stamp: Stamp,
    pub(super) writer: Writer,
    pub(super) programs: Programs,
    pub(super) maps: Maps,
    pub(super) capture: Capture,
    pub(super) captures: Captures,
    pub(super) fleet: Fleet,
    pub(super) keeper: Keeper,
    pub(super) links: Links,
    /// The parent's index.
    pub(super) parent: u32,
    /// Where work that runs beside the loop leaves its results.
    pub(super) results: mpsc::Sender<Done>,
    /// Who waits for the deckies to be as asked.
    pub(super) waiting: Vec<oneshot::Sender<Reply>>,
    /// What is wanted next.
    pub(super) orders: Orders,
    /// Files on their way back to the face.
    pub(super) restores: Restores,
    /// What is gone and may not be.
    pub(super) leaving: Leaving,
    /// What outlives the agent.
    pub(super) keeping: Keeping,
    /// How the master's side stands.
    pub(super) management: Watched,
    /// What systemd is told.
    pub(super) supervision: Supervision,
}

/// Work that ran beside the loop is done.
pub(super) enum Done {
    /// The files of deckies were read.
    Files(FilesRead),
    /// Pieces of a large file of a decky were read.
    Parts(Large, Vec<Vec<u8>>),
    /// A macvlan was put into a decky's namespace, or was not.
    Linked(DeckyId, Result<(), LinkError>),
    /// The deckies that were asked for have a place, or have none.
    Placed(Result<Placed>, Wish),
    /// The MACs for which the parent receives.
    Received(Result<BTreeSet<Mac>, LinkError>),
}

/// What woke the loop.
enum Wake {
    Asked(Asked),
    Copies,
    Done(Done),
    Face,
    Keeper,
    Restoring,
    Sightings,
    Stop,
    Tick,
}

/// What the loop listens to besides its own descriptors.
pub(super) struct Ears {
    requests: mpsc::Receiver<Asked>,
    results: mpsc::Receiver<Done>,
    terminate: Signal,
    interrupt: Signal,
    tick: Interval,
    poll: Interval,
}

impl Ears {
    /// Listens to signals and to `requests`; the second value is for [`Engine::results`].
    pub(super) fn open(requests: mpsc::Receiver<Asked>) -> Result<(Self, mpsc::Sender<Done>)> {
        let (sender, results) = mpsc::channel(RESULTS);
        let every = |period| {
            let mut interval = interval(period);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        };
        let ears = Self {
            requests,
            results,
            terminate: signal(SignalKind::terminate()).context("cannot hear SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("cannot hear SIGINT")?,
            tick: every(TICK),
            poll: every(POLL),
        };
        Ok((ears, sender))
    }
}

impl Engine {
    /// Makes the deckies what was placed, of those `found` where they are so already, and runs
    /// until it is told to stop.
    pub(super) async fn run(
        mut self,
        mut ears: Ears,
        placed: Placed,
        found: AllFound,
    ) -> Result<()> {
        let started = self.stamp.event(Kind::AgentStart, clock::now());
        self.writer.event(started);
        self.fleet.want(placed);
        let macs = self.links.received_macs(self.parent).await?;
        self.adopt(found, Some(&macs));
        self.forget_served()?;
        self.reconcile()?;
        memory::forget_start();
        loop {
            match self.next(&mut ears).await? {
                Wake::Stop => break,
                Wake::Sightings => self.take_sightings()?,
                Wake::Copies => self.captures.take(),
                Wake::Keeper => self.hear_keeper()?,
                Wake::Face => self.hear_face()?,
                Wake::Restoring => self.restore()?,
                Wake::Asked(asked) => self.answer(asked),
                Wake::Done(done) => self.take(done)?,
                Wake::Tick => {
                    self.tick()?;
                    self.restore()?;
                    self.go_on_adopting()?;
                    self.watch_management();
                    self.tell_systemd();
                    self.writer.give_memory_back();
                }
            }
        }
        self.tell_stopping();
        self.stop();
        // Whether they stay is for systemd to say: it stops the agent, or starts another.
        if self.keeping.is_open() { Ok(()) } else { self.wait_until_gone().await }
    }

    /// Lets go of everything, and returns when no decky answers any more: the kernel takes the
    /// namespaces apart behind the back of whoever held them.
    async fn wait_until_gone(self) -> Result<()> {
        let Self { fleet, links, parent, .. } = self;
        let macs: BTreeSet<Mac> = fleet.wanted().map(|decky| decky.identity.mac).collect();
        drop(fleet);
        let until = Instant::now() + GONE;
        while !links.received_macs(parent).await?.is_disjoint(&macs) {
            if Instant::now() > until {
                tracing::warn!("the kernel still takes the deckies' links apart");
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    async fn next(&self, ears: &mut Ears) -> Result<Wake> {
        // Something may be ready again and again, as the channel of a face is that has gone with its
        // keeper: the runtime has to look at the others all the same.
        tokio::task::consume_budget().await;
        let quiet = self.capture.is_quiet();
        let capturing = !self.captures.is_empty();
        let (much, full) = (self.writer.has_much(), self.writer.is_full());
        let wake = tokio::select! {
            _ = ears.terminate.recv() => Wake::Stop,
            _ = ears.interrupt.recv() => Wake::Stop,
            ready = self.capture.readable(), if !quiet && !full => { ready?; Wake::Sightings }
            _ = ears.poll.tick(), if quiet && !full => Wake::Sightings,
            ready = self.keeper.readable() => { ready?; Wake::Keeper }
            ready = self.keeper.face_readable(), if !much => { ready?; Wake::Face }
            () = self.writer.has_less(), if much || full => Wake::Face,
            ready = self.captures.readable(), if capturing => { ready?; Wake::Copies }
            Some(asked) = ears.requests.recv() => Wake::Asked(asked),
            Some(done) = ears.results.recv() => Wake::Done(done),
            wake = self.rest(&mut ears.tick) => wake,
        };
        Ok(wake)
    }

    /// Waits until it is time for something.
    async fn rest(&self, tick: &mut Interval) -> Wake {
        tokio::select! {
            _ = tick.tick() => Wake::Tick,
            () = self.restores.shortly() => Wake::Restoring,
        }
    }

    fn take(&mut self, done: Done) -> Result<()> {
        match done {
            Done::Files(files) => {
                self.give_files(files)?;
                return Ok(());
            }
            Done::Parts(large, parts) => return self.give_parts(large, parts),
            Done::Received(macs) => return self.take_received(macs),
            Done::Linked(id, result) => self.linked(id, result)?,
            Done::Placed(placed, wish) => self.take_places(placed, wish),
        }
        self.reconcile()
    }

    /// Makes an event of this node.
    pub(super) fn put(&mut self, kind: Kind, fill: impl FnOnce(&mut Event)) {
        let mut event = self.stamp.event(kind, clock::now());
        fill(&mut event);
        self.writer.event(event);
    }

    /// Answers those who wait, when everything is as asked.
    pub(super) fn settle(&mut self) {
        self.tell_ready();
        if self.waiting.is_empty() || !self.fleet.is_settled() || self.keeping.is_stale() {
            return;
        }
        let status = self.status();
        for reply in self.waiting.drain(..) {
            // Whoever asked may have gone.
            drop(reply.send(Reply::Answer(Answer::Done(status.clone()))));
        }
    }

    fn stop(&mut self) {
        let down = if self.keeping.is_open() { Vec::new() } else { self.fleet.all_up() };
        for id in down {
            self.decky_event(Kind::DeckyDown, id);
        }
        self.end_visits();
        self.put(Kind::AgentStop, |_| {});
    }
}

/// Says that a request was not done.
pub(super) fn refuse(reply: oneshot::Sender<Reply>, error: &anyhow::Error) {
    let line = error.downcast_ref::<crate::logic::config::ConfigError>().map(|error| error.line);
    let message = format!("{error:#}");
    // Whoever asked may have gone.
    drop(reply.send(Reply::Answer(Answer::Refused { line, message })));
}
