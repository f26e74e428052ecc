//! How a node of a rollout is.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How a node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum NodeState {
    /// Its updater refused, or something went wrong.
    Failed {
        /// What.
        why: String,
        /// What the updater answered, if it did.
        status: Option<u16>,
    },
    /// It cannot be reached. It begins again when it is back.
    Offline {
        /// Why.
        why: String,
    },
    /// The release was not well there, and the one before is back.
    RolledBack {
        /// What was not.
        why: String,
    },
    /// Its agent has the release, and its updater has failed at becoming it.
    SelfFailed {
        /// What the agent came to.
        then: Well,
        /// What went wrong.
        why: String,
    },
    /// It is sent the bytes.
    Sending,
    /// It was told, and has not answered since: the release may have taken it down.
    Silent {
        /// How that was seen.
        why: String,
    },
    /// It never begins.
    Skipped {
        /// Why.
        skip: Skip,
    },
    /// It has the release, and is asked again before that counts.
    Soaking {
        /// What it is when it still has the release then.
        then: Well,
        /// Which time it is asked.
        look: Look,
    },
    /// It was told, or is about to be.
    Trying,
    /// It had the release already.
    Unchanged,
    /// It has the release.
    Updated,
    /// It has not begun.
    Waiting,
}

impl NodeState {
    /// Whether something is being done with it.
    pub fn is_under_way(&self) -> bool {
        matches!(self, Self::Sending | Self::Trying)
    }

    /// Whether it is to be asked once more.
    pub fn is_soaking(&self) -> bool {
        matches!(self, Self::Soaking { .. })
    }

    /// Whether it has the release, and was found to have it when it was asked again.
    pub fn is_well(&self) -> bool {
        matches!(self, Self::Unchanged | Self::Updated)
    }

    /// Whether it speaks against the release.
    pub fn is_bad(&self) -> bool {
        matches!(
            self,
            Self::Failed { .. }
                | Self::RolledBack { .. }
                | Self::SelfFailed { .. }
                | Self::Silent { .. }
        )
    }

    /// As it is written.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Failed { .. } => "failed",
            Self::Offline { .. } => "offline",
            Self::RolledBack { .. } => "rolled_back",
            Self::SelfFailed { .. } => "self_failed",
            Self::Sending => "sending",
            Self::Silent { .. } => "silent",
            Self::Skipped { .. } => "skipped",
            Self::Soaking { .. } => "soaking",
            Self::Trying => "trying",
            Self::Unchanged => "unchanged",
            Self::Updated => "updated",
            Self::Waiting => "waiting",
        }
    }

    /// What became of the agent, in a word: a number is what the updater answered.
    pub fn agent(&self) -> String {
        match self {
            Self::Failed { status: Some(status), .. } => status.to_string(),
            Self::Failed { .. } | Self::Offline { .. } | Self::Silent { .. } => "error".to_owned(),
            Self::RolledBack { .. } => "rolled-back".to_owned(),
            Self::SelfFailed { then, .. } => then.state().as_str().to_owned(),
            other => other.as_str().to_owned(),
        }
    }

    /// What there is to say of it.
    pub fn why(&self) -> String {
        match self {
            Self::Failed { why, .. } | Self::RolledBack { why } => why.clone(),
            Self::Offline { why } => format!("{why}; it gets the release when it is back"),
            Self::SelfFailed { why, .. } => format!("updater: {why}"),
            Self::Silent { why } => format!("{why}; it was told, and has not answered since"),
            Self::Skipped { skip } => skip.to_string(),
            Self::Sending
            | Self::Soaking { .. }
            | Self::Trying
            | Self::Unchanged
            | Self::Updated
            | Self::Waiting => String::new(),
        }
    }
}

/// What a node has come to that has the release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Well {
    /// Its agent had it already.
    Unchanged,
    /// It has it now.
    Updated,
}

impl Well {
    /// That of a state, if it is one.
    pub fn of(state: &NodeState) -> Option<Self> {
        match state {
            NodeState::Unchanged => Some(Self::Unchanged),
            NodeState::Updated => Some(Self::Updated),
            _ => None,
        }
    }

    /// As how a node is.
    pub fn state(self) -> NodeState {
        match self {
            Self::Unchanged => NodeState::Unchanged,
            Self::Updated => NodeState::Updated,
        }
    }
}

/// Which time a node that has the release is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// Some time after it was told.
    First,
    /// With all others, some time after the last of them was told.
    Last,
}

/// Why a node never begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// The rollout was given up before.
    Aborted,
    /// It is no part of the fleet any more.
    Decommissioned,
    /// It was enrolled without one.
    NoUpdater,
    /// A later rollout wants something else of it.
    Superseded(Uuid),
    /// The same release took it down in an earlier rollout.
    TookDown(Uuid),
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aborted => f.write_str("the rollout was aborted"),
            Self::Decommissioned => f.write_str("it was decommissioned"),
            Self::NoUpdater => f.write_str("it was enrolled without an updater"),
            Self::Superseded(by) => write!(f, "rollout {by} took its place"),
            Self::TookDown(by) => write!(
                f,
                "it fell silent when rollout {by} brought it this release: to try again, name it \
                 with --host"
            ),
        }
    }
}

/// What became of a node's updater itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum OwnState {
    /// It has the release.
    Done,
    /// It has not.
    Failed {
        /// What went wrong.
        why: String,
        /// What it answered, if it did.
        status: Option<u16>,
    },
    /// It was not asked, or not yet.
    #[default]
    None,
    /// It was not asked, for the agent is not well.
    Skipped,
}

impl OwnState {
    /// In a word, as [`NodeState::agent`].
    pub fn word(&self) -> String {
        match self {
            Self::Done => "ok".to_owned(),
            Self::Failed { status: Some(status), .. } => status.to_string(),
            Self::Failed { .. } => "error".to_owned(),
            Self::None => "—".to_owned(),
            Self::Skipped => "skipped".to_owned(),
        }
    }
}
