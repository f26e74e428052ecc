//! Reads just enough of a frame to say whom it touches and how.
//!
//! The Ethernet header is read where it lies, for most frames are not for a decky and cost no more
//! than that and one look-up. Of the others the first bytes are copied into the record that may be
//! sent, and parsed there. What cannot be read is [`kind::OTHER`].

use aya_ebpf::programs::TcContext;
use decnet_ebpf::{FRAME, kind};

use crate::maps;

pub(crate) const ETH_IPV4: u16 = 0x0800;
pub(crate) const ETH_ARP: u16 = 0x0806;
pub(crate) const ETH_IPV6: u16 = 0x86dd;
const ETH_VLAN: u16 = 0x8100;
const ETH_QINQ: u16 = 0x88a8;

pub(crate) const ICMP: u8 = 1;
pub(crate) const IGMP: u8 = 2;
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const ICMPV6: u8 = 58;
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION: u8 = 60;
/// Extension headers looked through before a packet counts as [`kind::OTHER`].
const MAX_EXTENSIONS: usize = 4;

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
const PSH: u8 = 0x08;
pub(crate) const ACK: u8 = 0x10;
const URG: u8 = 0x20;

/// The first bytes of a frame; those after its end are zero or old.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    bytes: &'static [u8; FRAME],
    length: usize,
}

impl Frame {
    /// The first `length` bytes of `bytes`.
    #[inline(always)]
    pub(crate) fn new(bytes: &'static [u8; FRAME], length: usize) -> Self {
        Self { bytes, length }
    }

    /// `N` bytes at `at`, when the packet and the record both reach that far.
    #[inline(always)]
    pub(crate) fn read<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        if at + N > self.length || at > FRAME - N {
            return None;
        }
        // SAFETY: `at + N <= FRAME` was just checked, and an array of bytes has no alignment.
        Some(unsafe { self.bytes.as_ptr().add(at).cast::<[u8; N]>().read_unaligned() })
    }

    /// The byte at `at`.
    #[inline(always)]
    pub(crate) fn byte(&self, at: usize) -> Option<u8> {
        self.read::<1>(at).map(|byte| byte[0])
    }

    /// The big-endian number at `at`.
    #[inline(always)]
    pub(crate) fn number(&self, at: usize) -> Option<u16> {
        self.read(at).map(u16::from_be_bytes)
    }
}

/// The MAC addresses of a frame.
pub(crate) struct Macs {
    /// Destination.
    pub dst: [u8; 6],
    /// Source.
    pub src: [u8; 6],
}

impl Macs {
    /// Reads both where they lie.
    #[inline(always)]
    pub(crate) fn read(ctx: &TcContext) -> Option<Self> {
        let start = ctx.data();
        if start + 14 > ctx.data_end() {
            return None;
        }
        // SAFETY: 14 bytes from `start` are within the packet, as the verifier demands to see.
        unsafe {
            Some(Self {
                dst: (start as *const [u8; 6]).read_unaligned(),
                src: ((start + 6) as *const [u8; 6]).read_unaligned(),
            })
        }
    }
}

/// Where the network layer begins, and which it is (host byte order).
#[inline(always)]
pub(crate) fn network(frame: Frame) -> Option<(u16, usize)> {
    let protocol = frame.number(12)?;
    if protocol == ETH_VLAN || protocol == ETH_QINQ {
        return Some((frame.number(16)?, 18));
    }
    Some((protocol, 14))
}

/// How a packet touches a decky.
pub(crate) struct Touch {
    /// Whom: its number.
    pub decky: u32,
    /// Who, IPv4 mapped.
    pub src: [u8; 16],
    /// How: one of [`kind`].
    pub kind: u8,
    /// Destination port in host byte order, 0 without one.
    pub port: u16,
}

/// The upper layers of an IP packet.
pub(crate) struct Packet {
    /// Source, IPv4 mapped.
    pub src: [u8; 16],
    /// Destination, IPv4 mapped.
    pub dst: [u8; 16],
    /// Protocol of the upper layer.
    pub protocol: u8,
    /// Where the upper layer begins.
    pub upper: usize,
    /// Offset of the fragment in bytes; `None` when it is whole.
    pub fragment: Option<u16>,
}

/// An IPv4 address as IPv6 writes it.
#[inline(always)]
pub(crate) fn mapped(ip: [u8; 4]) -> [u8; 16] {
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ip[0], ip[1], ip[2], ip[3]]
}

/// How a frame sent to the MAC of `decky` touches it.
#[inline(always)]
pub(crate) fn unicast(frame: Frame, src: &[u8; 6], decky: u32) -> Touch {
    let mut touch = Touch { decky, src: from_mac(src), kind: kind::OTHER, port: 0 };
    let packet = match network(frame) {
        Some((ETH_ARP, at)) => {
            if let Some(asked) = arp(frame, at, src) {
                touch.src = asked.src;
                touch.kind = asked.kind;
            }
            return touch;
        }
        Some((ETH_IPV4, at)) => ipv4(frame, at),
        Some((ETH_IPV6, at)) => ipv6(frame, at),
        _ => None,
    };
    if let Some(packet) = packet {
        touch.src = packet.src;
        classify(frame, &packet, &mut touch);
    }
    touch
}

