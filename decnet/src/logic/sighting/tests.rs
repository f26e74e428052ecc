//! Records and keys have the layout that the kernel half writes and reads.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use decnet_ebpf::{TALLIES, WAYS, home, place};

use super::*;
use crate::logic::decky::Secret;
use crate::logic::persona;
use crate::logic::time::Timestamp;

fn record(frame: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(1_234_567_890u64.to_ne_bytes());
    bytes.extend(7u32.to_ne_bytes());
    bytes.extend(1_500u32.to_ne_bytes());
    bytes.extend(0xf02au16.to_ne_bytes());
    bytes.extend(3u16.to_ne_bytes());
    bytes.extend(60u16.to_ne_bytes());
    bytes.extend([decnet_ebpf::kind::UDP, flag::FIRST | flag::VLAN]);
    bytes.extend((0..frame).map(|n| u8::try_from(n % 251).expect("small")));
    bytes
}

#[test]
fn a_record_of_each_size_is_read() {
    for size in [FRAME, COPY_SMALL, COPY_LARGE] {
        let bytes = record(size);
        let record = Record::read(&bytes).expect("it has the right size");
        assert_eq!(record.ktime_ns, 1_234_567_890);
        assert_eq!((record.decky, record.wire_len), (DeckyId(7), 1_500));
        assert_eq!(record.vlan, Some(42), "the priority is not part of the VLAN");
        assert_eq!((record.segments, record.kind), (3, decnet_ebpf::kind::UDP));
        assert!(record.first && !record.outbound);
        assert_eq!(record.frame.len(), 60);
    }
    for size in [0, 1, 24, 151, 153, 4_000] {
        let bytes = vec![0; size];
        assert_eq!(Record::read(&bytes), Err(NotARecord(size)));
    }
}

#[test]
fn a_record_that_claims_more_than_it_has_is_cut() {
    let mut bytes = record(FRAME);
    bytes[20..22].copy_from_slice(&u16::MAX.to_ne_bytes());
    assert_eq!(Record::read(&bytes).expect("a record").frame.len(), FRAME);
}

#[test]
fn keys_are_laid_out_as_the_kernel_half_has_them() {
    let ip = IpAddr::from([10, 0, 0, 7]);
    let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 7];
    assert_eq!(address(ip), mapped);
    let port = port_key(ip, 6, 443);
    assert_eq!(port[16..18], 443u16.to_ne_bytes());
    assert_eq!(port[18..], 6u16.to_ne_bytes());
    let decky = Identity {
        name: "web-01".parse().expect("a name"),
        hostname: "web-01".to_owned(),
        persona: persona::find("debian-12").expect("it is in the table"),
        mac: Mac([0, 0x1b, 0x21, 4, 5, 6]),
        ip: Ipv4Addr::new(10, 0, 0, 1),
        ip6: None,
        secret: Secret([0; 32]),
        booted: Timestamp(0),
    };
    let value = decky_value(DeckyId(9), 1, decky.mac);
    assert_eq!(value[..8], [&decky.mac.0[..], &[1, 0]].concat());
    assert_eq!(value[8..], [9u32.to_ne_bytes(), 1u32.to_ne_bytes()].concat());
    let own = own_value(&decky);
    assert_eq!(own[..4], decky.ip.octets());
    assert_eq!(own[4..20], decky.link_local().octets());
    assert_eq!(own[20..], [0; 16]);
}

#[test]
fn a_tally_is_read_by_its_key_only() {
    let key = tally_key(Peer::Ip(IpAddr::from([10, 0, 0, 7])), DeckyId(3), 5);
    let mut bytes: TallyBytes = [0; _];
    let words = key.into_iter().chain([7, 8, 9]);
    for (place, word) in bytes.chunks_mut(8).zip(words) {
        place.copy_from_slice(&word.to_ne_bytes());
    }
    assert_eq!(Tally::read(&bytes, &key), Some(Tally { last_ns: 7, bytes: 8, packets: 9 }));
    for other in [
        tally_key(Peer::Ip(IpAddr::from([10, 0, 0, 8])), DeckyId(3), 5),
        tally_key(Peer::Mac(Mac([10, 0, 0, 7, 0, 0])), DeckyId(3), 5),
        tally_key(Peer::Ip(IpAddr::from([10, 0, 0, 7])), DeckyId(4), 5),
        tally_key(Peer::Ip(IpAddr::from([10, 0, 0, 7])), DeckyId(3), 6),
    ] {
        assert_eq!(Tally::read(&bytes, &other), None);
    }
}

#[test]
fn sources_in_a_row_spread_over_the_places_of_tallies() {
    let base = u32::from(Ipv4Addr::new(10, 0, 0, 0));
    for seed in [0, 1, 0x9e37_79b9] {
        let mut taken = vec![0_u32; (TALLIES / WAYS) as usize];
        for n in 0..65_536 {
            let ip = IpAddr::from(Ipv4Addr::from(base + n).octets());
            let home = home(&tally_key(Peer::Ip(ip), DeckyId(1), 1), seed);
            let places: BTreeSet<u32> = (0..WAYS).map(|way| place(home, way)).collect();
            assert_eq!(places.len(), WAYS as usize, "all are tried");
            assert_eq!(places.first().map(|first| first / WAYS), Some(home / WAYS), "side by side");
            taken[(home / WAYS) as usize] += 1;
        }
        // Of 65,536 keys thrown at 8,192 sets of 16, some 50 find theirs full.
        let crowded: u32 = taken.iter().map(|keys| keys.saturating_sub(WAYS)).sum();
        assert!(crowded < 200, "{crowded} of 65,536 have no place of their own");
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..1_700)) {
        let _record = Record::read(&bytes).ok();
    }
}
