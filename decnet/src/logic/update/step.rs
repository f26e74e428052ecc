//! What follows from an event, while an updater runs.

use std::time::Duration;

use super::audit::Record;
use super::event::{AttemptId, Begin, Effect, Event, Kind, OutOfPhase, Slot};
use super::health::{Health, Seen, Verdict};
use super::journal::{Attempt, Journal, Phase};
use super::outcome::{Cause, Outcome, Reason};
use super::{quarantine, recover};
use crate::logic::release::{Component, Digest};

/// How often a supervisor that does not start the release before is asked again.
const MAX_REFUSALS: u32 = 3;

/// The journal after an event, and what is to be done.
pub(super) type Step = (Journal, Vec<Effect>);

/// Decides.
///
/// # Errors
///
/// [`OutOfPhase::Busy`] when another attempt is under way; [`OutOfPhase::Unexpected`] for an event
/// that answers nothing. Nothing follows from either.
pub fn step(journal: &Journal, event: Event) -> Result<Step, OutOfPhase> {
    let unexpected = |event: &Event| {
        let (phase, event) =
            (journal.phase.name(), format!("{event:?}").chars().take(80).collect());
        Err(OutOfPhase::Unexpected { phase, event })
    };
    let mut next = journal.clone();
    let effects = match (event, &mut next.phase) {
        (Event::Recover(observed), _) => return Ok(recover::recover(next, &observed)),
        (Event::Begin(begin), Phase::Idle) => return Ok(begin_attempt(next, *begin)),
        (Event::Refuse { attempt, reason }, Phase::Idle) => {
            turned_away(&next, attempt, None, reason)
        }
        (Event::Forgive { attempt, digest }, Phase::Idle) => {
            return Ok(quarantine::forgive(next, attempt, digest));
        }
        (Event::Begin(_) | Event::Forgive { .. }, phase) => return busy(phase),
        (Event::Refuse { ref attempt, .. }, phase) if !is_of(phase, attempt) => return busy(phase),
        (Event::Done, Phase::Idle) => Vec::new(),
        (Event::Failed(fault), Phase::Idle) => {
            vec![Effect::Reply(Box::new(Outcome::Failed { fault }))]
        }
        (event, Phase::Staging { .. }) => return staging(next, event).or_else(|e| unexpected(&e)),
        (event, Phase::Trial { .. }) => return trial(next, event).or_else(|e| unexpected(&e)),
        (event, Phase::Reversal { .. }) => {
            return reversal(next, event).or_else(|e| unexpected(&e));
        }
        (event, Phase::Settling { .. }) => {
            return settling(next, event).or_else(|e| unexpected(&e));
        }
        (event, Phase::Idle) => return unexpected(&event),
    };
    Ok((next, effects))
}

fn is_of(phase: &Phase, attempt: &AttemptId) -> bool {
    phase.attempt().is_some_and(|running| running.id == *attempt)
}

fn busy(phase: &Phase) -> Result<Step, OutOfPhase> {
    let running = phase.attempt().map(|attempt| attempt.id.clone());
    let none = || OutOfPhase::Unexpected { phase: phase.name(), event: "another".into() };
    Err(running.map_or_else(none, OutOfPhase::Busy))
}

fn begin_attempt(mut journal: Journal, begin: Begin) -> Step {
    let kind = if begin.to.is_some() { Kind::Update } else { Kind::Rollback };
    let Begin { attempt: id, needs, free, is_here, .. } = begin;
    let Some(to) = begin.to.or_else(|| journal.prev.clone()) else {
        let effects = turned_away(&journal, id, Some((kind, None)), Reason::NoPrevious);
        return (journal, effects);
    };
    let digest = to.digest;
    let said = Some((kind, Some(digest)));
    if journal.current.as_ref().is_some_and(|current| current.digest == digest) {
        let effects = told(&journal, id, said, Outcome::Unchanged);
        return (journal, effects);
    }
    let refused = if journal.is_quarantined(digest) {
        Some(Reason::Quarantined)
    } else if needs.bytes > free.bytes || needs.files > free.files {
        Some(Reason::NoSpace { needs: needs.bytes, free: free.bytes })
    } else if kind == Kind::Update {
        // Going back by hand is to what has proved itself here.
        journal.floor.admits(&to).err().map(Reason::Refused)
    } else {
        None
    };
    if let Some(reason) = refused {
        let effects = turned_away(&journal, id, said, reason);
        return (journal, effects);
    }
    journal.phase = Phase::Staging { attempt: Attempt { id, kind, to } };
    let mut effects = save(&journal);
    let is_here = is_here || kind == Kind::Rollback;
    effects.push(if is_here { Effect::Check(digest) } else { Effect::Receive });
    (journal, effects)
}

