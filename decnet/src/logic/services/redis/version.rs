//! Which Redis it is, and what may be set of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What can be set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Password that clients must give (`requirepass`); everyone is let in unless set.
    pub password: Option<Arc<str>>,
    /// Version it calls itself, the persona's unless set.
    pub version: Option<VersionName>,
}

/// A version as text.
///
/// **Shape**: two to four numbers with dots between, such as `7.0.15`; at most 16 characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VersionName(Arc<str>);

/// A text that is no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no version: it takes two to four numbers with dots between")]
pub struct BadVersion(String);

impl VersionName {
    /// The version as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for VersionName {
    type Error = BadVersion;

    fn try_from(text: String) -> Result<Self, BadVersion> {
        let numbers = text.split('.');
        let count = numbers.clone().count();
        let numeric = |part: &str| part.parse::<u8>().is_ok();
        if text.len() <= 16 && (2..=4).contains(&count) && numbers.into_iter().all(numeric) {
            Ok(Self(text.into()))
        } else {
            Err(BadVersion(text.chars().take(80).collect()))
        }
    }
}

impl From<VersionName> for String {
    fn from(name: VersionName) -> Self {
        name.0.as_ref().into()
    }
}

/// A version to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    pub(super) major: u8,
    pub(super) minor: u8,
    pub(super) patch: u8,
}

impl Version {
    /// The version that `text` names; what is no number counts as 0.
    pub(super) fn of(text: &str) -> Self {
        let mut numbers = text.split('.').map(|part| part.parse().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        Self { major: next(), minor: next(), patch: next() }
    }

    /// Whether users and their rights are known, as from 6.0 on.
    pub(super) fn has_users(self) -> bool {
        self.major >= 6
    }
}
