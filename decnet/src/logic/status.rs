//! What a node says of itself: its deckies and what its capture has counted.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::logic::decky::Decky;
use crate::logic::mac::Mac;
use crate::logic::name::DeckyName;

/// The state of a node, as `decnet status --json` prints it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Every decky that was asked for.
    pub deckies: Vec<DeckyStatus>,
    /// What was captured.
    pub capture: CaptureStatus,
}

/// A decky.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeckyStatus {
    /// Its name.
    pub name: DeckyName,
    /// Its IPv4 address.
    pub ip: IpAddr,
    /// Its IPv6 address, when it has one beside the link-local.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip6: Option<IpAddr>,
    /// Its MAC.
    pub mac: Mac,
    /// The hostname it shows.
    pub hostname: String,
    /// Its persona.
    pub persona: String,
    /// Its services by name.
    pub services: Vec<String>,
    /// How far it has come.
    pub state: DeckyState,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The address that it cannot have because another machine does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<IpAddr>,
}

impl DeckyStatus {
    /// A decky that has come so far, and of which nothing is wrong.
    pub fn of(decky: &Decky, state: DeckyState) -> Self {
        let identity = &decky.identity;
        Self {
            name: identity.name.clone(),
            ip: identity.ip.into(),
            ip6: identity.ip6.map(Into::into),
            mac: identity.mac,
            hostname: identity.hostname.clone(),
            persona: identity.persona.id.to_owned(),
            services: decky.services.iter().map(|service| service.kind().to_string()).collect(),
            state,
            error: None,
            conflict: None,
        }
    }
}

/// How many deckies there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// That were asked for.
    pub wanted: usize,
    /// That answer.
    pub up: usize,
    /// That cannot be had.
    pub failed: usize,
}

impl Counts {
    /// One line for a person, with how many visitors are followed.
    pub fn line(self, visitors: usize) -> String {
        let Self { wanted, up, failed } = self;
        let noun = |count, one: &'static str, many| if count == 1 { one } else { many };
        let up = if up + failed == wanted {
            format!("{} {} up", grouped(up), noun(up, "decky", "deckies"))
        } else {
            let noun = noun(wanted, "decky", "deckies");
            format!("{} of {} {noun} up", grouped(up), grouped(wanted))
        };
        let visitor = noun(visitors, "visitor", "visitors");
        format!("{up}, {} failed; {} {visitor}", grouped(failed), grouped(visitors))
    }
}

/// A number as people write it: `1,024`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How far a decky has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeckyState {
    /// It cannot be had; the status says why.
    Failed,
    /// It is being made.
    Starting,
    /// It answers.
    Up,
}

impl DeckyState {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Starting => "starting",
            Self::Up => "up",
        }
    }
}

/// The counters of the capture, all in packets since it began.
///
/// Invariant: `seen = aggregated + submitted + the sum of drops`, and `read = submitted` once the
/// reader has caught up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptureStatus {
    /// Addressed to a decky.
    pub seen: u64,
    /// Sent to the reader one by one.
    pub submitted: u64,
    /// Counted with others of their kind.
    pub aggregated: u64,
    /// Lost, by reason.
    pub drops: BTreeMap<String, u64>,
    /// Taken by the reader.
    pub read: u64,
    /// Frames of deckies under capture: `seen = submitted + drops` holds for them by themselves.
    pub copies: CopyStatus,
    /// Frames that a decky was kept from sending.
    pub guarded: u64,
}

/// The counters of captures on request, in frames.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyStatus {
    /// Of deckies under capture.
    pub seen: u64,
    /// Sent to the reader.
    pub submitted: u64,
    /// Lost, by reason.
    pub drops: BTreeMap<String, u64>,
}

#[cfg(test)]
mod tests;
