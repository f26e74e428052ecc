//! The thread that carries out one update after another.

use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use anyhow::{Context as _, Result};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use super::Settings;
use super::gate::{self, Asked};
use super::host::Machine;
use super::identity::Known;
use super::probe::Probe;
use super::told::Told;
use crate::edge::release::peek;
use crate::edge::systemd::{self, Word};
use crate::edge::update::{Place, RealFs, Runner, free, open, staged};
use crate::edge::{clock, files};
use crate::logic::release::{Component, Digest, Identity as ReleaseIdentity};
use crate::logic::trust::CertRole;
use crate::logic::update::{
    AttemptId, Begin, Caller, Event, Fault, Journal, Outcome, Phase, Reason, Space,
};

/// What is to be done.
pub(super) enum Wish {
    /// Take a release again that failed here.
    Forgive(Digest),
    /// Install what was sent.
    Install {
        /// What.
        file: File,
        /// What the sender says that it is.
        sha256: Digest,
    },
    /// Take the updater, which is on trial, for proved.
    Prove,
    /// Go back.
    Rollback,
}

/// A wish, whose, and who waits.
pub(super) struct Order {
    pub(super) component: Component,
    pub(super) attempt: AttemptId,
    pub(super) wish: Wish,
    pub(super) reply: oneshot::Sender<Ended>,
}

/// How an order ended.
#[derive(Clone, Debug)]
pub(super) enum Ended {
    /// As the transaction says; and what is current then.
    Outcome(Box<Outcome>, Option<ReleaseIdentity>),
    /// What was sent has another digest than the sender says.
    OtherBytes(Digest),
}

/// What the HTTP side may know at any time.
#[derive(Clone, Debug)]
pub(super) struct Status {
    /// The attempt under way.
    pub(super) attempt: Option<AttemptId>,
    /// The journals, as they were decided last.
    pub(super) agent: Journal,
    pub(super) updater: Journal,
}

/// The thread, seen from outside.
#[derive(Clone, Debug)]
pub(super) struct Engine {
    orders: mpsc::Sender<Order>,
    status: Arc<Mutex<Status>>,
}

fn lock(status: &Mutex<Status>) -> MutexGuard<'_, Status> {
    status.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is heard of the thread.
pub(super) struct Heard {
    /// When it has ended what was interrupted.
    pub(super) recovered: oneshot::Receiver<Result<()>>,
    /// Closed when it has ended: nothing can be installed then until the next start.
    pub(super) ended: watch::Receiver<()>,
}

impl Engine {
    /// Starts the thread, which first ends what was interrupted.
    pub(super) fn start(
        settings: &Settings,
        known: Arc<Known>,
        release: Option<Digest>,
    ) -> Result<(Self, Heard)> {
        let (orders, queue) = mpsc::channel();
        let status = Arc::new(Mutex::new(Status {
            attempt: None,
            agent: Journal::new(Component::Agent),
            updater: Journal::new(Component::Updater),
        }));
        let (recovered, is_recovered) = oneshot::channel();
        let events = Told::new(&known.now().caller.name);
        let (alive, ended) = watch::channel(());
        let now = known.clone();
        let shows = Box::new(move || now.now());
        let probe = Probe::new(Handle::current(), settings.agent, shows, CertRole::Agent);
        let (settings, shown) = (settings.clone(), status.clone());
        let worker = Worker { settings, status: shown, release, events, known };
        thread::Builder::new()
            .name("updates".into())
            .spawn(move || {
                // Goes with the thread, also when that panics.
                let _alive = alive;
                worker.work(probe, &queue, recovered);
            })
            .context("cannot start the thread of the updates")?;
        Ok((Self { orders, status }, Heard { recovered: is_recovered, ended }))
    }

    /// What is known.
    pub(super) fn status(&self) -> Status {
        lock(&self.status).clone()
    }

    /// Takes the one place there is for an attempt; says whose it is when it is taken.
    pub(super) fn claim(&self, attempt: &AttemptId) -> std::result::Result<(), AttemptId> {
        let mut status = lock(&self.status);
        match &status.attempt {
            Some(running) => Err(running.clone()),
            None => {
                status.attempt = Some(attempt.clone());
                Ok(())
            }
        }
    }

    /// Takes the updater for proved, if it is on trial.
    pub(super) async fn prove(&self) {
        let attempt = self.status().updater.phase.attempt().map(|attempt| attempt.id.clone());
        if let Some(attempt) = attempt {
            self.carry_out(Component::Updater, attempt, Wish::Prove).await;
        }
    }

