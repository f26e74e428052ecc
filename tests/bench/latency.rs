//! How soon a packet is an event, and how soon the capture stands.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use decnet::edge::bpf::{Hook, Programs};
use decnet::logic::craft::{LINUX_OPTIONS, Route, tcp};
use decnet::logic::decky::DeckyId;
use decnet::logic::event::Kind;
use decnet::logic::probe;
use decnet_tests::world::{NODE, World, wait_for};

use crate::report::{Report, median};
use decnet_tests::ghost::ghost;

const SYNS: u16 = 500;

pub(crate) fn run(report: &mut Report) {
    until_event(report);
    attach(report);
    broadcast(report);
}

/// From sending a SYN of a stranger to reading its event from the store.
fn until_event(report: &mut Report) {
    let world = World::make();
    let agent = world.agent("[[decky]]\nname = \"d\"\nservices = [\"http\"]\n");
    let decky = agent.decky("d");
    let (frames, store) = (world.frames(), world.store());
    let mut follower = store.follow_all();
    while !follower.next(&store).expect("the store can be read").is_empty() {}
    let mut waits = Vec::new();
    for n in 0..SYNS {
        let src = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 99, 0, 0)) + u32::from(n));
        let route = Route { src: IpAddr::V4(src), ..world.route(&decky) };
        let frame = route.tcp(40_000, 445, tcp::SYN, &LINUX_OPTIONS, b"");
        std::thread::park_timeout(Duration::from_millis(10));
        let began = Instant::now();
        frames.send(&frame).expect("the wire is up");
        loop {
            let events = follower.next(&store).expect("the store can be read");
            let from = |ip: Option<IpAddr>| ip == Some(src.into());
            if events.iter().any(|(_, event)| from(event.src.as_ref().and_then(|src| src.ip))) {
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(10), "no event of {src}");
        }
        waits.push(began.elapsed().as_secs_f64() * 1e3);
    }
    waits.sort_by(f64::total_cmp);
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize];
    let figure = format!("p99 {:.2} ms, median {:.2} ms", at(0.99), at(0.5));
    report.add("SYN to event in the store, idle", figure, "p99 10 ms", "p99 1 ms", "");
}

/// Attaching the capture, and adding one decky to it, by how many there are.
fn attach(report: &mut Report) {
    for count in [1_u32, 1_024, 8_192] {
        let world = World::make();
        let (mut loads, mut attaches, mut adds) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..5 {
            world.as_node(|| {
                let began = Instant::now();
                let mut programs = Programs::load().expect("root can load programs");
                let mut maps = programs.maps().expect("they have maps");
                loads.push(began.elapsed().as_secs_f64() * 1e3);
                let began = Instant::now();
                programs.attach(NODE, Hook::Tcx).expect("the link is there");
                attaches.push(began.elapsed().as_secs_f64() * 1e3);
                (0..count - 1).for_each(|n| {
                    maps.add_decky(DeckyId(n), &ghost(n), 0).expect("the map has room");
                });
                let last = ghost(count);
                let began = Instant::now();
                maps.add_decky(DeckyId(count), &last, 0).expect("the map has room");
                adds.push(began.elapsed().as_secs_f64() * 1e3);
            });
        }
        let ms = |values| format!("{:.2} ms", median(values));
        if count == 1 {
            let loads = format!("loading the programs and making the maps {}", ms(loads));
            report.add("attach the capture", ms(attaches), "100 ms", "", &loads);
        }
        let what = format!("add a decky to the capture of {}", count - 1);
        report.add(&what, format!("{:.3} ms", median(adds)), "1 ms", "", "");
    }
}

/// One question for an address, with many deckies that all hear it.
fn broadcast(report: &mut Report) {
    let world = World::make();
    let agent = world.agent("[[decky]]\nname = \"d\"\nservices = [\"http\"]\ncount = 1024\n");
    let deckies = agent.wait_up().deckies;
    let decky = deckies.get(500).expect("there are more");
    let frames = world.frames();
    let asked = || world.events().iter().filter(|event| event.event == Kind::ScanArp).count();
    let before = asked();
    frames.send(&probe::question(world.visitor_mac(), decky.ip)).expect("the wire is up");
    wait_for(|| (asked() > before).then_some(())).expect("it is seen");
    std::thread::park_timeout(Duration::from_secs(2));
    let events = asked() - before;
    report.add("events of one ARP broadcast, 1,024 deckies", events.to_string(), "1", "", "");
}
