//! Frames made by hand, as a scanner makes them: for the lab's visitor, the tests and the bench.

use std::net::IpAddr;

use crate::logic::mac::Mac;
use crate::logic::packet::{ICMP, ICMPV6, TCP, UDP};

/// TCP flags.
pub mod tcp {
    /// No more data.
    pub const FIN: u8 = 0x01;
    /// A connection begins.
    pub const SYN: u8 = 0x02;
    /// A connection is refused.
    pub const RST: u8 = 0x04;
    /// Data is to be handed on at once.
    pub const PSH: u8 = 0x08;
    /// What was received is acknowledged.
    pub const ACK: u8 = 0x10;
    /// Some data is urgent.
    pub const URG: u8 = 0x20;
}

/// The options of a Linux SYN: MSS 1460, SACK, timestamps, window scale 7.
pub const LINUX_OPTIONS: [u8; 20] =
    [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 1, 2, 3, 0, 0, 0, 0, 1, 3, 3, 7];

/// Who sends to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Sender's MAC.
    pub src_mac: Mac,
    /// Receiver's MAC.
    pub dst_mac: Mac,
    /// Sender's address, of the same family as the receiver's.
    pub src: IpAddr,
    /// Receiver's address.
    pub dst: IpAddr,
    /// 802.1Q tag.
    pub vlan: Option<u16>,
}

impl Route {
    /// A TCP segment.
    pub fn tcp(&self, from: u16, to: u16, flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
        let length = 20 + options.len().next_multiple_of(4);
        let mut segment = Vec::with_capacity(length + payload.len());
        segment.extend(from.to_be_bytes());
        segment.extend(to.to_be_bytes());
        // Sequence number; any will do, and zero would be remarkable.
        segment.extend([0x1b, 0xad, 0xd0, 0x0d]);
        segment.extend([0; 4]);
        segment.extend([u8::try_from(length / 4).unwrap_or(5) << 4, flags]);
        segment.extend(64_240u16.to_be_bytes());
        segment.extend([0; 4]);
        segment.extend(options);
        segment.resize(length, 0);
        segment.extend(payload);
        self.packet(TCP, segment, Some(16))
    }

    /// A UDP datagram.
    pub fn udp(&self, from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
        let mut datagram = Vec::with_capacity(8 + payload.len());
        datagram.extend(from.to_be_bytes());
        datagram.extend(to.to_be_bytes());
        datagram.extend(u16::try_from(8 + payload.len()).unwrap_or(0).to_be_bytes());
        datagram.extend([0; 2]);
        datagram.extend(payload);
        self.packet(UDP, datagram, Some(6))
    }

    /// An ICMP or ICMPv6 echo request.
    pub fn echo(&self, sequence: u16) -> Vec<u8> {
        let (protocol, kind) = if self.dst.is_ipv4() { (ICMP, 8) } else { (ICMPV6, 128) };
        let mut message = vec![kind, 0, 0, 0, 0xde, 0xc0];
        message.extend(sequence.to_be_bytes());
        message.extend(*b"abcdefghijklmnopqrstuvwabcdefghi");
        self.packet(protocol, message, Some(2))
    }

    /// The fragments of an IPv4 packet whose upper layer is cut into pieces of `size` bytes, a
    /// multiple of eight.
    pub fn fragments(&self, protocol: u8, upper: &[u8], size: usize) -> Vec<Vec<u8>> {
        let last = upper.len().saturating_sub(1) / size.max(8);
        let pieces = upper.chunks(size.max(8)).enumerate();
        pieces
            .map(|(index, piece)| {
                let offset = u16::try_from(index * size.max(8) / 8).unwrap_or(0);
                let more = if index < last { 0x2000 } else { 0 };
                self.frame(&self.ipv4(protocol, piece, offset | more))
            })
            .collect()
    }

