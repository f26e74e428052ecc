//! Which node has which decky, and at which address: none twice in the whole fleet.
//!
//! What a node says is not to be had (its own addresses, its router, what it met on its LAN) is kept
//! from its own deckies. From those of other nodes it is kept while there is another address: so that
//! no node takes names or addresses from others by claiming them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;
use uuid::Uuid;

use super::report::{NodeNetwork, OrderedDecky};
use crate::logic::config::DeckyWish;
use crate::logic::name::DeckyName;
use crate::logic::trust::NodeName;

/// A node that deckies may be given to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Which.
    pub id: Uuid,
    /// What it is called.
    pub name: NodeName,
    /// Its network; none when it does not answer: it keeps what it has, and gets nothing new.
    pub network: Option<NodeNetwork>,
    /// The addresses of its deckies that it found other machines to have.
    pub met: BTreeSet<Ipv4Addr>,
}

impl Node {
    /// The addresses that are not to be had, by what it says.
    fn refused(&self) -> BTreeSet<Ipv4Addr> {
        let mut refused = self.met.clone();
        if let Some(network) = &self.network {
            let own = network.own.iter().filter_map(|ip| match ip {
                IpAddr::V4(ip) => Some(*ip),
                IpAddr::V6(_) => None,
            });
            let ends = [network.subnet.network(), network.subnet.broadcast()];
            refused.extend(own.chain(network.gateway).chain(ends));
        }
        refused
    }
}

/// Addresses of which it is known before that something has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Occupied {
    /// By what the master or an operator has decided: nobody gets them.
    pub taken: BTreeSet<Ipv4Addr>,
    /// By what nodes say alone: nobody gets them while there are others.
    pub claimed: BTreeSet<Ipv4Addr>,
}

/// Where a decky stood before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    /// On which node.
    pub node: Uuid,
    /// At which address.
    pub ip: Option<Ipv4Addr>,
}

/// Why deckies cannot be spread.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpreadError {
    /// No node answers.
    #[error("no node answers: `decnet swarm check` says why")]
    NoNode,
    /// The address is of no node's network.
    #[error("the address {ip} of decky `{name}` is in no network of a node that answers")]
    Misplaced {
        /// Whose.
        name: DeckyName,
        /// Which.
        ip: Ipv4Addr,
    },
    /// Something else has the address.
    #[error("the address {ip} of decky `{name}` is taken by a node, a router or another decky")]
    Taken {
        /// Whose.
        name: DeckyName,
        /// Which.
        ip: Ipv4Addr,
    },
    /// There are more deckies than addresses.
    #[error("no address is left for decky `{name}`: {placed} of {wanted} have one")]
    Full {
        /// The first that has none.
        name: DeckyName,
        /// Those that have one.
        placed: usize,
        /// Those that were asked for.
        wanted: usize,
    },
}

/// Gives each decky a node and an address. One that has both already keeps them; the others go to
/// the nodes with the fewest. `range` bounds the addresses that are chosen here, and those that are
/// `occupied` are left alone.
///
/// # Errors
///
/// [`SpreadError`]: all deckies have their place, or none.
pub fn spread(
    wishes: &[DeckyWish],
    nodes: &[Node],
    before: &BTreeMap<DeckyName, Before>,
    range: Option<Ipv4Net>,
    occupied: &Occupied,
) -> Result<BTreeMap<Uuid, Vec<OrderedDecky>>, SpreadError> {
    let mut spread = Spread::new(nodes, range, occupied);
    spread.reserve(wishes)?;
    let mut homeless = Vec::new();
    for wish in wishes {
        match before.get(&wish.name).filter(|before| spread.can_stay(wish, before)) {
            Some(before) => spread.stay(wish, before),
            None => homeless.push(wish),
        }
    }
    for (placed, wish) in (wishes.len() - homeless.len()..).zip(homeless) {
        spread.settle(wish, placed, wishes.len())?;
    }
    Ok(spread.orders)
}

struct Spread<'a> {
    nodes: &'a [Node],
    range: Option<Ipv4Net>,
    taken: BTreeSet<Ipv4Addr>,
    claimed: BTreeSet<Ipv4Addr>,
    /// What each node says is not to be had.
    refused: BTreeMap<Uuid, BTreeSet<Ipv4Addr>>,
    /// The last address looked at in each network.
    looked: BTreeMap<Ipv4Net, Ipv4Addr>,
    /// The same among those that are claimed, for each node.
    looked_again: BTreeMap<(Uuid, Ipv4Net), Ipv4Addr>,
    orders: BTreeMap<Uuid, Vec<OrderedDecky>>,
}

impl<'a> Spread<'a> {
    fn new(nodes: &'a [Node], range: Option<Ipv4Net>, occupied: &Occupied) -> Self {
        let Occupied { taken, mut claimed } = occupied.clone();
        let refused: BTreeMap<_, _> = nodes.iter().map(|node| (node.id, node.refused())).collect();
        claimed.extend(refused.values().flatten());
        let orders = nodes.iter().map(|node| (node.id, Vec::new())).collect();
        let (looked, looked_again) = (BTreeMap::new(), BTreeMap::new());
        Self { nodes, range, taken, claimed, refused, looked, looked_again, orders }
    }

