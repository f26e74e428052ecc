//! Bringing a release to many nodes: which node begins when, and when none does any more.
//!
//! ```text
//! waiting -> sending -> trying -> soaking -> updated | unchanged
//!    ^          |          |         |
//!    |          |          +---------+----> rolled_back | failed | self_failed | silent
//!    +- offline <      skipped: it is not its turn, and never will be
//! ```
//!
//! It is apart from `update`, which is what one node does with a release. **Invariant**: never more
//! nodes are under way than the policy says; until its canaries are well, no other node begins; and
//! none begins while more have failed than it allows. Who was told is never away: who does not
//! answer from then on has failed. What a node says of itself counts when it says it once more,
//! after a soak; and all are asked once more after the last was told.

mod node;
mod policy;
mod report;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use node::{Look, NodeState, OwnState, Skip, Well};
pub use policy::{BadPolicy, Policy, UPDATER_PORT, Which, Wish};
pub use report::{
    Brief, Counts, DryNode, DryRun, Forgive, NodeReport, Offer, Quarantined, QuarantinedThere,
    Report, Revert, Reverted, RevertedNode, Started,
};

/// How a rollout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// It was given up: no node begins any more, and those that were away are not waited for.
    Aborted,
    /// No node waits or is under way. One that was away begins when it is back.
    Done,
    /// More nodes have failed than it allows: none begins until it is resumed.
    Halted,
    /// No node begins until it is resumed.
    Paused,
    /// Nodes begin.
    Running,
}

impl Phase {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aborted => "aborted",
            Self::Done => "done",
            Self::Halted => "halted",
            Self::Paused => "paused",
            Self::Running => "running",
        }
    }

    /// That of this name.
    pub fn find(text: &str) -> Option<Self> {
        let all = [Self::Aborted, Self::Done, Self::Halted, Self::Paused, Self::Running];
        all.into_iter().find(|phase| phase.as_str() == text)
    }
}

/// What happens to a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The operator gives it up.
    Abort,
    /// A node that was away answers again.
    Back(Uuid),
    /// What came of a node that was under way.
    Ended(Uuid, NodeState),
    /// What a node was found to be that was asked again, this time.
    Looked(Uuid, Look, NodeState),
    /// The operator lets no node begin.
    Pause,
    /// The operator lets nodes begin again, and forgives those that have failed.
    Resume,
    /// A node has all bytes, and is about to be told.
    Trying(Uuid),
}

/// An event that is out of place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutOfPlace {
    /// The rollout was given up.
    #[error("it was aborted")]
    Aborted,
    /// The node is not in a state in which that happens.
    #[error("node {0} is not in a state in which that happens")]
    Node(Uuid),
    /// The rollout is not in a phase in which that happens.
    #[error("it is {}: it can be {can}", .phase.as_str())]
    Phase {
        /// In which it is.
        phase: Phase,
        /// What can be done with it.
        can: &'static str,
    },
}

/// Whether the nodes that have the release have been asked for it a last time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastLook {
    /// They will be when no other begins.
    Due,
    /// They have been, or are being.
    Taken,
}

/// A rollout: what its operator wants, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// What the operator wants.
    pub policy: Policy,
    /// How it is.
    pub phase: Phase,
    /// How many had failed when it was resumed last: they count no more.
    pub forgiven: usize,
    /// Whether all nodes have been asked again since the last was told.
    pub last_look: LastLook,
    /// Its nodes, in the order in which they begin.
    pub nodes: Vec<(Uuid, NodeState)>,
}

impl Rollout {
    /// One that begins.
    pub fn new(policy: Policy, nodes: Vec<(Uuid, NodeState)>) -> Self {
        let (phase, last_look) = (Phase::Running, LastLook::Due);
        let mut rollout = Self { policy, phase, forgiven: 0, last_look, nodes };
        rollout.settle();
        rollout
    }

    /// Takes note of what has happened.
    ///
    /// # Errors
    ///
    /// [`OutOfPlace`]: nothing has changed then.
    pub fn take(&mut self, event: Event) -> Result<(), OutOfPlace> {
        match event {
            Event::Abort => self.abort()?,
            Event::Back(node) => self.back(node)?,
            Event::Ended(node, state) => self.ended(node, state)?,
            Event::Looked(node, look, state) => {
                let is_it = |known: &NodeState| matches!(known, NodeState::Soaking { look: its, .. } if *its == look);
                let known = self.state(node).filter(|known| is_it(known));
                let known = known.ok_or(OutOfPlace::Node(node))?;
                let is_end =
                    state.is_well() || state.is_bad() || matches!(state, NodeState::Skipped { .. });
                if !is_end {
                    return Err(OutOfPlace::Node(node));
                }
                *known = state;
            }
            Event::Pause => match self.phase {
                Phase::Running => self.phase = Phase::Paused,
                _ => return Err(self.out_of_place()),
            },
            Event::Resume => match self.phase {
                Phase::Paused | Phase::Halted => {
                    self.forgiven = self.count(NodeState::is_bad);
                    (self.phase, self.last_look) = (Phase::Running, LastLook::Due);
                }
                _ => return Err(self.out_of_place()),
            },
            Event::Trying(node) => {
                if self.phase == Phase::Aborted {
                    return Err(OutOfPlace::Aborted);
                }
                let known = self.state(node).filter(|known| known.is_under_way());
                *known.ok_or(OutOfPlace::Node(node))? = NodeState::Trying;
            }
        }
        self.settle();
        Ok(())
    }

