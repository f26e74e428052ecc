//! Whose something is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Who shares a limit: an IPv4 address; an IPv6 address on the decky's own link; elsewhere the /64
/// of an IPv6 address, because whoever has one of its addresses has them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(IpAddr);

/// A site: what one party can be expected to have several origins in. It decides only between
/// origins that have equally much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpAddr);

impl Origin {
    /// The origin of a visitor with the address `ip`, of a decky whose own IPv6 address is `own`.
    ///
    /// Link-local addresses, and those of the decky's own /64, belong to single machines beside it.
    pub fn of(ip: IpAddr, own: Option<Ipv6Addr>) -> Self {
        let IpAddr::V6(ip) = ip else { return Self(ip) };
        let beside = own.is_some_and(|own| masked(own, 64) == masked(ip, 64));
        let single = ip.is_unicast_link_local() || beside;
        Self(if single { ip } else { masked(ip, 64) }.into())
    }

    /// The site that it belongs to: the /24 of an IPv4 address, the link of an address beside the
    /// decky, the /48 of a /64.
    pub fn network(self) -> Network {
        Network(match self.0 {
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
