//! What is decided by a word alone: a release that is forgiven, another root of trust. What the journal
//! says then and what the log says of it are written one after the other, so the journal holds the line
//! until the log has it: whoever is killed between leaves both or neither.

use super::audit::Record;
use super::effects::save;
use super::event::{Effect, Event};
use super::journal::{Journal, Phase};
use super::outcome::Outcome;
use super::step::Step;

/// Writes down what is true from now on, and then says so.
pub(super) fn tell(before: &Journal, mut after: Journal, record: Record) -> Step {
    let (record, before) = (Box::new(record), Some(Box::new(before.clone())));
    after.phase = Phase::Telling { record, before, is_over: false };
    let effects = save(&after);
    (after, effects)
}

/// The line that the log is to have.
pub(super) fn line(journal: &Journal) -> Vec<Effect> {
    let Phase::Telling { record, .. } = &journal.phase else { return Vec::new() };
    vec![Effect::Audit(record.clone()), Effect::SyncAudit]
}

/// What follows while it is being told.
pub(super) fn telling(mut journal: Journal, event: Event) -> Result<Step, Event> {
    let idle = Journal { phase: Phase::Idle, ..journal.clone() };
    let Phase::Telling { record, before, is_over } = &mut journal.phase else { return Err(event) };
    let effects = match event {
        Event::Done if before.take().is_some() => line(&journal),
        Event::Done if *is_over => {
            let outcome = Box::new(record.outcome.clone());
            return Ok((idle, vec![Effect::Reply(outcome)]));
        }
        Event::Done => {
            *is_over = true;
            save(&idle)
        }
        Event::Failed(fault) => match before.take() {
            // As far as is known nothing is written. If it is all the same, the next start ends it.
            Some(before) => {
                let outcome = Outcome::Failed { fault };
                return Ok((*before, vec![Effect::Reply(Box::new(outcome))]));
            }
            None => {
                *is_over = false;
                vec![Effect::Pause]
            }
        },
        Event::Resume => {
            let mut effects = save(&journal);
            effects.extend(line(&journal));
            effects
        }
        other => return Err(other),
    };
    Ok((journal, effects))
}
