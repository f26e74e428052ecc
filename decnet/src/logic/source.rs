//! Who counts as one when many come: a source.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::Ipv6Net;
use serde::{Deserialize, Serialize};

/// Where somebody comes from, as far as turns are taken by it.
///
/// **Shape**: an IPv4 address. Of IPv6 the /64, for whoever has one address of it has them all; but
/// the address itself where it is of this very link, on which every neighbour has the same /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Source(IpAddr);

impl Source {
    /// That of `ip`, where `near` are the networks on this machine's links.
    pub fn of(ip: IpAddr, near: &[Ipv6Net]) -> Self {
        let ip = match ip.to_canonical() {
            IpAddr::V6(ip) if !is_near(ip, near) => {
                IpAddr::V6((u128::from(ip) & !u128::from(u64::MAX)).into())
            }
            ip => ip,
        };
        Self(ip)
    }

    /// The address that stands for it.
    pub fn ip(self) -> IpAddr {
        self.0
    }

    /// Whether that is this machine itself.
    pub fn is_local(self) -> bool {
        self.0.is_loopback()
    }
}

fn is_near(ip: Ipv6Addr, near: &[Ipv6Net]) -> bool {
    ip.is_loopback() || ip.is_unicast_link_local() || near.iter().any(|net| net.contains(&ip))
}

/// The networks in a text of the kernel's, `/proc/net/if_inet6`: a line for each address, with the
/// address in hexadecimal, the number of its link, and how long the prefix is. Lines that are none
/// are left out, and so is what is not longer than a /48: that is no link.
///
/// **Source**: net/ipv6/addrconf.c, `if6_seq_show`.
pub fn near(text: &str) -> Vec<Ipv6Net> {
    let net = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let (address, _, prefix) = (words.next()?, words.next()?, words.next()?);
        let address = u128::from_str_radix(address, 16).ok().filter(|_| address.len() == 32)?;
        let prefix = u8::from_str_radix(prefix, 16).ok().filter(|length| *length > 48)?;
        Some(Ipv6Net::new(address.into(), prefix).ok()?.trunc())
    };
    text.lines().filter_map(net).collect()
}

#[cfg(test)]
mod tests;
