//! The node and its network, and how deckies that are asked for find their place.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::cli::WrongUse;
use crate::edge::links::{Interface, LinkError, Links};
use crate::edge::{clock, files, probe, random};
use crate::logic::config::{ConfigError, DeckyWish, Fleet, NetworkWish};
use crate::logic::decky::{Decky, Secret};
use crate::logic::mac::Mac;
use crate::logic::name::DeckyName;
use crate::logic::place::{Network, NodeSeed, PlaceError, Placement};
use crate::logic::time::Timestamp;

const SEED: &str = "node.json";
const DECKIES: &str = "deckies.json";

/// The node: its seed, its network, and where it keeps both.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) seed: NodeSeed,
    pub(super) network: Network,
    pub(super) state_dir: PathBuf,
    /// The deckies have changed since they were shown.
    pub(super) changed: bool,
}

/// The seed as it is kept.
#[derive(Serialize, Deserialize)]
struct SavedSeed {
    secret: Secret,
    made: Timestamp,
}

/// Deckies, each in its place.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) deckies: Vec<Decky>,
}

impl Node {
    /// Keeps who the node is, and the addresses of the deckies, for the next start.
    pub(super) fn save<'a>(&self, deckies: impl Iterator<Item = &'a Decky>) -> Result<()> {
        let seed = self.state_dir.join(SEED);
        if files::read(&seed)?.is_none() {
            let saved = SavedSeed { secret: self.seed.secret.clone(), made: self.seed.made };
            files::replace(&seed, &serde_json::to_vec(&saved)?)?;
        }
        let addresses: BTreeMap<&DeckyName, Ipv4Addr> =
            deckies.map(|decky| (&decky.identity.name, decky.identity.ip)).collect();
        let bytes = serde_json::to_vec_pretty(&addresses)?;
        files::replace(&self.state_dir.join(DECKIES), &bytes)?;
        Ok(())
    }

    /// The addresses that deckies had before.
    pub(super) fn before(&self) -> Result<BTreeMap<DeckyName, Ipv4Addr>> {
        let path = self.state_dir.join(DECKIES);
        match files::read(&path)? {
            None => Ok(BTreeMap::new()),
            Some(bytes) => serde_json::from_slice(&bytes).with_context(|| {
                format!(
                    "`{}` is damaged: remove it, and the deckies get new addresses",
                    path.display()
                )
            }),
        }
    }
}

/// The node's seed: the one it has, or a new one, which [`Node::save`] keeps.
pub(super) fn seed(state_dir: &Path) -> Result<NodeSeed> {
    let path = state_dir.join(SEED);
    if let Some(bytes) = files::read(&path)? {
        let saved: SavedSeed = serde_json::from_slice(&bytes).with_context(|| {
            format!(
                "`{}` is damaged: remove it, and the deckies get new identities",
                path.display()
            )
        })?;
        return Ok(NodeSeed { secret: saved.secret, made: saved.made });
    }
    let mut secret = Secret([0; 32]);
    random::fill(&mut secret.0);
    Ok(NodeSeed { secret, made: clock::now() })
}

/// The interface to use: the one that is named, or the one of the default route.
pub(in crate::role) async fn interface(links: &Links, name: Option<&str>) -> Result<Interface> {
    let wrong = |what: String| Err(WrongUse(what).into());
    let interface = match name {
        Some(name) => match links.interface(name).await {
            Err(error @ LinkError::Unknown(_)) => {
                let there = links.names().await?;
                return wrong(format!("{error}: there are {}", there.join(", ")));
            }
            found => found?,
        },
        None => default_interface(links).await?,
    };
    let name = &interface.name;
    if interface.loopback {
        return wrong(format!(
            "`{name}` is the loopback: deckies need a network interface of a LAN"
        ));
    }
    if is_wireless(Path::new("/sys/class/net"), name) {
        return wrong(format!(
            "`{name}` is wireless: an access point takes no frames of other MAC addresses, which \
             deckies have; name a wired interface with --interface"
        ));
    }
    if interface.mac.is_none() {
        return wrong(format!(
            "`{name}` is no Ethernet interface: macvlan, which deckies are made of, needs one"
        ));
    }
    if !interface.up {
        bail!("`{name}` is down: set it up first, for example with `ip link set {name} up`");
    }
    Ok(interface)
}

