//! Records and keys have the layout that the kernel half writes and reads.

use super::*;

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
    let key = tally_key(Peer::Ip(ip), DeckyId(0x0102), 5);
    assert_eq!(key[..16], mapped);
    assert_eq!(key[16..20], 0x0102u32.to_ne_bytes());
    assert_eq!(key[20..], 5u32.to_ne_bytes());
    let mac = Mac([1, 2, 3, 4, 5, 6]);
    assert_eq!(tally_key(Peer::Mac(mac), DeckyId(0), 0)[..8], [1, 2, 3, 4, 5, 6, 0, 0]);
    let port = port_key(ip, 6, 443);
    assert_eq!(port[16..18], 443u16.to_ne_bytes());
    assert_eq!(port[18..], 6u16.to_ne_bytes());
    let link_local = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    let value = decky_value(DeckyId(9), 1, Ipv4Addr::new(10, 0, 0, 1), link_local, None);
    assert_eq!(
        value[..12],
        [&9u32.to_ne_bytes()[..], &1u32.to_ne_bytes(), &[10, 0, 0, 1]].concat()
    );
    assert_eq!(value[12..28], link_local.octets());
    assert_eq!(value[28..], [0; 16]);
}

#[test]
fn a_tally_counts_its_ports() {
    let mut bytes: TallyBytes = [0; _];
    bytes[..8].copy_from_slice(&1u64.to_ne_bytes());
    bytes[8..16].copy_from_slice(&2u64.to_ne_bytes());
    bytes[16..24].copy_from_slice(&3u64.to_ne_bytes());
    bytes[24..28].copy_from_slice(&4u32.to_ne_bytes());
    bytes[28..32].copy_from_slice(&5u32.to_ne_bytes());
    bytes[40] = 0b101;
    bytes[159] = 0x80;
    let tally = Tally { first_ns: 1, last_ns: 2, bytes: 3, packets: 4, sent: 5, ports: 3 };
    assert_eq!(Tally::read(&bytes), tally);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..1_700)) {
        let _record = Record::read(&bytes).ok();
    }
}
