//! Questions and answers.

use super::*;

#[test]
fn an_arp_probe_names_nobody_but_its_mac() {
    let mac = Mac([0, 0x15, 0x5d, 1, 2, 3]);
    let frame = question(mac, IpAddr::from([192, 168, 1, 9]));
    let packet = Packet::read(&frame).expect("a frame");
    assert_eq!(frame.len(), 60);
    assert_eq!(packet.dst_mac, Mac([0xff; 6]));
    assert_eq!(
        packet.network,
        Network::Arp {
            operation: 1,
            sender: Ipv4Addr::UNSPECIFIED,
            target: Ipv4Addr::new(192, 168, 1, 9)
        }
    );
    assert_eq!(answer(&frame), None, "another probe is no answer");
}

#[test]
fn a_solicitation_has_the_checksum_that_the_kernel_computes() {
    let frame = question(
        Mac([0, 0x15, 0x5d, 1, 2, 3]),
        "fe80::215:5dff:fe01:203".parse().expect("an address"),
    );
    assert_eq!(frame.len(), 78);
    assert_eq!(frame.get(..6), Some(&[0x33, 0x33, 0xff, 1, 2, 3][..]));
    let packet = Packet::read(&frame).expect("a frame");
    let ip = packet.ip().expect("IPv6");
    assert_eq!((ip.ttl, ip.protocol), (255, ICMPV6));
    // The sum over a message with its checksum in place is zero.
    let (IpAddr::V6(src), IpAddr::V6(dst)) = (ip.src, ip.dst) else { panic!("IPv6") };
    assert_eq!(checksum(src, dst, ip.upper), 0);
}

#[test]
fn an_answer_names_its_holder() {
    let holder = Mac([2, 0, 0, 0, 0, 9]);
    let mut frame = question(holder, IpAddr::from([10, 0, 0, 1]));
    frame[21] = 2; // a reply,
    frame[28..32].copy_from_slice(&[10, 0, 0, 7]); // whose sender is 10.0.0.7
    assert_eq!(answer(&frame), Some((IpAddr::from([10, 0, 0, 7]), holder)));
    let target: Ipv6Addr = "fe80::7".parse().expect("an address");
    let mut frame = question(holder, IpAddr::V6(target));
    frame[54] = ADVERTISEMENT;
    assert_eq!(answer(&frame), Some((IpAddr::V6(target), holder)));
    assert_eq!(answer(&frame[..60]), None, "cut short");
}
