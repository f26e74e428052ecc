//! Visits are told at once, once more at rest, and floods are bounded.

use super::*;
use crate::logic::craft::{LINUX_OPTIONS, Route, tcp};
use crate::logic::mac::Mac;

const SECOND: u64 = 1_000_000_000;

fn at(seconds: f64) -> Timestamp {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small and positive"
    )]
    let nanos = (seconds * 1e9) as u64;
    Timestamp(1_000 * SECOND + nanos)
}

fn route(src: [u8; 4]) -> Route {
    Route {
        src_mac: Mac([2, 0, 0, 0, 0, 1]),
        dst_mac: Mac([2, 0, 0, 0, 0, 2]),
        src: src.into(),
        dst: [10, 0, 0, 2].into(),
        vlan: None,
    }
}

/// Visitors, the kernel's tallies beside them, and what was told.
#[derive(Default)]
struct Scene {
    visitors: Visitors,
    tallies: HashMap<TallyKey, Tally>,
    told: Vec<Observation>,
}

impl Scene {
    fn sight(&mut self, decky: u32, kind: u8, frame: &[u8], when: Timestamp, served: bool) {
        let port = if served { Port::Service } else { Port::Closed };
        self.sight_port(decky, kind, frame, when, port);
    }

    fn sight_port(&mut self, decky: u32, kind: u8, frame: &[u8], when: Timestamp, port: Port) {
        let packet = Packet::read(frame).expect("a frame");
        let record = Record {
            ktime_ns: when.0,
            decky: DeckyId(decky),
            wire_len: u32::try_from(frame.len()).expect("small"),
            vlan: None,
            segments: 0,
            kind,
            first: true,
            outbound: false,
            frame,
        };
        if let Some(ip) = packet.ip() {
            let tally =
                self.tallies.entry(tally_key(Peer::Ip(ip.src), DeckyId(decky), kind)).or_default();
            tally.packets += 1;
            tally.bytes += u64::from(record.wire_len);
            tally.last_ns = when.0;
        }
        self.visitors.sighted(&record, when, |_| port, &mut self.told);
    }

    fn syn(&mut self, decky: u32, src: [u8; 4], port: u16, when: Timestamp, served: bool) {
        let frame = route(src).tcp(40_000, port, tcp::SYN, &LINUX_OPTIONS, b"");
        self.sight(decky, kind::SYN, &frame, when, served);
    }

    fn tick(&mut self, now: Timestamp) {
        let tallies = &self.tallies;
        self.visitors.tick(now, Duration::ZERO, |key| tallies.get(key).copied(), &mut self.told);
    }

    fn told(&mut self) -> Vec<(Kind, Option<u64>, Vec<u64>)> {
        let told =
            |o: Observation| (o.kind, o.data.number("packets"), o.data.numbers("ports").to_vec());
        self.told.drain(..).map(told).collect()
    }
}

#[test]
fn a_scan_is_told_at_once_and_once_more_when_it_rests() {
    let mut scene = Scene::default();
    scene.syn(1, [10, 0, 0, 9], 445, at(0.0), false);
    assert_eq!(
        scene.told(),
        [
            (Kind::SourceNew, None, vec![]),
            (Kind::FingerprintTcp, None, vec![]),
            (Kind::ScanSyn, Some(1), vec![445]),
        ]
    );
    scene.syn(1, [10, 0, 0, 9], 139, at(0.1), false);
    scene.syn(1, [10, 0, 0, 9], 22, at(0.2), true);
    scene.tick(at(0.5));
    assert_eq!(scene.told(), [], "it has not come to rest");
    scene.tick(at(1.1));
    assert_eq!(scene.told(), [(Kind::ScanSyn, Some(3), vec![445, 139, 22])]);
    scene.tick(at(5.0));
    assert_eq!(scene.told(), [], "nothing is told twice");
    assert!(!scene.visitors.is_idle());
    scene.tick(at(9.0));
    assert!(scene.visitors.is_idle(), "forgotten when the kernel would tell it anew");
}

#[test]
fn packets_that_only_the_kernel_counted_are_told_too() {
    let mut scene = Scene::default();
    scene.syn(1, [10, 0, 0, 9], 445, at(0.0), false);
    scene.told();
    let key = tally_key(Peer::Ip([10, 0, 0, 9].into()), DeckyId(1), kind::SYN);
    scene.tallies.insert(key, Tally { packets: 5_000, last_ns: at(3.0).0, ..Tally::default() });
    scene.tick(at(3.1));
    assert_eq!(scene.told(), [], "it goes on");
    scene.tick(at(4.0));
    assert_eq!(scene.told(), [(Kind::ScanSyn, Some(5_000), vec![445])]);
}

