//! Where deckies stand: each gets an address, a MAC and a hostname of its own.
//!
//! Which addresses answer on the LAN is found out between the two steps: [`Placement::candidates`]
//! says what to probe, [`Placement::probed`] takes the answers, and once nothing is left to probe
//! [`Placement::finish`] gives the deckies.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use crate::logic::config::DeckyWish;
use crate::logic::decky::{Decky, Identity, Secret};
use crate::logic::mac::Mac;
use crate::logic::name::DeckyName;
use crate::logic::persona::hostname;
use crate::logic::time::Timestamp;

/// The network that the deckies stand on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// The parent NIC.
    pub interface: String,
    /// Where the IPv4 addresses are.
    pub subnet: Ipv4Net,
    /// Where the IPv6 addresses are.
    pub subnet6: Option<Ipv6Net>,
    /// The router for visitors from elsewhere.
    pub gateway: Option<Ipv4Addr>,
    /// What the node itself has.
    pub own: BTreeSet<IpAddr>,
}

/// What a node's deckies are made from, and stays the same for the node's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSeed {
    /// What every decky's secret is derived from.
    pub secret: Secret,
    /// When the node was set up; its deckies have been running for longer.
    pub made: Timestamp,
}

/// Why a decky has no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// Another machine has the address.
    #[error("the address {ip} of decky `{name}` is in use by {mac}")]
    InUse {
        /// Whose.
        name: DeckyName,
        /// Which.
        ip: IpAddr,
        /// The holder's.
        mac: Mac,
    },
    /// The address is none for a machine of the subnet.
    #[error("the address {ip} of decky `{name}` {why}")]
    Misplaced {
        /// Whose.
        name: DeckyName,
        /// Which.
        ip: IpAddr,
        /// Why not.
        why: String,
    },
    /// There are more deckies than addresses.
    #[error(
        "the subnet {subnet} is full: {placed} of {wanted} deckies have an address; ask for fewer, or \
         say another `subnet` in [network]"
    )]
    Full {
        /// Which.
        subnet: Ipv4Net,
        /// Deckies that have one.
        placed: usize,
        /// Deckies that were asked for.
        wanted: usize,
    },
    /// Two deckies would call themselves the same.
    #[error("the deckies `{first}` and `{second}` would both be called {hostname}")]
    SameHostname {
        /// One.
        first: DeckyName,
        /// The other.
        second: DeckyName,
        /// As what.
        hostname: String,
    },
}

impl PlaceError {
    /// The decky without which the others could be placed.
    pub fn decky(&self) -> Option<&DeckyName> {
        match self {
            Self::InUse { name, .. } | Self::Misplaced { name, .. } => Some(name),
            Self::SameHostname { second, .. } => Some(second),
            Self::Full { .. } => None,
        }
    }
}

/// Who a decky would be, had it a place.
pub fn without_place(network: &Network, wish: &DeckyWish, node: &NodeSeed) -> Identity {
    let ip = wish.ip.unwrap_or(Ipv4Addr::UNSPECIFIED);
    identity(network, wish, ip, node, &mut BTreeSet::new())
}

/// Deckies on their way to an address.
#[derive(Debug)]
pub struct Placement<'a> {
    network: &'a Network,
    wishes: &'a [DeckyWish],
    /// The address of each, so far; probed when it is in `free`.
    chosen: Vec<Option<Ipv4Addr>>,
    free: BTreeSet<IpAddr>,
    /// Addresses not to be given out.
    taken: BTreeSet<Ipv4Addr>,
    node: &'a NodeSeed,
    /// The lowest address that was not looked at.
    next: u32,
}

