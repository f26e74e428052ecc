//! How a release is installed so that nothing strands the machine: every decision, and no deed.
//!
//! ```text
//! Idle ─ Begin ─> Staging ─ checked ─> Trial ─ good ──> Settling ─> Idle
//!                    │                   │                  ↑
//!                    │                   └─ bad ─> Reversal ┤
//!                    └─ refused, failed ────────────────────┘
//! ```
//!
//! [`step`] takes the journal and what happened, and says the journal and what is to be done. What
//! is done to the disk is so small that a crash falls between two effects and never into one. The
//! one that carries effects out (`edge`) does them in order, and says what came of it:
//!
//! - the first that cannot be done: [`Event::Failed`], and the rest is not done;
//! - one that asks something ([`Effect::asks`]), always the last: the event that answers it;
//! - otherwise, when all are done: [`Event::Done`].
//!
//! Whatever the way back takes is at hand before something is changed ([`Effect::Reserve`]). What can
//! still not be written then is written last: the link and the start of the release before go first.
//!
//! **Invariant**: at every instant, also after a power cut that lost or tore what was not synced,
//! `current` names a release that is whole, and the journal says why it is that one. What these
//! words rest on is tried in `tests/model.rs`, which cuts the power between any two effects.

pub mod audit;
mod effects;
mod event;
mod health;
mod journal;
mod outcome;
pub mod quarantine;
mod recover;
mod step;
mod telling;

pub use event::{
    AttemptId, Begin, Caller, Effect, Event, Kept, Kind, Observed, OutOfPhase, Process, Slot, Space,
};
pub use health::{Health, Patience, Seen, Verdict};
pub use journal::{Attempt, Journal, JournalError, Phase, ROOM};
pub use outcome::{Cause, Fault, Outcome, Reason, Words};
pub use step::step;

#[cfg(test)]
mod tests;
