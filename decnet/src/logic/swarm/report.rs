//! What a node says of itself, and what the master wants of it.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::said::Said;
use super::{BadField, Count, SignedNotice};
use crate::logic::config::{DeckyWish, MAX_COUNT};
use crate::logic::decky::{Decky, Identity};
use crate::logic::name::DeckyName;
use crate::logic::persona::{self, Persona};
use crate::logic::services::{self, ServiceSpec};
use crate::logic::status::{CaptureStatus, DeckyStatus};
use crate::logic::trust::Fingerprint;

/// Most deckies that a node is told to make at once.
pub(super) const MAX_DECKIES: usize = 16 * MAX_COUNT;

/// A node's network, as the node found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeNetwork {
    /// The parent NIC.
    pub interface: String,
    /// Where its deckies' IPv4 addresses are.
    pub subnet: Ipv4Net,
    /// Where their IPv6 addresses are.
    pub subnet6: Option<Ipv6Net>,
    /// The router.
    pub gateway: Option<Ipv4Addr>,
    /// What the node itself has.
    pub own: BTreeSet<IpAddr>,
}

/// How a node is: what its agent answers, and what it says by itself every few seconds. What came
/// from a node is within the bounds of [`Said`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Said")]
pub struct NodeReport {
    /// Which release its agent is of.
    pub release: String,
    /// Which start of the agent this is.
    pub boot_id: Uuid,
    /// The last order that it took; 0 before the first.
    pub generation: Count,
    /// Its network.
    pub network: NodeNetwork,
    /// Events that are not written yet.
    pub lag: Count,
    /// Changes with its deckies and their states; any 64 bits.
    pub revision: u64,
    /// Its deckies; left out where the master knows them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deckies: Option<Vec<DeckyStatus>>,
    /// What its capture has counted.
    pub capture: CaptureStatus,
    /// The number of the authority's last notice that it has heard; 0 before the first.
    #[serde(skip_serializing_if = "is_none_heard")]
    pub notice: Count,
    /// The authorities that its agent trusts.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub trusts: BTreeSet<Fingerprint>,
}

fn is_none_heard(notice: &Count) -> bool {
    *notice == Count::default()
}

/// What the master answers to a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// Whether the next report is to have the deckies.
    pub deckies: bool,
    /// The certificates that the master commands with: nodes of before the notices ask for them.
    pub masters: BTreeSet<Fingerprint>,
    /// What the authority says, when that is later than what the node has heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<SignedNotice>,
    /// Whether the agent is to ask for another certificate, though its own is good.
    #[serde(default, skip_serializing_if = "is_not_wanted")]
    pub renew: bool,
}

fn is_not_wanted(renew: &bool) -> bool {
    !renew
}

/// What the master wants a node's deckies to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Grows with each order for the node; one that is older than the last is refused.
    pub generation: Count,
    /// All deckies of the node, names unique.
    pub deckies: Vec<OrderedDecky>,
}

/// What a node keeps of an order for its next start.
pub type Deployment = Order;

/// A decky of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderedDecky {
    /// Its name.
    pub name: DeckyName,
    /// Its address.
    pub ip: Option<Ipv4Addr>,
    /// Its IPv6 address; one of the node's subnet when it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip6: Option<Ipv6Addr>,
    /// Its persona.
    #[serde(with = "persona::by_id")]
    pub persona: &'static Persona,
    /// Its services.
    pub services: Vec<ServiceSpec>,
}

impl From<DeckyWish> for OrderedDecky {
    fn from(wish: DeckyWish) -> Self {
        let DeckyWish { name, ip, ip6, persona, services, line: _ } = wish;
        Self { name, ip, ip6, persona, services }
    }
}

impl From<&Decky> for OrderedDecky {
    fn from(decky: &Decky) -> Self {
        let Identity { name, ip, ip6, persona, .. } = &decky.identity;
        let (ip, services) = (Some(*ip), decky.services.clone());
        Self { name: name.clone(), ip, ip6: *ip6, persona, services }
    }
}

impl From<OrderedDecky> for DeckyWish {
    fn from(decky: OrderedDecky) -> Self {
        let OrderedDecky { name, ip, ip6, persona, services } = decky;
        Self { name, ip, ip6, persona, services, line: 0 }
    }
}

impl Order {
    /// Checks what no type says.
    ///
    /// # Errors
    ///
    /// The first thing that cannot be.
    pub fn check(&self) -> Result<(), BadField> {
        let bad = |why: String| Err(BadField { field: "deckies", why });
        if self.deckies.len() > MAX_DECKIES {
            return bad(format!("it takes at most {MAX_DECKIES}"));
        }
        let (mut names, mut addresses) = (BTreeSet::new(), BTreeSet::new());
        for decky in &self.deckies {
            if !names.insert(&decky.name) {
                return bad(format!("the name `{}` is there twice", decky.name));
            }
            if let Some(ip) = decky.ip
                && !addresses.insert(ip)
            {
                return bad(format!("the address {ip} is there twice"));
            }
            services::check(&decky.services)
                .or_else(|why| bad(format!("`{}` {why}", decky.name)))?;
        }
        Ok(())
    }
}
