//! The lab: a LAN in two network namespaces, one with the node and one with a visitor.
//!
//! ```text
//!  namespace of the node            namespace of the visitor
//!  lan0 (parent of the deckies) ──── eth0
//! ```
//! Nothing in them can reach anything else. They are held by descriptors alone and end with this
//! process, however it ends.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use anyhow::{Context as _, Result};
use ipnet::{Ipv4Net, Ipv6Net};

use crate::edge::links::{INSIDE, Links};
use crate::edge::{namespace, stack};

/// The node's end of the wire.
pub(super) const NODE_LINK: &str = "lan0";
/// The visitor's end of the wire.
pub(super) const VISITOR_LINK: &str = INSIDE;

/// A lab.
pub(super) struct Lab {
    home: OwnedFd,
    node: OwnedFd,
    visitor: OwnedFd,
    /// The visitor's addresses.
    pub(super) visitor_ips: [IpAddr; 2],
}

/// Where a lab's addresses are unless a configuration says otherwise.
pub(super) fn default_subnet() -> Ipv4Net {
    Ipv4Net::new(Ipv4Addr::new(10, 77, 0, 0), 16).expect("16 is a prefix length")
}

/// Where a lab's IPv6 addresses are unless a configuration says otherwise.
pub(super) fn default_subnet6() -> Ipv6Net {
    let address = Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 0);
    Ipv6Net::new(address, 64).expect("64 is a prefix length")
}

/// Puts this thread into a network namespace whose addresses can be used at once.
fn create() -> Result<OwnedFd> {
    let namespace = namespace::create()?;
    if stack::has_ipv6() {
        stack::set("ipv6/conf/default/accept_dad", "0")?;
    }
    Ok(namespace)
}

impl Lab {
    /// Makes a lab. To be called on a thread of its own namespaces, which it leaves and comes back
    /// to.
    pub(super) async fn make(subnet: Ipv4Net, subnet6: Ipv6Net) -> Result<Self> {
        let home = namespace::current()?;
        let node = create()?;
        let node_links = Links::open()?;
        let visitor = create()?;
        let visitor_links = Links::open()?;
        namespace::enter(&home)?;
        // The ends of the subnet, for deckies fill it from the beginning.
        let last = u32::from(subnet.broadcast());
        let node_ip = Ipv4Addr::from(last.saturating_sub(1));
        let visitor_ip = Ipv4Addr::from(last.saturating_sub(2));
        let visitor_ip6 = Ipv6Addr::from(u128::from(subnet6.network()) | 7);
        node_links.add_wire(NODE_LINK, VISITOR_LINK, &visitor).await?;
        let prefix = subnet.prefix_len();
        node_links.bring_up(NODE_LINK, &[(node_ip.into(), prefix)]).await?;
        let visitor_ips = [IpAddr::V4(visitor_ip), IpAddr::V6(visitor_ip6)];
        let addresses = [(visitor_ips[0], prefix), (visitor_ips[1], subnet6.prefix_len())];
        visitor_links.bring_up(VISITOR_LINK, &addresses).await?;
        for links in [&node_links, &visitor_links] {
            links.bring_up("lo", &[]).await?;
        }
        Ok(Self { home, node, visitor, visitor_ips })
    }

    /// Does `act` in the node's namespace. What it starts is there.
    pub(super) fn as_node<T>(&self, act: impl FnOnce() -> T) -> Result<T> {
        self.within(&self.node, act)
    }

    /// Does `act` in the visitor's namespace. What it starts is there.
    pub(super) fn as_visitor<T>(&self, act: impl FnOnce() -> T) -> Result<T> {
        self.within(&self.visitor, act)
    }

    /// The visitor's namespace.
    pub(super) fn visitor(&self) -> BorrowedFd<'_> {
        self.visitor.as_fd()
    }

    fn within<T>(&self, there: &OwnedFd, act: impl FnOnce() -> T) -> Result<T> {
        namespace::enter(there)?;
        let done = act();
        namespace::enter(&self.home).context("cannot come back from the lab")?;
        Ok(done)
    }
}
