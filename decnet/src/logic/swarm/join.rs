//! A node that makes its own keys, and comes to the master with a token.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{BadField, Checked, Enroll};
use crate::logic::time::Timestamp;
use crate::logic::trust::{Fingerprint, NodeName};

/// Where nodes reach the master unless it is said.
pub const NODE_PORT: u16 = 8771;

/// What a token begins with.
const MARK: &str = "decnet";
/// How long a token may be good for, in seconds.
const TTL: std::ops::RangeInclusive<u64> = 60..=7 * 86_400;
/// An address for the check of a wish that leaves it open (RFC 5737).
const ANY: &str = "192.0.2.1";

/// A node that may join.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenWish {
    /// What it is to be called.
    pub name: String,
    /// Where it is reached; where it joins from when it is not said.
    #[serde(default)]
    pub address: Option<String>,
    /// Port of its agent.
    #[serde(default = "super::enroll::agent_port")]
    pub agent_port: u16,
    /// Other addresses and names of it.
    #[serde(default)]
    pub sans: Vec<String>,
    /// What is to be known of it.
    #[serde(default)]
    pub notes: String,
    /// Whether it has an updater.
    #[serde(default)]
    pub issue_updater_bundle: bool,
    /// How long the token is good, in seconds.
    #[serde(default = "ttl")]
    pub ttl_seconds: u64,
    /// Whether it is for a node that is there already, and whose certificate has ended.
    #[serde(default)]
    pub rejoin: bool,
}

fn ttl() -> u64 {
    3_600
}

impl TokenWish {
    /// The node that joins from `peer`.
    pub fn enroll(&self, peer: &str) -> Enroll {
        Enroll {
            name: self.name.clone(),
            address: self.address.clone().unwrap_or_else(|| peer.to_owned()),
            agent_port: self.agent_port,
            sans: self.sans.clone(),
            notes: self.notes.clone(),
            issue_updater_bundle: self.issue_updater_bundle,
        }
    }

    /// Checks every field.
    ///
    /// # Errors
    ///
    /// The first field that cannot be.
    pub fn check(&self) -> Result<Checked, BadField> {
        if !TTL.contains(&self.ttl_seconds) {
            let why = format!("it takes {} to {} seconds", TTL.start(), TTL.end());
            return Err(BadField { field: "ttl_seconds", why });
        }
        self.enroll(ANY).check()
    }
}

/// What lets a node join once: a secret, and which authority the master must have.
///
/// **Shape**: as text `decnet-`, 32 hexadecimal digits, `-`, and a fingerprint.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// The secret.
    pub secret: [u8; 16],
    /// The authority's certificate.
    pub authority: Fingerprint,
}

/// A text that is no token. It does not show the text, which may be most of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no whole token: `decnet swarm token` prints one on the master, beginning with `decnet-`"
)]
pub struct NotAToken;

impl JoinToken {
    /// What the master keeps of it.
    pub fn id(&self) -> Fingerprint {
        Fingerprint::of(&self.secret)
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JoinToken").field(&self.authority).finish()
    }
}

impl fmt::Display for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = u128::from_be_bytes(self.secret);
        write!(f, "{MARK}-{secret:032x}-{}", self.authority)
    }
}

impl FromStr for JoinToken {
    type Err = NotAToken;

    fn from_str(text: &str) -> Result<Self, NotAToken> {
        let parts: Vec<&str> = text.trim().split('-').collect();
        let [MARK, secret, authority] = parts.as_slice() else { return Err(NotAToken) };
        let digits = secret.len() == 32 && secret.bytes().all(|c| c.is_ascii_hexdigit());
        let secret = u128::from_str_radix(secret, 16).ok().filter(|_| digits);
        let authority = authority.parse().ok();
        let (Some(secret), Some(authority)) = (secret, authority) else { return Err(NotAToken) };
        Ok(Self { secret: secret.to_be_bytes(), authority })
    }
}

/// A token that was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Token {
    /// The token, which exists only here.
    pub token: String,
    /// Whose it is.
    pub name: NodeName,
    /// Until when it is good.
    pub expires_at: Timestamp,
    /// Where nodes reach the master: its port.
    pub node_port: u16,
}

/// What a node that joins says.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// Its token.
    pub token: String,
    /// A signing request for its agent, PEM.
    pub agent_csr_pem: String,
    /// The same for its updater.
    #[serde(default)]
    pub updater_csr_pem: Option<String>,
}

impl fmt::Debug for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join").finish_non_exhaustive()
    }
}

/// What it gets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Joined {
    /// Which it is.
    pub host_uuid: Uuid,
    /// What it is called.
    pub name: NodeName,
    /// Where the master will reach it.
    pub address: String,
    /// Port of its agent.
    pub agent_port: u16,
    /// The authority's certificate.
    pub ca_cert_pem: String,
    /// The agent's certificate.
    pub worker_cert_pem: String,
    /// The updater's, when the token is for a node with one.
    pub updater_cert_pem: Option<String>,
}

/// What a node says whose certificate ends soon.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renew {
    /// A signing request, PEM.
    pub csr_pem: String,
}

/// Which certificate an updater shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Which.
    pub fingerprint: Fingerprint,
    /// Until when it is good.
    pub until: Timestamp,
    /// The authorities that the updater trusts; none of a release that does not say.
    #[serde(default)]
    pub trusts: BTreeSet<Fingerprint>,
}

/// What it gets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Renewed {
    /// The certificate.
    pub cert_pem: String,
}

/// Where nodes reach the master.
///
/// **Shape**: as text `https://HOST[:PORT]`, no path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MasterUrl {
    /// Its address or name.
    pub host: String,
    /// Its port for nodes.
    pub port: u16,
}

/// A text that says no master.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address of a master such as https://192.0.2.1:8771")]
pub struct NotAMaster(String);

impl FromStr for MasterUrl {
    type Err = NotAMaster;

    fn from_str(text: &str) -> Result<Self, NotAMaster> {
        let bad = || NotAMaster(text.chars().flat_map(char::escape_default).take(80).collect());
        let rest = text.strip_prefix("https://").ok_or_else(bad)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        // An IPv6 address stands in brackets, and has colons of its own.
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or_else(bad)?)),
            None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map_or(Ok(NODE_PORT), str::parse).ok().filter(|port| *port != 0);
        let address = host.parse::<std::net::IpAddr>().is_ok();
        let bracketed = rest.starts_with('[');
        if !(address || !bracketed && super::enroll::is_host(host)) {
            return Err(bad());
        }
        Ok(Self { host: host.to_owned(), port: port.ok_or_else(bad)? })
    }
}

impl fmt::Display for MasterUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "https://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "https://{}:{}", self.host, self.port)
        }
    }
}

impl TryFrom<String> for MasterUrl {
    type Error = NotAMaster;

    fn try_from(text: String) -> Result<Self, NotAMaster> {
        text.parse()
    }
}

impl From<MasterUrl> for String {
    fn from(url: MasterUrl) -> Self {
        url.to_string()
    }
}