/// How a frame sent to many touches a decky, when it does.
#[inline(always)]
pub(crate) fn multicast(frame: Frame, src: &[u8; 6]) -> Option<Touch> {
    match network(frame)? {
        (ETH_ARP, at) => arp(frame, at, src),
        (ETH_IPV6, at) => solicitation(frame, at, src),
        _ => None,
    }
}

#[inline(always)]
fn classify(frame: Frame, packet: &Packet, touch: &mut Touch) {
    match packet.fragment {
        None | Some(0) => {}
        // The second eight bytes of a TCP header that was cut after its first eight hold the
        // flags: a scan hidden in tiny fragments shows itself here.
        Some(8) if packet.protocol == TCP => {
            touch.kind = frame.byte(packet.upper + 5).map_or(kind::FRAGMENT, tcp_kind);
            return;
        }
        Some(_) => return,
    }
    touch.kind = match packet.protocol {
        TCP => frame.byte(packet.upper + 13).map_or(kind::FRAGMENT, tcp_kind),
        UDP => kind::UDP,
        ICMP if frame.byte(packet.upper) == Some(8) => kind::ECHO,
        ICMPV6 if frame.byte(packet.upper) == Some(128) => kind::ECHO,
        _ => kind::OTHER,
    };
    if packet.protocol == TCP || packet.protocol == UDP {
        touch.port = frame.number(packet.upper + 2).unwrap_or(0);
    }
}

/// The kind of a TCP packet with these flags; answers and ordinary traffic are `OTHER`.
#[inline(always)]
fn tcp_kind(flags: u8) -> u8 {
    let flags = flags & (FIN | SYN | RST | PSH | ACK | URG);
    if flags & ACK != 0 {
        return kind::OTHER;
    }
    if flags & SYN != 0 {
        return kind::SYN;
    }
    match flags {
        0 => kind::NULL,
        FIN => kind::FIN,
        _ if flags & RST != 0 => kind::OTHER,
        _ => kind::XMAS,
    }
}

/// Reads an IPv4 header.
#[inline(always)]
pub(crate) fn ipv4(frame: Frame, at: usize) -> Option<Packet> {
    let head: [u8; 20] = frame.read(at)?;
    let length = usize::from(head[0] & 0x0f) * 4;
    if head[0] >> 4 != 4 || length < 20 {
        return None;
    }
    let cut = u16::from_be_bytes([head[6], head[7]]);
    let offset = (cut & 0x1fff) * 8;
    let more = cut & 0x2000 != 0;
    Some(Packet {
        src: mapped([head[12], head[13], head[14], head[15]]),
        dst: mapped([head[16], head[17], head[18], head[19]]),
        protocol: head[9],
        upper: at + length,
        fragment: (offset != 0 || more).then_some(offset),
    })
}

/// Reads an IPv6 header and looks through its extensions.
#[inline(always)]
pub(crate) fn ipv6(frame: Frame, at: usize) -> Option<Packet> {
    let protocol = frame.byte(at + 6)?;
    let src = frame.read(at + 8)?;
    let dst = frame.read(at + 24)?;
    let mut packet = Packet { src, dst, protocol, upper: at + 40, fragment: None };
    for _ in 0..MAX_EXTENSIONS {
        match packet.protocol {
            HOP_BY_HOP | ROUTING | DESTINATION => {
                let head: [u8; 2] = frame.read(packet.upper)?;
                packet.protocol = head[0];
                packet.upper += (usize::from(head[1]) + 1) * 8;
            }
            FRAGMENT => {
                let head: [u8; 4] = frame.read(packet.upper)?;
                packet.protocol = head[0];
                packet.fragment = Some(u16::from_be_bytes([head[2], head[3]]) & 0xfff8);
                packet.upper += 8;
            }
            _ => break,
        }
    }
    Some(packet)
}

/// An ARP request for a decky's address.
#[inline(always)]
fn arp(frame: Frame, at: usize, src: &[u8; 6]) -> Option<Touch> {
    // hardware 2, protocol 2, lengths 2, operation 2, sender MAC 6, sender IP 4, target MAC 6,
    // target IP 4 (RFC 826).
    let head: [u8; 8] = frame.read(at)?;
    if head != [0, 1, 8, 0, 6, 4, 0, 1] {
        return None;
    }
    let decky = maps::holder(&mapped(frame.read(at + 24)?))?;
    let sender: [u8; 4] = frame.read(at + 14)?;
    let src = if sender == [0; 4] { from_mac(src) } else { mapped(sender) };
    Some(Touch { decky, src, kind: kind::ARP, port: 0 })
}

/// A neighbour solicitation for a decky's address.
#[inline(always)]
fn solicitation(frame: Frame, at: usize, src: &[u8; 6]) -> Option<Touch> {
    if frame.byte(at + 6)? != ICMPV6 || frame.byte(at + 40)? != 135 {
        return None;
    }
    let decky = maps::holder(&frame.read(at + 48)?)?;
    let sender: [u8; 16] = frame.read(at + 8)?;
    let src = if sender == [0; 16] { from_mac(src) } else { sender };
    Some(Touch { decky, src, kind: kind::SOLICIT, port: 0 })
}

/// A source that has no address yet, named by its MAC.
#[inline(always)]
fn from_mac(mac: &[u8; 6]) -> [u8; 16] {
    [mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}