impl<'a> Placement<'a> {
    /// Begins to place `wishes`. A decky that asks for no address gets the one it had `before`, if
    /// that is still free.
    ///
    /// # Errors
    ///
    /// [`PlaceError::Misplaced`] when an address was asked for that is none for a decky.
    pub fn new(
        network: &'a Network,
        wishes: &'a [DeckyWish],
        before: &BTreeMap<DeckyName, Ipv4Addr>,
        node: &'a NodeSeed,
    ) -> Result<Self, PlaceError> {
        let mut taken: BTreeSet<Ipv4Addr> = network.own.iter().filter_map(only_v4).collect();
        taken.extend([network.subnet.network(), network.subnet.broadcast()]);
        taken.extend(network.gateway);
        for wish in wishes {
            let Some(ip) = wish.ip else { continue };
            if let Some(why) = unfit(network, &taken, ip) {
                return Err(PlaceError::Misplaced { name: wish.name.clone(), ip: ip.into(), why });
            }
        }
        taken.extend(wishes.iter().filter_map(|wish| wish.ip));
        let mut chosen = Vec::with_capacity(wishes.len());
        for wish in wishes {
            let kept = before
                .get(&wish.name)
                .copied()
                .filter(|ip| network.subnet.contains(ip) && wish.ip.is_none() && taken.insert(*ip));
            chosen.push(wish.ip.or(kept));
        }
        let next = u32::from(network.subnet.network());
        Ok(Self { network, wishes, chosen, free: BTreeSet::new(), taken, node, next })
    }

    /// The addresses to probe next, with the MAC that each would have; none when all are free.
    ///
    /// # Errors
    ///
    /// [`PlaceError::Full`] when there are no more.
    pub fn candidates(&mut self) -> Result<Vec<(IpAddr, Mac)>, PlaceError> {
        for index in 0..self.chosen.len() {
            if self.chosen.get(index).is_some_and(Option::is_none) {
                let ip = self.next_address().ok_or_else(|| self.full())?;
                if let Some(slot) = self.chosen.get_mut(index) {
                    *slot = Some(ip);
                }
            }
        }
        let mut unknown = Vec::new();
        for (identity, _) in self.identities() {
            let own = [Some(IpAddr::V4(identity.ip)), identity.ip6.map(IpAddr::V6)];
            let link_local = Some(IpAddr::V6(identity.link_local()));
            for ip in own.into_iter().chain([link_local]).flatten() {
                if !self.free.contains(&ip) {
                    unknown.push((ip, identity.mac));
                }
            }
        }
        Ok(unknown)
    }

    /// Takes what the probe of `candidates` found: who answered for which address.
    ///
    /// # Errors
    ///
    /// [`PlaceError::InUse`] when an address that was asked for has a holder.
    pub fn probed(
        &mut self,
        candidates: &[(IpAddr, Mac)],
        holders: &BTreeMap<IpAddr, Mac>,
    ) -> Result<(), PlaceError> {
        self.free
            .extend(candidates.iter().map(|(ip, _)| *ip).filter(|ip| !holders.contains_key(ip)));
        let identities: Vec<Identity> = self.identities().map(|(identity, _)| identity).collect();
        for (index, identity) in identities.into_iter().enumerate() {
            let wish = self.wishes.get(index).expect("one identity for each wish");
            let other = [identity.ip6.map(IpAddr::V6), Some(IpAddr::V6(identity.link_local()))];
            for ip in other.into_iter().flatten() {
                if let Some(mac) = holders.get(&ip) {
                    return Err(PlaceError::InUse { name: identity.name, ip, mac: *mac });
                }
            }
            let Some(mac) = holders.get(&IpAddr::V4(identity.ip)) else { continue };
            if wish.ip.is_some() {
                let ip = identity.ip.into();
                return Err(PlaceError::InUse { name: identity.name, ip, mac: *mac });
            }
            if let Some(slot) = self.chosen.get_mut(index) {
                *slot = None;
            }
        }
        Ok(())
    }

    /// The deckies, each in its place.
    ///
    /// # Errors
    ///
    /// [`PlaceError::SameHostname`] when two would call themselves the same.
    pub fn finish(self) -> Result<Vec<Decky>, PlaceError> {
        let mut names: BTreeMap<String, DeckyName> = BTreeMap::new();
        let mut deckies = Vec::with_capacity(self.wishes.len());
        for (identity, wish) in self.identities() {
            let (hostname, second) = (identity.hostname.clone(), identity.name.clone());
            if let Some(first) = names.insert(hostname.clone(), second.clone()) {
                return Err(PlaceError::SameHostname { first, second, hostname });
            }
            deckies.push(Decky { identity, services: wish.services.clone() });
        }
        Ok(deckies)
    }