fn staging(mut journal: Journal, event: Event) -> Result<Step, Event> {
    let Phase::Staging { attempt } = &journal.phase else { return Err(event) };
    let attempt = attempt.clone();
    let to = attempt.to.digest;
    match event {
        Event::Staged => {
            let effects = vec![
                Effect::SyncTree,
                Effect::NameRelease(to),
                Effect::SyncReleases,
                Effect::Check(to),
            ];
            Ok((journal, effects))
        }
        Event::Checked(Ok(())) => {
            journal.phase = Phase::Trial { attempt, tries: 1, health: None };
            let mut effects = save(&journal);
            effects.extend(try_out(&journal, to));
            if journal.component == Component::Updater {
                // Before it ends, for it cannot after.
                let last = effects.len().saturating_sub(1);
                effects.insert(last, Effect::Reply(Box::new(Outcome::Queued)));
            }
            Ok((journal, effects))
        }
        Event::Checked(Err(reason)) => {
            // A file that cannot be read says nothing of the release.
            if matches!(reason, Reason::Unfit(_)) {
                journal.condemn(to);
            }
            Ok(settle(journal, attempt, Outcome::Refused { reason }))
        }
        Event::Refuse { reason, .. } => Ok(settle(journal, attempt, Outcome::Refused { reason })),
        Event::Failed(fault) => Ok(settle(journal, attempt, Outcome::Failed { fault })),
        other => Err(other),
    }
}

fn trial(mut journal: Journal, event: Event) -> Result<Step, Event> {
    let Phase::Trial { attempt, health, .. } = &mut journal.phase else { return Err(event) };
    let to = attempt.to.digest;
    match event {
        Event::Restarted { at, before, soak } => {
            *health = Some(Health::new(to, before, at, soak));
            Ok((journal, vec![Effect::Probe]))
        }
        Event::Probed { at, seen } => match look(health, at, &seen) {
            Some(Verdict::Wait) => Ok((journal, vec![Effect::Probe])),
            Some(Verdict::Good) => Ok(prove(journal)),
            Some(Verdict::Bad(cause)) => Ok(reverse(journal, cause)),
            None => Err(Event::Probed { at, seen }),
        },
        Event::Proved if journal.component == Component::Updater => Ok(prove(journal)),
        Event::Unstartable(fault) => Ok(reverse(journal, Cause::Unstartable(fault))),
        Event::Failed(fault) => Ok(reverse(journal, Cause::Machine(fault))),
        other => Err(other),
    }
}

fn reversal(mut journal: Journal, event: Event) -> Result<Step, Event> {
    let Phase::Reversal { attempt, cause, refusals, health } = &mut journal.phase else {
        return Err(event);
    };
    let badly = |then| Outcome::RolledBackBadly { cause: cause.clone(), then };
    let (outcome, attempt) = match (event, &journal.current) {
        (Event::Restarted { at, before, soak }, Some(current)) => {
            *health = Some(Health::new(current.digest, before, at, soak));
            return Ok((journal, vec![Effect::Probe]));
        }
        (Event::Probed { at, seen }, Some(_)) => match look(health, at, &seen) {
            Some(Verdict::Wait) => return Ok((journal, vec![Effect::Probe])),
            Some(Verdict::Good) => (Outcome::RolledBack { cause: cause.clone() }, attempt),
            Some(Verdict::Bad(then)) => (badly(then), attempt),
            None => return Err(Event::Probed { at, seen }),
        },
        (Event::Unstartable(_), Some(_)) if *refusals < MAX_REFUSALS => {
            *refusals += 1;
            return Ok((journal, vec![Effect::Pause]));
        }
        (Event::Unstartable(fault), Some(_)) => (badly(Cause::Unstartable(fault)), attempt),
        // There was nothing to restart.
        (Event::Done, None) => (Outcome::FirstFailed { cause: cause.clone() }, attempt),
        (Event::Failed(_), _) => return Ok((journal, vec![Effect::Pause])),
        (Event::Resume, _) => {
            // It may have been the journal that could not be saved.
            let mut effects = save(&journal);
            effects.extend(take_back(&journal));
            return Ok((journal, effects));
        }
        (other, _) => return Err(other),
    };
    let attempt = attempt.clone();
    Ok(settle(journal, attempt, outcome))
}

fn settling(mut journal: Journal, event: Event) -> Result<Step, Event> {
    let idle = Journal { phase: Phase::Idle, ..journal.clone() };
    let Phase::Settling { outcome, is_over, .. } = &mut journal.phase else { return Err(event) };
    match event {
        Event::Done if *is_over => {
            let outcome = outcome.clone();
            Ok((idle, vec![Effect::Reply(Box::new(outcome))]))
        }
        Event::Done => {
            *is_over = true;
            Ok((journal, save(&idle)))
        }
        Event::Failed(_) => {
            *is_over = false;
            Ok((journal, vec![Effect::Pause]))
        }
        Event::Resume => {
            let effects = finish(&journal);
            Ok((journal, effects))
        }
        other => Err(other),
    }
}

fn look(health: &mut Option<Health>, at: Duration, seen: &Seen) -> Option<Verdict> {
    health.as_mut().map(|health| health.see(at, seen))
}

