//! `decnet updater --rescue`: the release before watches the updater from outside, as the master
//! would, and puts itself back where the updater cannot serve.
//!
//! Whoever is on trial is no judge of itself, so this runs from `prev`. Under systemd it is a unit
//! of its own, which each start of the updater brings with it; without systemd the updater becomes
//! its own judge, as the same process, and starts the release on trial below it.
//!
//! It never condemns a release for what is wrong with the machine: before it puts anything back it
//! serves on that very port itself ([`bench`]), and asks itself.

mod bench;
mod case;
mod watched;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::runtime::Runtime;

use self::case::Case;
use self::watched::Watched;
use super::engine::made_up;
use super::probe::Probe;
use super::{LOCK, Settings, launch, life};
use crate::edge::pki::Identity;
use crate::edge::release::running;
use crate::edge::systemd::{self, Word};
use crate::edge::update::{Host, Place, RealFs, Runner, open};
use crate::edge::{apart, clock};
use crate::logic::release::{Component, Digest};
use crate::logic::trust::CertRole;
use crate::logic::update::{
    AttemptId, Caller, Cause, Event, Fault, Health, Journal, Outcome, Seen, Slot, Verdict,
};

/// Between two looks at one that answers.
const SECOND: Duration = Duration::from_secs(1);
/// Between two looks at one that does not.
const SOON: Duration = Duration::from_millis(250);
/// Before it is looked again when the machine is at fault.
const LATER: Duration = Duration::from_secs(5);
/// For so long an answer as another release may be that of the process before.
const ENDING: Duration = Duration::from_secs(10);
/// A unit that has no process for so long, and none to come, was stopped: one that is restarted looks
/// like that for a moment.
const STOPPED: Duration = Duration::from_secs(5);
/// How long the updater may take to write down that it has been seen.
const SETTLING: Duration = Duration::from_secs(30);
/// How long it is tried to get hold of its journal.
const HOLDING: Duration = Duration::from_secs(20);

/// Watches the updater until it is well, and puts the release before back when it cannot be.
///
/// # Errors
///
/// When its directories cannot be read or written.
pub fn rescue(settings: &Settings) -> Result<()> {
    apart::close_memory()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let place = Place::of(Component::Updater, &settings.install_dir, &settings.state_dir);
    let mut judge = Judge {
        runtime: runtime.context("cannot start the runtime")?,
        watched: Watched::find(settings),
        place,
        settings,
    };
    judge.watch()?;
    judge.watched.hand_over(settings)
}

/// What came of watching.
#[derive(Debug, PartialEq)]
enum Found {
    /// What is being done has changed.
    Changed,
    /// It cannot serve.
    Ill(Cause),
    /// Somebody wants it so.
    Stopped,
    /// It serves as it should.
    Well,
}

struct Judge<'s> {
    settings: &'s Settings,
    place: Place,
    runtime: Runtime,
    watched: Watched,
}