    fn refuses(&self, node: Uuid, ip: Ipv4Addr) -> bool {
        self.refused.get(&node).is_some_and(|refused| refused.contains(&ip))
    }

    /// Keeps the addresses that were asked for from all others.
    fn reserve(&mut self, wishes: &[DeckyWish]) -> Result<(), SpreadError> {
        for wish in wishes {
            if let Some(ip) = wish.ip
                && !self.taken.insert(ip)
            {
                return Err(SpreadError::Taken { name: wish.name.clone(), ip });
            }
        }
        Ok(())
    }

    fn node(&self, id: Uuid) -> Option<&'a Node> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// Whether a decky can be where it was, at another address if need be.
    fn can_stay(&self, wish: &DeckyWish, before: &Before) -> bool {
        let Some(node) = self.node(before.node) else { return false };
        match (wish.ip, &node.network) {
            (Some(ip), Some(network)) => network.subnet.contains(&ip) && !self.refuses(node.id, ip),
            (Some(ip), None) => before.ip == Some(ip),
            // What stood in an unknown network may have to leave its address, for none that is known.
            (None, None) => before.ip.is_some_and(|ip| !self.taken.contains(&ip)),
            (None, Some(_)) => self.keeps(node, before).is_some(),
        }
    }

    /// The address of before, if it can be had still.
    fn keeps(&self, node: &Node, before: &Before) -> Option<Ipv4Addr> {
        let fits = |ip: &Ipv4Addr| {
            node.network.as_ref().is_none_or(|network| network.subnet.contains(ip))
                && self.range.is_none_or(|range| range.contains(ip))
                && !self.taken.contains(ip)
                && !self.refuses(node.id, *ip)
        };
        before.ip.filter(fits)
    }

    fn stay(&mut self, wish: &DeckyWish, before: &Before) {
        let ip = wish.ip.or(before.ip);
        self.taken.extend(ip);
        self.give(before.node, wish, ip);
    }

    fn settle(
        &mut self,
        wish: &DeckyWish,
        placed: usize,
        wanted: usize,
    ) -> Result<(), SpreadError> {
        let mut able: Vec<(&Node, &NodeNetwork)> = self
            .nodes
            .iter()
            .filter_map(|node| Some((node, node.network.as_ref()?)))
            .filter(|(_, network)| wish.ip.is_none_or(|ip| network.subnet.contains(&ip)))
            .collect();
        able.sort_by_key(|(node, _)| (self.orders.get(&node.id).map_or(0, Vec::len), &node.name));
        let name = wish.name.clone();
        if able.is_empty() {
            return Err(wish
                .ip
                .map_or(SpreadError::NoNode, |ip| SpreadError::Misplaced { name, ip }));
        }
        for (node, network) in able {
            let ip = match wish.ip {
                Some(ip) => Some(ip).filter(|ip| !self.refuses(node.id, *ip)),
                None => self.next_address(node.id, network.subnet),
            };
            if ip.is_some() {
                self.give(node.id, wish, ip);
                return Ok(());
            }
        }
        Err(match wish.ip {
            Some(ip) => SpreadError::Taken { name, ip },
            None => SpreadError::Full { name, placed, wanted },
        })
    }

    fn next_address(&mut self, node: Uuid, subnet: Ipv4Net) -> Option<Ipv4Addr> {
        let hosts = match self.range {
            Some(range) if subnet.contains(&range) => range,
            Some(range) if !range.contains(&subnet) => return None,
            _ => subnet,
        };
        let first = self.looked.entry(hosts).or_insert_with(|| hosts.network());
        let free = next(first, hosts, |ip| self.taken.contains(ip) || self.claimed.contains(ip));
        let found = free.or_else(|| {
            let refused = self.refused.get(&node);
            let again = self.looked_again.entry((node, hosts)).or_insert_with(|| hosts.network());
            let is_refused = |ip: &Ipv4Addr| refused.is_some_and(|refused| refused.contains(ip));
            next(again, hosts, |ip| self.taken.contains(ip) || is_refused(ip))
        })?;
        self.taken.insert(found);
        Some(found)
    }

    fn give(&mut self, node: Uuid, wish: &DeckyWish, ip: Option<Ipv4Addr>) {
        let decky = OrderedDecky { ip, ..OrderedDecky::from(wish.clone()) };
        self.orders.entry(node).or_default().push(decky);
    }
}

/// The next address of `hosts` after `looked` that is not `occupied`.
fn next(
    looked: &mut Ipv4Addr,
    hosts: Ipv4Net,
    occupied: impl Fn(&Ipv4Addr) -> bool,
) -> Option<Ipv4Addr> {
    loop {
        let next = Ipv4Addr::from(u32::from(*looked).checked_add(1)?);
        if !hosts.contains(&next) {
            return None;
        }
        *looked = next;
        if !occupied(&next) {
            return Some(next);
        }
    }
}

#[cfg(test)]
mod tests;
