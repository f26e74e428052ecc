//! SYNs of known stacks, and what is odd about odd ones.

use super::*;
use crate::logic::craft::{LINUX_OPTIONS, Route, tcp};
use crate::logic::mac::Mac;
use crate::logic::packet::Packet;

fn route() -> Route {
    Route {
        src_mac: Mac([2, 0, 0, 0, 0, 1]),
        dst_mac: Mac([2, 0, 0, 0, 0, 2]),
        src: [10, 0, 0, 1].into(),
        dst: [10, 0, 0, 2].into(),
        vlan: None,
    }
}

fn of(frame: &[u8]) -> Option<String> {
    signature(Packet::read(frame)?.ip()?)
}

#[test]
fn a_linux_syn_reads_as_one() {
    let frame = route().tcp(40_000, 22, tcp::SYN, &LINUX_OPTIONS, b"");
    assert_eq!(of(&frame).as_deref(), Some("4:64+0:0:1460:mss*44,7:mss,sok,ts,nop,ws:df,id+:0"));
}

#[test]
fn each_oddity_is_named() {
    let syn = |options: &[u8]| route().tcp(40_000, 22, tcp::SYN, options, b"");
    type Change = fn(&mut Vec<u8>);
    let table: [(&str, Vec<u8>, Change); 14] = [
        ("4:64+0:0:*:64240,*::df,id+:0", syn(&[]), |_| {}),
        ("4:64+3:0:*:64240,*::df,id+:0", syn(&[]), |frame| frame[22] = 61),
        ("4:128+1:0:*:64240,*::df,id+:0", syn(&[]), |frame| frame[22] = 127),
        ("4:64+0:0:*:64240,*::id-:0", syn(&[]), |frame| frame[18..22].fill(0)),
        ("4:64+0:0:*:64240,*::df,id+,0+:0", syn(&[]), |frame| frame[20] |= 0x80),
        ("4:64+0:0:*:64240,*::df,id+,ecn:0", syn(&[]), |frame| frame[47] |= 0xc0),
        ("4:64+0:0:*:64240,*::df,id+,seq-:0", syn(&[]), |frame| frame[38..42].fill(0)),
        ("4:64+0:0:*:64240,*::df,id+,ack+:0", syn(&[]), |frame| frame[42] = 1),
        ("4:64+0:0:*:64240,*::df,id+,uptr+:0", syn(&[]), |frame| frame[53] = 1),
        ("4:64+0:0:*:64240,*::df,id+,urgf+,pushf+:0", syn(&[]), |frame| frame[47] |= 0x28),
        ("4:64+0:0:1000:64240,*:mss,eol+3:df,id+:0", syn(&[2, 4, 3, 0xe8, 0]), |_| {}),
        ("4:64+0:0:*:64240,15:ws,nop:df,id+,exws:0", syn(&[3, 3, 15, 1]), |_| {}),
        ("4:64+0:0:*:64240,*:ts:df,id+,bad:0", syn(&[8, 9, 0, 0]), |_| {}),
        ("4:64+0:0:*:64240,*:?77,nop,nop:df,id+:0", syn(&[77, 2, 1, 1]), |_| {}),
    ];
    for (wanted, mut frame, change) in table {
        change(&mut frame);
        assert_eq!(of(&frame).as_deref(), Some(wanted));
    }
    let data = route().tcp(40_000, 22, tcp::SYN, &[], b"x");
    assert_eq!(of(&data).as_deref(), Some("4:64+0:0:*:64240,*::df,id+:+"));
}

#[test]
fn windows_are_told_as_multiples_where_they_are() {
    let frame = |mss: u16, window: u16| {
        let [a, b] = mss.to_be_bytes();
        let mut frame = route().tcp(40_000, 22, tcp::SYN, &[2, 4, a, b], b"");
        frame[48..50].copy_from_slice(&window.to_be_bytes());
        of(&frame).expect("a SYN")
    };
    assert!(frame(1_460, 1_460 * 20).contains(":mss*20,"));
    assert!(frame(1_460, 1_500 * 4).contains(":mtu*4,"));
    assert!(frame(1_460, 65_535).contains(":65535,"));
    assert!(frame(0, 0).contains(":0,"));
}

#[test]
fn what_is_no_syn_has_no_signature() {
    assert_eq!(of(&route().udp(1, 2, b"")), None);
    let syn = route().tcp(40_000, 22, tcp::SYN, &LINUX_OPTIONS, b"");
    assert_eq!(of(&syn[..50]), None, "a header that is cut off");
}
