//! The records of the kernel half, read from and written to the bytes that the maps and rings hold.
//!
//! The layouts are those of `decnet_ebpf`, native byte order, where they are drawn.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use decnet_ebpf::{COPY_LARGE, COPY_SMALL, FRAME, Head, flag};

use crate::logic::decky::DeckyId;
use crate::logic::mac::Mac;

/// Bytes of a record's head.
const HEAD: usize = size_of::<Head>();

/// A packet that the kernel half sent on, or a frame of a decky under capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// When, in nanoseconds of the kernel's monotonic clock.
    pub ktime_ns: u64,
    /// Whose.
    pub decky: DeckyId,
    /// Length of the packet as the kernel had it.
    pub wire_len: u32,
    /// The VLAN tag that was taken off.
    pub vlan: Option<u16>,
    /// Segments merged into it, 0 when none were.
    pub segments: u16,
    /// One of `decnet_ebpf::kind`.
    pub kind: u8,
    /// The first of its kind from its source, or the first after a rest.
    pub first: bool,
    /// The decky sent it.
    pub outbound: bool,
    /// The frame, as far as it was kept.
    pub frame: &'a [u8],
}

/// Bytes that are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a record: {0} bytes")]
pub struct NotARecord(usize);

impl<'a> Record<'a> {
    /// Reads a record of any of the three sizes.
    ///
    /// # Errors
    ///
    /// [`NotARecord`] when `bytes` have none of the sizes.
    pub fn read(bytes: &'a [u8]) -> Result<Self, NotARecord> {
        let wrong = NotARecord(bytes.len());
        let Some((head, frame)) = bytes.split_at_checked(HEAD) else { return Err(wrong) };
        if ![FRAME, COPY_SMALL, COPY_LARGE].contains(&frame.len()) {
            return Err(wrong);
        }
        let flags = *head.get(23).ok_or(wrong)?;
        let tci = u16::from_ne_bytes(array(head, 16).ok_or(wrong)?);
        let cap_len = u16::from_ne_bytes(array(head, 20).ok_or(wrong)?);
        Ok(Self {
            ktime_ns: u64::from_ne_bytes(array(head, 0).ok_or(wrong)?),
            decky: DeckyId(u32::from_ne_bytes(array(head, 8).ok_or(wrong)?)),
            wire_len: u32::from_ne_bytes(array(head, 12).ok_or(wrong)?),
            vlan: (flags & flag::VLAN != 0).then_some(tci & 0x0fff),
            segments: u16::from_ne_bytes(array(head, 18).ok_or(wrong)?),
            kind: *head.get(22).ok_or(wrong)?,
            first: flags & flag::FIRST != 0,
            outbound: flags & flag::OUT != 0,
            frame: frame.get(..usize::from(cap_len)).unwrap_or(frame),
        })
    }
}

/// The kernel's count of one source, decky and kind of packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// When it began, nanoseconds of the kernel's monotonic clock.
    pub first_ns: u64,
    /// When its last packet came.
    pub last_ns: u64,
    /// Bytes.
    pub bytes: u64,
    /// Packets.
    pub packets: u32,
    /// Sightings sent of it.
    pub sent: u32,
    /// Different ports, those that are equal modulo `PORT_BITS` counted as one.
    pub ports: u32,
}

/// A tally as the map holds it.
pub type TallyBytes = [u8; size_of::<decnet_ebpf::Tally>()];
/// A tally's key as the map holds it.
pub type TallyKeyBytes = [u8; size_of::<decnet_ebpf::TallyKey>()];
/// A decky as the map holds it.
pub type DeckyBytes = [u8; size_of::<decnet_ebpf::Decky>()];
/// A port as the map holds it.
pub type PortKeyBytes = [u8; size_of::<decnet_ebpf::PortKey>()];

impl Tally {
    /// Reads a tally.
    pub fn read(bytes: &TallyBytes) -> Self {
        let ports = bytes.get(32..).unwrap_or_default().iter().map(|byte| byte.count_ones()).sum();
        Self {
            first_ns: u64::from_ne_bytes(array(bytes, 0).unwrap_or_default()),
            last_ns: u64::from_ne_bytes(array(bytes, 8).unwrap_or_default()),
            bytes: u64::from_ne_bytes(array(bytes, 16).unwrap_or_default()),
            packets: u32::from_ne_bytes(array(bytes, 24).unwrap_or_default()),
            sent: u32::from_ne_bytes(array(bytes, 28).unwrap_or_default()),
            ports,
        }
    }
}

/// The key of the tally of `kind` packets from `source` to `decky`.
pub fn tally_key(source: Peer, decky: DeckyId, kind: u8) -> TallyKeyBytes {
    let mut bytes = TallyKeyBytes::default();
    let parts = [&source.bytes()[..], &decky.0.to_ne_bytes(), &u32::from(kind).to_ne_bytes()];
    fill(&mut bytes, &parts);
    bytes
}

/// Who sent a packet: an address, or a MAC while it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// By address.
    Ip(IpAddr),
    /// By MAC: an ARP probe or a solicitation without a source address.
    Mac(Mac),
}

impl Peer {
    fn bytes(self) -> [u8; 16] {
        match self {
            Self::Ip(ip) => address(ip),
            Self::Mac(mac) => {
                let mut bytes = [0; 16];
                fill(&mut bytes, &[&mac.0]);
                bytes
            }
        }
    }

    /// The address, when it has one.
    pub fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Ip(ip) => Some(ip),
            Self::Mac(_) => None,
        }
    }
}

/// An address as the maps hold it: 16 bytes, IPv4 mapped.
pub fn address(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

/// A MAC as the maps hold it.
pub fn mac_key(mac: Mac) -> decnet_ebpf::MacKey {
    let [a, b, c, d, e, f] = mac.0;
    [a, b, c, d, e, f, 0, 0]
}

/// A decky as the map holds it.
pub fn decky_value(
    id: DeckyId,
    policy: u32,
    ip: Ipv4Addr,
    link_local: Ipv6Addr,
    ip6: Option<Ipv6Addr>,
) -> DeckyBytes {
    let ip6 = ip6.map_or([0; 16], |ip| ip.octets());
    let mut bytes = [0; _];
    let parts =
        [&id.0.to_ne_bytes()[..], &policy.to_ne_bytes(), &ip.octets(), &link_local.octets(), &ip6];
    fill(&mut bytes, &parts);
    bytes
}

/// A port of an address as the maps hold it; port 0 is the catch-all.
pub fn port_key(ip: IpAddr, protocol: u8, port: u16) -> PortKeyBytes {
    let mut bytes = PortKeyBytes::default();
    let parts = [&address(ip)[..], &port.to_ne_bytes(), &u16::from(protocol).to_ne_bytes()];
    fill(&mut bytes, &parts);
    bytes
}

/// Writes `parts` one after another; they fill `bytes`, or the rest stays zero.
fn fill(bytes: &mut [u8], parts: &[&[u8]]) {
    for (to, from) in bytes.iter_mut().zip(parts.iter().copied().flatten()) {
        *to = *from;
    }
}

/// `N` bytes at `at`.
fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests;
