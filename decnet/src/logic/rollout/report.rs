//! What is told of rollouts.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{NodeState, OwnState, Phase, Policy, Skip, Which};
use crate::logic::release::{Component, Digest, Label, Prefix};
use crate::logic::time::Timestamp;
use crate::logic::trust::NodeName;

/// What is offered to nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Which release.
    pub digest: Digest,
    /// What people call it.
    pub version: Label,
    /// Of the bundle's bytes.
    pub sha256: Digest,
    /// How many those are.
    pub bytes: u64,
    /// What may run from it.
    pub components: Vec<Component>,
}

/// A rollout that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// Which.
    pub id: Uuid,
}

/// How many nodes are how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// They have the release, since now or before.
    pub well: usize,
    /// They failed or went back.
    pub bad: usize,
    /// They cannot be reached.
    pub offline: usize,
    /// Something is being done with them.
    pub under_way: usize,
    /// They have it, and are asked again before that counts.
    #[serde(default)]
    pub soaking: usize,
    /// They have not begun.
    pub waiting: usize,
    /// They never begin.
    pub skipped: usize,
}

impl Counts {
    /// Of nodes in these states.
    pub fn of<'a>(states: impl IntoIterator<Item = &'a NodeState>) -> Self {
        let mut counts = Self::default();
        for state in states {
            *match state {
                NodeState::Failed { .. }
                | NodeState::RolledBack { .. }
                | NodeState::SelfFailed { .. }
                | NodeState::Silent { .. } => &mut counts.bad,
                NodeState::Offline { .. } => &mut counts.offline,
                NodeState::Sending | NodeState::Trying => &mut counts.under_way,
                NodeState::Skipped { .. } => &mut counts.skipped,
                NodeState::Soaking { .. } => &mut counts.soaking,
                NodeState::Unchanged | NodeState::Updated => &mut counts.well,
                NodeState::Waiting => &mut counts.waiting,
            } += 1;
        }
        counts
    }
}

/// A rollout in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brief {
    /// Which.
    pub id: Uuid,
    /// When it was begun.
    pub created_at: Timestamp,
    /// How it is.
    pub state: Phase,
    /// What it brings.
    pub release: Offer,
    /// How many nodes are how.
    pub counts: Counts,
}

/// A rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// In short.
    #[serde(flatten)]
    pub brief: Brief,
    /// What it keeps to.
    pub policy: Policy,
    /// Its nodes, in the order in which they begin.
    pub nodes: Vec<NodeReport>,
}

impl Report {
    /// Whether nothing happens with it by itself any more, but that nodes come back.
    pub fn rests(&self) -> bool {
        let Counts { under_way, soaking, .. } = self.brief.counts;
        self.brief.state != Phase::Running && under_way == 0 && soaking == 0
    }

    /// Whether anything is not as it was wished.
    pub fn has_failed(&self) -> bool {
        self.brief.state == Phase::Aborted || self.nodes.iter().any(NodeReport::has_failed)
    }
}

/// A node of a rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeReport {
    /// Which.
    pub host_uuid: Uuid,
    /// What it is called.
    pub host_name: NodeName,
    /// Where it is reached.
    pub address: String,
    /// How it is.
    #[serde(flatten)]
    pub state: NodeState,
    /// What became of its agent, in a word.
    pub agent: String,
    /// What became of its updater, in a word.
    #[serde(rename = "self")]
    pub own: String,
    /// What there is to say.
    pub detail: String,
    /// By which word its updater knows what it was told.
    pub attempt: String,
}

impl NodeReport {
    /// How a node is, in words.
    pub fn new(
        (host_uuid, host_name, address): (Uuid, NodeName, String),
        state: NodeState,
        own: &OwnState,
        attempt: String,
    ) -> Self {
        let (agent, mut detail) = (state.agent(), state.why());
        if let OwnState::Failed { why, .. } = own {
            detail = format!("updater: {why}");
        }
        let own = own.word();
        Self { host_uuid, host_name, address, state, agent, own, detail, attempt }
    }

    fn has_failed(&self) -> bool {
        let state = match &self.state {
            NodeState::Skipped { skip } => {
                matches!(skip, Skip::Aborted | Skip::Superseded(_) | Skip::TookDown(_))
            }
            other => !other.is_well(),
        };
        state || !matches!(self.own.as_str(), "ok" | "skipped" | "—")
    }
}

/// What a rollout would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DryRun {
    /// What it would bring.
    pub release: Offer,
    /// One each.
    pub results: Vec<DryNode>,
}

/// What a rollout would do with a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DryNode {
    /// Which.
    pub host_uuid: Uuid,
    /// What it is called.
    pub host_name: NodeName,
    /// Where it is reached.
    pub address: String,
    /// Whether it would take the release.
    pub ok: bool,
    /// The release that its agent is.
    pub current: Option<Digest>,
    /// The release that its updater is.
    #[serde(default)]
    pub current_self: Option<Digest>,
    /// The release that it would be.
    pub target: Digest,
    /// Bytes that it would be sent.
    pub send_bytes: Option<u64>,
    /// Bytes that are free on its disk.
    pub free_bytes: Option<u64>,
    /// Why it would not take the release.
    #[serde(default)]
    pub refusals: Vec<String>,
    /// What there is to say.
    pub detail: String,
}

/// Which nodes are to go back to the release before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revert {
    /// Which.
    pub hosts: Which,
    /// Port of the updaters.
    #[serde(default = "super::policy::usual_port")]
    pub updater_port: u16,
}

/// What became of going back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reverted {
    /// One each.
    pub results: Vec<RevertedNode>,
}

/// What became of a node that was to go back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevertedNode {
    /// Which.
    pub host_uuid: Uuid,
    /// What it is called.
    pub host_name: NodeName,
    /// Where it is reached.
    pub address: String,
    /// Whether it is what was asked for, or there was nothing to ask.
    pub ok: bool,
    /// In a word: `rolled-back`, `skipped`, `error`, or what the updater answered.
    pub agent: String,
    /// What there is to say.
    pub detail: String,
}

/// A release that failed is to be taken again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forgive {
    /// By which nodes.
    pub hosts: Which,
    /// How its digest begins.
    pub digest: Prefix,
    /// Port of the updaters.
    #[serde(default = "super::policy::usual_port")]
    pub updater_port: u16,
}

/// A release that a node does not take again, for it has failed there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Quarantined {
    /// Whose.
    pub component: Component,
    /// Which release.
    pub digest: Digest,
    /// What it failed of, as the node says.
    pub why: String,
}

/// The same, and of which node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantinedThere {
    /// Which node.
    pub host_uuid: Uuid,
    /// What it is called.
    pub host_name: NodeName,
    /// Which release, and why.
    #[serde(flatten)]
    pub release: Quarantined,
}
