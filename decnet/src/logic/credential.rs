//! How long a credential is good, and when somebody is to hear of its end.

mod table;

use std::fmt;

use crate::logic::event::Data;
use crate::logic::time::Timestamp;

pub use table::{Credential, Warns};

/// A day, in nanoseconds.
const DAY: u64 = 86_400 * 1_000_000_000;
/// What ends in so many days is replaced.
pub const RENEW_DAYS: u64 = 60;
/// From here on its end is warned of, in days.
pub const WARN_DAYS: u64 = 30;
/// From here on it is urgent.
pub const URGENT_DAYS: u64 = 7;

/// From when and until when a certificate is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

/// How a certificate stands at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has ended so many days ago.
    Ended {
        /// How many.
        days: u64,
    },
    /// It is good for so many days more.
    Good {
        /// How many.
        days: u64,
    },
    /// It is not good yet: the clock is wrong, or its maker's was.
    NotYet,
}

impl Validity {
    /// How it stands `now`.
    pub fn standing(self, now: Timestamp) -> Standing {
        if now < self.from {
            Standing::NotYet
        } else if now > self.until {
            Standing::Ended { days: (now.0 - self.until.0) / DAY }
        } else {
            Standing::Good { days: (self.until.0 - now.0) / DAY }
        }
    }

    /// Whether it is time for another: it ends soon, has ended, or is not good yet.
    pub fn is_due(self, now: Timestamp) -> bool {
        !matches!(self.standing(now), Standing::Good { days } if days > RENEW_DAYS)
    }
}

impl Standing {
    /// Whether it is good now.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Good { .. })
    }

    /// How loudly its end is to be told.
    pub fn urgency(self) -> Option<Urgency> {
        match self {
            Self::Good { days } if days > WARN_DAYS => None,
            Self::Good { days } if days > URGENT_DAYS => Some(Urgency::Soon),
            Self::Ended { .. } | Self::Good { .. } | Self::NotYet => Some(Urgency::Now),
        }
    }

    /// In one word, for events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ended { .. } => "ended",
            Self::Good { .. } => "ends",
            Self::NotYet => "not_yet_good",
        }
    }

    /// Days until its end, 0 when that is past.
    pub fn days_left(self) -> u64 {
        match self {
            Self::Good { days } => days,
            Self::Ended { .. } | Self::NotYet => 0,
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended { days: 0 } => f.write_str("ended today"),
            Self::Ended { days } => write!(f, "ended {days} d ago"),
            Self::Good { days } => write!(f, "{days} d left"),
            Self::NotYet => f.write_str("not good yet"),
        }
    }
}

/// How loudly something is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Somebody has weeks.
    Soon,
    /// Somebody must act.
    Now,
}

/// Says when the end of a credential is to be told again: once for each day that changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reminder {
    told: Option<Standing>,
}

impl Reminder {
    /// How loudly it is to be told now, if it is.
    pub fn ask(&mut self, standing: Standing) -> Option<Urgency> {
        let urgency = standing.urgency();
        if urgency.is_none() {
            self.told = None;
        }
        let urgency = urgency.filter(|_| self.told != Some(standing))?;
        self.told = Some(standing);
        Some(urgency)
    }
}

#[cfg(test)]
mod tests;