    /// The upper layer of a frame made here, for [`Route::fragments`].
    pub fn upper(frame: &[u8], vlan: Option<u16>) -> &[u8] {
        let head = if vlan.is_some() { 18 } else { 14 };
        frame.get(head + 20..).unwrap_or_default()
    }

    /// Any upper layer in an IP packet; its checksum is at `sum`, if it has one.
    pub fn packet(&self, protocol: u8, mut upper: Vec<u8>, sum: Option<usize>) -> Vec<u8> {
        if let Some(at) = sum {
            let value =
                if protocol == ICMP { checksum(&upper) } else { self.upper_sum(protocol, &upper) };
            if let Some(field) = upper.get_mut(at..at + 2) {
                field.copy_from_slice(&value.to_be_bytes());
            }
        }
        let packet = match self.dst {
            IpAddr::V4(_) => self.ipv4(protocol, &upper, 0x4000),
            IpAddr::V6(_) => self.ipv6(protocol, &upper),
        };
        self.frame(&packet)
    }

    /// A packet in an Ethernet frame.
    pub fn frame(&self, packet: &[u8]) -> Vec<u8> {
        let mut frame = Vec::with_capacity(18 + packet.len());
        frame.extend(self.dst_mac.0);
        frame.extend(self.src_mac.0);
        if let Some(tag) = self.vlan {
            frame.extend([0x81, 0x00]);
            frame.extend(tag.to_be_bytes());
        }
        frame.extend(if self.dst.is_ipv4() { [0x08, 0x00] } else { [0x86, 0xdd] });
        frame.extend(packet);
        frame
    }

    fn ipv4(&self, protocol: u8, upper: &[u8], cut: u16) -> Vec<u8> {
        let (IpAddr::V4(src), IpAddr::V4(dst)) = (self.src, self.dst) else { return Vec::new() };
        let total = u16::try_from(20 + upper.len()).unwrap_or(u16::MAX);
        let mut packet = vec![0x45, 0];
        packet.extend(total.to_be_bytes());
        packet.extend([0x30, 0x39]);
        packet.extend(cut.to_be_bytes());
        packet.extend([64, protocol, 0, 0]);
        packet.extend(src.octets());
        packet.extend(dst.octets());
        let sum = checksum(&packet).to_be_bytes();
        if let Some(field) = packet.get_mut(10..12) {
            field.copy_from_slice(&sum);
        }
        packet.extend(upper);
        packet
    }

    fn ipv6(&self, protocol: u8, upper: &[u8]) -> Vec<u8> {
        let (IpAddr::V6(src), IpAddr::V6(dst)) = (self.src, self.dst) else { return Vec::new() };
        let mut packet = vec![0x60, 0, 0, 0];
        packet.extend(u16::try_from(upper.len()).unwrap_or(0).to_be_bytes());
        packet.extend([protocol, 64]);
        packet.extend(src.octets());
        packet.extend(dst.octets());
        packet.extend(upper);
        packet
    }

    /// The checksum over an upper layer and its pseudo-header.
    fn upper_sum(&self, protocol: u8, upper: &[u8]) -> u16 {
        let mut all = Vec::with_capacity(40 + upper.len());
        for ip in [self.src, self.dst] {
            match ip {
                IpAddr::V4(ip) => all.extend(ip.octets()),
                IpAddr::V6(ip) => all.extend(ip.octets()),
            }
        }
        all.extend(u32::try_from(upper.len()).unwrap_or(0).to_be_bytes());
        all.extend([0, 0, 0, protocol]);
        all.extend(upper);
        checksum(&all)
    }
}

/// The Internet checksum (RFC 1071) of bytes whose own checksum field is zero.
pub fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = 0;
    for pair in bytes.chunks(2) {
        let [high, low] = [pair.first(), pair.get(1)].map(|byte| byte.copied().unwrap_or(0));
        sum += u32::from(u16::from_be_bytes([high, low]));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap_or(0)
}

#[cfg(test)]
mod tests;
