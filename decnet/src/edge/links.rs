//! Links, addresses and routes of the network namespace it was made in, through rtnetlink.
//!
//! A netlink socket stays in the namespace that it was opened in. So one [`Links`] serves one
//! namespace for as long as it lives, whichever thread uses it.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, AsRawFd as _};
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use nix::errno::Errno;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::AddressAttribute;
use rtnetlink::packet_route::link::{
    InfoMacVlan, LinkAttribute, LinkFlags, LinkMessage, MacVlanMode,
};
use rtnetlink::packet_route::neighbour::NeighbourAttribute;
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute};
use rtnetlink::{
    AddressMessageBuilder, Handle, LinkMacVlan, LinkUnspec, LinkVeth, RouteMessageBuilder,
};
use tokio::task::JoinHandle;

use crate::logic::mac::Mac;

/// What the macvlan is called inside its namespace.
pub const INSIDE: &str = "eth0";
/// Broadcast frames that may wait to be copied to the macvlans of one parent; the kernel's own
/// 1,000 are few for a thousand deckies on a lively LAN.
const BROADCAST_QUEUE: u32 = 10_000;

/// What can go wrong with links.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The kernel refuses.
    #[error("cannot {doing} `{link}`")]
    Refused {
        /// What was tried.
        doing: &'static str,
        /// On which link.
        link: String,
        /// Why.
        #[source]
        source: Errno,
    },
    /// There is no such link.
    #[error("there is no network interface `{0}`")]
    Unknown(String),
    /// The netlink socket fails.
    #[error("cannot talk to the kernel about `{link}`: {why}")]
    Socket {
        /// About which link.
        link: String,
        /// Why.
        why: String,
    },
}

/// The result of working with links.
pub type Result<T> = std::result::Result<T, LinkError>;

/// A network interface as the kernel describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its number.
    pub index: u32,
    /// Its MAC, when it has one of Ethernet.
    pub mac: Option<Mac>,
    /// Whether it was set up.
    pub up: bool,
    /// Whether it is the loopback.
    pub loopback: bool,
    /// How many users want it promiscuous.
    pub promiscuity: u32,
    /// Its addresses and their prefix lengths.
    pub addresses: Vec<(IpAddr, u8)>,
    /// The default router behind it.
    pub gateway: Option<Ipv4Addr>,
}

/// A namespace's links; cheap to clone.
#[derive(Clone, Debug)]
pub struct Links {
    handle: Handle,
    _connection: Arc<Connection>,
}