    /// Every decky as it is so far, in the order of the wishes.
    fn identities(&self) -> impl Iterator<Item = (Identity, &'a DeckyWish)> {
        let mut macs = BTreeSet::new();
        let wishes: &'a [DeckyWish] = self.wishes;
        wishes.iter().zip(&self.chosen).map(move |(wish, ip)| {
            let ip = ip.unwrap_or(Ipv4Addr::UNSPECIFIED);
            (identity(self.network, wish, ip, self.node, &mut macs), wish)
        })
    }

    fn next_address(&mut self) -> Option<Ipv4Addr> {
        loop {
            self.next = self.next.checked_add(1)?;
            let ip = Ipv4Addr::from(self.next);
            if !self.network.subnet.contains(&ip) {
                return None;
            }
            if self.taken.insert(ip) {
                return Some(ip);
            }
        }
    }

    fn full(&self) -> PlaceError {
        PlaceError::Full {
            subnet: self.network.subnet,
            placed: self.chosen.iter().flatten().count(),
            wanted: self.wishes.len(),
        }
    }
}

fn only_v4(ip: &IpAddr) -> Option<Ipv4Addr> {
    match ip {
        IpAddr::V4(ip) => Some(*ip),
        IpAddr::V6(_) => None,
    }
}

/// Why `ip` is no address for a decky.
fn unfit(network: &Network, taken: &BTreeSet<Ipv4Addr>, ip: Ipv4Addr) -> Option<String> {
    let subnet = network.subnet;
    if !subnet.contains(&ip) {
        return Some(format!("is outside the subnet {subnet}"));
    }
    if network.gateway == Some(ip) {
        return Some("is the gateway's".to_owned());
    }
    if ip == subnet.network() || ip == subnet.broadcast() {
        return Some(format!("is not for a machine in {subnet}"));
    }
    taken.contains(&ip).then(|| "is the node's own".to_owned())
}

/// Everything that follows from a wish, its address and the node's seed.
fn identity(
    network: &Network,
    wish: &DeckyWish,
    ip: Ipv4Addr,
    node: &NodeSeed,
    macs: &mut BTreeSet<Mac>,
) -> Identity {
    let secret = node.secret.derive(&format!("decky.{}", wish.name));
    let mut bits = secret.derive("mac").0;
    let mut mac = wish.persona.mac(first(&bits));
    // Two of a vendor's 2^24 may collide; the later one takes the next draw.
    while !macs.insert(mac) {
        bits = Secret(bits).derive("mac").0;
        mac = wish.persona.mac(first(&bits));
    }
    let ip6 = wish.ip6.or_else(|| network.subnet6.map(|subnet| within(subnet, &secret)));
    let uptime = u64::from_le_bytes(first(&secret.derive("booted").0)) % MAX_UPTIME_NS;
    Identity {
        hostname: hostname(wish.persona, &wish.name, mac),
        name: wish.name.clone(),
        persona: wish.persona,
        mac,
        ip,
        ip6,
        booted: Timestamp(node.made.0.saturating_sub(uptime)),
        secret,
    }
}

/// Longest time that a new node's decky says it has been running: 90 days.
const MAX_UPTIME_NS: u64 = 90 * 86_400 * 1_000_000_000;

/// An address of `subnet` that a machine could have given itself (RFC 7217).
fn within(subnet: Ipv6Net, secret: &Secret) -> Ipv6Addr {
    let host = u128::from_le_bytes(first(&secret.derive("ip6").0)) & u128::from(subnet.hostmask());
    Ipv6Addr::from(u128::from(subnet.network()) | host)
}

/// The first `N` of 32 bytes.
fn first<const N: usize>(bytes: &[u8; 32]) -> [u8; N] {
    *bytes.first_chunk().expect("N is at most 32")
}

#[cfg(test)]
mod tests;
