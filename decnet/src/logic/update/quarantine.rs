//! The releases that failed here: which those are, why, and how one is forgiven.

use super::effects::record;
use super::event::{AttemptId, Kind};
use super::journal::Journal;
use super::outcome::{Cause, Outcome, Reason};
use super::step::Step;
use super::telling::tell;
use crate::logic::release::{Digest, Prefix};

/// What is said of a release that failed where the log does not say it any more.
const UNKNOWN: &str = "it has failed here, and the log does not say any more of what";

impl Journal {
    /// The releases that failed here and begin so.
    pub fn condemned(&self, prefix: &Prefix) -> Vec<Digest> {
        self.quarantine.iter().copied().filter(|digest| prefix.is_of(digest)).collect()
    }
}

impl Outcome {
    /// Why the release of an attempt that ended so is not taken again; `None` when it may be.
    pub fn condemns(&self) -> Option<String> {
        let of_release = |cause: &Cause| cause.is_of_release().then(|| cause.to_string());
        match self {
            Self::FirstFailed { cause }
            | Self::RolledBack { cause }
            | Self::RolledBackBadly { cause, .. } => of_release(cause),
            Self::Refused { reason: reason @ Reason::Unfit(_) } => Some(reason.to_string()),
            _ => None,
        }
    }
}

/// Why a release is not taken again, by how its attempts ended, the last of them last.
pub fn why<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> String {
    let last = outcomes.into_iter().filter_map(Outcome::condemns).last();
    last.unwrap_or_else(|| UNKNOWN.to_owned())
}

/// Forgets that a release has failed here: somebody who knows better says so.
pub(super) fn forgive(before: &Journal, attempt: AttemptId, digest: Digest) -> Step {
    let mut journal = before.clone();
    journal.pardon(digest);
    let said = Some((Kind::Forgive, Some(digest)));
    let record = record(&journal, attempt, said, Outcome::Forgiven);
    tell(before, journal, record)
}
