//! What the master knows of its nodes, what its operators ask of it, and what nodes and master say
//! to each other.

mod certificates;
mod count;
mod enroll;
mod join;
mod notice;
mod report;
mod said;
pub mod spread;
pub mod succession;

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::logic::name::DeckyName;
use crate::logic::status::{DeckyState, DeckyStatus};
use crate::logic::time::Timestamp;
use crate::logic::trust::{Fingerprint, NodeName};

pub use certificates::{Certificate, Certificates, Listed, Part};
pub use count::{Count, TooLarge};
pub use enroll::{BadField, Checked, Enroll, Enrolled, UpdaterBundle};
pub use join::{
    Join, JoinToken, Joined, MasterUrl, NODE_PORT, NotAMaster, NotAToken, Renew, Renewed, Shown,
    Token, TokenWish,
};
pub use notice::{
    MAX_AUTHORITIES, MAX_NOTICE, MAX_PLACES, MAX_REVOKED, MasterCert, Notice, SignedNotice, Trust,
};
pub use report::{Deployment, Heard, NodeNetwork, NodeReport, Order, OrderedDecky};
pub use said::{ADDRESSES, AUTHORITIES, Said, is_name, sentence};

/// What the master's certificate is for: nodes know it by this, wherever it is reached.
pub const MASTER: &str = "master";
/// By this header the master says at which port nodes reach it.
pub const NODE_PORT_HEADER: &str = "decnet-node-port";
/// How often a node says how it is, in seconds.
pub const BEAT_SECONDS: u64 = 10;

/// How a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HostStatus {
    /// It answered when it was last asked.
    Active,
    /// It is no part of the fleet any more.
    Decommissioned,
    /// It was never asked.
    Enrolled,
    /// It did not answer when it was last asked.
    Unreachable,
}

impl HostStatus {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Decommissioned => "decommissioned",
            Self::Enrolled => "enrolled",
            Self::Unreachable => "unreachable",
        }
    }

    /// That of this name.
    pub fn find(text: &str) -> Option<Self> {
        let all = [Self::Active, Self::Decommissioned, Self::Enrolled, Self::Unreachable];
        all.into_iter().find(|status| status.as_str() == text)
    }
}

/// A node as the master knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Which.
    pub host_uuid: Uuid,
    /// What it is called.
    pub name: NodeName,
    /// Where it is reached.
    pub address: String,
    /// Port of its agent.
    pub agent_port: u16,
    /// Other addresses and names of it.
    pub sans: Vec<String>,
    /// What the operator wrote of it.
    pub notes: String,
    /// How it is.
    pub status: HostStatus,
    /// The release that its agent said last.
    pub release: Option<String>,
    /// The certificate of its agent.
    pub client_cert_fingerprint: Fingerprint,
    /// The one that takes its place with its first use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cert_fingerprint: Option<Fingerprint>,
    /// The certificate of its updater.
    pub updater_cert_fingerprint: Option<Fingerprint>,
    /// When it was enrolled.
    pub enrolled_at: Timestamp,
    /// When it answered last.
    pub last_seen: Option<Timestamp>,
    /// The address that it spoke from last by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_from: Option<String>,
    /// An address other than that of its enrolment, at which it has shown its certificate: it is
    /// reached there first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached_at: Option<String>,
    /// What it said last of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<HostReport>,
    /// What of the master's record of it cannot be read; something else stands in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damaged: Option<String>,
}

impl Host {
    /// Where it is reached, the likeliest place first.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.reached_at.iter().chain([&self.address]).map(String::as_str)
    }
}

/// What a node said last of itself, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostReport {
    /// Which start of its agent that was.
    pub boot_id: String,
    /// The order that it had taken.
    pub generation: Count,
    /// The order that it is to take, when there ever was one.
    pub wanted: Option<Count>,
    /// Events that it had not written.
    pub lag: Count,
    /// Packets that its capture had lost.
    pub drops: Count,
    /// How many deckies it had.
    pub deckies: Count,
}

/// What came of asking a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Which.
    pub host_uuid: Uuid,
    /// What it is called.
    pub host_name: NodeName,
    /// Whether it did what it was asked for.
    pub ok: bool,
    /// What it said, or why it did not answer.
    pub detail: String,
    /// What came of each of its deckies, where that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deckies: Vec<DeckyStatus>,
}

impl Outcome {
    /// What `host` said, or why it did not.
    pub fn of(host: &Host, ok: bool, detail: String) -> Self {
        let (host_uuid, host_name) = (host.host_uuid, host.name.clone());
        Self { host_uuid, host_name, ok, detail, deckies: Vec::new() }
    }

    /// What became of the deckies of `host`: it is well when all are up.
    pub fn deployed(host: &Host, answer: Result<NodeReport, impl fmt::Display>) -> Self {
        let deckies = match answer {
            Ok(report) => report.deckies.unwrap_or_default(),
            // With everything that led to it.
            Err(error) => return Self::of(host, false, format!("{error:#}")),
        };
        let up = deckies.iter().filter(|decky| decky.state == DeckyState::Up).count();
        let mut detail = format!("{up} up");
        for decky in deckies.iter().filter(|decky| decky.state != DeckyState::Up) {
            let why = decky.error.as_deref().unwrap_or(decky.state.as_str());
            detail.push_str(&format!("; {}: {why}", decky.name));
        }
        let ok = up == deckies.len();
        Self { deckies, ..Self::of(host, ok, detail) }
    }
}

/// What the operator asks of nodes, or of all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deploy {
    /// The text of a configuration file.
    pub config: String,
    /// Over which nodes, by name or number; over all when none is named.
    #[serde(default)]
    pub hosts: Vec<String>,
}

/// What the operator wants to be taken away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Teardown {
    /// Which decky; all when it is not said.
    #[serde(default)]
    pub decky: Option<DeckyName>,
    /// From which nodes, by name or number; from all when none is named.
    #[serde(default)]
    pub hosts: Vec<String>,
}

/// A decky of the fleet, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetDecky {
    /// The node's number.
    pub host_uuid: Uuid,
    /// The node's name.
    pub host_name: NodeName,
    /// How the node is.
    pub host_status: HostStatus,
    /// The decky, as the node said last.
    #[serde(flatten)]
    pub decky: DeckyStatus,
}

/// How the master gets another key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MasterRenewal {
    /// Whether the one before is good no more from now on.
    #[serde(default)]
    pub revoke: bool,
}

/// Where the master is reached from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveMaster {
    /// The likeliest first.
    pub places: Vec<MasterUrl>,
}

/// What came of asking several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    /// One each.
    pub results: Vec<Outcome>,
}

#[cfg(test)]
mod tests;
