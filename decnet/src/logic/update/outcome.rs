//! How an attempt ends, and why: what is said of it to people, in answers and in the audit log.

use serde::{Deserialize, Serialize};

use crate::logic::release::{Digest, Refusal};
use crate::logic::shown;

/// What somebody else said, cut where it is long: it is kept in the journal and the audit log.
///
/// **Shape**: up to 256 characters, all of them plain ([`shown::is_plain`]).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Words(String);

impl From<String> for Words {
    fn from(text: String) -> Self {
        Self(shown::line(&text).chars().take(256).collect())
    }
}

impl From<&str> for Words {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<Words> for String {
    fn from(words: Words) -> Self {
        words.0
    }
}

impl std::fmt::Display for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why something could not be done: what was tried and the system's reason.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fault {
    /// What was tried on what, and what came of it.
    pub what: Words,
    /// Whether there was no space for it.
    pub is_full: bool,
}

/// Why a release was not even tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Reason {
    /// It builds on a release that is not here as it should be: all of it may be taken.
    #[error("{0}")]
    Base(Words),
    /// It cannot be read, or is not what it says.
    #[error("{0}")]
    Bundle(Words),
    /// The disk has no room for so many files.
    #[error("there is no space for it: it needs {needs} inodes and {free} are free")]
    NoFiles {
        /// Files that it needs.
        needs: u64,
        /// Files that may be made.
        free: u64,
    },
    /// There is no release to go back to.
    #[error("there is no release before this one")]
    NoPrevious,
    /// There is no space for it.
    #[error("there is no space for it: it needs {needs} bytes and {free} are free")]
    NoSpace {
        /// Bytes that it needs.
        needs: u64,
        /// Bytes that may be used.
        free: u64,
    },
    /// It has failed here before.
    #[error("it has failed here before: build another, or see `decnet swarm release forgive`")]
    Quarantined,
    /// It may not be installed here.
    #[error("{0}")]
    Refused(Refusal),
    /// It does not run here.
    #[error("its self-check failed: {0}")]
    Unfit(Words),
    /// There is no root of trust here that says who may sign releases.
    #[error("nobody is trusted to sign releases here: {0}")]
    Untrusting(Words),
}

/// Why a release was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum Cause {
    /// It ended again and again.
    #[error("it ended again and again")]
    CrashLoop,
    /// Its files are not what they were.
    #[error("its files are not what they were")]
    Damaged,
    /// The updater that it is did not come up.
    #[error("the updater did not come up")]
    Dead,
    /// It answered, did not, and answered.
    #[error("it answered, did not, and answered again")]
    FlipFlop,
    /// It ended and did not come back.
    #[error("it ended and did not come back")]
    Gone,
    /// Its trial was interrupted too often.
    #[error("its trial was interrupted too often")]
    Interrupted,
    /// The machine could not do what it takes to put it in place.
    #[error("{}", .0.what)]
    Machine(Fault),
    /// It says that it is another.
    #[error("it says that it is {0}")]
    Other(Digest),
    /// It never answered, or stopped to.
    #[error("it does not answer")]
    Silent,
    /// It could not be started.
    #[error("it could not be started: {}", .0.what)]
    Unstartable(Fault),
}

impl Cause {
    /// Whether it says no more than that there was no answer, or none for long enough.
    pub(super) fn is_of_answering(&self) -> bool {
        matches!(self, Self::CrashLoop | Self::FlipFlop | Self::Gone | Self::Silent)
    }

    /// Whether something else may be at fault than the release of which it is said, when it is said
    /// of the release before too.
    pub(super) fn is_shared(&self, then: &Self) -> bool {
        let is_same = std::mem::discriminant(self) == std::mem::discriminant(then);
        is_same || (self.is_of_answering() && then.is_of_answering()) || !then.is_of_release()
    }

    /// Whether it says that the release is bad: a machine that failed or a power that went does not.
    pub fn is_of_release(&self) -> bool {
        !matches!(self, Self::Damaged | Self::Interrupted | Self::Machine(_))
    }
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing was changed, because something could not be done.
    Failed {
        /// What.
        fault: Fault,
    },
    /// The first release of the machine was taken back: there is none.
    FirstFailed {
        /// Why.
        cause: Cause,
    },
    /// A release that had failed here may be sent again.
    Forgiven,
    /// The updater or the machine ended before anything was changed.
    Interrupted,
    /// The operator has put in another root of trust.
    NewRoot {
        /// Which version it is.
        version: u64,
    },
    /// The updater becomes the release; how that ends is seen when it has started.
    Queued,
    /// Nothing was changed: it may not be installed.
    Refused {
        /// Why.
        reason: Reason,
    },
    /// The release before runs again, and is well.
    RolledBack {
        /// Why.
        cause: Cause,
    },
    /// The release before is in place again, and is not well.
    RolledBackBadly {
        /// Why the new one was taken back.
        cause: Cause,
        /// What is wrong with the old one.
        then: Cause,
    },
    /// It runs already.
    Unchanged,
    /// It runs and has proved itself.
    Updated,
}
