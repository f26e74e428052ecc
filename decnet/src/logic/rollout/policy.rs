//! What an operator wants of a rollout.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Port of a node's updater.
pub const UPDATER_PORT: u16 = 8766;
/// Most nodes under way at a time.
const MOST_IN_FLIGHT: usize = 128;
/// How many are under way at a time when nothing is said.
const IN_FLIGHT: usize = 8;
/// A fleet of so many nodes has a canary when nothing is said.
const FLEET_WITH_CANARY: usize = 5;
/// How many may fail when nothing is said: so many, or a tenth.
const FAILURES: usize = 3;

/// After how many seconds a node is asked again when nothing is said.
const SOAK_S: u64 = 10;
/// The most that may be said.
const MOST_SOAK_S: u64 = 86_400;

/// Which nodes are meant.
///
/// **Shape**: `{"all": true}` or `{"host": "node-1"}`, by name or number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Selection", into = "Selection")]
pub enum Which {
    /// All but the decommissioned.
    All,
    /// This one.
    Host(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Selection {
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    all: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    host: Option<String>,
}

impl TryFrom<Selection> for Which {
    type Error = &'static str;

    fn try_from(selection: Selection) -> Result<Self, &'static str> {
        match selection {
            Selection { all: true, host: None } => Ok(Self::All),
            Selection { all: false, host: Some(host) } => Ok(Self::Host(host)),
            _ => Err("it takes exactly one of `all: true` and `host`"),
        }
    }
}

impl From<Which> for Selection {
    fn from(which: Which) -> Self {
        match which {
            Which::All => Self { all: true, host: None },
            Which::Host(host) => Self { all: false, host: Some(host) },
        }
    }
}

/// What an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// Of which nodes.
    pub hosts: Which,
    /// So many nodes must be well before others begin.
    #[serde(default)]
    pub canary: Option<usize>,
    /// So many nodes are under way at a time.
    #[serde(default)]
    pub max_in_flight: Option<usize>,
    /// So many nodes may fail.
    #[serde(default)]
    pub max_failures: Option<usize>,
    /// After so many seconds a node that has the release is asked again.
    #[serde(default)]
    pub soak_s: Option<u64>,
    /// The updaters get the release too.
    #[serde(default)]
    pub include_self: bool,
    /// Port of the updaters.
    #[serde(default = "usual_port")]
    pub updater_port: u16,
    /// A release is sent though it says that it was made later than it is now.
    #[serde(default)]
    pub allow_future: bool,
    /// Nothing is changed; it is only looked at what would be done.
    #[serde(default)]
    pub dry_run: bool,
}

fn usual_soak() -> u64 {
    SOAK_S
}

pub(super) fn usual_port() -> u16 {
    UPDATER_PORT
}

/// A policy that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPolicy {
    /// Nothing would ever begin, or too much at once.
    #[error("max_in_flight: it takes 1 to {MOST_IN_FLIGHT}")]
    InFlight,
    /// Nobody listens there.
    #[error("updater_port: it takes 1 to 65535")]
    Port,
    /// Nobody waits for that long.
    #[error("soak_s: it takes 0 to {MOST_SOAK_S}")]
    Soak,
}

/// What a rollout keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// So many nodes must be well before others begin.
    pub canary: usize,
    /// So many nodes are under way at a time, at most.
    pub max_in_flight: usize,
    /// When more nodes fail, no other begins.
    pub max_failures: usize,
    /// The updaters get the release too.
    pub include_self: bool,
    /// Port of the updaters.
    pub updater_port: u16,
    /// After so many seconds a node that has the release is asked again, and all of them after the
    /// last has it.
    #[serde(default = "usual_soak")]
    pub soak_s: u64,
}

impl Policy {
    /// After how long a node that has the release is asked again.
    pub fn soak(&self) -> Duration {
        Duration::from_secs(self.soak_s)
    }
}

impl Wish {
    /// What it is for so many nodes: what was not said depends on how many there are.
    ///
    /// # Errors
    ///
    /// [`BadPolicy`].
    pub fn policy(&self, nodes: usize) -> Result<Policy, BadPolicy> {
        let max_in_flight = self.max_in_flight.unwrap_or(IN_FLIGHT);
        if !(1..=MOST_IN_FLIGHT).contains(&max_in_flight) {
            return Err(BadPolicy::InFlight);
        }
        if self.updater_port == 0 {
            return Err(BadPolicy::Port);
        }
        let soak_s = self.soak_s.unwrap_or(SOAK_S);
        if soak_s > MOST_SOAK_S {
            return Err(BadPolicy::Soak);
        }
        Ok(Policy {
            canary: self.canary.unwrap_or(usize::from(nodes >= FLEET_WITH_CANARY)),
            max_in_flight,
            max_failures: self.max_failures.unwrap_or(FAILURES.max(nodes / 10)),
            include_self: self.include_self,
            updater_port: self.updater_port,
            soak_s,
        })
    }
}
