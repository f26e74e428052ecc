//! What an update needs of this machine besides the disk.

use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::gate::{self, Asked};
use super::probe::Probe;
use super::room::Claim;
use super::{Settings, launch, trust};
use crate::edge::clock;
use crate::edge::release::{receive, running};
use crate::edge::supervise::{State, SuperviseError, Supervisor};
use crate::edge::update::{Host, Place, RealFs, open};
use crate::logic::release::{Component, Digest, Gate};
use crate::logic::unit;
use crate::logic::update::{
    AttemptId, Caller, Event, Fault, Journal, Phase, Process, Reason, Seen, Slot,
};

/// Between two looks at a release that answers.
const SECOND: Duration = Duration::from_secs(1);
/// Between two looks at one that has not answered yet.
const SOON: Duration = Duration::from_millis(50);
/// How long whoever asked has to hear what came of it, before what hears them is replaced.
const FLUSH: Duration = Duration::from_millis(300);
/// How long systemd has to end this process, when it is to be replaced.
const END: Duration = Duration::from_secs(60);

/// What others run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Follows {
    /// What the agent does.
    Along,
    /// A release before.
    Behind,
}

/// This machine.
pub(super) struct Machine {
    settings: Settings,
    supervisor: Supervisor,
    probe: Probe,
    /// What was sent, of the attempt under way: read by the gate and unpacked from this very
    /// descriptor, with what it is promised of the disk.
    pub(super) sent: Option<(File, Gate, Claim)>,
    /// The process that was there before the last restart.
    before: Option<u32>,
    /// Whether others run a release that the agent does not.
    follows: Follows,
    /// When the next look is due.
    next: Instant,
    /// The journal, as the HTTP side shows it.
    shown: Box<dyn FnMut(&Journal) + Send>,
}

impl Machine {
    /// This machine, whose updates are shown through `shown`.
    pub(super) fn new(
        settings: &Settings,
        probe: Probe,
        shown: Box<dyn FnMut(&Journal) + Send>,
    ) -> Self {
        let direct = crate::edge::supervise::Direct::new(settings.agent_launch());
        Self {
            settings: settings.clone(),
            supervisor: Supervisor::find(direct),
            probe,
            sent: None,
            before: None,
            follows: Follows::Along,
            next: Instant::now(),
            shown,
        }
    }

    /// Has others run what the agent does, when whoever asked for the update has been answered: that
    /// may be one of them.
    pub(super) fn catch_up(&mut self) {
        if std::mem::replace(&mut self.follows, Follows::Along) == Follows::Along {
            return;
        }
        clock::pause(FLUSH);
        if let Err(errors) = self.supervisor.follow() {
            for error in errors {
                let error = format!("{:#}", anyhow::Error::from(error));
                tracing::warn!(error, "a unit goes on with a release before the agent's");
            }
        }
    }

    /// Whoever is there now, and whether it answers.
    fn before(&mut self) -> Option<Process> {
        self.before = self.supervisor.state().pid;
        self.before?;
        match self.probe.look() {
            Seen::Answer { process, .. } => Some(process),
            Seen::Gone | Seen::Hindered(_) | Seen::Silent => None,
        }
    }

    /// Where a release is that a parcel builds on, whoever runs it.
    fn installed(&self, release: Digest) -> Option<PathBuf> {
        let Settings { install_dir, state_dir, .. } = &self.settings;
        let dirs = [Component::Agent, Component::Updater]
            .map(|component| Place::of(component, install_dir, state_dir).release(release));
        dirs.into_iter().find(|dir| dir.is_dir())
    }

    fn take(&mut self, attempt: &AttemptId, place: &Place) -> Result<Event, Fault> {
        let failed = |what: String| Fault { what: what.into(), is_full: false };
        let sent = self.sent.take().ok_or_else(|| failed("nothing was sent".into()))?;
        let (mut file, gate, _claim) = sent;
        file.seek(SeekFrom::Start(0))
            .map_err(|error| failed(format!("cannot read what was sent: {error}")))?;
        let asked = Asked::new(gate);
        let unpacked = receive(
            &mut file,
            &place.staging(),
            |base| self.installed(base),
            |envelope, release| asked.check(envelope, release),
        );
        let mut unpacked = match unpacked.map_err(gate::reason) {
            Ok(unpacked) => unpacked,
            Err(Ok(reason)) => return Ok(Event::Refuse { attempt: attempt.clone(), reason }),
            Err(Err(fault)) => return Err(fault),
        };
        if let Some(accepted) = asked.accepted() {
            trust::keep(&self.settings, &unpacked.envelope.roots, &accepted.trust).map_err(
                |error| {
                    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
                    let is_full = matches!(error.source.kind(), StorageFull | QuotaExceeded);
                    let error = anyhow::Error::from(error);
                    let what = format!("cannot keep the root of trust: {error:#}").into();
                    Fault { what, is_full }
                },
            )?;
        }
        match crate::edge::release::verify(&place.staging()) {
            Ok(found) if found.digest() == unpacked.release.digest() => {
                unpacked.tree.keep();
                Ok(Event::Staged)
            }
            Ok(_) => {
                let reason = Reason::Bundle("it has changed while it was unpacked".into());
                Ok(Event::Refuse { attempt: attempt.clone(), reason })
            }
            Err(error) => Err(failed(format!("what was unpacked is not there: {error}"))),
        }
    }
}