impl Judge<'_> {
    fn watch(&mut self) -> Result<()> {
        loop {
            let Some(case) = Case::read(&self.place)? else {
                tracing::info!("no release of the updater is installed: there is none to watch");
                return Ok(());
            };
            self.see_to_it_that_prev_judges(&case)?;
            let identity = match super::identity(self.settings) {
                Ok(identity) => Arc::new(identity),
                Err(error) if case.is_trial => {
                    self.machine_is_at_fault(&error);
                    continue;
                }
                Err(error) => {
                    // It could not be asked, whichever release it is.
                    tracing::info!(error = format!("{error:#}"), "the updater cannot be watched");
                    return Ok(());
                }
            };
            match self.look_on(&case, &identity)? {
                Found::Changed => {}
                Found::Stopped => return Ok(()),
                Found::Well => {
                    let release = case.release.short();
                    tracing::info!(release, "the updater serves");
                    return Ok(());
                }
                Found::Ill(cause) if !case.has_way_back => {
                    let cause = cause.to_string();
                    tracing::error!(
                        cause,
                        "the updater does not serve, and there is no release \
                                            before it to go back to"
                    );
                    return Ok(());
                }
                Found::Ill(cause) => self.act(&identity, cause)?,
            }
        }
    }

    /// A release on trial is judged by the one before it, whatever this process is.
    fn see_to_it_that_prev_judges(&self, case: &Case) -> Result<()> {
        let prev = self.place.linked(Slot::Prev);
        if !case.is_trial || prev.is_none() || running() == prev {
            return Ok(());
        }
        // As this process was started, which is for whoever did so to say.
        let program = self.place.link(Slot::Prev).join("bin/decnet").display().to_string();
        let command: Vec<String> = [program].into_iter().chain(std::env::args().skip(1)).collect();
        Err(launch::exec(&command)).context("cannot become the release before")
    }

    /// Watches until it is known how the updater is.
    fn look_on(&mut self, case: &Case, identity: &Arc<Identity>) -> Result<Found> {
        self.watched.start()?;
        let address = self.settings.reached_at();
        let probe = Probe::of(self.runtime.handle().clone(), address, identity, CertRole::Updater);
        let (begun, patience) = (clock::monotonic(), case.patience(self.settings, &self.watched));
        let soak = case.soak(self.settings, &self.watched);
        let mut health = Health::new(case.release, None, begun, soak).with(patience);
        let (mut told, mut stopped) = (None, None);
        systemd::tell(&[Word::Status(format!("watching release {}", case.release.short()))]);
        loop {
            if Case::read(&self.place)?.as_ref() != Some(case) {
                return Ok(Found::Changed);
            }
            let (seen, at) = (self.seen(&probe, case, begun), clock::monotonic());
            if seen == Seen::Gone && self.watched.is_stopped() {
                if at.saturating_sub(*stopped.get_or_insert(at)) >= STOPPED {
                    return Ok(Found::Stopped);
                }
                clock::pause(SOON);
                continue;
            }
            stopped = None;
            match health.see(at, &seen) {
                Verdict::Wait => {}
                Verdict::Bad(cause) => return Ok(Found::Ill(cause)),
                // Another update may have begun, whose judge this is as long as it runs.
                Verdict::Good
                    if !case.is_trial && Case::read(&self.place)?.as_ref() != Some(case) => {}
                Verdict::Good if !case.is_trial => return Ok(Found::Well),
                Verdict::Good => {
                    let told = *told.get_or_insert(at);
                    if at.saturating_sub(told) >= SETTLING {
                        return Ok(Found::Ill(Cause::Silent));
                    }
                    self.runtime.block_on(probe.prove(case.release, &seen));
                }
            }
            let pause = if matches!(seen, Seen::Answer { .. }) { SECOND } else { SOON };
            clock::pause(pause);
        }
    }

    fn seen(&mut self, probe: &Probe, case: &Case, begun: Duration) -> Seen {
        if self.watched.process().is_none() {
            return Seen::Gone;
        }
        match self.runtime.block_on(probe.see()) {
            // Where nothing is to be proved, whoever can be reached serves.
            Seen::Answer { process, .. } if !case.is_trial => {
                Seen::Answer { process, release: case.release }
            }
            // The process before may still be ending.
            Seen::Answer { release, .. }
                if release != case.release && clock::monotonic().saturating_sub(begun) < ENDING =>
            {
                Seen::Silent
            }
            seen => seen,
        }
    }

    /// Puts the release before back, unless that could not serve here either.
    fn act(&mut self, identity: &Arc<Identity>, cause: Cause) -> Result<()> {
        tracing::warn!(cause = %cause, "the updater does not serve");
        // Its port must be free to try it.
        self.watched.kill();
        if let Err(error) = self.runtime.block_on(bench::serve(self.settings, identity)) {
            self.machine_is_at_fault(&error);
            return Ok(());
        }
        self.put_back(cause)?;
        self.watched.restart();
        Ok(())
    }

    fn machine_is_at_fault(&self, error: &anyhow::Error) {
        let error = format!("{error:#}");
        let status = format!("the updater cannot serve, and no other could: {error}");
        systemd::tell(&[Word::Status(status)]);
        tracing::warn!(error, "the updater cannot serve, and no other could: it is waited for");
        clock::pause(LATER);
    }

    /// Decides as the updater would, from what is on the disk.
    fn put_back(&mut self, cause: Cause) -> Result<()> {
        let lock = self.settings.state_dir.join("updater").join(LOCK);
        let begun = clock::monotonic();
        let _held = loop {
            if let Some(held) = life::lock(&lock, 5 * SOON)? {
                break held;
            }
            anyhow::ensure!(
                clock::monotonic().saturating_sub(begun) < HOLDING,
                "another process holds `{}`",
                lock.display()
            );
            // systemd has started it again.
            self.watched.kill();
        };
        let caller = Caller::Rescue(cause);
        let found = open(&RealFs, &self.place, made_up(), caller, running())
            .with_context(|| format!("cannot read what is in `{}`", self.place.state.display()))?;
        for complaint in &found.complaints {
            tracing::warn!("{complaint}");
        }
        let mut runner = Runner::new(RealFs, self.place.clone(), found.journal);
        runner.run(Event::Recover(Box::new(found.observed)), &mut Hands, |outcome: Outcome| {
            tracing::warn!(?outcome, "a rescue has ended");
        })?;
        tracing::warn!("the release before is put back");
        Ok(())
    }
}

/// What is needed besides the disk: nothing, for the updater that is started goes on.
struct Hands;

fn unasked() -> Event {
    Event::Failed(Fault { what: "a rescue touches no agent".into(), is_full: false })
}

impl Host for Hands {
    fn follow(&mut self) {}

    fn pause(&mut self) {
        clock::pause(SECOND);
    }

    fn probe(&mut self, _release: Digest) -> Event {
        unasked()
    }

    fn receive(&mut self, _attempt: &AttemptId, _place: &Place) -> Event {
        unasked()
    }

    fn reexec(&mut self, _journal: &Journal) -> Option<Event> {
        None
    }

    fn restart(&mut self, _journal: &Journal, _release: Digest) -> Event {
        unasked()
    }

    fn could_start(&mut self, _program: &Path) -> Result<(), Fault> {
        Ok(())
    }

    fn stop(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn changed(&mut self, _journal: &Journal) {}
}
