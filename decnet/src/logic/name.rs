//! Names that become paths, labels and rows, checked once.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The name of a decky.
///
/// **Shape**: 1 to 63 of `a-z`, `0-9` and `-`, not beginning or ending with `-`. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeckyName(Arc<str>);

/// A text that is no name for a decky.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no name: it takes 1 to 63 of a-z, 0-9 and `-`, and no `-` at either end")]
pub struct NotAName(String);

/// Longest name.
pub const MAX_NAME: usize = 63;

impl DeckyName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DeckyName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        let fits = (1..=MAX_NAME).contains(&text.len())
            && text.bytes().all(plain)
            && !text.starts_with('-')
            && !text.ends_with('-');
        if fits { Ok(Self(text.into())) } else { Err(NotAName(text.chars().take(80).collect())) }
    }
}

impl TryFrom<String> for DeckyName {
    type Error = NotAName;

    fn try_from(text: String) -> Result<Self, NotAName> {
        text.parse()
    }
}

impl From<DeckyName> for String {
    fn from(name: DeckyName) -> Self {
        name.0.as_ref().into()
    }
}

impl fmt::Display for DeckyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
