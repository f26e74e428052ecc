//! What was crafted is read as it was meant.

use super::*;
use crate::logic::packet::Packet;

fn route(src: &str, dst: &str) -> Route {
    Route {
        src_mac: Mac([2, 0, 0, 0, 0, 1]),
        dst_mac: Mac([2, 0, 0, 0, 0, 2]),
        src: src.parse().expect("an address"),
        dst: dst.parse().expect("an address"),
        vlan: None,
    }
}

#[test]
fn checksums_come_out_as_zero_over_themselves() {
    for route in [route("10.0.0.1", "10.0.0.2"), route("fd00::1", "fd00::2")] {
        for frame in [
            route.tcp(40_000, 22, tcp::SYN, &LINUX_OPTIONS, b""),
            route.udp(40_000, 53, b"odd"),
            route.echo(1),
        ] {
            let packet = Packet::read(&frame).expect("a frame");
            let ip = packet.ip().expect("an IP packet");
            let sum = if ip.protocol == ICMP {
                checksum(ip.upper)
            } else {
                route.upper_sum(ip.protocol, ip.upper)
            };
            assert_eq!(sum, 0, "{ip:?}");
        }
    }
}

#[test]
fn fragments_hold_the_whole() {
    let route = route("10.0.0.1", "10.0.0.2");
    let whole = route.tcp(40_000, 22, tcp::SYN, &LINUX_OPTIONS, b"");
    let upper = Route::upper(&whole, None);
    let pieces = route.fragments(TCP, upper, 8);
    assert_eq!(pieces.len(), 5);
    let mut joined = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        let packet = Packet::read(piece).expect("a frame");
        let ip = packet.ip().expect("an IP packet");
        assert_eq!(ip.fragment, Some(u16::try_from(index * 8).expect("small")));
        joined.extend_from_slice(ip.upper);
    }
    assert_eq!(joined, upper);
}

#[test]
fn a_tag_is_read_back() {
    let route = Route { vlan: Some(42), ..route("10.0.0.1", "10.0.0.2") };
    let frame = route.tcp(1, 2, tcp::SYN, &[], b"");
    let packet = Packet::read(&frame).expect("a frame");
    assert_eq!(packet.vlan, Some(42));
    assert_eq!(packet.ip().and_then(|ip| ip.ports()), Some((1, 2)));
}
