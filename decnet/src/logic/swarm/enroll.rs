//! A node gets its certificates from an operator's hands.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::logic::trust::{Fingerprint, NodeName};

/// Most other names of a node.
const MAX_SANS: usize = 32;
/// Most bytes of notes.
const MAX_NOTES: usize = 4_096;

/// A node to enrol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enroll {
    /// What it is to be called.
    pub name: String,
    /// Where it is reached.
    pub address: String,
    /// Port of its agent.
    #[serde(default = "agent_port")]
    pub agent_port: u16,
    /// Other addresses and names of it.
    #[serde(default)]
    pub sans: Vec<String>,
    /// What is to be known of it.
    #[serde(default)]
    pub notes: String,
    /// Whether it has an updater, which needs a certificate of its own.
    #[serde(default)]
    pub issue_updater_bundle: bool,
}

pub(super) fn agent_port() -> u16 {
    8765
}

/// A wish to enrol that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// What it is to be called.
    pub name: NodeName,
    /// Addresses of it.
    pub addresses: Vec<IpAddr>,
    /// Names of it besides its own.
    pub names: Vec<String>,
}

/// A field of a request that cannot be, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct BadField {
    /// Which.
    pub field: &'static str,
    /// Why.
    pub why: String,
}

impl Enroll {
    /// Checks every field before any becomes a path, a name in a certificate or a row.
    ///
    /// # Errors
    ///
    /// The first field that cannot be.
    pub fn check(&self) -> Result<Checked, BadField> {
        let bad = |field, why: String| BadField { field, why };
        let name: NodeName = self.name.parse().map_err(|error| bad("name", format!("{error}")))?;
        if self.agent_port == 0 {
            return Err(bad("agent_port", "it takes 1 to 65535".to_owned()));
        }
        if self.sans.len() > MAX_SANS {
            return Err(bad("sans", format!("it takes at most {MAX_SANS}")));
        }
        if self.notes.len() > MAX_NOTES || self.notes.contains('\0') {
            return Err(bad("notes", format!("it takes at most {MAX_NOTES} bytes of text")));
        }
        let mut checked = Checked { name, addresses: Vec::new(), names: Vec::new() };
        let address = [("address", &self.address)];
        for (field, text) in address.into_iter().chain(self.sans.iter().map(|san| ("sans", san))) {
            if let Ok(ip) = text.parse() {
                checked.addresses.push(ip);
            } else if is_host(text) {
                checked.names.push(text.clone());
            } else {
                let shown: String = text.chars().flat_map(char::escape_default).take(80).collect();
                return Err(bad(field, format!("`{shown}` is neither an address nor a name")));
            }
        }
        Ok(checked)
    }
}

/// Whether a text can be the DNS name of a host (RFC 1123, section 2.1).
pub(super) fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // What looks like numbers with dots is an address that is none.
    let numbers = text.bytes().all(|c| c.is_ascii_digit() || c == b'.');
    text.len() <= 253 && !numbers && text.split('.').all(label)
}

/// A node that was enrolled, with what exists only in this answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enrolled {
    /// Which.
    pub host_uuid: Uuid,
    /// What it is called.
    pub name: NodeName,
    /// Where it is reached.
    pub address: String,
    /// Port of its agent.
    pub agent_port: u16,
    /// The certificate of its agent.
    pub fingerprint: Fingerprint,
    /// The authority's certificate.
    pub ca_cert_pem: String,
    /// The agent's certificate.
    pub worker_cert_pem: String,
    /// And its key.
    pub worker_key_pem: String,
    /// The same for the updater, when it was asked for.
    pub updater: Option<UpdaterBundle>,
}

/// What an updater is known by.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UpdaterBundle {
    /// Its certificate.
    pub fingerprint: Fingerprint,
    /// The certificate.
    pub updater_cert_pem: String,
    /// And its key.
    pub updater_key_pem: String,
}