    /// The nodes that begin now; they are under way from here on.
    pub fn begin(&mut self) -> Vec<Uuid> {
        let room = self.room();
        let waiting = self.nodes.iter_mut().filter(|(_, state)| *state == NodeState::Waiting);
        let begin = waiting.take(room).map(|(node, state)| {
            *state = NodeState::Sending;
            *node
        });
        begin.collect()
    }

    /// The nodes that are under way.
    pub fn under_way(&self) -> Vec<Uuid> {
        let under_way = self.nodes.iter().filter(|(_, state)| state.is_under_way());
        under_way.map(|(node, _)| *node).collect()
    }

    /// The nodes that are to be asked again, and which time that is.
    pub fn soaking(&self) -> Vec<(Uuid, Look)> {
        let soaking = self.nodes.iter().filter_map(|(node, state)| match state {
            NodeState::Soaking { look, .. } => Some((*node, *look)),
            _ => None,
        });
        soaking.collect()
    }

    fn ended(&mut self, node: Uuid, state: NodeState) -> Result<(), OutOfPlace> {
        let known = self.state(node).filter(|known| known.is_under_way());
        let known = known.ok_or(OutOfPlace::Node(node))?;
        if state.is_under_way() || state.is_soaking() || state == NodeState::Waiting {
            return Err(OutOfPlace::Node(node));
        }
        let was_told = *known == NodeState::Trying;
        *known = match (state, was_told) {
            // Away is who was away before. Whoever was told took the release with it.
            (NodeState::Offline { why }, true) => NodeState::Silent { why },
            (state, true) => match Well::of(&state) {
                Some(then) => NodeState::Soaking { then, look: Look::First },
                None => state,
            },
            (state, false) => state,
        };
        Ok(())
    }

    /// How many nodes may begin.
    fn room(&self) -> usize {
        if self.phase != Phase::Running {
            return 0;
        }
        let under_way = self.count(NodeState::is_under_way);
        let room = self.policy.max_in_flight.saturating_sub(under_way);
        match self.policy.canary.saturating_sub(self.count(NodeState::is_well)) {
            0 => room,
            missing => {
                let asked_again = self.count(NodeState::is_soaking);
                room.min(missing.saturating_sub(under_way).saturating_sub(asked_again))
            }
        }
    }

    /// Ends or halts when it is time.
    fn settle(&mut self) {
        let waiting = self.count(|state| *state == NodeState::Waiting);
        let nobody_is_told = self.count(NodeState::is_under_way) == 0;
        if self.phase == Phase::Running && waiting > 0 && self.has_failed() {
            self.phase = Phase::Halted;
        }
        if nobody_is_told && (waiting == 0 || self.phase != Phase::Running) {
            self.look_a_last_time();
        }
        let idle = waiting == 0 && nobody_is_told && self.count(NodeState::is_soaking) == 0;
        if self.phase != Phase::Aborted && idle {
            self.phase = Phase::Done;
        }
    }

    /// Has all be asked again that have the release since they were told.
    fn look_a_last_time(&mut self) {
        if self.last_look == LastLook::Taken {
            return;
        }
        for (_, state) in &mut self.nodes {
            let then = match state {
                NodeState::Soaking { then, .. } => *then,
                NodeState::Updated => Well::Updated,
                // Its updater may have been told.
                NodeState::Unchanged if self.policy.include_self => Well::Unchanged,
                _ => continue,
            };
            *state = NodeState::Soaking { then, look: Look::Last };
            self.last_look = LastLook::Taken;
        }
    }

    /// Whether more nodes have failed than it allows: of the canaries none.
    fn has_failed(&self) -> bool {
        let bad = self.count(NodeState::is_bad).saturating_sub(self.forgiven);
        let canaries_are_well = self.count(NodeState::is_well) >= self.policy.canary;
        bad > if canaries_are_well { self.policy.max_failures } else { 0 }
    }

    fn abort(&mut self) -> Result<(), OutOfPlace> {
        let away = self.count(|state| matches!(state, NodeState::Offline { .. }));
        if self.phase == Phase::Aborted || (self.phase == Phase::Done && away == 0) {
            return Err(self.out_of_place());
        }
        self.phase = Phase::Aborted;
        for (_, state) in &mut self.nodes {
            if *state == NodeState::Waiting {
                *state = NodeState::Skipped { skip: Skip::Aborted };
            }
        }
        Ok(())
    }

    fn back(&mut self, node: Uuid) -> Result<(), OutOfPlace> {
        if self.phase == Phase::Aborted {
            return Err(OutOfPlace::Aborted);
        }
        let known = self.state(node).filter(|known| matches!(known, NodeState::Offline { .. }));
        *known.ok_or(OutOfPlace::Node(node))? = NodeState::Waiting;
        if self.phase == Phase::Done {
            self.phase = Phase::Running;
        }
        Ok(())
    }

    fn out_of_place(&self) -> OutOfPlace {
        let can = match self.phase {
            Phase::Aborted | Phase::Done => "followed, and nothing else",
            Phase::Halted | Phase::Paused => "resumed or aborted",
            Phase::Running => "paused or aborted",
        };
        OutOfPlace::Phase { phase: self.phase, can }
    }

    fn state(&mut self, node: Uuid) -> Option<&mut NodeState> {
        self.nodes.iter_mut().find(|(id, _)| *id == node).map(|(_, state)| state)
    }

    fn count(&self, is: impl Fn(&NodeState) -> bool) -> usize {
        self.nodes.iter().filter(|(_, state)| is(state)).count()
    }
}

#[cfg(test)]
mod tests;