    /// Has an order carried out, whose attempt has the place.
    pub(super) async fn carry_out(
        &self,
        component: Component,
        attempt: AttemptId,
        wish: Wish,
    ) -> Option<Ended> {
        let (reply, answer) = oneshot::channel();
        self.orders.send(Order { component, attempt, wish, reply }).ok()?;
        answer.await.ok()
    }
}

struct Worker {
    settings: Settings,
    status: Arc<Mutex<Status>>,
    release: Option<Digest>,
    events: Told,
    known: Arc<Known>,
}

impl Worker {
    fn work(
        mut self,
        probe: Probe,
        queue: &mpsc::Receiver<Order>,
        recovered: oneshot::Sender<Result<()>>,
    ) {
        let status = self.status.clone();
        let shown = Box::new(move |journal: &Journal| show(&status, journal));
        let mut machine = Machine::new(&self.settings, probe, shown);
        let components = [Component::Updater, Component::Agent];
        let [updater, agent] = components.map(|it| self.recover(it, &mut machine));
        let (mut updater, mut agent) = match (updater, agent) {
            (Ok(updater), Ok(agent)) => (updater, agent),
            (Err(error), _) | (_, Err(error)) => {
                drop(recovered.send(Err(error)));
                return;
            }
        };
        drop(recovered.send(Ok(())));
        while let Ok(order) = queue.recv() {
            let runner = match order.component {
                Component::Agent => &mut agent,
                Component::Updater => &mut updater,
            };
            match order.wish {
                Wish::Prove => self.prove(&order, runner, &mut machine),
                _ => self.serve(order, runner, &mut machine),
            }
        }
    }

    /// Ends what was interrupted.
    fn recover(&mut self, component: Component, machine: &mut Machine) -> Result<Runner<RealFs>> {
        let place = Place::of(component, &self.settings.install_dir, &self.settings.state_dir);
        let attempt = made_up();
        let tried = || format!("cannot read what is in `{}`", place.state.display());
        let found =
            open(&RealFs, &place, attempt, Caller::Daemon, self.release).with_context(tried)?;
        for complaint in &found.complaints {
            tracing::warn!("{complaint}");
        }
        show(&self.status, &found.journal);
        let interrupted = found.journal.phase.attempt().map(|attempt| attempt.id.clone());
        if let Some(AttemptId(attempt)) = &interrupted {
            let attempt = attempt.as_str();
            tracing::warn!(attempt, "an update was interrupted: it is ended or taken back");
        }
        let mut runner = Runner::new(RealFs, place, found.journal);
        let event = Event::Recover(Box::new(found.observed));
        let events = &mut self.events;
        runner.run(event, machine, |outcome| {
            events.ended(component, interrupted.as_ref(), &outcome);
        })?;
        show(&self.status, runner.journal());
        if let Phase::Trial { attempt, .. } = &runner.journal().phase {
            // Nothing else is done until it has proved itself.
            let attempt = attempt.id.clone();
            tracing::info!(attempt = attempt.0.as_str(), "this updater is on trial");
            systemd::tell(&[Word::Status("on trial until it was reached from outside".into())]);
            lock(&self.status).attempt = Some(attempt);
        }
        Ok(runner)
    }

    /// Takes the updater for proved; nothing when that was said twice.
    fn prove(&mut self, order: &Order, runner: &mut Runner<RealFs>, machine: &mut Machine) {
        if !matches!(runner.journal().phase, Phase::Trial { .. }) {
            return;
        }
        let events = &mut self.events;
        let proved = runner.run(Event::Proved, machine, |outcome| {
            events.ended(order.component, Some(&order.attempt), &outcome);
        });
        if let Err(error) = proved {
            tracing::error!(%error, "the updater stays on trial");
            return;
        }
        show(&self.status, runner.journal());
        lock(&self.status).attempt = None;
        self.known.say_idle();
    }