#[test]
fn a_scan_that_goes_on_is_told_in_between() {
    let mut scene = Scene::default();
    scene.syn(1, [10, 0, 0, 9], 445, at(0.0), false);
    scene.told();
    let key = tally_key(Peer::Ip([10, 0, 0, 9].into()), DeckyId(1), kind::SYN);
    for tenth in 1..=200u32 {
        let now = at(f64::from(tenth) / 10.0);
        scene.tallies.insert(key, Tally { packets: tenth, last_ns: now.0, ..Tally::default() });
        scene.tick(now);
    }
    let told = scene.told();
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn a_client_is_no_scan_and_a_knock_without_a_visit_is() {
    let mut scene = Scene::default();
    scene.syn(1, [10, 0, 0, 9], 22, at(0.0), true);
    scene.visitors.connected([10, 0, 0, 9].into(), DeckyId(1), 22);
    scene.tick(at(2.0));
    let kinds: Vec<Kind> = scene.told.iter().map(|told| told.kind).collect();
    assert_eq!(kinds, [Kind::SourceNew, Kind::FingerprintTcp]);
    scene.told();
    scene.syn(1, [10, 0, 0, 8], 22, at(0.0), true);
    scene.told();
    scene.tick(at(2.0));
    assert_eq!(scene.told(), [(Kind::ScanSyn, Some(1), vec![22])], "half open");
    for port in [22, 80, 6379] {
        scene.syn(1, [10, 0, 0, 7], port, at(3.0), true);
        scene.visitors.connected([10, 0, 0, 7].into(), DeckyId(1), port);
    }
    let told = scene.told();
    assert!(told.contains(&(Kind::ScanSyn, Some(3), vec![22, 80, 6379])), "{told:?}");
}

#[test]
fn data_connections_of_whoever_is_connected_are_no_scan() {
    let knock = |scene: &mut Scene, src, port| {
        let frame = route(src).tcp(40_000, port, tcp::SYN, &LINUX_OPTIONS, b"");
        scene.sight_port(1, kind::SYN, &frame, at(0.1), Port::Data);
    };
    let mut scene = Scene::default();
    scene.syn(1, [10, 0, 0, 9], 21, at(0.0), true);
    scene.visitors.connected([10, 0, 0, 9].into(), DeckyId(1), 21);
    for port in 40_000..40_004 {
        knock(&mut scene, [10, 0, 0, 9], port);
    }
    scene.tick(at(2.0));
    assert!(scene.told().iter().all(|(kind, ..)| *kind != Kind::ScanSyn));
    // Somebody else, who only knocks.
    knock(&mut scene, [10, 0, 0, 8], 40_000);
    scene.told();
    scene.tick(at(2.0));
    assert_eq!(scene.told(), [(Kind::ScanSyn, Some(1), vec![40_000])]);
}

#[test]
fn an_arp_request_is_one_event_and_no_visit_of_a_source() {
    let mut scene = Scene::default();
    let mut frame = crate::logic::probe::question(Mac([2, 0, 0, 0, 0, 1]), [10, 0, 0, 2].into());
    frame[28..32].copy_from_slice(&[10, 0, 0, 9]);
    scene.sight(1, kind::ARP, &frame, at(0.0), false);
    assert_eq!(scene.told(), [(Kind::ScanArp, Some(1), vec![])]);
    scene.tick(at(2.0));
    assert_eq!(scene.told(), []);
    scene.syn(1, [10, 0, 0, 9], 445, at(3.0), false);
    let kinds: Vec<Kind> = scene.told.iter().map(|told| told.kind).collect();
    assert_eq!(kinds[0], Kind::SourceNew, "{kinds:?}");
    let mac = scene.visitors.source([10, 0, 0, 9].into()).mac;
    assert_eq!(mac, Some(Mac([2, 0, 0, 0, 0, 1])));
}

#[test]
fn a_flood_names_every_source_and_is_bounded() {
    let mut scene = Scene::default();
    let sources = 20_000u32;
    for n in 0..sources {
        let [_, a, b, c] = n.to_be_bytes();
        scene.syn(n % 64, [10, 1 + a, b, c], 445, at(0.5), false);
    }
    let new = scene.told.iter().filter(|told| told.kind == Kind::SourceNew).count();
    assert_eq!(new, 20_000);
    let wide = scene.told.iter().filter(|told| told.kind == Kind::ScanSyn && told.decky.is_none());
    assert_eq!(wide.count(), 20_000 - usize::try_from(MAX_NEW_VISITS).expect("small"));
    let mut scene = Scene::default();
    for n in 0..100_000u32 {
        let [_, a, b, c] = n.to_be_bytes();
        scene.syn(1, [10, 1 + a, b, c], 445, at(f64::from(n / 4_000)), false);
    }
    assert!(scene.visitors.visits.len() <= MAX_VISITS);
    let new = scene.told.iter().filter(|told| told.kind == Kind::SourceNew).count();
    assert_eq!(new, 100_000, "also beyond what can be followed");
}

#[test]
fn a_datagram_brings_its_payload() {
    let mut scene = Scene::default();
    scene.sight(1, kind::UDP, &route([10, 0, 0, 9]).udp(5_000, 161, b"public"), at(0.0), false);
    let told = scene.told.pop().expect("it is told");
    assert_eq!(told.kind, Kind::ScanUdp);
    assert_eq!(told.raw.map(|raw| raw.len), Some(6));
    assert_eq!(told.src.port, Some(5_000));
}
