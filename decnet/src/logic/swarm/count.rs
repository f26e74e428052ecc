//! Numbers that a peer says.

use serde::{Deserialize, Serialize};

/// A number that came from a peer, or goes to one.
///
/// **Shape**: 0 to 2^53 - 1, so that JSON, SQLite and sums of a few of them hold it exactly.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "u64", into = "u64")]
pub struct Count(u64);

/// A number that is none of those.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the number {0} is larger than 9007199254740991")]
pub struct TooLarge(u64);

impl Count {
    /// The largest.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// `number`, or the largest when it is larger.
    pub fn capped(number: u64) -> Self {
        Self(number.min(Self::MAX.0))
    }

    /// What is in a column of SQLite's: nothing below 0 was ever written there.
    pub fn kept(number: i64) -> Self {
        Self::capped(u64::try_from(number).unwrap_or(0))
    }

    /// The sum of many, or the largest.
    pub fn sum(numbers: impl IntoIterator<Item = u64>) -> Self {
        Self::capped(numbers.into_iter().fold(0, u64::saturating_add))
    }

    /// The one after it; none comes after the largest.
    #[must_use]
    pub fn next(self) -> Self {
        Self::capped(self.0.saturating_add(1))
    }

    /// As a number.
    pub fn number(self) -> u64 {
        self.0
    }

    /// For a column of SQLite's.
    pub fn column(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
}

impl TryFrom<u64> for Count {
    type Error = TooLarge;

    fn try_from(number: u64) -> Result<Self, TooLarge> {
        if number <= Self::MAX.0 { Ok(Self(number)) } else { Err(TooLarge(number)) }
    }
}

impl From<Count> for u64 {
    fn from(count: Count) -> Self {
        count.0
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
