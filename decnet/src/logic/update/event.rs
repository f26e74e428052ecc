//! What happens to an update, what is to be done about it, and how it ends.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::audit::Record;
use super::health::Seen;
use super::journal::Journal;
use crate::logic::release::{Digest, Identity, Label, Refusal};

/// Which attempt: the sender's name for it, or one that was made here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptId(pub Label);

/// What is attempted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Back to the release before, because somebody says so.
    Rollback,
    /// To a release that was sent.
    Update,
}

/// A link that names a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// What runs.
    Current,
    /// What ran before and proved itself.
    Prev,
}

/// A process: its number, and what it drew when it started, for numbers come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Random, and said by the process itself.
    pub nonce: u64,
}

/// What is free on the disk, beyond the reserve that is kept for everybody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes.
    pub bytes: u64,
    /// Files.
    pub files: u64,
}

/// Somebody wants another release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begin {
    /// Which attempt.
    pub attempt: AttemptId,
    /// To which release; `None` for a rollback, which knows.
    pub to: Option<Identity>,
    /// Whether the release is here already, whole, and need not be sent.
    pub is_here: bool,
    /// What it needs.
    pub needs: Space,
    /// What there is.
    pub free: Space,
}

/// Who looks at what was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The updater, as it starts.
    Daemon,
    /// The unit that is started when the updater does not come up, from the release before.
    Rescue,
}

/// What is found on disk before anything else is done. Releases were read in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Which attempt it is, if it becomes one.
    pub attempt: AttemptId,
    /// Who looks.
    pub caller: Caller,
    /// Where `current` points.
    pub current: Option<Digest>,
    /// Where `prev` points.
    pub prev: Option<Digest>,
    /// The releases that are whole.
    pub whole: Vec<Identity>,
    /// Whether there is anything else where releases are.
    pub clutter: bool,
    /// Whether the audit log ends in the midst of a line, or is not what it was.
    pub audit_is_torn: bool,
    /// The release that asks, when it is the updater's own journal.
    pub running: Option<Digest>,
}

impl Observed {
    /// What is known of a release, if it is whole.
    pub fn find(&self, digest: Option<Digest>) -> Option<&Identity> {
        self.whole.iter().find(|release| Some(release.digest) == digest)
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody wants another release, and may.
    Begin(Box<Begin>),
    /// The release was read again in full, ran its self-check, and said what is wrong, if anything.
    Checked(Result<(), Reason>),
    /// All effects are carried out, and none asked anything.
    Done,
    /// An effect cannot be carried out; those after it were not.
    Failed(Fault),
    /// What the running release shows.
    Probed {
        /// When, by a clock that never goes back.
        at: Duration,
        /// What.
        seen: Seen,
    },
    /// The start of the updater: what was left by whoever ended before.
    Recover(Box<Observed>),
    /// What is sent may not be installed. It answers [`Effect::Receive`] when it is of the attempt
    /// that is under way; whoever takes requests in sees to it that no two have one name.
    Refuse {
        /// Which attempt.
        attempt: AttemptId,
        /// Why.
        reason: Reason,
    },
    /// The supervisor has done as it was told.
    Restarted {
        /// When, by a clock that never goes back.
        at: Duration,
        /// The process that was there before.
        before: Option<Process>,
        /// How long the new one must go on answering.
        soak: Duration,
    },
    /// Time has passed since [`Effect::Pause`].
    Resume,
    /// The release that was sent is unpacked, and was read again in full.
    Staged,
    /// The supervisor refused, or gave up.
    Unstartable(Fault),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Append a line to the audit log, unless its last line says the very same.
    Audit(Box<Record>),
    /// Read a release again in full and run its self-check. Answered by [`Event::Checked`].
    Check(Digest),
    /// Remove everything where releases are but these, and what a process still runs.
    Collect(Vec<Digest>),
    /// Make a link beside a slot's own, to be given its name.
    MakeLink(Slot, Digest),
    /// Give the journal that was written its name.
    NameJournal,
    /// Give the link that was made its slot's name.
    NameLink(Slot),
    /// Give the release that was staged its name, exchanging it for one that has it.
    NameRelease(Digest),
    /// Wait a little. Answered by [`Event::Resume`].
    Pause,
    /// Look at the release that runs. Answered by [`Event::Probed`].
    Probe,
    /// Take what is sent into the staging directory. Answered by [`Event::Staged`] or
    /// [`Event::Refuse`].
    Receive,
    /// Become the release that `current` names. Answered by [`Event::Recover`], of the next process.
    Reexec,
    /// Remove a slot's link.
    RemoveLink(Slot),
    /// Tell whoever asked, if they are still there.
    Reply(Box<Outcome>),
    /// Have the supervisor start what `current` names, in place of what runs. Answered by
    /// [`Event::Restarted`] or [`Event::Unstartable`].
    Restart(Digest),
    /// Have the supervisor stop what runs.
    Stop,
    /// Sync the audit log.
    SyncAudit,
    /// Sync the directory of the links.
    SyncInstall,
    /// Sync the journal that was written.
    SyncJournal,
    /// Sync the directory of the releases.
    SyncReleases,
    /// Sync the directory of the journal.
    SyncState,
    /// Sync everything in the staging directory.
    SyncTree,
    /// Cut the audit log after its last whole line, keeping a copy of what was cut.
    TrimAudit,
    /// Write a journal beside the one there is.
    WriteJournal(Box<Journal>),
}

impl Effect {
    /// Whether an event other than [`Event::Done`] answers it.
    pub fn asks(&self) -> bool {
        matches!(
            self,
            Self::Check(_)
                | Self::Pause
                | Self::Probe
                | Self::Receive
                | Self::Reexec
                | Self::Restart(_)
        )
    }
}

/// What somebody else said, cut where it is long: it is kept in the journal and the audit log.
///
/// **Shape**: up to 256 characters, none of them a control character.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Words(String);

impl From<String> for Words {
    fn from(text: String) -> Self {
        let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
        Self(text.chars().map(clean).take(256).collect())
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
    #[error("it has failed here before: build another")]
    Quarantined,
    /// It may not be installed here.
    #[error("{0}")]
    Refused(Refusal),
    /// It does not run here.
    #[error("its self-check failed: {0}")]
    Unfit(Words),
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
    /// The updater or the machine ended before anything was changed.
    Interrupted,
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

/// An event that does not belong where the journal is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutOfPhase {
    /// Another attempt is under way.
    #[error("the attempt `{}` is under way", .0.0)]
    Busy(AttemptId),
    /// Whoever carries out effects has answered what nobody asked.
    #[error("an update {phase} has no use for {event}")]
    Unexpected {
        /// Where the journal is.
        phase: &'static str,
        /// What came.
        event: String,
    },
}
