//! Who may speak to whom: roles in certificates, fingerprints, names of nodes.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::logic::credential::Validity;

/// What a certificate lets its holder be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CertRole {
    /// A node's agent.
    Agent,
    /// The master's log listener.
    Listener,
    /// Whoever commands nodes.
    Master,
    /// A node's updater.
    Updater,
}

impl CertRole {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Agent, Self::Listener, Self::Master, Self::Updater];

    /// As the URI among a certificate's alternative names.
    pub fn uri(self) -> &'static str {
        match self {
            Self::Agent => "decnet:role:agent",
            Self::Listener => "decnet:role:listener",
            Self::Master => "decnet:role:master",
            Self::Updater => "decnet:role:updater",
        }
    }

    /// The common name of the certificate of this role on `host`.
    pub fn common_name(self, host: &NodeName) -> String {
        match self {
            Self::Updater => format!("updater@{host}"),
            Self::Agent | Self::Listener | Self::Master => host.to_string(),
        }
    }
}

/// SHA-256 of a certificate as DER.
///
/// **Shape**: as text 64 hexadecimal digits, lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(pub [u8; 32]);

/// A text that is no fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no fingerprint: it takes 64 hexadecimal digits")]
pub struct NotAFingerprint(String);

impl Fingerprint {
    /// That of a certificate.
    pub fn of(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    fn from_str(text: &str) -> Result<Self, NotAFingerprint> {
        let bad = || NotAFingerprint(text.chars().take(80).collect());
        let digit = |byte: u8| char::from(byte).to_digit(16);
        if text.len() != 64 {
            return Err(bad());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let [high, low] = pair else { return Err(bad()) };
            let value = digit(*high).zip(digit(*low)).map(|(high, low)| high * 16 + low);
            *byte = value.and_then(|value| u8::try_from(value).ok()).ok_or_else(bad)?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = NotAFingerprint;

    fn try_from(text: String) -> Result<Self, NotAFingerprint> {
        text.parse()
    }
}

impl From<Fingerprint> for String {
    fn from(print: Fingerprint) -> Self {
        print.to_string()
    }
}

/// The name of a node, which becomes a common name, a path and a row.
///
/// **Shape**: 1 to 63 of `a-z`, `0-9`, `-` and `.`, beginning and ending with a letter or a digit,
/// and no two dots in a row. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeName(Arc<str>);

/// A text that is no name for a node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no name for a node: it takes 1 to 63 of a-z, 0-9, `-` and `.`, with a letter or a \
     digit at either end"
)]
pub struct NotANodeName(String);

impl NodeName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NodeName {
    type Err = NotANodeName;

    fn from_str(text: &str) -> Result<Self, NotANodeName> {
        let solid = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        let bytes = text.as_bytes();
        let fits = (1..=63).contains(&bytes.len())
            && bytes.iter().all(|c| solid(*c) || matches!(c, b'-' | b'.'))
            && bytes.first().copied().is_some_and(solid)
            && bytes.last().copied().is_some_and(solid)
            && !text.contains("..");
        let shown = || text.chars().flat_map(char::escape_default).take(80).collect();
        if fits { Ok(Self(text.into())) } else { Err(NotANodeName(shown())) }
    }
}

impl TryFrom<String> for NodeName {
    type Error = NotANodeName;

    fn try_from(text: String) -> Result<Self, NotANodeName> {
        text.parse()
    }
}

impl From<NodeName> for String {
    fn from(name: NodeName) -> Self {
        name.0.as_ref().into()
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who is at the other end of a connection, as its certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What it may be.
    pub role: CertRole,
    /// What it is called: the common name.
    pub name: String,
    /// Which certificate.
    pub fingerprint: Fingerprint,
    /// When it is good.
    pub validity: Validity,
}

#[cfg(test)]
mod tests;
