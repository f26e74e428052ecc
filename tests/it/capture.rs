//! Every packet that touches a decky is seen, told once, and accounted for.

use decnet::logic::craft::{LINUX_OPTIONS, Route, tcp};
use decnet::logic::event::{Event, Kind};
use decnet::logic::packet::TCP;
use decnet::logic::probe;
use decnet::logic::status::CaptureStatus;

use decnet_tests::world::{Agent, World, wait_for};

const ONE: &str = r#"
[network]
subnet6 = "fd77::/64"
[[decky]]
name = "web-01"
services = ["http"]
"#;

/// The counters once nothing moves any more.
pub(crate) fn settled(agent: &Agent<'_>) -> CaptureStatus {
    let mut last = None;
    let counters = wait_for(|| {
        let now = agent.status()?.capture;
        let still = last.as_ref() == Some(&now) && now.read == now.submitted;
        last = Some(now.clone());
        still.then_some(now)
    });
    counters.expect("the counters come to rest")
}

pub(crate) fn assert_accounted(counters: &CaptureStatus) {
    let drops: u64 = counters.drops.values().sum();
    assert_eq!(counters.seen, counters.submitted + counters.aggregated + drops, "{counters:?}");
    assert_eq!(counters.read, counters.submitted, "{counters:?}");
}

#[test]
fn every_kind_of_scan_is_told_with_its_ports() {
    let world = World::make();
    let agent = world.agent(ONE);
    let decky = agent.decky("web-01");
    let frames = world.frames();
    let v4 = world.route(&decky);
    let v6 = Route {
        src: "fd77::7".parse().expect("an address"),
        dst: decky.ip6.expect("the network has IPv6"),
        ..v4
    };
    for route in [v4, v6] {
        for port in [21, 80, 8080] {
            for flags in [tcp::SYN, tcp::FIN, 0, tcp::FIN | tcp::PSH | tcp::URG] {
                frames.send(&route.tcp(40_000, port, flags, &LINUX_OPTIONS, b"")).expect("sent");
            }
            frames.send(&route.udp(40_000, port, b"hello")).expect("sent");
        }
        frames.send(&route.echo(1)).expect("sent");
        let kinds = [
            Kind::ScanSyn,
            Kind::ScanFin,
            Kind::ScanNull,
            Kind::ScanXmas,
            Kind::ScanUdp,
            Kind::ScanIcmp,
        ];
        for kind in kinds {
            let ports: &[u64] = if kind == Kind::ScanIcmp { &[] } else { &[21, 80, 8080] };
            let told = |event: &Event| {
                event.event == kind
                    && event.src.as_ref().and_then(|src| src.ip) == Some(route.src)
                    && event.data.numbers("ports") == ports
                    && event.decky.as_ref().is_some_and(|part| part.name == decky.name)
            };
            let event = world.event(&format!("{kind} from {}", route.src), told);
            let packets = event.data.number("packets").expect("a count");
            assert_eq!(packets, ports.len().max(1) as u64, "{event:?}");
            assert!(event.data.text("first") <= event.data.text("last"), "{event:?}");
        }
    }
    assert_accounted(&settled(&agent));
}

#[test]
fn repeats_are_counted_and_not_told_one_by_one() {
    let world = World::make();
    let agent = world.agent(ONE);
    let route = world.route(&agent.decky("web-01"));
    let frames = world.frames();
    for _ in 0..1_000 {
        frames.send(&route.tcp(40_000, 445, tcp::SYN, &LINUX_OPTIONS, b"")).expect("sent");
    }
    world.event("the whole count", |event| {
        event.event == Kind::ScanSyn && event.data.number("packets") == Some(1_000)
    });
    let told = world.events().iter().filter(|event| event.event == Kind::ScanSyn).count();
    assert!(told <= 3, "{told} events for one scan");
    let counters = settled(&agent);
    assert_accounted(&counters);
    assert!(counters.aggregated >= 999, "{counters:?}");
}

#[test]
fn one_arp_broadcast_is_one_event_however_many_deckies() {
    let world = World::make();
    let agent = world.agent("[[decky]]\nname = \"web\"\nservices = [\"http\"]\ncount = 64\n");
    let decky = agent.decky("web-17");
    let mut question = probe::question(world.visitor_mac(), decky.ip);
    question[28..32].copy_from_slice(&[10, 77, 255, 9]);
    let before = world.events().len();
    world.frames().send(&question).expect("sent");
    let event = world.event_of(Kind::ScanArp);
    assert_eq!(event.decky.map(|part| part.name.clone()), Some(decky.name));
    let counters = settled(&agent);
    assert_eq!((counters.seen, counters.submitted), (1, 1), "{counters:?}");
    assert_eq!(world.events().len(), before + 1);
}

#[test]
fn tagged_and_fragmented_packets_are_seen() {
    let world = World::make();
    let agent = world.agent(ONE);
    let decky = agent.decky("web-01");
    let frames = world.frames();
    let plain = world.route(&decky);
    let tagged = Route { vlan: Some(42), src: "10.77.3.1".parse().expect("an address"), ..plain };
    frames.send(&tagged.tcp(40_000, 22, tcp::SYN, &LINUX_OPTIONS, b"")).expect("sent");
    let event = world.event("a tagged SYN", |event| {
        event.event == Kind::ScanSyn && event.src.as_ref().and_then(|src| src.vlan) == Some(42)
    });
    assert_eq!(event.data.numbers("ports"), [22]);
    let hidden = Route { src: "10.77.3.2".parse().expect("an address"), ..plain };
    let whole = hidden.tcp(40_000, 23, tcp::SYN, &LINUX_OPTIONS, b"");
    for fragment in hidden.fragments(TCP, Route::upper(&whole, None), 8) {
        frames.send(&fragment).expect("sent");
    }
    world.event("a SYN in fragments", |event| {
        event.event == Kind::ScanSyn
            && event.src.as_ref().and_then(|src| src.ip) == Some(hidden.src)
            && event.data.numbers("ports") == [23]
    });
    assert_accounted(&settled(&agent));
}

#[test]
fn a_client_of_a_service_is_no_scan() {
    let world = World::make();
    let agent = world.agent(ONE);
    let decky = agent.decky("web-01");
    world.visit("curl", &["-sS", "-m1", &format!("http://{}/", decky.ip)]);
    world.event_of(Kind::ConnClose);
    // What comes to rest after the client's visit is told after whatever would be told of it.
    let route = world.route(&decky);
    for sequence in 0..2 {
        world.frames().send(&route.echo(sequence)).expect("sent");
    }
    world.event("two pings at rest", |event| {
        event.event == Kind::ScanIcmp && event.data.number("packets") == Some(2)
    });
    let scans = world.events().into_iter().filter(|event| event.event == Kind::ScanSyn).count();
    assert_eq!(scans, 0);
}
