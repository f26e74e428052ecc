//! Which kernels carry deckies.

use serde::{Deserialize, Serialize};

/// A kernel's version: its first two numbers, with a dot between them as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(pub u32, pub u32);

impl Version {
    /// That of a release such as `6.1.0-37-amd64`; 0 for numbers that are not there.
    pub fn of(release: &str) -> Self {
        let mut numbers = release.split(['.', '-', '+']).map_while(|part| part.parse().ok());
        Self(numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
    }
}

impl TryFrom<String> for Version {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let version = Self::of(&text);
        let bad = || "a kernel's version is two numbers with a dot between them".to_owned();
        if version.to_string() == text { Ok(version) } else { Err(bad()) }
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

/// First kernel on which the agent's two capabilities suffice to use pinned programs.
pub const OLDEST: Version = Version(5, 19);

/// First kernel with tcx.
pub const TCX: Version = Version(6, 6);

/// A kernel on which deckies cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this machine runs Linux {release}, and deckies need {oldest} or newer: boot a newer kernel, or use \
     another machine",
    oldest = OLDEST
)]
pub struct TooOld {
    release: String,
}

/// The version in a release such as `6.1.0-37-amd64`.
///
/// # Errors
///
/// [`TooOld`] when it is before [`OLDEST`]; so is a release that does not begin with two numbers.
pub fn check(release: &str) -> Result<Version, TooOld> {
    let version = Version::of(release);
    if version < OLDEST { Err(TooOld { release: release.to_owned() }) } else { Ok(version) }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests;
