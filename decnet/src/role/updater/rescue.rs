//! `decnet updater --rescue`: what the unit does that is started when the updater does not come up.
//! It runs from the updater before, and puts that one back.

use anyhow::{Context as _, Result};

use super::engine::made_up;
use super::{HANDOVER, LOCK, Settings, life};
use crate::edge::release::running;
use crate::edge::supervise::{Direct, Supervisor};
use crate::edge::update::{Host, Place, RealFs, Runner, open};
use crate::edge::{apart, files};
use crate::logic::release::{Component, Digest};
use crate::logic::unit;
use crate::logic::update::{AttemptId, Caller, Event, Fault, Journal, Outcome, Phase};

/// Puts the updater before back in place, if one is on trial that does not come up.
///
/// # Errors
///
/// When its directories cannot be read or written, or systemd does not start it.
pub fn rescue(settings: &Settings) -> Result<()> {
    apart::close_memory()?;
    let state = settings.state_dir.join("updater");
    files::make_dir(&state)?;
    let Some(_held) = life::lock(&state.join(LOCK), HANDOVER)? else {
        tracing::info!("the updater runs: there is nobody to rescue");
        return Ok(());
    };
    let place = Place::of(Component::Updater, &settings.install_dir, &settings.state_dir);
    let found = open(&RealFs, &place, made_up(), Caller::Rescue, running())
        .with_context(|| format!("cannot read what is in `{}`", place.state.display()))?;
    for complaint in &found.complaints {
        tracing::warn!("{complaint}");
    }
    if found.journal.phase == Phase::Idle {
        tracing::error!(
            "the updater does not come up, and it is none that was just installed: see its journal"
        );
    }
    let direct = Direct::new(settings.agent_launch());
    let mut rescuer = Rescuer { supervisor: Supervisor::find(direct), failed: None };
    let mut runner = Runner::new(RealFs, place, found.journal);
    let event = Event::Recover(Box::new(found.observed));
    runner.run(event, &mut rescuer, |outcome: Outcome| {
        tracing::warn!(?outcome, "a rescue has ended");
    })?;
    match rescuer.failed {
        Some(fault) => anyhow::bail!("{}", fault.what),
        None => Ok(()),
    }
}

/// What a rescue needs: nothing but the start of the updater.
struct Rescuer {
    supervisor: Supervisor,
    failed: Option<Fault>,
}

fn unasked() -> Event {
    Event::Failed(Fault { what: "a rescue touches no agent".into(), is_full: false })
}

impl Host for Rescuer {
    fn pause(&mut self) {
        std::thread::park_timeout(std::time::Duration::from_secs(1));
    }

    fn probe(&mut self, _release: Digest) -> Event {
        unasked()
    }

    fn receive(&mut self, _attempt: &AttemptId, _place: &Place) -> Event {
        unasked()
    }

    fn reexec(&mut self, _journal: &Journal) -> Option<Event> {
        let started = match &self.supervisor {
            Supervisor::Systemd(systemd) => {
                systemd.restart(unit::UPDATER).map_err(|error| error.to_string())
            }
            Supervisor::Direct(_) => Err("the updater before is in place: start it".to_owned()),
        };
        if let Err(what) = started {
            self.failed = Some(Fault { what: what.into(), is_full: false });
        }
        // The updater that starts goes on.
        None
    }

    fn restart(&mut self, _journal: &Journal, _release: Digest) -> Event {
        unasked()
    }

    fn stop(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn changed(&mut self, _journal: &Journal) {}
}
