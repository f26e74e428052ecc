//! What is done to the disk and to what runs, in the order in which it must be done.

use super::audit::Record;
use super::event::{AttemptId, Effect, Kind, Slot};
use super::journal::{Journal, Phase};
use super::outcome::{Outcome, Reason};
use crate::logic::release::{Component, Digest};

/// Puts the release on trial in place and starts it.
pub(super) fn try_out(journal: &Journal, to: Digest) -> Vec<Effect> {
    let mut effects = Vec::new();
    let is_updater = journal.component == Component::Updater;
    if let (true, Some(current)) = (is_updater, &journal.current) {
        // The rescue unit starts what `prev` names; the one that works must be it by now.
        effects.extend(name(Slot::Prev, current.digest));
    }
    effects.extend(name(Slot::Current, to));
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

/// Writes the journal. Before the one that has no name is written over, the other has it on disk too.
pub(super) fn save(journal: &Journal) -> Vec<Effect> {
    vec![
        Effect::SyncState,
        Effect::WriteJournal(Box::new(journal.clone())),
        Effect::SyncJournal,
        Effect::NameJournal,
        Effect::SyncState,
    ]
}

/// Makes a slot name a release, or none.
pub(super) fn link(slot: Slot, to: Option<Digest>) -> Vec<Effect> {
    match to {
        Some(to) => [vec![Effect::MakeLink(slot, to)], name(slot, to)].concat(),
        None => vec![Effect::RemoveLink(slot), Effect::SyncInstall],
    }
}

/// The same by a link that is at hand.
fn name(slot: Slot, to: Digest) -> Vec<Effect> {
    vec![Effect::NameLink(slot, to), Effect::SyncInstall]
}

pub(super) type Said = Option<(Kind, Option<Digest>)>;

/// What the audit log says of an attempt.
pub(super) fn record(
    journal: &Journal,
    attempt: AttemptId,
    said: Said,
    outcome: Outcome,
) -> Record {
    let (kind, to) = said.unzip();
    let (component, to) = (journal.component, to.flatten());
    Record { attempt, component, kind, to, outcome }
}

fn audit(journal: &Journal, attempt: AttemptId, said: Said, outcome: Outcome) -> Vec<Effect> {
    let record = record(journal, attempt, said, outcome);
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

pub(super) fn turned_away(
    journal: &Journal,
    attempt: AttemptId,
    said: Said,
    reason: Reason,
) -> Vec<Effect> {
    told(journal, attempt, said, Outcome::Refused { reason })
}
