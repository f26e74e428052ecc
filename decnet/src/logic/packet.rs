//! A frame read layer by layer, as far as a sighting needs it.
//!
//! The kernel half has parsed the same bytes, and yet nothing here trusts it: a frame is whatever
//! a visitor sent. What is not there is absent, never a panic.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::logic::mac::Mac;

const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;
const IPV6: u16 = 0x86dd;
const VLAN: [u16; 2] = [0x8100, 0x88a8];
/// IP protocol number of TCP.
pub const TCP: u8 = 6;
/// IP protocol number of UDP.
pub const UDP: u8 = 17;
/// IP protocol number of ICMP.
pub const ICMP: u8 = 1;
/// IP protocol number of ICMPv6.
pub const ICMPV6: u8 = 58;
/// Extension headers that are looked through.
const MAX_EXTENSIONS: usize = 4;

/// What a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Source MAC.
    pub src_mac: Mac,
    /// Destination MAC.
    pub dst_mac: Mac,
    /// The tag that is still in the frame.
    pub vlan: Option<u16>,
    /// What it carries.
    pub network: Network<'a>,
}

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network<'a> {
    /// An ARP packet for IPv4 over Ethernet.
    Arp {
        /// 1 asks, 2 answers.
        operation: u16,
        /// Sender.
        sender: Ipv4Addr,
        /// Who is asked for.
        target: Ipv4Addr,
    },
    /// An IP packet.
    Ip(Ip<'a>),
    /// Anything else, or too short to tell.
    Other,
}

/// An IP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ip<'a> {
    /// Source.
    pub src: IpAddr,
    /// Destination.
    pub dst: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Bytes of options or extension headers.
    pub options: u16,
    /// IPv4: the flags and the identification, for fingerprints.
    pub v4: Option<V4>,
    /// IPv6: whether the flow label is set.
    pub flow: bool,
    /// Low two bits of the traffic class are set.
    pub ecn: bool,
    /// Offset in bytes, when it is a fragment.
    pub fragment: Option<u16>,
    /// Protocol of `upper`.
    pub protocol: u8,
    /// What it carries, as far as it is there.
    pub upper: &'a [u8],
}

/// What only IPv4 has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct V4 {
    /// Identification.
    pub id: u16,
    /// Do not fragment.
    pub df: bool,
    /// The bit that must be zero is not.
    pub reserved: bool,
}

impl<'a> Packet<'a> {
    /// Reads a frame; `None` when not even its Ethernet header is there.
    pub fn read(frame: &'a [u8]) -> Option<Self> {
        let dst_mac = Mac(*frame.first_chunk()?);
        let src_mac = Mac(array(frame, 6)?);
        let mut protocol = number(frame, 12)?;
        let mut rest = frame.get(14..)?;
        let mut vlan = None;
        if VLAN.contains(&protocol) {
            vlan = Some(number(rest, 0)? & 0x0fff);
            protocol = number(rest, 2)?;
            rest = rest.get(4..)?;
        }
        let network = match protocol {
            IPV4 => ipv4(rest).map(Network::Ip),
            IPV6 => ipv6(rest).map(Network::Ip),
            ARP => arp(rest),
            _ => None,
        };
        Some(Self { src_mac, dst_mac, vlan, network: network.unwrap_or(Network::Other) })
    }

    /// The IP packet in it.
    pub fn ip(&self) -> Option<&Ip<'a>> {
        match &self.network {
            Network::Ip(ip) => Some(ip),
            _ => None,
        }
    }
}

impl Ip<'_> {
    /// Source and destination port of TCP and UDP.
    pub fn ports(&self) -> Option<(u16, u16)> {
        let whole = self.fragment.is_none_or(|offset| offset == 0);
        if !whole || !matches!(self.protocol, TCP | UDP) {
            return None;
        }
        Some((number(self.upper, 0)?, number(self.upper, 2)?))
    }
}

fn arp(bytes: &[u8]) -> Option<Network<'_>> {
    // Hardware 1 (Ethernet), protocol IPv4, lengths 6 and 4 (RFC 826).
    if *bytes.first_chunk()? != [0, 1, 8, 0, 6, 4] {
        return None;
    }
    Some(Network::Arp {
        operation: number(bytes, 6)?,
        sender: Ipv4Addr::from(array::<4>(bytes, 14)?),
        target: Ipv4Addr::from(array::<4>(bytes, 24)?),
    })
}

fn ipv4(bytes: &[u8]) -> Option<Ip<'_>> {
    let first = *bytes.first()?;
    let length = usize::from(first & 0x0f) * 4;
    if first >> 4 != 4 || length < 20 {
        return None;
    }
    let total = usize::from(number(bytes, 2)?);
    let cut = number(bytes, 6)?;
    let offset = (cut & 0x1fff) << 3;
    // Padding of a short frame is not the packet's.
    let end = if total >= length { total.min(bytes.len()) } else { bytes.len() };
    Some(Ip {
        src: Ipv4Addr::from(array::<4>(bytes, 12)?).into(),
        dst: Ipv4Addr::from(array::<4>(bytes, 16)?).into(),
        ttl: *bytes.get(8)?,
        options: u16::try_from(length - 20).unwrap_or(0),
        v4: Some(V4 { id: number(bytes, 4)?, df: cut & 0x4000 != 0, reserved: cut & 0x8000 != 0 }),
        flow: false,
        ecn: *bytes.get(1)? & 3 != 0,
        fragment: (cut & 0x3fff != 0).then_some(offset),
        protocol: *bytes.get(9)?,
        upper: bytes.get(length..end).unwrap_or_default(),
    })
}

fn ipv6(bytes: &[u8]) -> Option<Ip<'_>> {
    let label = u32::from_be_bytes(array(bytes, 0)?);
    if label >> 28 != 6 {
        return None;
    }
    let mut ip = Ip {
        src: Ipv6Addr::from(array::<16>(bytes, 8)?).into(),
        dst: Ipv6Addr::from(array::<16>(bytes, 24)?).into(),
        ttl: *bytes.get(7)?,
        options: 0,
        v4: None,
        flow: label & 0x000f_ffff != 0,
        ecn: (label >> 20) & 3 != 0,
        fragment: None,
        protocol: *bytes.get(6)?,
        upper: bytes.get(40..)?,
    };
    let length = usize::from(number(bytes, 4)?);
    ip.upper = ip.upper.get(..length).unwrap_or(ip.upper);
    for _ in 0..MAX_EXTENSIONS {
        let size = match ip.protocol {
            0 | 43 | 60 => (usize::from(*ip.upper.get(1)?) + 1) * 8,
            44 => {
                ip.fragment = Some(number(ip.upper, 2)? & 0xfff8);
                8
            }
            _ => break,
        };
        ip.options = ip.options.saturating_add(u16::try_from(size).unwrap_or(u16::MAX));
        ip.protocol = *ip.upper.first()?;
        ip.upper = ip.upper.get(size..)?;
    }
    Some(ip)
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_be_bytes)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests;
