//! What follows from what is found at the start: whatever was begun is ended or undone.

use super::effects::{finish, link, save, take_back, try_out};
use super::event::{Caller, Effect, Kind, Observed, Slot};
use super::journal::{Attempt, Journal, Phase};
use super::outcome::{Cause, Outcome};
use super::step::{Step, reverse, settle};
use super::telling::line;
use crate::logic::release::{Component, Digest};

/// How often a release on trial is started before it is taken back: a machine that goes down each
/// time must not try for ever.
const MAX_TRIES: u32 = 3;

/// Decides at the start.
pub(super) fn recover(mut journal: Journal, observed: &Observed) -> Step {
    // How a process was seen is of a life that is over.
    match &mut journal.phase {
        Phase::Reversal { health, refusals, is_hindered, .. } => {
            (*health, *refusals, *is_hindered) = (None, 0, false);
        }
        Phase::Trial { health, .. } => *health = None,
        Phase::Settling { is_over, .. } => *is_over = false,
        Phase::Telling { before, is_over, .. } => (*before, *is_over) = (None, false),
        Phase::Idle | Phase::Staging { .. } => {}
    }
    let (journal, mut effects) = match journal.phase.clone() {
        Phase::Idle => idle(journal, observed),
        Phase::Reversal { cause, .. } => reversal(journal, observed, cause),
        Phase::Settling { .. } => {
            let effects = finish(&journal);
            (journal, effects)
        }
        Phase::Staging { attempt, .. } => settle(journal, attempt, Outcome::Interrupted),
        Phase::Telling { .. } => {
            let effects = line(&journal);
            (journal, effects)
        }
        Phase::Trial { attempt, tries, .. } => trial(journal, observed, &attempt, tries),
    };
    // What was found may be in memory alone: whoever renamed it may have ended before the sync.
    let mut first = vec![Effect::SyncState, Effect::SyncInstall];
    if observed.audit_is_torn {
        first.push(Effect::TrimAudit);
    }
    first.append(&mut effects);
    (journal, first)
}

fn trial(mut journal: Journal, observed: &Observed, attempt: &Attempt, tries: u32) -> Step {
    let to = attempt.to.digest;
    if observed.find(Some(to)).is_none() {
        return reverse(journal, Cause::Damaged);
    }
    // It was interrupted before it began, or taken back when no journal could be written.
    if observed.current == journal.current.as_ref().map(|current| current.digest) {
        return reverse(journal, Cause::Interrupted);
    }
    if journal.component == Component::Updater {
        if let Caller::Rescue(cause) = &observed.caller {
            return reverse(journal, cause.clone());
        }
        // That it came up is no proof: it must be reached from outside.
        if observed.running == Some(to) {
            return (journal, vec![Effect::Await]);
        }
        let current = journal.current.as_ref().map(|current| current.digest);
        if let Some(other) = observed.running.filter(|running| Some(*running) != current) {
            return reverse(journal, Cause::Other(other));
        }
    }
    if tries >= MAX_TRIES {
        return reverse(journal, Cause::Interrupted);
    }
    journal.phase = Phase::Trial { attempt: attempt.clone(), tries: tries + 1, health: None };
    let mut effects = save(&journal);
    effects.extend(try_out(&journal, to));
    (journal, effects)
}

fn reversal(mut journal: Journal, observed: &Observed, cause: Cause) -> Step {
    let is_whole = |release: Option<Digest>| observed.find(release).is_some();
    let current = journal.current.as_ref().map(|current| current.digest);
    let mut effects = Vec::new();
    if current.is_some() && !is_whole(current) {
        // What should run again was damaged meanwhile.
        let Some(attempt) = journal.phase.attempt().cloned() else { return (journal, effects) };
        let Some(prev) = journal.prev.take().filter(|prev| is_whole(Some(prev.digest))) else {
            return without_any(journal, observed, (attempt, cause));
        };
        journal.current = Some(prev);
        effects.extend(save(&journal));
    }
    let is_back = journal.component == Component::Updater
        && observed.running == current
        && observed.current == current;
    if let (true, Some(attempt)) = (is_back, journal.phase.attempt().cloned()) {
        return settle(journal, attempt, Outcome::RolledBack { cause });
    }
    effects.extend(take_back(&journal));
    (journal, effects)
}

/// There is nothing to go back to. The release that was to be taken back is bad, and still better
/// than none, if it is whole.
fn without_any(
    mut journal: Journal,
    observed: &Observed,
    (attempt, cause): (Attempt, Cause),
) -> Step {
    let to = observed.find(Some(attempt.to.digest)).cloned();
    journal.current = to.or(journal.current);
    let current = journal.current.as_ref().map(|current| current.digest);
    let outcome = Outcome::RolledBackBadly { cause, then: Cause::Damaged };
    let (journal, settling) = settle(journal, attempt, outcome);
    // Before anything is removed.
    let mut effects = link(Slot::Current, current);
    effects.extend(settling);
    (journal, effects)
}

/// What runs is left for the release before, which is taken for the one that runs from here on.
fn go_back(mut journal: Journal, attempt: Attempt, cause: Cause) -> Step {
    journal.phase = Phase::taken_back(attempt, cause);
    journal.current = journal.prev.take();
    let mut effects = save(&journal);
    effects.extend(link(Slot::Prev, None));
    effects.extend(take_back(&journal));
    (journal, effects)
}

/// Nothing was under way. Hands may have been at work.
fn idle(mut journal: Journal, observed: &Observed) -> Step {
    let is_whole = |release: Option<Digest>| observed.find(release).is_some();
    let current = journal.current.as_ref().map(|current| current.digest);
    let prev = journal.prev.as_ref().map(|prev| prev.digest);
    if let (Some(damaged), true) = (&journal.current, current.is_some() && !is_whole(current)) {
        let attempt =
            Attempt { id: observed.attempt.clone(), kind: Kind::Rollback, to: damaged.clone() };
        // Without a release to go back to, what runs goes on as long as it can.
        if !is_whole(prev) {
            return (journal, Vec::new());
        }
        return go_back(journal, attempt, Cause::Damaged);
    }
    if let (Caller::Rescue(cause), Some(dead), true) =
        (&observed.caller, &journal.current, is_whole(prev))
    {
        let id = observed.attempt.clone();
        let attempt = Attempt { id, kind: Kind::Rollback, to: dead.clone() };
        if cause.is_of_release() {
            journal.condemn(attempt.to.digest);
        }
        return go_back(journal, attempt, cause.clone());
    }
    let mut effects = Vec::new();
    if prev.is_some() && !is_whole(prev) {
        journal.prev = None;
        effects.extend(save(&journal));
    }
    let prev = journal.prev.as_ref().map(|prev| prev.digest);
    if observed.prev != prev {
        effects.extend(link(Slot::Prev, prev));
    }
    if observed.current != current {
        effects.extend(link(Slot::Current, current));
    }
    if observed.clutter {
        effects.push(Effect::Collect(journal.kept()));
    }
    if journal.component == Component::Agent {
        effects.push(Effect::Follow);
    }
    (journal, effects)
}