/// The release on trial has proved itself.
fn prove(mut journal: Journal) -> Step {
    let Some(attempt) = journal.phase.attempt().cloned() else { return (journal, Vec::new()) };
    journal.floor = journal.floor.raised(&attempt.to);
    journal.prev = journal.current.replace(attempt.to.clone());
    settle(journal, attempt, Outcome::Updated)
}

/// The release on trial has not.
pub(super) fn reverse(mut journal: Journal, cause: Cause) -> Step {
    let Some(attempt) = journal.phase.attempt().cloned() else { return (journal, Vec::new()) };
    if cause.is_of_release() {
        journal.condemn(attempt.to.digest);
    }
    journal.phase = Phase::Reversal { attempt, cause, refusals: 0, health: None };
    let mut effects = save(&journal);
    effects.extend(take_back(&journal));
    (journal, effects)
}

/// Puts the release on trial in place and starts it.
pub(super) fn try_out(journal: &Journal, to: Digest) -> Vec<Effect> {
    let mut effects = Vec::new();
    let is_updater = journal.component == Component::Updater;
    if let (true, Some(current)) = (is_updater, &journal.current) {
        // The rescue unit starts what `prev` names; the one that works must be it by now.
        effects.extend(link(Slot::Prev, Some(current.digest)));
    }
    effects.extend(link(Slot::Current, Some(to)));
    effects.push(if is_updater { Effect::Reexec } else { Effect::Restart(to) });
    effects
}

/// Puts the release before in place again and starts it.
pub(super) fn take_back(journal: &Journal) -> Vec<Effect> {
    let current = journal.current.as_ref().map(|current| current.digest);
    let mut effects = link(Slot::Current, current);
    effects.push(match (journal.component, current) {
        (Component::Updater, _) => Effect::Reexec,
        (Component::Agent, Some(current)) => Effect::Restart(current),
        (Component::Agent, None) => Effect::Stop,
    });
    effects
}

/// It is decided how the attempt ends.
pub(super) fn settle(mut journal: Journal, attempt: Attempt, outcome: Outcome) -> Step {
    journal.phase = Phase::Settling { attempt, outcome, is_over: false };
    let effects = finish(&journal);
    (journal, effects)
}

/// What is left to do when it is decided how an attempt ends.
pub(super) fn finish(journal: &Journal) -> Vec<Effect> {
    let Phase::Settling { attempt, outcome, .. } = &journal.phase else { return Vec::new() };
    let collect = Effect::Collect(journal.kept());
    let prev = journal.prev.as_ref().map(|prev| prev.digest);
    let is_moved = match outcome {
        Outcome::Updated => prev.is_some(),
        // The one to go back to has failed, and is nothing to go back to any more.
        _ if attempt.kind == Kind::Rollback => prev.is_none(),
        _ => journal.component == Component::Updater,
    };
    let mut effects = Vec::new();
    if is_moved {
        effects.extend(save(journal));
        effects.extend(link(Slot::Prev, prev));
        effects.push(collect);
    } else {
        // What failed goes first: the disk may be full of it.
        effects.push(collect);
        effects.extend(save(journal));
    }
    let said = Some((attempt.kind, Some(attempt.to.digest)));
    effects.extend(audit(journal, attempt.id.clone(), said, outcome.clone()));
    effects
}

/// Writes the journal.
pub(super) fn save(journal: &Journal) -> Vec<Effect> {
    vec![
        Effect::WriteJournal(Box::new(journal.clone())),
        Effect::SyncJournal,
        Effect::NameJournal,
        Effect::SyncState,
    ]
}

/// Makes a slot name a release, or none.
pub(super) fn link(slot: Slot, to: Option<Digest>) -> Vec<Effect> {
    match to {
        Some(to) => vec![Effect::MakeLink(slot, to), Effect::NameLink(slot), Effect::SyncInstall],
        None => vec![Effect::RemoveLink(slot), Effect::SyncInstall],
    }
}

pub(super) type Said = Option<(Kind, Option<Digest>)>;

fn audit(journal: &Journal, attempt: AttemptId, said: Said, outcome: Outcome) -> Vec<Effect> {
    let (kind, to) = said.unzip();
    let (component, to) = (journal.component, to.flatten());
    let record = Record { attempt, component, kind, to, outcome };
    vec![Effect::Audit(Box::new(record)), Effect::SyncAudit]
}

/// An attempt that ends where it begins.
pub(super) fn told(
    journal: &Journal,
    attempt: AttemptId,
    said: Said,
    outcome: Outcome,
) -> Vec<Effect> {
    let mut effects = audit(journal, attempt, said, outcome.clone());
    effects.push(Effect::Reply(Box::new(outcome)));
    effects
}

fn turned_away(journal: &Journal, attempt: AttemptId, said: Said, reason: Reason) -> Vec<Effect> {
    told(journal, attempt, said, Outcome::Refused { reason })
}
