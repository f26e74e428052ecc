//! Which sources may well belong together.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::logic::source::Source;

/// A site: what one party can be expected to have several sources in. It decides only between
/// sources that have equally much.
///
/// **Shape**: the /24 of an IPv4 address, the link of an address beside the decky, the /48 of a /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// The one that a source belongs to.
    pub fn of(source: Source) -> Self {
        Self(match source.ip() {
            IpAddr::V4(ip) => Ipv4Addr::from(u32::from(ip) & !0xff).into(),
            IpAddr::V6(ip) if ip == masked(ip, 64) => masked(ip, 48).into(),
            IpAddr::V6(ip) => masked(ip, 64).into(),
        })
    }
}

fn masked(ip: Ipv6Addr, bits: u32) -> Ipv6Addr {
    let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits)).unwrap_or(0);
    (u128::from(ip) & mask).into()
}

#[cfg(test)]
mod tests;
