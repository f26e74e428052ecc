//! What happens to an update, and what is to be done about it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::audit::Record;
use super::health::Seen;
use super::journal::Journal;
use super::outcome::{Cause, Fault, Outcome, Reason};
use crate::logic::release::{Digest, Identity, Label};

/// Which attempt: the sender's name for it, or one that was made here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptId(pub Label);

/// What is attempted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// No release is installed; one that failed may be sent again.
    Forgive,
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

/// Whether what was known of releases is known still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kept {
    /// It was said by keys of which none count any more.
    Forgotten,
    /// Keys that count could say it.
    Still,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The updater, as it starts.
    Daemon,
    /// The release before, which has watched the updater from outside, and found this.
    Rescue(Cause),
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
    /// The operator says that a release may be sent again that failed here.
    Forgive {
        /// What the line in the audit log is called.
        attempt: AttemptId,
        /// Which release.
        digest: Digest,
    },
    /// The updater was reached from outside of it, as the release on trial, for as long as it must
    /// serve. It answers [`Effect::Await`].
    Proved,
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
    /// The operator has put in another root of trust, and it counts from now on.
    Rooted {
        /// What the line in the audit log is called.
        attempt: AttemptId,
        /// Which version it is.
        version: u64,
        /// What becomes of the floor.
        floor: Kept,
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
    /// Serve, until somebody outside has seen that. Answered by [`Event::Proved`], or by
    /// [`Event::Recover`] of whoever has seen that it does not.
    Await,
    /// Read a release again in full and run its self-check. Answered by [`Event::Checked`].
    Check(Digest),
    /// Remove everything where releases are but these, and what a process still runs.
    Collect(Vec<Digest>),
    /// Have whoever else runs from the agent's releases run the one that `current` names.
    Follow,
    /// Make a link beside a slot's own, to be given its name, unless either is the very one.
    MakeLink(Slot, Digest),
    /// Give the journal that was written its name, and its own to the one that has it.
    NameJournal,
    /// Give the link that was made its slot's name, and its own to the one that has it, unless that is
    /// the very one: so the way back needs nothing that is not there.
    NameLink(Slot, Digest),
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
    /// Have everything at hand that the attempt may need once something was changed: links beside
    /// the slots' own, which are given their names later, and room for the journal and the log. A
    /// disk that is full by then stops neither it nor the way back.
    Reserve(Vec<(Slot, Digest)>),
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
    /// Write a journal beside the one there is, over the one before that.
    WriteJournal(Box<Journal>),
}

impl Effect {
    /// Whether an event other than [`Event::Done`] answers it.
    pub fn asks(&self) -> bool {
        matches!(
            self,
            Self::Await
                | Self::Check(_)
                | Self::Pause
                | Self::Probe
                | Self::Receive
                | Self::Reexec
                | Self::Restart(_)
        )
    }
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
