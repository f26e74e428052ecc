//! Frames that no stack would make: the agent, which sees them all, takes each for what it is.

use std::net::IpAddr;

use decnet::logic::craft::{LINUX_OPTIONS, Route, tcp};
use decnet::logic::event::Kind;
use decnet::logic::packet::{TCP, UDP};
use decnet_tests::world::World;

use crate::capture::{assert_accounted, settled};

const ONE: &str = r#"
[network]
subnet6 = "fd77::/64"
[[decky]]
name = "web-01"
services = ["http"]
"#;

/// The frame with `byte` at this place behind its Ethernet header.
fn with(mut frame: Vec<u8>, at: usize, byte: u8) -> Vec<u8> {
    frame[14 + at] = byte;
    frame
}

/// Extension headers of IPv6, one behind the other to the end of the frame.
fn endless_headers(route: &Route, kind: u8) -> Vec<u8> {
    let mut headers = Vec::new();
    for _ in 0..150 {
        headers.extend([kind, 0, 0, 0, 0, 0, 0, 0]);
    }
    route.packet(kind, headers, None)
}

/// Everything that is wrong with a frame to this decky, by name.
fn malformed(v4: &Route, v6: &Route) -> Vec<(&'static str, Vec<u8>)> {
    let syn = v4.tcp(40_000, 22, tcp::SYN, &LINUX_OPTIONS, b"");
    let syn6 = v6.tcp(40_000, 22, tcp::SYN, &LINUX_OPTIONS, b"");
    let mut all = Vec::new();
    for frame in [&syn, &syn6] {
        all.extend((14..frame.len()).map(|length| ("cut short", frame[..length].to_vec())));
    }
    for ihl in 0..16 {
        all.push(("IPv4 header length", with(syn.clone(), 0, 0x40 | ihl)));
        all.push(("TCP data offset", with(syn.clone(), 20 + 12, ihl << 4)));
        all.push(("TCP data offset of IPv6", with(syn6.clone(), 40 + 12, ihl << 4)));
        all.push(("version", with(syn.clone(), 0, ihl << 4 | 5)));
    }
    for total in [0, 1, 19, 20, 255] {
        all.push(("IPv4 length", with(with(syn.clone(), 2, 0xff), 3, total)));
        all.push(("IPv4 length", with(with(syn.clone(), 2, 0), 3, total)));
        all.push(("IPv6 length", with(with(syn6.clone(), 4, 0xff), 5, total)));
    }
    for kind in [0, 43, 44, 51, 60, 135] {
        all.push(("endless headers", endless_headers(v6, kind)));
        all.push(("a header that is not there", with(syn6.clone(), 6, kind)));
    }
    for length in [0, 1, 7, 8, 0xff] {
        all.push(("UDP length", with(with(v4.udp(40_000, 53, b"x"), 24, length), 25, length)));
    }
    all.push(("no UDP payload", v4.udp(40_000, 53, b"")));
    let upper = Route::upper(&syn, None).to_vec();
    for size in [8, 16] {
        let pieces = v4.fragments(TCP, &upper, size);
        // The first alone, the last alone, all the wrong way round, and twice.
        all.extend(pieces.first().map(|piece| ("one fragment", piece.clone())));
        all.extend(pieces.iter().rev().chain(&pieces).map(|piece| ("fragment", piece.clone())));
    }
    all.push(("the farthest fragment", with(with(syn.clone(), 6, 0x3f), 7, 0xff)));
    let option = |kind: u8, length: u8| {
        let options = [kind, length, 0, 0, 0, 0, 0, 0];
        v4.tcp(40_000, 22, tcp::SYN, &options, b"")
    };
    for (kind, length) in [(2, 0), (2, 1), (2, 255), (8, 2), (3, 0), (254, 0), (5, 255)] {
        all.push(("TCP option", option(kind, length)));
    }
    let tagged = Route { vlan: Some(42), ..*v4 }.tcp(40_000, 22, tcp::SYN, &LINUX_OPTIONS, b"");
    let tag = tagged[12..16].to_vec();
    for depth in [1, 2, 40] {
        let mut frame = tagged[..12].to_vec();
        frame.extend(tag.repeat(depth));
        frame.extend(&tagged[12..]);
        all.push(("tags in tags", frame));
    }
    all.push(("nothing but tags", [&tagged[..12], &tag.repeat(300)].concat()));
    all.push(("an unknown protocol", v4.packet(UDP, vec![0; 3], None)));
    all
}

#[test]
fn frames_that_no_stack_makes_are_accounted_for() {
    let world = World::make();
    let agent = world.agent(ONE);
    let processes = agent.processes();
    let decky = agent.decky("web-01");
    let v4 = Route { src: "10.77.3.1".parse().expect("an address"), ..world.route(&decky) };
    let dst = decky.ip6.expect("the network has IPv6");
    let v6 = Route { src: "fd77::31".parse().expect("an address"), dst, ..v4 };
    let frames = world.frames();
    let all = malformed(&v4, &v6);
    for (what, frame) in &all {
        // The link itself refuses what is shorter than its header.
        frames.send(frame).unwrap_or_else(|error| panic!("{what}, {frame:02x?}: {error}"));
    }
    // Two pings that are right come behind all of it, and are told.
    let good = Route { src: IpAddr::from([10, 77, 3, 2]), ..v4 };
    for sequence in 0..2 {
        frames.send(&good.echo(sequence)).expect("sent");
    }
    world.event("two pings", |event| {
        event.event == Kind::ScanIcmp
            && event.src.as_ref().and_then(|src| src.ip) == Some(good.src)
            && event.data.number("packets") == Some(2)
    });
    let counters = settled(&agent);
    assert_accounted(&counters);
    assert!(counters.seen >= all.len() as u64 / 2, "{} sent: {counters:?}", all.len());
    assert_eq!(agent.processes(), processes, "a process was replaced");
    for event in world.events() {
        let Some(print) = event.src.as_ref().and_then(|src| src.tcp.as_ref()) else { continue };
        assert!(print.len() < 256 && print.chars().all(|c| c.is_ascii_graphic()), "{print:?}");
    }
}