/// The task that moves messages, which ends with the last handle.
#[derive(Debug)]
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Links {
    /// Opens a socket in the namespace of this thread.
    ///
    /// # Errors
    ///
    /// [`LinkError::Socket`] when there is none to be had.
    pub fn open() -> Result<Self> {
        let (connection, handle, _) = rtnetlink::new_connection().map_err(|error| {
            LinkError::Socket { link: "netlink".to_owned(), why: error.to_string() }
        })?;
        Ok(Self { handle, _connection: Arc::new(Connection(tokio::spawn(connection))) })
    }

    /// The interface named `name`.
    ///
    /// # Errors
    ///
    /// [`LinkError::Unknown`] when there is none.
    pub async fn interface(&self, name: &str) -> Result<Interface> {
        let message = self.message(name).await?;
        let mut interface = read(name, &message);
        let mut addresses =
            self.handle.address().get().set_link_index_filter(interface.index).execute();
        while let Some(address) =
            addresses.try_next().await.map_err(failed("read addresses of", name))?
        {
            let prefix = address.header.prefix_len;
            interface.addresses.extend(address.attributes.iter().find_map(|attribute| {
                match attribute {
                    AddressAttribute::Address(ip) => Some((*ip, prefix)),
                    _ => None,
                }
            }));
        }
        interface.gateway = self.gateway(interface.index).await?;
        Ok(interface)
    }

    /// The names of all interfaces.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when they cannot be listed.
    pub async fn names(&self) -> Result<Vec<String>> {
        let mut links = self.handle.link().get().execute();
        let mut names = Vec::new();
        while let Some(link) = links.try_next().await.map_err(failed("list", "links"))? {
            names.extend(link.attributes.into_iter().find_map(|attribute| match attribute {
                LinkAttribute::IfName(name) => Some(name),
                _ => None,
            }));
        }
        Ok(names)
    }

    /// The MACs besides its own that `parent` receives frames for; those of its macvlans that are up
    /// are among them.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when they cannot be listed.
    pub async fn received_macs(&self, parent: u32) -> Result<BTreeSet<Mac>> {
        let request = self.handle.neighbours().get().set_address_family(AddressFamily::Bridge);
        let mut entries = Box::pin(request.execute());
        let mut macs = BTreeSet::new();
        while let Some(entry) = entries.try_next().await.map_err(failed("list MACs of", "links"))? {
            if entry.header.ifindex != parent {
                continue;
            }
            macs.extend(entry.attributes.iter().find_map(|attribute| match attribute {
                NeighbourAttribute::LinkLayerAddress(mac) => {
                    Some(Mac(mac.as_slice().try_into().ok()?))
                }
                _ => None,
            }));
        }
        Ok(macs)
    }

    async fn message(&self, name: &str) -> Result<LinkMessage> {
        let mut found = self.handle.link().get().match_name(name.to_owned()).execute();
        match found.try_next().await {
            Ok(Some(message)) => Ok(message),
            Ok(None) => Err(LinkError::Unknown(name.to_owned())),
            Err(error) => match failed("find", name)(error) {
                LinkError::Refused {
                    source: Errno::ENODEV | Errno::ERANGE | Errno::EINVAL,
                    ..
                } => Err(LinkError::Unknown(name.to_owned())),
                other => Err(other),
            },
        }
    }

    async fn gateway(&self, index: u32) -> Result<Option<Ipv4Addr>> {
        let all = RouteMessageBuilder::<Ipv4Addr>::new().build();
        let mut routes = self.handle.route().get(all).execute();
        while let Some(route) = routes.try_next().await.map_err(failed("read routes of", "link"))? {
            if route.header.destination_prefix_length != 0
                || !route.attributes.contains(&RouteAttribute::Oif(index))
            {
                continue;
            }
            for attribute in route.attributes {
                if let RouteAttribute::Gateway(RouteAddress::Inet(gateway)) = attribute {
                    return Ok(Some(gateway));
                }
            }
        }
        Ok(None)
    }

    /// Puts a macvlan of `parent` with this MAC into `namespace`, down.
    ///
    /// # Errors
    ///
    /// [`LinkError::Refused`]: EPERM without CAP_NET_ADMIN. A MAC that another macvlan of the parent
    /// has is refused only when the link is set up.
    pub async fn add_macvlan(&self, parent: u32, mac: Mac, namespace: impl AsFd) -> Result<()> {
        let link = LinkMacVlan::new(INSIDE, parent, MacVlanMode::Bridge)
            .append_info_data(InfoMacVlan::BcQueueLen(BROADCAST_QUEUE))
            .address(mac.0.to_vec())
            .setns_by_fd(namespace.as_fd().as_raw_fd())
            .build();
        let name = format!("macvlan {mac}");
        self.handle.link().add(link).execute().await.map_err(failed("make", &name))
    }

    /// Makes a pair of links that are one wire: `name` here, `peer` in `namespace`.
    ///
    /// # Errors
    ///
    /// [`LinkError::Refused`] when a name is taken, or without CAP_NET_ADMIN.
    pub async fn add_wire(&self, name: &str, peer: &str, namespace: impl AsFd) -> Result<()> {
        let link = LinkVeth::new(name, peer).build();
        self.handle.link().add(link).execute().await.map_err(failed("make", name))?;
        let peer_index = read(peer, &self.message(peer).await?).index;
        let moved = LinkUnspec::new_with_index(peer_index)
            .setns_by_fd(namespace.as_fd().as_raw_fd())
            .build();
        self.handle.link().set(moved).execute().await.map_err(failed("move", peer))
    }

    /// Sets a link up, after giving it these addresses.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when it is not there or the kernel refuses.
    pub async fn bring_up(&self, name: &str, addresses: &[(IpAddr, u8)]) -> Result<()> {
        let index = read(name, &self.message(name).await?).index;
        for (ip, prefix) in addresses {
            let message = match ip {
                IpAddr::V4(ip) => AddressMessageBuilder::<Ipv4Addr>::new()
                    .index(index)
                    .address(*ip, *prefix)
                    .build(),
                IpAddr::V6(ip) => AddressMessageBuilder::<std::net::Ipv6Addr>::new()
                    .index(index)
                    .address(*ip, *prefix)
                    .build(),
            };
            let mut request = self.handle.address().add(index, *ip, *prefix);
            *request.message_mut() = message;
            request.execute().await.map_err(failed("address", name))?;
        }
        let up = LinkUnspec::new_with_index(index).up().build();
        self.handle.link().set(up).execute().await.map_err(failed("set up", name))
    }
}

fn read(name: &str, message: &LinkMessage) -> Interface {
    let mut interface = Interface {
        name: name.to_owned(),
        index: message.header.index,
        mac: None,
        up: message.header.flags.contains(LinkFlags::Up),
        loopback: message.header.flags.contains(LinkFlags::Loopback),
        promiscuity: 0,
        addresses: Vec::new(),
        gateway: None,
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::Address(bytes) => {
                interface.mac = bytes.as_slice().try_into().ok().map(Mac);
            }
            LinkAttribute::Promiscuity(count) => interface.promiscuity = *count,
            _ => {}
        }
    }
    interface
}

/// Names what was being done when the kernel or the socket failed.
fn failed<'a>(doing: &'static str, link: &'a str) -> impl Fn(rtnetlink::Error) -> LinkError + 'a {
    move |error| match error {
        rtnetlink::Error::NetlinkError(message) => LinkError::Refused {
            doing,
            link: link.to_owned(),
            source: Errno::from_raw(message.raw_code().saturating_neg()),
        },
        other => LinkError::Socket { link: link.to_owned(), why: other.to_string() },
    }
}

/// The MAC of a link in the network namespace of this thread.
///
/// # Errors
///
/// [`LinkError::Unknown`] when there is no such link, or it has no MAC.
pub fn mac_of(name: &str) -> Result<Mac> {
    let unknown = || LinkError::Unknown(name.to_owned());
    let all = nix::ifaddrs::getifaddrs().or(Err(unknown()))?;
    let mut of_link = all.filter(|address| address.interface_name == name);
    let mac = of_link.find_map(|address| address.address?.as_link_addr()?.addr());
    mac.map(Mac).ok_or_else(unknown)
}