    fn serve(&mut self, order: Order, runner: &mut Runner<RealFs>, machine: &mut Machine) {
        let Order { attempt, wish, reply, .. } = order;
        let id = attempt.0.as_str().to_owned();
        self.events.begins(order.component, &attempt);
        systemd::tell(&[Word::Status(format!("the update `{id}` is under way"))]);
        let mut reply = Some(reply);
        let mut other = None;
        let mut last = None;
        let event = match wish {
            Wish::Forgive(digest) => Ok(Event::Forgive { attempt: attempt.clone(), digest }),
            Wish::Prove => Ok(Event::Proved),
            Wish::Rollback => Ok(begin(&attempt, None, false, Space { bytes: 0, files: 0 }, None)),
            Wish::Install { file, sha256 } => match self.look(&file, sha256, runner, &attempt) {
                Ok((event, gate)) => {
                    machine.sent = gate.map(|gate| (file, gate));
                    Ok(event)
                }
                Err(Look::Other(found)) => {
                    other = Some(found);
                    let why = format!("its SHA-256 is {found}, and the sender says {sha256}");
                    let reason = Reason::Bundle(why.into());
                    Ok(Event::Refuse { attempt: attempt.clone(), reason })
                }
                Err(Look::Fault(fault)) => Err(fault),
            },
        };
        let events = &mut self.events;
        if let Ok(Event::Begin(_)) = event {
            events.is_good(order.component, &attempt);
        }
        let mut answer = |outcome: Outcome| {
            events.ended(order.component, Some(&attempt), &outcome);
            // A self-update is answered when it begins: whoever asked cannot wait for its end.
            if outcome == Outcome::Queued
                && let Some(reply) = reply.take()
            {
                drop(reply.send(Ended::Outcome(Box::new(outcome.clone()), None)));
            }
            last = Some(outcome);
        };
        match event {
            Ok(event) => {
                if let Err(error) = runner.run(event, machine, &mut answer) {
                    let fault = Fault { what: error.to_string().into(), is_full: false };
                    answer(Outcome::Failed { fault });
                }
            }
            Err(fault) => answer(Outcome::Failed { fault }),
        }
        machine.sent = None;
        show(&self.status, runner.journal());
        lock(&self.status).attempt = None;
        self.known.say_idle();
        let current = runner.journal().current.clone();
        let ended = match (other, last) {
            (Some(found), _) => Ended::OtherBytes(found),
            (None, Some(outcome)) => Ended::Outcome(Box::new(outcome), current),
            (None, None) => return,
        };
        if let Some(reply) = reply {
            drop(reply.send(ended));
        }
    }

    /// What follows from what was sent: it is read up to where it says what it is.
    fn look(
        &self,
        mut file: &File,
        sha256: Digest,
        runner: &Runner<RealFs>,
        attempt: &AttemptId,
    ) -> std::result::Result<(Event, Option<crate::logic::release::Gate>), Look> {
        let fault = |what: String| Look::Fault(Fault { what: what.into(), is_full: false });
        let unread = |error: std::io::Error| fault(format!("cannot read what was sent: {error}"));
        std::io::Seek::rewind(&mut file).map_err(unread)?;
        let found = files::digest(file).map_err(unread)?;
        if found != sha256 {
            return Err(Look::Other(found));
        }
        let place = runner.place();
        let gate = gate::gate(&self.settings, place.component, runner.journal().floor)
            .map_err(|error| fault(format!("{error:#}")))?;
        let asked = Asked::new(gate.clone());
        std::io::Seek::rewind(&mut file).map_err(unread)?;
        let seen = peek(&mut file, |envelope, release| asked.check(envelope, release));
        let (release, _) = match seen.map_err(gate::reason) {
            Ok(seen) => seen,
            Err(Ok(reason)) => {
                return Ok((Event::Refuse { attempt: attempt.clone(), reason }, None));
            }
            Err(Err(fault)) => return Err(Look::Fault(fault)),
        };
        let free = free(&place.install, self.settings.reserve)
            .map_err(|error| fault(format!("cannot tell how much is free: {error}")))?;
        let files = release.files().len() as u64;
        let needs = Space { bytes: release.size(), files: files.saturating_add(64) };
        let is_here = staged(place, release.digest());
        let to = Some(ReleaseIdentity::of(&release));
        Ok((begin(attempt, to, is_here, needs, Some(free)), Some(gate)))
    }
}

/// Why what was sent is not even looked at.
enum Look {
    Fault(Fault),
    Other(Digest),
}

fn begin(
    attempt: &AttemptId,
    to: Option<ReleaseIdentity>,
    is_here: bool,
    needs: Space,
    free: Option<Space>,
) -> Event {
    let free = free.unwrap_or(needs);
    Event::Begin(Box::new(Begin { attempt: attempt.clone(), to, is_here, needs, free }))
}

fn show(status: &Mutex<Status>, journal: &Journal) {
    let mut status = lock(status);
    match journal.component {
        Component::Agent => status.agent = journal.clone(),
        Component::Updater => status.updater = journal.clone(),
    }
}

/// A name for an attempt that nobody has named.
pub(super) fn made_up() -> AttemptId {
    let label = format!("{}-{}", clock::now().millis(), std::process::id());
    AttemptId(label.parse().unwrap_or_else(|_| unreachable!("digits and a dash are a label")))
}
