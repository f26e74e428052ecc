//! Asking a LAN whether anybody has an address, before it is used.
//!
//! ARP probes as RFC 5227 section 2.1.1 has them, and the solicitations of duplicate address
//! detection of RFC 4862 section 5.4: neither tells the LAN anything about the asker but its MAC.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::logic::craft;
use crate::logic::mac::Mac;
use crate::logic::packet::{ICMPV6, Network, Packet};

const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;

/// The frame that asks for `ip` on behalf of `mac`.
pub fn question(mac: Mac, ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => arp(mac, ip),
        IpAddr::V6(ip) => solicitation(mac, ip),
    }
}

/// Who says in `frame` that it has which address.
pub fn answer(frame: &[u8]) -> Option<(IpAddr, Mac)> {
    let packet = Packet::read(frame)?;
    match packet.network {
        // Whoever speaks for an address has it, asking or answering.
        Network::Arp { sender, .. } if !sender.is_unspecified() => {
            Some((sender.into(), packet.src_mac))
        }
        Network::Ip(ip) if ip.protocol == ICMPV6 && ip.upper.first() == Some(&ADVERTISEMENT) => {
            let target: [u8; 16] = *ip.upper.get(8..)?.first_chunk()?;
            Some((IpAddr::from(target), packet.src_mac))
        }
        _ => None,
    }
}

fn arp(mac: Mac, ip: Ipv4Addr) -> Vec<u8> {
    let mut frame = Vec::with_capacity(60);
    frame.extend([0xff; 6]);
    frame.extend(mac.0);
    // ARP; Ethernet, IPv4, lengths 6 and 4, request.
    frame.extend([0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend(mac.0);
    frame.extend([0; 4]);
    frame.extend([0; 6]);
    frame.extend(ip.octets());
    frame.resize(60, 0);
    frame
}

fn solicitation(mac: Mac, ip: Ipv6Addr) -> Vec<u8> {
    let [.., x, y, z] = ip.octets();
    let to = Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, x, y, z]);
    let mut body = vec![SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
    body.extend(ip.octets());
    let sum = checksum(Ipv6Addr::UNSPECIFIED, to, &body);
    if let Some(field) = body.get_mut(2..4) {
        field.copy_from_slice(&sum.to_be_bytes());
    }
    let mut frame = Vec::with_capacity(86);
    frame.extend([0x33, 0x33, 0xff, x, y, z]);
    frame.extend(mac.0);
    frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
    frame.extend(u16::try_from(body.len()).unwrap_or(0).to_be_bytes());
    frame.extend([ICMPV6, 255]);
    frame.extend(Ipv6Addr::UNSPECIFIED.octets());
    frame.extend(to.octets());
    frame.extend(body);
    frame
}

/// The checksum of an ICMPv6 message (RFC 4443 section 2.3), whose own field is zero.
fn checksum(src: Ipv6Addr, dst: Ipv6Addr, body: &[u8]) -> u16 {
    let length = u32::try_from(body.len()).unwrap_or(0).to_be_bytes();
    let next = [0, 0, 0, ICMPV6];
    craft::checksum(&[&src.octets()[..], &dst.octets(), &length, &next, body].concat())
}

#[cfg(test)]
mod tests;
