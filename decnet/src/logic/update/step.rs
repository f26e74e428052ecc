//! What follows from an event, while an updater runs.

use std::time::Duration;

use super::effects::{finish, record, save, take_back, told, try_out, turned_away};
use super::event::{AttemptId, Begin, Effect, Event, Kept, Kind, OutOfPhase, Slot};
use super::health::{Health, Seen, Verdict};
use super::journal::{Attempt, Journal, Phase};
use super::outcome::{Cause, Outcome, Reason};
use super::telling::{tell, telling};
use super::{quarantine, recover};
use crate::logic::release::{Component, Floor};

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
            return Ok(quarantine::forgive(journal, attempt, digest));
        }
        (Event::Rooted { attempt, version, floor }, Phase::Idle) => {
            return Ok(rooted(journal, attempt, version, floor));
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
        (event, Phase::Telling { .. }) => return telling(next, event).or_else(|e| unexpected(&e)),
        (event, Phase::Idle) => return unexpected(&event),
    };
    Ok((next, effects))
}

/// Another root counts. A floor that stolen keys have put too high goes with them: whoever keeps keys
/// keeps it, and raises the epoch.
fn rooted(before: &Journal, attempt: AttemptId, version: u64, floor: Kept) -> Step {
    let mut journal = before.clone();
    if floor == Kept::Forgotten {
        journal.floor = Floor::default();
    }
    let record = record(&journal, attempt, None, Outcome::NewRoot { version });
    tell(before, journal, record)
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
    let current = journal.current.as_ref().map(|current| current.digest);
    if current == Some(digest) {
        let effects = told(&journal, id, said, Outcome::Unchanged);
        return (journal, effects);
    }
    let refused = if journal.is_quarantined(digest) {
        Some(Reason::Quarantined)
    } else if needs.bytes > free.bytes {
        Some(Reason::NoSpace { needs: needs.bytes, free: free.bytes })
    } else if needs.files > free.files {
        Some(Reason::NoFiles { needs: needs.files, free: free.files })
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
    let is_here = is_here || kind == Kind::Rollback;
    let next = Some(if is_here { Effect::Check(digest) } else { Effect::Receive });
    journal.phase = Phase::Staging { attempt: Attempt { id, kind, to }, next };
    let links = [(Slot::Current, Some(digest)), (Slot::Prev, current)];
    let links = links.into_iter().filter_map(|(slot, to)| Some((slot, to?)));
    (journal, vec![Effect::Reserve(links.collect())])
}

fn staging(mut journal: Journal, event: Event) -> Result<Step, Event> {
    let Phase::Staging { attempt, next } = &mut journal.phase else { return Err(event) };
    let attempt = attempt.clone();
    let to = attempt.to.digest;
    if let Some(next) = next.take() {
        return match event {
            Event::Done => {
                let mut effects = save(&journal);
                effects.push(next);
                Ok((journal, effects))
            }
            Event::Failed(fault) => {
                // There may be no room to write down that it was begun.
                journal.phase = Phase::Idle;
                let said = Some((attempt.kind, Some(to)));
                let effects = told(&journal, attempt.id, said, Outcome::Failed { fault });
                Ok((journal, effects))
            }
            other => Err(other),
        };
    }
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
    let Phase::Reversal { attempt, cause, refusals, is_hindered, health } = &mut journal.phase
    else {
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
            Some(Verdict::Bad(then)) => {
                let (outcome, attempt) = (badly(then.clone()), attempt.clone());
                if cause.is_shared(&then) {
                    // It is not that release which keeps releases from running here.
                    journal.pardon(attempt.to.digest);
                }
                return Ok(settle(journal, attempt, outcome));
            }
            None => return Err(Event::Probed { at, seen }),
        },
        (Event::Unstartable(_), Some(_)) if *refusals < MAX_REFUSALS => {
            *refusals += 1;
            return Ok((journal, vec![Effect::Pause]));
        }
        (Event::Unstartable(fault), Some(_)) => {
            let (outcome, attempt) = (badly(Cause::Unstartable(fault)), attempt.clone());
            journal.pardon(attempt.to.digest);
            return Ok(settle(journal, attempt, outcome));
        }
        // There was nothing to restart.
        (Event::Done, None) => (Outcome::FirstFailed { cause: cause.clone() }, attempt),
        (Event::Failed(_), _) if *is_hindered => return Ok((journal, vec![Effect::Pause])),
        (Event::Failed(_), _) => {
            // It may have been the journal that could not be saved: a bad release does not stay for
            // that. Whoever finds the journal as it was sees by the link what was done.
            *is_hindered = true;
            let effects = take_back(&journal);
            return Ok((journal, effects));
        }
        (Event::Resume, _) => {
            let effects = take_back(&journal);
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
            let mut effects = vec![Effect::Reply(Box::new(outcome.clone()))];
            if journal.component == Component::Agent {
                effects.push(Effect::Follow);
            }
            Ok((idle, effects))
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
    journal.phase = Phase::taken_back(attempt, cause);
    let mut effects = save(&journal);
    effects.extend(take_back(&journal));
    (journal, effects)
}

/// It is decided how the attempt ends.
pub(super) fn settle(mut journal: Journal, attempt: Attempt, outcome: Outcome) -> Step {
    journal.phase = Phase::Settling { attempt, outcome, is_over: false };
    let effects = finish(&journal);
    (journal, effects)
}
