//! What a decky is: who it pretends to be, where it stands and what it offers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::logic::event::DeckyPart;
use crate::logic::mac::Mac;
use crate::logic::name::DeckyName;
use crate::logic::persona::{self, Persona};
use crate::logic::services::ServiceSpec;
use crate::logic::time::Timestamp;

/// Number of a decky on its node, unique while the agent runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeckyId(pub u32);

/// 32 secret bytes, of a node or derived from it for one decky.
///
/// Whatever of a decky must be its own and stay the same over restarts (host keys, MAC, serial
/// numbers) is derived from its secret, so there is no key file to lose.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret(pub [u8; 32]);

impl Secret {
    /// The secret that belongs to `purpose`; one never tells another.
    pub fn derive(&self, purpose: &str) -> Self {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(purpose.as_bytes());
        Self(mac.finalize().into_bytes().into())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A decky as it stands on the LAN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decky {
    /// Who it is.
    pub identity: Identity,
    /// What it offers.
    pub services: Vec<ServiceSpec>,
}

/// Who a decky is, as far as its services must know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// What the operator calls it.
    pub name: DeckyName,
    /// What it calls itself.
    pub hostname: String,
    /// What it pretends to be.
    #[serde(with = "persona::by_id")]
    pub persona: &'static Persona,
    /// Its MAC.
    pub mac: Mac,
    /// Its IPv4 address.
    pub ip: Ipv4Addr,
    /// Its IPv6 address beside the link-local one.
    pub ip6: Option<Ipv6Addr>,
    /// What its keys come from.
    pub secret: Secret,
    /// When it pretends to have been switched on.
    pub booted: Timestamp,
}

impl Identity {
    /// Its link-local IPv6 address, made of the MAC as RFC 4291 appendix A has it.
    pub fn link_local(&self) -> Ipv6Addr {
        let [a, b, c, d, e, f] = self.mac.0;
        let [x, y, z] = [
            u16::from_be_bytes([a ^ 2, b]),
            u16::from_be_bytes([c, 0xff]),
            u16::from_be_bytes([0xfe, d]),
        ];
        Ipv6Addr::new(0xfe80, 0, 0, 0, x, y, z, u16::from_be_bytes([e, f]))
    }

    /// The part of it that events carry.
    pub fn part(&self) -> DeckyPart {
        DeckyPart {
            name: self.name.clone(),
            ip: IpAddr::V4(self.ip),
            ip6: self.ip6.map(IpAddr::V6),
            mac: self.mac,
            hostname: self.hostname.clone(),
            persona: self.persona.id.into(),
        }
    }
}

#[cfg(test)]
impl Identity {
    /// A decky for tests: `files-01` of this persona, which booted at second 1,787,000,000.
    pub(crate) fn sample(persona: &'static Persona) -> Self {
        let (name, mac) = ("files-01".parse().unwrap(), persona.mac([0, 1, 2, 3]));
        Self {
            hostname: persona::hostname(persona, &name, mac),
            name,
            persona,
            mac,
            ip: [192, 168, 7, 20].into(),
            ip6: None,
            secret: Secret([7; 32]),
            booted: Timestamp(1_787_000_000_000_000_000),
        }
    }
}