/// What follows when the supervisor does not do as it is told.
fn refused(journal: &Journal, error: &SuperviseError) -> Event {
    let fault = Fault { what: error.to_string().into(), is_full: false };
    // What this user may not or this machine cannot do says nothing of the release.
    let is_trial = matches!(journal.phase, Phase::Trial { .. });
    match error {
        SuperviseError::Denied { .. } | SuperviseError::Hindered { .. } if is_trial => {
            Event::Failed(fault)
        }
        _ => Event::Unstartable(fault),
    }
}

impl Host for Machine {
    fn follow(&mut self) {
        self.follows = Follows::Behind;
    }

    fn pause(&mut self) {
        clock::pause(SECOND);
    }

    fn probe(&mut self, _release: Digest) -> Event {
        while let Some(left) = self.next.checked_duration_since(Instant::now()) {
            clock::pause(left);
        }
        let State { pid, hindrance } = self.supervisor.state();
        let seen = match pid {
            None => Seen::Gone,
            // The old one is still ending, and nobody knew how it answers.
            Some(pid) if Some(pid) == self.before => Seen::Silent,
            Some(_) => self.probe.look(),
        };
        let seen = match (seen, hindrance) {
            (Seen::Gone | Seen::Silent, Some(what)) => Seen::Hindered(what.into()),
            (seen, _) => seen,
        };
        let pause = if matches!(seen, Seen::Answer { .. }) { SECOND } else { SOON };
        self.next = Instant::now() + pause;
        tracing::debug!(?seen, "looked at the agent");
        Event::Probed { at: clock::monotonic(), seen }
    }

    fn receive(&mut self, attempt: &AttemptId, place: &Place) -> Event {
        self.take(attempt, place).unwrap_or_else(Event::Failed)
    }

    fn reexec(&mut self, journal: &Journal) -> Option<Event> {
        let place =
            Place::of(Component::Updater, &self.settings.install_dir, &self.settings.state_dir);
        let failed = |what: String| Event::Unstartable(Fault { what: what.into(), is_full: false });
        let attempt = journal.phase.attempt().map(|attempt| attempt.id.clone());
        let now = running();
        if let (Some(attempt), true) =
            (attempt, now.is_some() && now == place.linked(Slot::Current))
        {
            // It is what it is to become.
            let found = open(&RealFs, &place, attempt, Caller::Daemon, now);
            return Some(match found {
                Ok(found) => Event::Recover(Box::new(found.observed)),
                Err(error) => failed(format!("cannot read `{}`: {error}", place.state.display())),
            });
        }
        clock::pause(FLUSH);
        tracing::info!("the updater becomes another release");
        match &self.supervisor {
            Supervisor::Systemd(systemd) => match systemd.restart(unit::UPDATER) {
                Ok(()) => {
                    clock::pause(END);
                    Some(failed("systemd has not ended this updater".into()))
                }
                Err(error) => Some(refused(journal, &error)),
            },
            Supervisor::Direct(_) => {
                // The release before watches, as this very process.
                let is_judged = matches!(journal.phase, Phase::Trial { .. })
                    && place.linked(Slot::Prev).is_some();
                let command =
                    if is_judged { self.settings.judge() } else { self.settings.command() };
                let error = launch::exec(&command);
                Some(failed(format!("cannot start the updater: {error}")))
            }
        }
    }

    fn restart(&mut self, journal: &Journal, release: Digest) -> Event {
        let before = self.before();
        tracing::info!(release = %release.short(), "the agent is restarted");
        self.next = Instant::now();
        match self.supervisor.restart() {
            Ok(()) => Event::Restarted { at: clock::monotonic(), before, soak: self.settings.soak },
            Err(error) => refused(journal, &error),
        }
    }

    fn could_start(&mut self, program: &Path) -> Result<(), Fault> {
        let could = self.supervisor.could_start(program);
        could.map_err(|error| Fault { what: error.to_string().into(), is_full: false })
    }

    fn stop(&mut self) -> Result<(), Fault> {
        let stopped = self.supervisor.stop();
        stopped.map_err(|error| Fault { what: error.to_string().into(), is_full: false })
    }

    fn changed(&mut self, journal: &Journal) {
        (self.shown)(journal);
    }
}
