//! One authority takes the place of another: how far each node is with that, who may have a
//! certificate of the new one, and when the old one is let go.
//!
//! Every step is written down before it is carried out, and may be carried out again.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::logic::time::Timestamp;
use crate::logic::trust::{Fingerprint, NodeName};

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Both are trusted. Nodes hear of the new one, then get certificates of it.
    Spreading,
    /// It is decided: the new one takes the place of the old, whose key is destroyed.
    Ending,
    /// The old one is gone; nodes hear that.
    Ended,
}

impl Phase {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Spreading, Self::Ending, Self::Ended];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Spreading => "spreading",
            Self::Ending => "ending",
            Self::Ended => "ended",
        }
    }

    /// That of this name.
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == text)
    }
}

/// A succession; there is one at a time, and the last one is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Succession {
    /// How far it is.
    pub phase: Phase,
    /// Whose place is taken.
    pub old: Fingerprint,
    /// By whom.
    pub new: Fingerprint,
    /// When it began.
    pub began: Timestamp,
    /// When the old one was let go.
    pub ended: Option<Timestamp>,
    /// Nodes that are not waited for.
    pub left: BTreeSet<Uuid>,
}

/// What happens to a succession.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An operator wants one; the new authority has been made.
    Begin {
        /// Whose place is taken.
        old: Fingerprint,
        /// By whom.
        new: Fingerprint,
        /// When.
        at: Timestamp,
    },
    /// These nodes are not waited for.
    Leave(BTreeSet<Uuid>),
    /// Nobody is waited for any more.
    Complete,
    /// The new authority is in the place of the old.
    Promoted(Timestamp),
    /// The new authority's key is lost: the old one stays.
    Lost(Timestamp),
}

/// What is to be done, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Have the authorities say whom nodes are to trust.
    Announce,
    /// Put the new authority in the place of the old, and destroy the old one's key.
    Promote,
}

/// Why something cannot happen now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutOfPlace {
    /// There is one under way.
    #[error("the authority is being replaced already: see `decnet swarm ca`")]
    UnderWay,
    /// There is none under way.
    #[error("the authority is not being replaced: begin with `decnet swarm ca rotate`")]
    None,
}

impl Succession {
    /// What follows from an event, and what is to be done once that is written down.
    ///
    /// # Errors
    ///
    /// [`OutOfPlace`], and nothing is to be done.
    pub fn step(now: Option<&Self>, event: Event) -> Result<(Self, Vec<Effect>), OutOfPlace> {
        let spreading = now.filter(|now| now.phase == Phase::Spreading);
        let under_way = now.filter(|now| now.phase != Phase::Ended);
        match event {
            Event::Begin { old, new, at } => {
                if under_way.is_some() {
                    return Err(OutOfPlace::UnderWay);
                }
                let (phase, left) = (Phase::Spreading, BTreeSet::new());
                let begun = Self { phase, old, new, began: at, ended: None, left };
                Ok((begun, vec![Effect::Announce]))
            }
            Event::Leave(nodes) => {
                let mut next = spreading.ok_or(OutOfPlace::None)?.clone();
                next.left.extend(nodes);
                Ok((next, Vec::new()))
            }
            Event::Complete => {
                let next =
                    Self { phase: Phase::Ending, ..spreading.ok_or(OutOfPlace::None)?.clone() };
                Ok((next, vec![Effect::Promote]))
            }
            Event::Promoted(at) => {
                let ending =
                    now.filter(|now| now.phase == Phase::Ending).ok_or(OutOfPlace::None)?;
                let next = Self { phase: Phase::Ended, ended: Some(at), ..ending.clone() };
                Ok((next, vec![Effect::Announce]))
            }
            Event::Lost(at) => {
                let now = spreading.ok_or(OutOfPlace::None)?.clone();
                let (old, new) = (now.new, now.old);
                let next = Self { phase: Phase::Ended, old, new, ended: Some(at), ..now };
                Ok((next, vec![Effect::Announce]))
            }
        }
    }

    /// What is to be done at a start, when it is not known what was done of it.
    pub fn resume(&self) -> Vec<Effect> {
        match self.phase {
            Phase::Spreading | Phase::Ended => vec![Effect::Announce],
            Phase::Ending => vec![Effect::Promote],
        }
    }

    /// Who keeps it from ending.
    pub fn behind<'a>(&self, members: &'a [Member]) -> Vec<&'a Member> {
        let is_behind =
            |member: &&Member| !self.left.contains(&member.host) && !member.is_renewed();
        members.iter().filter(is_behind).collect()
    }

    /// Whether a node gets a certificate of the new authority now. All of its daemons must trust that
    /// before one of them shows such a certificate, for they speak to each other.
    pub fn may_renew(&self, member: &Member) -> bool {
        // Once the old one is gone, who is reached trusts the new one.
        self.phase != Phase::Spreading || member.parts().all(|part| part >= Progress::Trusting)
    }

    /// How far a daemon is that trusts these authorities and whose certificate is of that one.
    pub fn progress(&self, trusts: &BTreeSet<Fingerprint>, of: Option<Fingerprint>) -> Progress {
        match (of == Some(self.new), trusts.contains(&self.new)) {
            (true, true) if !trusts.contains(&self.old) => Progress::Settled,
            (true, _) => Progress::Renewed,
            (false, true) => Progress::Trusting,
            (false, false) => Progress::Unaware,
        }
    }
}

/// How far a daemon is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Progress {
    /// It is not known to trust the new authority.
    Unaware,
    /// It trusts both.
    Trusting,
    /// Its certificate is of the new one.
    Renewed,
    /// And it trusts the old one no more.
    Settled,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unaware => "has not heard",
            Self::Trusting => "trusts both",
            Self::Renewed => "renewed",
            Self::Settled => "trusts the new one alone",
        })
    }
}

/// A node, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Which.
    pub host: Uuid,
    /// What it is called.
    pub name: NodeName,
    /// Its agent.
    pub agent: Progress,
    /// Its updater, when it has one.
    pub updater: Option<Progress>,
}

impl Member {
    /// Whether every daemon of it has a certificate of the new authority.
    pub fn is_renewed(&self) -> bool {
        self.parts().all(|part| part >= Progress::Renewed)
    }

    fn parts(&self) -> impl Iterator<Item = Progress> {
        [Some(self.agent), self.updater].into_iter().flatten()
    }
}

/// What an operator asks of the authority.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// Nodes, by name or number, that are not waited for.
    #[serde(default)]
    pub leave: Vec<String>,
    /// Whether one that is under way is to end now, and none is begun.
    #[serde(default)]
    pub finish: bool,
}

/// How the authority stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Which it is.
    pub authority: Fingerprint,
    /// Until when it is good.
    pub until: Timestamp,
    /// The succession that is under way, or was last.
    pub succession: Option<Succession>,
    /// Every node, when there is or was one.
    pub nodes: Vec<Member>,
}

#[cfg(test)]
mod tests;
