//! What capturing a packet costs: CPU time with the capture attached, less without.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use decnet::edge::bpf::{Hook, Programs};
use decnet::edge::clock;
use decnet::edge::frames::Frames;
use decnet::logic::decky::{DeckyId, Identity};
use decnet::logic::mac::Mac;
use decnet::logic::sighting::Record;
use decnet::logic::visitors::{Port, Visitors};
use decnet_tests::ghost::ghost;
use decnet_tests::world::{NODE, World};

use crate::machine::{packet_seconds, pin};
use crate::peers::{self, Peer};
use crate::report::{Report, median};
use crate::traffic::{send, syns};

const DECKIES: u32 = 1_024;
const PACKETS: usize = 2_000_000;
const ROUNDS: usize = 7;
/// The core of the reader, and that of the sender, whose softirqs run the capture programs.
const CORES: [usize; 2] = [0, 1];

pub(crate) fn run(report: &mut Report) {
    let world = World::make();
    let link = world.frames();
    let ghosts: Vec<Identity> = (0..DECKIES).map(ghost).collect();
    let to: Vec<(IpAddr, Mac)> = ghosts.iter().map(|ghost| (ghost.ip.into(), ghost.mac)).collect();
    for (what, sources) in [("one source", 1), ("4,096 sources", 4_096), ("65,536 sources", 65_536)]
    {
        let frames = syns(65_536.max(sources), sources, &to, world.visitor_mac());
        let (mut bare, mut more, mut told) = (Vec::new(), Vec::new(), 0);
        for _ in 0..ROUNDS {
            let before = packet_seconds();
            flood(&link, &frames);
            let alone = packet_seconds() - before;
            let (spent, sightings) = world.as_node(|| {
                with_capture(&ghosts, || {
                    flood(&link, &frames);
                })
            });
            bare.push(alone);
            more.push(spent - alone);
            told = sightings;
        }
        let per_million = |seconds: f64| seconds * 1e6 / PACKETS as f64;
        let cost = per_million(median(more));
        report.add(
            &format!("capture CPU a million SYNs, {what}, kernel and user"),
            format!("{cost:.2} s"),
            "0.6 s",
            "0.35 s",
            &format!("sending them {:.2} s; {told} told one by one", per_million(median(bare))),
        );
    }
    for name in peers::NAMES {
        beside(report, &world, name, &to);
    }
}

/// What capturing the same costs another program.
fn beside(report: &mut Report, world: &World, name: &str, to: &[(IpAddr, Mac)]) {
    let (link, frames) = (world.frames(), syns(65_536, 1, to, world.visitor_mac()));
    let before = packet_seconds();
    flood(&link, &frames);
    let bare = packet_seconds() - before;
    let Some(peer) = Peer::start(world, name) else { return };
    let before = packet_seconds();
    flood(&link, &frames);
    let kernel = packet_seconds() - before - bare;
    let captured = peer.end();
    let per_million = (kernel + captured.seconds) * 1e6 / PACKETS as f64;
    let seen = captured.seen.map_or(0, |seen| seen * 100 / PACKETS as u64);
    report.add(
        &format!("the same of {name}"),
        format!("{per_million:.2} s"),
        "",
        "",
        &format!("it saw {seen} % of them"),
    );
}

/// Sends as fast as one core can.
fn flood(link: &Frames, frames: &[Vec<u8>]) {
    thread::scope(|scope| {
        scope.spawn(|| {
            pin(CORES[1]);
            send(link, frames, PACKETS, f64::INFINITY);
        });
    });
}

/// CPU time that `act` takes with the capture attached and read, and sightings that were read.
fn with_capture(ghosts: &[Identity], act: impl FnOnce() + Send) -> (f64, u64) {
    let mut programs = Programs::load().expect("root can load programs");
    let mut maps = programs.maps().expect("they have maps");
    for (id, ghost) in (0..).zip(ghosts) {
        maps.add_decky(DeckyId(id), ghost, 0).expect("the map has room");
    }
    let (prio, _bulk) = programs.rings().expect("they have rings");
    let mut prio = prio.read().expect("it can be mapped");
    programs.attach(NODE, Hook::Tcx).expect("the link is there");
    let stop = AtomicBool::new(false);
    let before = packet_seconds();
    let read = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            pin(CORES[0]);
            let (mut visitors, mut out, mut read) = (Visitors::default(), Vec::new(), 0);
            loop {
                let done = stop.load(Ordering::Relaxed);
                let now = clock::now();
                let count = prio.drain(8_192, |bytes| {
                    let Ok(record) = Record::read(bytes) else { return };
                    visitors.sighted(&record, now, |_| Port::Closed, &mut out);
                });
                out.clear();
                read += count as u64;
                if done && count == 0 {
                    return read;
                }
                if count == 0 {
                    thread::park_timeout(Duration::from_millis(2));
                }
            }
        });
        act();
        stop.store(true, Ordering::Relaxed);
        reader.join().expect("the reader does not panic")
    });
    let spent = packet_seconds() - before;
    let status = maps.counters().expect("they can be read").status(read);
    let drops: u64 = status.drops.values().sum();
    assert_eq!(status.seen, status.submitted + status.aggregated + drops, "{status:?}");
    assert_eq!(status.read, status.submitted, "{status:?}");
    if drops > 0 {
        eprintln!("    dropped: {:?}", status.drops);
    }
    (spent, read)
}
