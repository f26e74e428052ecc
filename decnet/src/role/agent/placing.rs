//! The node and its network, and how deckies that are asked for find their place.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::cli::WrongUse;
use crate::edge::links::{Interface, LinkError, Links};
use crate::edge::{clock, files, probe, random};
use crate::logic::config::{ConfigError, DeckyWish, NetworkWish};
use crate::logic::decky::{Decky, Secret};
use crate::logic::mac::Mac;
use crate::logic::name::DeckyName;
use crate::logic::place::{self, Network, NodeSeed, PlaceError, Placement};
use crate::logic::status::{DeckyState, DeckyStatus};
use crate::logic::swarm::{Deployment, OrderedDecky};
use crate::logic::time::Timestamp;

/// Name of the file that says who the node is.
pub(super) const SEED: &str = "node.json";
const DECKIES: &str = "deckies.json";
const DEPLOYMENT: &str = "deployment.json";

/// The node: its seed, its network, and where it keeps both.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) seed: NodeSeed,
    pub(super) network: Network,
    pub(super) dir: PathBuf,
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
#[derive(Debug, Default)]
pub(super) struct Placed {
    pub(super) deckies: Vec<Decky>,
    pub(super) refused: Vec<Refused>,
}

/// A decky that has no place.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub(super) wish: OrderedDecky,
    pub(super) status: DeckyStatus,
}

impl Refused {
    fn new(node: &Node, wish: DeckyWish, error: &PlaceError) -> Self {
        let identity = place::without_place(&node.network, &wish, &node.seed);
        let conflict = match error {
            PlaceError::InUse { ip, .. } => Some(*ip),
            _ => None,
        };
        let decky = Decky { identity, services: wish.services.clone() };
        let status = DeckyStatus {
            error: Some(error.to_string()),
            conflict,
            ..DeckyStatus::of(&decky, DeckyState::Failed)
        };
        Self { wish: wish.into(), status }
    }
}

impl Node {
    /// Keeps who the node is, and the addresses of the deckies, for the next start.
    pub(super) fn save<'a>(&self, deckies: impl Iterator<Item = &'a Decky>) -> Result<()> {
        let seed = self.dir.join(SEED);
        if files::read(&seed)?.is_none() {
            let saved = SavedSeed { secret: self.seed.secret.clone(), made: self.seed.made };
            files::replace(&seed, &serde_json::to_vec(&saved)?)?;
        }
        let addresses: BTreeMap<&DeckyName, Ipv4Addr> =
            deckies.map(|decky| (&decky.identity.name, decky.identity.ip)).collect();
        let bytes = serde_json::to_vec_pretty(&addresses)?;
        files::replace(&self.dir.join(DECKIES), &bytes)?;
        Ok(())
    }

    /// Keeps what the master wants for the next start.
    pub(super) fn save_deployment(&self, deployment: &Deployment) -> Result<()> {
        let path = self.dir.join(DEPLOYMENT);
        Ok(files::replace(&path, &serde_json::to_vec(deployment)?)?)
    }

    /// What the master wanted last.
    pub(super) fn deployment(&self) -> Result<Option<Deployment>> {
        let path = self.dir.join(DEPLOYMENT);
        let Some(bytes) = files::read(&path)? else { return Ok(None) };
        let damaged = || {
            let path = path.display();
            format!("`{path}` is damaged: remove it, and deploy from the master anew")
        };
        let deployment: Deployment = serde_json::from_slice(&bytes).with_context(damaged)?;
        deployment.check().with_context(damaged)?;
        Ok(Some(deployment))
    }

    /// The addresses that deckies had before.
    pub(super) fn before(&self) -> Result<BTreeMap<DeckyName, Ipv4Addr>> {
        let path = self.dir.join(DECKIES);
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
pub(super) fn seed(dir: &Path) -> Result<NodeSeed> {
    let path = dir.join(SEED);
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

/// What becomes of the others when one decky has no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// All have one, or nothing is done.
    AllOrNone,
    /// They have theirs.
    EachByItself,
}

/// Who answered for which address, or that nobody did, as far as it was asked.
type Known = BTreeMap<(IpAddr, Mac), Option<Mac>>;

/// Gives each decky its place: addresses are probed on the LAN behind `link`, except those of
/// `standing` deckies, which are ours.
pub(super) async fn place(
    node: Node,
    link: u32,
    mut wishes: Vec<DeckyWish>,
    standing: BTreeMap<IpAddr, Mac>,
    mode: Mode,
) -> Result<Placed> {
    let before = node.before()?;
    let mut known: Known = standing.into_iter().map(|asked| (asked, None)).collect();
    let mut refused = Vec::new();
    loop {
        let mut placement = Placement::new(&node.network, &wishes, &before, &node.seed);
        let failed = match &mut placement {
            Ok(placement) => find_places(placement, link, &mut known).await?,
            Err(error) => Some(error.clone()),
        };
        let finished = match failed {
            None => placement.and_then(Placement::finish),
            Some(error) => Err(error),
        };
        let error = match finished {
            Ok(deckies) => return Ok(Placed { deckies, refused }),
            Err(error) => error,
        };
        let alone = error.decky().filter(|_| mode == Mode::EachByItself);
        match alone.and_then(|name| wishes.iter().position(|wish| wish.name == *name)) {
            Some(index) => refused.push(Refused::new(&node, wishes.remove(index), &error)),
            None => return Err(at_line(&wishes, error)),
        }
    }
}

/// Goes on until every decky has an address that nobody else has; says what is in the way.
async fn find_places(
    placement: &mut Placement<'_>,
    link: u32,
    known: &mut Known,
) -> Result<Option<PlaceError>> {
    loop {
        let candidates = match placement.candidates() {
            Ok(candidates) if candidates.is_empty() => return Ok(None),
            Ok(candidates) => candidates,
            Err(error) => return Ok(Some(error)),
        };
        let unknown: Vec<_> =
            candidates.iter().copied().filter(|asked| !known.contains_key(asked)).collect();
        if !unknown.is_empty() {
            let asked = unknown.clone();
            let holders =
                tokio::task::spawn_blocking(move || probe::holders(link, &asked)).await??;
            known.extend(unknown.into_iter().map(|asked| (asked, holders.get(&asked.0).copied())));
        }
        let held = |asked: &(IpAddr, Mac)| Some((asked.0, (*known.get(asked)?)?));
        let holders: BTreeMap<IpAddr, Mac> = candidates.iter().filter_map(held).collect();
        if let Err(error) = placement.probed(&candidates, &holders) {
            return Ok(Some(error));
        }
    }
}

/// The error with the line of the configuration that asked for what cannot be had.
fn at_line(wishes: &[DeckyWish], error: PlaceError) -> anyhow::Error {
    if matches!(error, PlaceError::Full { .. }) {
        return WrongUse(error.to_string()).into();
    }
    let of = |wish: &&DeckyWish| Some(&wish.name) == error.decky() && wish.line > 0;
    match wishes.iter().find(of) {
        Some(wish) => ConfigError { line: wish.line, message: error.to_string() }.into(),
        None => error.into(),
    }
}

#[cfg(test)]
mod tests;
