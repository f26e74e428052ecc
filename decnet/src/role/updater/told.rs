//! What operators hear of updates: lines in the log, and events in the journal.

use crate::edge::sinks::{Sinks, ToJournal};
use crate::edge::{clock, random};
use crate::logic::event::{Data, Kind, Stamp};
use crate::logic::release::Component;
use crate::logic::update::{AttemptId, Outcome};

/// Tells what becomes of updates.
#[derive(Debug)]
pub(super) struct Told {
    stamp: Stamp,
    sinks: Sinks,
}

impl Told {
    /// That of a node.
    pub(super) fn new(node: &str) -> Self {
        // Only a file of lines can fail to open.
        let sinks = Sinks::open(ToJournal::default(), None, "").unwrap_or_default();
        Self { stamp: Stamp::new(node, random::uuid()), sinks }
    }

    /// An attempt begins.
    pub(super) fn begins(&self, component: Component, attempt: &AttemptId) {
        let (component, id) = (component.as_str(), attempt.0.as_str());
        tracing::info!(component, attempt = id, "an update begins");
    }

    /// What was sent may be installed, and is about to be.
    pub(super) fn is_good(&mut self, component: Component, attempt: &AttemptId) {
        let (component, id) = (component.as_str(), attempt.0.as_str());
        let data = Data::new().with("component", component).with("attempt", id.to_owned());
        self.put(Kind::UpdateStart, data);
    }

    /// An attempt has ended, or a self-update is about to be carried out.
    pub(super) fn ended(
        &mut self,
        component: Component,
        attempt: Option<&AttemptId>,
        outcome: &Outcome,
    ) {
        let (component, id) = (component.as_str(), attempt.map(|attempt| attempt.0.as_str()));
        let said = serde_json::to_string(outcome).unwrap_or_default();
        let kind = match outcome {
            Outcome::Queued => {
                tracing::info!(component, attempt = id, "the updater is to be replaced");
                return;
            }
            Outcome::Forgiven => {
                tracing::info!(component, attempt = id, "a release that failed may be sent again");
                return;
            }
            Outcome::NewRoot { version } => {
                tracing::warn!(component, version, "the operator's new root of trust counts");
                return;
            }
            Outcome::Updated | Outcome::Unchanged => {
                tracing::info!(component, attempt = id, outcome = said, "an update has ended well");
                Kind::UpdateDone
            }
            Outcome::RolledBack { .. }
            | Outcome::RolledBackBadly { .. }
            | Outcome::FirstFailed { .. } => {
                tracing::warn!(component, attempt = id, outcome = said, "an update was taken back");
                Kind::UpdateRolledBack
            }
            Outcome::Failed { .. } | Outcome::Interrupted | Outcome::Refused { .. } => {
                tracing::warn!(
                    component,
                    attempt = id,
                    outcome = said,
                    "an update was not carried out"
                );
                return;
            }
        };
        let mut data = Data::new().with("component", component).with("outcome", said);
        if let Some(id) = id {
            data.put("attempt", id.to_owned());
        }
        self.put(kind, data);
    }

    fn put(&mut self, kind: Kind, data: Data) {
        let mut event = self.stamp.event(kind, clock::now());
        event.data = data;
        self.sinks.write(&event);
    }
}
