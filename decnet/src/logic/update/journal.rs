//! The one small file that says what is being done, so that whoever starts next can end it.
//!
//! ```text
//! decnet-journal 1 <sha256 of the rest>\n
//! <JSON>, spaces up to a multiple of 16 KiB, \n
//! ```
//!
//! Every journal takes the same room, so that one can be written over another on a disk that is full.

use serde::{Deserialize, Serialize};

use super::audit::Record;
use super::event::{AttemptId, Effect, Kind, Observed};
use super::health::Health;
use super::outcome::{Cause, Outcome};
use crate::logic::release::{Component, Digest, Floor, Identity};

/// What the file begins with.
const MAGIC: &str = "decnet-journal 1 ";
/// Bytes of which a journal takes a multiple: of all but the strangest, one.
pub const ROOM: usize = 16 * 1024;
/// Most bytes of a journal.
const MAX_JOURNAL: usize = 64 * 1024;
/// Releases that are remembered as bad; the oldest is forgotten for one more.
const MAX_QUARANTINE: usize = 16;

/// What is being attempted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// Which attempt.
    pub id: AttemptId,
    /// What it is.
    pub kind: Kind,
    /// To which release.
    pub to: Identity,
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// Nothing is being done.
    Idle,
    /// The release before is put back.
    Reversal {
        /// What was attempted.
        attempt: Attempt,
        /// Why it is taken back.
        cause: Cause,
        /// How often the release before could not be started.
        #[serde(skip)]
        refusals: u32,
        /// Whether something could not be done on the way: the link and the start go first then, and
        /// what is written follows when the release before is well.
        #[serde(skip)]
        is_hindered: bool,
        /// How the release before is.
        #[serde(skip)]
        health: Option<Health>,
    },
    /// It is decided; links, other releases and the audit log follow.
    Settling {
        /// What was attempted.
        attempt: Attempt,
        /// How it ended.
        outcome: Outcome,
        /// All is done, and that is being saved.
        #[serde(skip)]
        is_over: bool,
    },
    /// The release is brought here. Nothing names it.
    Staging {
        /// What is attempted.
        attempt: Attempt,
        /// What is done when everything is at hand that the attempt may need; nothing is written
        /// down before.
        #[serde(skip)]
        next: Option<Effect>,
    },
    /// Something was decided without an attempt, and the audit log is to say it.
    Telling {
        /// What it says.
        record: Box<Record>,
        /// How it was before, as long as nothing is known to be written.
        #[serde(skip)]
        before: Option<Box<Journal>>,
        /// All is done, and that is being saved.
        #[serde(skip)]
        is_over: bool,
    },
    /// `current` names it, or is about to, and it must prove itself.
    Trial {
        /// What is attempted.
        attempt: Attempt,
        /// How often it was started.
        tries: u32,
        /// How it is.
        #[serde(skip)]
        health: Option<Health>,
    },
}

impl Phase {
    /// What is under way.
    pub fn attempt(&self) -> Option<&Attempt> {
        match self {
            Self::Idle | Self::Telling { .. } => None,
            Self::Reversal { attempt, .. }
            | Self::Settling { attempt, .. }
            | Self::Staging { attempt, .. }
            | Self::Trial { attempt, .. } => Some(attempt),
        }
    }

    /// That of an attempt that is taken back from now on.
    pub(super) fn taken_back(attempt: Attempt, cause: Cause) -> Self {
        Self::Reversal { attempt, cause, refusals: 0, is_hindered: false, health: None }
    }

    /// As messages say it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Idle => "that is not under way",
            Self::Reversal { .. } => "that is being taken back",
            Self::Settling { .. } => "that is being settled",
            Self::Staging { .. } => "that is being staged",
            Self::Telling { .. } => "that is being told",
            Self::Trial { .. } => "on trial",
        }
    }
}

/// What is known of the releases of one component, and what is being done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// Whose releases.
    pub component: Component,
    /// The last that proved itself: `current` names it unless one is on trial.
    pub current: Option<Identity>,
    /// The one before, which proved itself too: `prev` names it.
    pub prev: Option<Identity>,
    /// Nothing below it is installed.
    pub floor: Floor,
    /// Releases that failed here.
    pub quarantine: Vec<Digest>,
    /// What is being done.
    pub phase: Phase,
}

/// A journal that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// It is of another version of decnet.
    #[error("it does not begin with `{MAGIC}`")]
    Magic,
    /// Its sum is right, and what it says is nothing that we know.
    #[error("it cannot be understood: {0}")]
    Text(String),
    /// It is cut, torn or changed.
    #[error("it is damaged: its sum is wrong")]
    Torn,
}

impl Journal {
    /// That of a machine without releases.
    pub fn new(component: Component) -> Self {
        Self {
            component,
            current: None,
            prev: None,
            floor: Floor::default(),
            quarantine: Vec::new(),
            phase: Phase::Idle,
        }
    }

    /// That of a machine whose journal was lost: what the links name is taken as proved.
    pub fn adopt(component: Component, observed: &Observed) -> Self {
        let current = observed.find(observed.current).cloned();
        let prev = observed.find(observed.prev).cloned();
        let both = [&current, &prev].into_iter().flatten();
        let floor = both.fold(Floor::default(), Floor::raised);
        Self { current, prev, floor, ..Self::new(component) }
    }

    /// As it is written.
    pub fn bytes(&self) -> Vec<u8> {
        let mut body = serde_json::to_vec(self).expect("every part has a form in JSON");
        let length = MAGIC.len() + 64 + 1 + body.len() + 1;
        body.resize(body.len() + length.next_multiple_of(ROOM) - length, b' ');
        body.push(b'\n');
        let mut bytes = format!("{MAGIC}{}\n", Digest::of(&body)).into_bytes();
        bytes.append(&mut body);
        bytes
    }

    /// Reads one.
    ///
    /// # Errors
    ///
    /// [`JournalError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, JournalError> {
        let rest = bytes.strip_prefix(MAGIC.as_bytes()).ok_or(JournalError::Magic)?;
        let (sum, body) = rest.split_at_checked(64).ok_or(JournalError::Torn)?;
        let body = body.strip_prefix(b"\n").ok_or(JournalError::Torn)?;
        let is_whole = body.len() <= MAX_JOURNAL && Digest::of(body).to_string().as_bytes() == sum;
        if !is_whole {
            return Err(JournalError::Torn);
        }
        serde_json::from_slice(body).map_err(|error| JournalError::Text(error.to_string()))
    }

    /// Whether a release has failed here.
    pub fn is_quarantined(&self, digest: Digest) -> bool {
        self.quarantine.contains(&digest)
    }

    pub(super) fn condemn(&mut self, digest: Digest) {
        if !self.is_quarantined(digest) {
            self.quarantine.push(digest);
        }
        let over = self.quarantine.len().saturating_sub(MAX_QUARANTINE);
        self.quarantine.drain(..over);
        // What failed is nothing to go back to.
        self.prev.take_if(|prev| prev.digest == digest);
    }

    /// Takes back that a release has failed here.
    pub(super) fn pardon(&mut self, digest: Digest) {
        self.quarantine.retain(|condemned| *condemned != digest);
    }

    /// The releases that stay.
    pub(super) fn kept(&self) -> Vec<Digest> {
        [&self.current, &self.prev].into_iter().flatten().map(|release| release.digest).collect()
    }
}
