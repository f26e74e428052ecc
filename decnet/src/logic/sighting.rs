//! The records of the kernel half, read from and written to the bytes that the maps and rings hold.
//!
//! The layouts are those of `decnet_ebpf`, native byte order, where they are drawn.

use std::net::IpAddr;

use decnet_ebpf::{COPY_LARGE, COPY_SMALL, FRAME, Head, TallyKey, flag, mac_word};

use crate::logic::decky::{DeckyId, Identity};
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
    /// When its last packet came, nanoseconds of the kernel's monotonic clock.
    pub last_ns: u64,
    /// Bytes.
    pub bytes: u64,
    /// Packets.
    pub packets: u32,
}

/// A tally as the map holds it.
pub type TallyBytes = [u8; size_of::<decnet_ebpf::Tally>()];
/// A decky as the map holds it.
pub type DeckyBytes = [u8; size_of::<decnet_ebpf::Decky>()];
/// A decky's addresses as the map holds them.
pub type OwnBytes = [u8; size_of::<decnet_ebpf::Own>()];
/// A port as the map holds it.
pub type PortKeyBytes = [u8; size_of::<decnet_ebpf::PortKey>()];

impl Tally {
    /// Reads a tally, when it is that of `key`.
    pub fn read(bytes: &TallyBytes, key: &TallyKey) -> Option<Self> {
        let word = |at| array(bytes, at).map(u64::from_ne_bytes);
        if [word(0)?, word(8)?, word(16)?] != *key {
            return None;
        }
        Some(Self {
            last_ns: word(24)?,
            bytes: word(32)?,
            packets: u32::from_ne_bytes(array(bytes, 40)?),
        })
    }
}

/// The key of the tally of `kind` packets from `source` to `decky`.
pub fn tally_key(source: Peer, decky: DeckyId, kind: u8) -> TallyKey {
    decnet_ebpf::tally_key(&source.bytes(), decky.0, kind)
}

/// In the place of a decky's number: the decky is nobody's, and is guarded alone.
pub const NOBODY: DeckyId = DeckyId(u32::MAX);

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

/// A decky as the map holds it, with these bits of `decnet_ebpf::policy`.
pub fn decky_value(id: DeckyId, policy: u32, mac: Mac) -> DeckyBytes {
    let mut bytes = DeckyBytes::default();
    let parts = [&mac_word(&mac.0).to_ne_bytes()[..], &id.0.to_ne_bytes(), &policy.to_ne_bytes()];
    fill(&mut bytes, &parts);
    bytes
}

/// The MAC of what [`decky_value`] made; none of a place that is free.
pub fn decky_mac(bytes: &DeckyBytes) -> Option<Mac> {
    let word = u64::from_ne_bytes(*bytes.first_chunk()?);
    if word == 0 { None } else { word.to_ne_bytes().first_chunk().copied().map(Mac) }
}

/// A decky's addresses as the map holds them.
pub fn own_value(decky: &Identity) -> OwnBytes {
    let ip6 = decky.ip6.map_or([0; 16], |ip| ip.octets());
    let mut bytes = [0; _];
    fill(&mut bytes, &[&decky.ip.octets()[..], &decky.link_local().octets(), &ip6]);
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
