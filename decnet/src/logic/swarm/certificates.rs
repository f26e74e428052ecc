//! What the master knows of the certificates of a node.

use serde::{Deserialize, Serialize};

use super::Host;
use super::succession::Progress;
use crate::logic::credential::{Standing, Validity};
use crate::logic::time::Timestamp;
use crate::logic::trust::Fingerprint;

/// Which daemon of a node has a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Its agent.
    Agent,
    /// Its updater.
    Updater,
}

impl Part {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Agent, Self::Updater];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Updater => "updater",
        }
    }

    /// That of this name.
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.as_str() == text)
    }
}

/// What is known of one certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Until when it is good, as far as that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The one that was brought to its holder and not shown yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Fingerprint>,
    /// Until when its holder may have another though it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Timestamp>,
    /// How far its holder is while it is not of the authority that is to take the other's place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<Progress>,
}

impl Certificate {
    /// How it stands `now`, as far as that is known.
    pub fn standing(&self, now: Timestamp) -> Option<Standing> {
        let until = self.until?;
        Some(Validity { from: Timestamp(0), until }.standing(now))
    }

    /// Whether its holder may be taken back `now`.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.window.is_some_and(|window| now <= window)
    }
}

/// What is known of those of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificates {
    /// The agent's.
    #[serde(default)]
    pub agent: Certificate,
    /// The updater's.
    #[serde(default)]
    pub updater: Certificate,
}

impl Certificates {
    /// That of one daemon.
    pub fn of_mut(&mut self, part: Part) -> &mut Certificate {
        match part {
            Part::Agent => &mut self.agent,
            Part::Updater => &mut self.updater,
        }
    }

    /// What an operator is to see of them `now`, in short: `-` when none ends soon.
    pub fn marker(&self, now: Timestamp) -> String {
        let parts = [("agent", &self.agent), ("updater", &self.updater)];
        let shown = parts.into_iter().filter_map(|(name, certificate)| {
            let standing = certificate.standing(now).filter(|it| it.urgency().is_some());
            let open = if certificate.is_open(now) { ", may come back" } else { "" };
            let standing = standing.map(|standing| format!("{standing}{open}"));
            let behind = certificate.behind.map(|_| "of the old authority".to_owned());
            let both: Vec<String> = standing.into_iter().chain(behind).collect();
            (!both.is_empty()).then(|| format!("{name}: {}", both.join(", ")))
        });
        let shown: Vec<String> = shown.collect();
        if shown.is_empty() { "-".to_owned() } else { shown.join("; ") }
    }
}

/// A node as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The node.
    #[serde(flatten)]
    pub host: Host,
    /// Its certificates.
    #[serde(default)]
    pub certificates: Certificates,
}

#[cfg(test)]
mod tests;
