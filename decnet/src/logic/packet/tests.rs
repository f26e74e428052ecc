//! Frames, whole and broken.

use proptest::prelude::*;

use super::*;
use crate::logic::craft::{LINUX_OPTIONS, Route, tcp};

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
fn extension_headers_are_looked_through() {
    let route = route("fd00::1", "fd00::2");
    let segment = Route::upper(&route.tcp(1, 2, tcp::SYN, &[], b""), None).to_vec();
    // Hop-by-hop, then destination options, then a fragment that is whole.
    let mut upper = vec![60, 0, 1, 4, 0, 0, 0, 0];
    upper.extend([44, 0, 1, 4, 0, 0, 0, 0]);
    upper.extend([TCP, 0, 0, 0, 0, 0, 0, 1]);
    // `upper` of IPv6 frames begins 20 bytes later than that of IPv4 frames.
    upper.extend(segment.get(20..).expect("a segment"));
    let frame = route.packet(0, upper, None);
    let packet = Packet::read(&frame).expect("a frame");
    let ip = packet.ip().expect("IPv6");
    assert_eq!((ip.protocol, ip.options, ip.fragment), (TCP, 24, Some(0)));
    assert_eq!(ip.ports(), Some((1, 2)));
}

#[test]
fn padding_is_not_the_packets() {
    let mut frame = route("10.0.0.1", "10.0.0.2").udp(1, 2, b"x");
    frame.resize(60, 0xee);
    let packet = Packet::read(&frame).expect("a frame");
    assert_eq!(packet.ip().map(|ip| ip.upper.len()), Some(9));
}

#[test]
fn a_header_that_lies_is_no_packet() {
    let good = route("10.0.0.1", "10.0.0.2").udp(1, 2, b"x");
    for (at, value) in [(14, 0x44), (14, 0x65), (14, 0x15)] {
        let mut frame = good.clone();
        frame[at] = value;
        assert_eq!(Packet::read(&frame).map(|packet| packet.network), Some(Network::Other));
    }
}

proptest! {
    #[test]
    fn no_frame_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Some(packet) = Packet::read(&bytes) {
            let _ports = packet.ip().and_then(Ip::ports);
            let _signature = packet.ip().and_then(crate::logic::tcp_signature::signature);
            let _answer = crate::logic::probe::answer(&bytes);
        }
    }

    #[test]
    fn no_damage_makes_it_panic(at in 0usize..80, value: u8, cut in 0usize..90) {
        let mut frame = route("10.0.0.1", "10.0.0.2").tcp(1, 2, tcp::SYN, &LINUX_OPTIONS, b"abc");
        if let Some(byte) = frame.get_mut(at) {
            *byte = value;
        }
        frame.truncate(cut);
        if let Some(packet) = Packet::read(&frame) {
            let _signature = packet.ip().and_then(crate::logic::tcp_signature::signature);
        }
    }
}