async fn default_interface(links: &Links) -> Result<Interface> {
    for name in links.names().await? {
        let interface = links.interface(&name).await?;
        if interface.gateway.is_some() {
            return Ok(interface);
        }
    }
    let what = "no network interface has a default route: name the LAN's with --interface";
    Err(WrongUse(what.to_owned()).into())
}

/// Whether the kernel says below `sys` that an interface is wireless: `wireless` is there for
/// drivers that speak the old interface, `phy80211` for the others.
fn is_wireless(sys: &Path, name: &str) -> bool {
    ["wireless", "phy80211"].iter().any(|sign| sys.join(name).join(sign).exists())
}

/// The network behind `interface`, where `wish` does not say otherwise.
pub(super) fn network(interface: &Interface, wish: &NetworkWish) -> Result<Network> {
    let own: BTreeSet<IpAddr> = interface.addresses.iter().map(|(ip, _)| *ip).collect();
    let found = interface.addresses.iter().find_map(|(ip, prefix)| match ip {
        IpAddr::V4(ip) => ipnet::Ipv4Net::new(*ip, *prefix).ok(),
        IpAddr::V6(_) => None,
    });
    let name = &interface.name;
    let subnet = wish.subnet.or(found).with_context(|| {
        format!("`{name}` has no IPv4 address: say where the deckies' addresses are with `subnet` in [network]")
    })?;
    Ok(Network {
        interface: name.clone(),
        subnet: subnet.trunc(),
        subnet6: wish.subnet6.map(|subnet| subnet.trunc()),
        gateway: wish.gateway.or(interface.gateway),
        own,
    })
}

/// Gives each decky its place: addresses are probed on the LAN behind `link`, except those of
/// `standing` deckies, which are ours.
pub(super) async fn place(
    node: Node,
    link: u32,
    fleet: Fleet,
    standing: BTreeMap<IpAddr, Mac>,
) -> Result<Placed> {
    let before = node.before()?;
    let wishes = fleet.deckies;
    let mut placement = Placement::new(&node.network, &wishes, &before, &node.seed)
        .map_err(|error| at_line(&wishes, error))?;
    loop {
        let candidates = placement.candidates().map_err(|error| at_line(&wishes, error))?;
        if candidates.is_empty() {
            break;
        }
        let ours = |(ip, mac): &(IpAddr, Mac)| standing.get(ip) == Some(mac);
        let unknown: Vec<_> = candidates.iter().copied().filter(|asked| !ours(asked)).collect();
        let holders = if unknown.is_empty() {
            BTreeMap::new()
        } else {
            tokio::task::spawn_blocking(move || probe::holders(link, &unknown)).await??
        };
        placement.probed(&candidates, &holders).map_err(|error| at_line(&wishes, error))?;
    }
    Ok(Placed { deckies: placement.finish().map_err(|error| at_line(&wishes, error))? })
}

/// The error with the line of the configuration that asked for what cannot be had.
fn at_line(wishes: &[DeckyWish], error: PlaceError) -> anyhow::Error {
    let name = match &error {
        PlaceError::InUse { name, .. } | PlaceError::Misplaced { name, .. } => Some(name),
        PlaceError::SameHostname { second, .. } => Some(second),
        PlaceError::Full { .. } => return WrongUse(error.to_string()).into(),
    };
    let of = |wish: &&DeckyWish| Some(&wish.name) == name && wish.line > 0;
    match wishes.iter().find(of) {
        Some(wish) => ConfigError { line: wish.line, message: error.to_string() }.into(),
        None => error.into(),
    }
}

#[cfg(test)]
mod tests;
