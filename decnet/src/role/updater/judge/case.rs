//! What is judged: read from the updater's journal, which is written by whoever holds the lock and
//! replaced whole.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::super::Settings;
use super::watched::Watched;
use crate::edge::files;
use crate::edge::update::Place;
use crate::logic::release::Digest;
use crate::logic::update::{AttemptId, Journal, Patience, Phase};

/// How much more time one has that has proved itself: it may have an update to end before it listens.
const SETTLED: u32 = 5;

/// What is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    /// The release that is to serve.
    pub(super) release: Digest,
    /// Whether it is to prove itself.
    pub(super) is_trial: bool,
    /// Whether there is a release to go back to.
    pub(super) has_way_back: bool,
    attempt: Option<AttemptId>,
}

impl Case {
    /// Reads what there is to judge; `None` when no release is known.
    pub(super) fn read(place: &Place) -> Result<Option<Self>> {
        let path = place.journal();
        let Some(bytes) = files::read(&path)? else { return Ok(None) };
        let journal = Journal::parse(&bytes).with_context(|| format!("`{}`", path.display()))?;
        Ok(Self::of(&journal))
    }

    fn of(journal: &Journal) -> Option<Self> {
        let attempt = journal.phase.attempt();
        let (to, way_back) = match &journal.phase {
            Phase::Trial { attempt, .. } => (Some(&attempt.to), &journal.current),
            _ => (journal.current.as_ref(), &journal.prev),
        };
        Some(Self {
            release: to?.digest,
            is_trial: matches!(journal.phase, Phase::Trial { .. }),
            has_way_back: way_back.is_some(),
            attempt: attempt.map(|attempt| attempt.id.clone()),
        })
    }

    /// What is forgiven.
    pub(super) fn patience(&self, settings: &Settings, watched: &Watched) -> Patience {
        let start = settings.patience;
        let gone = watched.gone();
        if self.is_trial {
            return Patience { start, gone, forgiven: 1 };
        }
        Patience { start: start * SETTLED, gone: gone * 2, forgiven: SETTLED - 1 }
    }

    /// How long it must go on serving: one that dies later than that is caught by its next start.
    pub(super) fn soak(&self, settings: &Settings, watched: &Watched) -> Duration {
        match watched {
            _ if self.is_trial => settings.soak,
            // It was proved, and is to become this very process.
            Watched::Child { .. } => Duration::ZERO,
            Watched::Unit(_) => settings.patience,
        }
    }
}
