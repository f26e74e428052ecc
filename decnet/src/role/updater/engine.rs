//! The thread that carries out one update after another.

use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use anyhow::{Context as _, Result};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use super::Settings;
use super::host::Machine;
use super::identity::Known;
use super::look::{Look, begin, look};
use super::probe::Probe;
use super::room::Rooms;
use super::told::Told;
use super::trust::{self, Trusted};
use crate::edge::clock;
use crate::edge::systemd::{self, Word};
use crate::edge::update::{Place, RealFs, Runner, open};
use crate::logic::release::{Component, Digest, Identity as ReleaseIdentity};
use crate::logic::trust::CertRole;
use crate::logic::update::{AttemptId, Caller, Event, Fault, Journal, Outcome, Phase, Space};

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
    /// How things are while there is none, for people.
    pub(super) idle: String,
    /// The journals, as they were decided last.
    pub(super) agent: Journal,
    pub(super) updater: Journal,
}

/// The thread, seen from outside.
#[derive(Clone, Debug)]
pub(super) struct Engine {
    orders: mpsc::Sender<Order>,
    status: Arc<Mutex<Status>>,
    rooms: Rooms,
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
            idle: String::new(),
            agent: Journal::new(Component::Agent),
            updater: Journal::new(Component::Updater),
        }));
        let (recovered, is_recovered) = oneshot::channel();
        let events = Told::new(&known.now().caller.name);
        let (alive, ended) = watch::channel(());
        let now = known.clone();
        let shows = Box::new(move || now.now());
        let probe = Probe::new(Handle::current(), settings.agent, shows, CertRole::Agent);
        let rooms = Rooms::new(&settings.state_dir.join("updater/spool"), settings.reserve);
        let worker = Worker {
            settings: settings.clone(),
            status: status.clone(),
            rooms: rooms.clone(),
            trusted: Err("it was not asked yet".into()),
            release,
            events,
            known,
        };
        thread::Builder::new()
            .name("updates".into())
            .spawn(move || {
                // Goes with the thread, also when that panics.
                let _alive = alive;
                worker.work(probe, &queue, recovered);
            })
            .context("cannot start the thread of the updates")?;
        Ok((Self { orders, status, rooms }, Heard { recovered: is_recovered, ended }))
    }

    /// What is promised of the disk.
    pub(super) fn rooms(&self) -> &Rooms {
        &self.rooms
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
    rooms: Rooms,
    /// Whose signatures count, or why nobody's do.
    trusted: std::result::Result<Trusted, String>,
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
        self.heed_root(&mut [&mut updater, &mut agent], &mut machine);
        drop(recovered.send(Ok(())));
        machine.catch_up();
        while let Ok(order) = queue.recv() {
            self.heed_root(&mut [&mut updater, &mut agent], &mut machine);
            let runner = match order.component {
                Component::Agent => &mut agent,
                Component::Updater => &mut updater,
            };
            match order.wish {
                Wish::Prove => self.prove(&order, runner, &mut machine),
                _ => self.serve(order, runner, &mut machine),
            }
            machine.catch_up();
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
        self.known.say_idle(&self.idle());
    }

    /// Asks the operator's root of trust; one that was put in meanwhile counts from here on.
    fn heed_root(&mut self, runners: &mut [&mut Runner<RealFs>], machine: &mut Machine) {
        self.ask_root(runners, machine);
        lock(&self.status).idle = self.idle();
    }

    fn ask_root(&mut self, runners: &mut [&mut Runner<RealFs>], machine: &mut Machine) {
        self.trusted = trust::read(&self.settings);
        let trusted = match &self.trusted {
            Ok(trusted) => trusted,
            Err(why) => return tracing::error!("nothing can be installed: {why}"),
        };
        if let Some(complaint) = &trusted.complaint {
            tracing::warn!("{complaint}");
        }
        if let Some(floor) = trusted.replaced {
            let version = trusted.trust.root().version;
            for runner in runners {
                let component = runner.place().component;
                let event = Event::Rooted { attempt: made_up(), version, floor };
                let events = &mut self.events;
                let told = runner.run(event, machine, |it| events.ended(component, None, &it));
                if let Err(error) = told {
                    return tracing::warn!(%error, "the new root of trust is asked for again");
                }
            }
        }
        if let Err(error) = trusted.remember(&self.settings) {
            let error = format!("{:#}", anyhow::Error::from(error));
            tracing::warn!(error, "cannot write down which root of trust is the operator's");
        }
    }

    /// What is wrong with the root of trust, or new, while nothing is under way.
    fn idle(&self) -> String {
        let complaint = match &self.trusted {
            Err(why) => Some(format!("nothing can be installed: {why}")),
            Ok(Trusted { complaint: Some(complaint), .. }) => Some(complaint.clone()),
            Ok(Trusted { replaced: Some(_), trust, .. }) => {
                Some(format!("the operator's new root of trust {} counts", trust.root().version))
            }
            Ok(_) => None,
        };
        complaint.map_or_else(String::new, |complaint| format!("; {complaint}"))
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
            Wish::Install { file, sha256 } => {
                match look((&file, sha256), runner, &attempt, (&self.trusted, &self.rooms)) {
                    Ok((event, gate)) => {
                        machine.sent = gate.map(|(gate, claim)| (file, gate, claim));
                        Ok(event)
                    }
                    Err(Look::Other(found, reason)) => {
                        other = Some(found);
                        Ok(Event::Refuse { attempt: attempt.clone(), reason })
                    }
                    Err(Look::Fault(fault)) => Err(fault),
                }
            }
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
        self.known.say_idle(&self.idle());
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
