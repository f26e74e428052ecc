//! What a real agent makes of many packets at once: is any lost, is any source?

use std::collections::HashSet;
use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use decnet::logic::event::Kind;
use decnet::logic::mac::Mac;
use decnet::logic::status::CaptureStatus;
use decnet_tests::world::{Agent, World, wait_for};

use crate::peers::{self, Peer};
use crate::report::Report;
use crate::traffic::{send, syns};

const DECKIES: usize = 1_024;
/// How long each rate is held.
const SECONDS: f64 = 5.0;
const SOURCES: usize = 65_536;

pub(crate) fn run(report: &mut Report) {
    let world = World::make();
    let text = format!("[[decky]]\nname = \"d\"\nservices = [\"http\"]\ncount = {DECKIES}\n");
    let agent = world.agent(&text);
    let deckies: Vec<(IpAddr, Mac)> =
        agent.wait_up().deckies.iter().map(|decky| (decky.ip, decky.mac)).collect();
    for (rate, must, aim) in [(200_000.0, "0 lost", ""), (500_000.0, "", "0 lost")] {
        at_rate(report, &world, &agent, &deckies, (rate, must, aim));
    }
    sources(report, &world, &agent, &deckies);
    drop(agent);
    for peer in peers::NAMES {
        beside(report, &world, peer, &deckies);
    }
}

/// The counters, once they have stopped.
fn settled(agent: &Agent<'_>) -> CaptureStatus {
    let mut last = CaptureStatus::default();
    let still = wait_for(|| {
        thread::park_timeout(Duration::from_millis(1_200));
        let now = agent.status()?.capture;
        let same = now == last;
        last = now;
        same.then_some(())
    });
    still.expect("the counters stop when the traffic has");
    last
}

fn drops(status: &CaptureStatus) -> u64 {
    status.drops.values().sum()
}

fn at_rate(
    report: &mut Report,
    world: &World,
    agent: &Agent<'_>,
    deckies: &[(IpAddr, Mac)],
    (rate, must, aim): (f64, &str, &str),
) {
    let frames = syns(65_536, 64, deckies, world.visitor_mac());
    let before = settled(agent);
    let total = (rate * SECONDS) as usize;
    let began = Instant::now();
    // From both cores: each SYN is answered by its decky's kernel, on the core that sends it.
    thread::scope(|scope| {
        for link in [world.frames(), world.frames()] {
            let frames = &frames;
            scope.spawn(move || send(&link, frames, total / 2, rate / 2.0));
        }
    });
    let took = began.elapsed().as_secs_f64();
    let after = settled(agent);
    let seen = after.seen - before.seen;
    let accounted = after.submitted + after.aggregated + drops(&after);
    let exact = if after.seen == accounted { "exact" } else { "NOT exact" };
    report.add(
        &format!("SYNs at {:.0} k/s to 1,024 deckies: lost", rate / 1e3),
        format!(
            "{} unseen, {} dropped of {total}",
            (total as u64).saturating_sub(seen),
            drops(&after) - drops(&before)
        ),
        must,
        aim,
        &format!("sent at {:.0} k/s; the accounting is {exact}", total as f64 / took / 1e3),
    );
}

fn sources(report: &mut Report, world: &World, agent: &Agent<'_>, deckies: &[(IpAddr, Mac)]) {
    let before = settled(agent);
    let mut frames = syns(SOURCES, SOURCES, deckies, world.visitor_mac());
    // Others than those of the rates: 64 of them have been seen.
    frames.rotate_left(64);
    let took = send(&world.frames(), &frames, SOURCES * 4, f64::INFINITY).as_secs_f64();
    let after = settled(agent);
    let recorded = wait_for(|| {
        let recorded = recorded(world);
        (recorded >= SOURCES).then_some(recorded)
    });
    let prio = |status: &CaptureStatus| {
        let of_prio = status.drops.iter().filter(|(reason, _)| reason.contains("prio"));
        of_prio.map(|(_, count)| count).sum::<u64>()
    };
    let recorded = recorded.unwrap_or_else(|| self::recorded(world));
    report.add(
        "SYN flood from 65,536 sources: sources recorded",
        format!("{recorded} of {SOURCES}, {} dropped in prio", prio(&after) - prio(&before)),
        "all, 0 dropped",
        "",
        &format!("sent at {:.0} k/s", (SOURCES * 4) as f64 / took / 1e3),
    );
}

/// Sources of the flood that have an event.
fn recorded(world: &World) -> usize {
    let store = world.store();
    let mut follower = store.follow_all();
    let mut found = HashSet::new();
    loop {
        let events = follower.next(&store).expect("the store can be read");
        if events.is_empty() {
            return found.len();
        }
        let scans = events.iter().filter(|(_, event)| event.event == Kind::ScanSyn);
        let flood = |ip: &IpAddr| matches!(ip, IpAddr::V4(ip) if ip.octets()[..2] == [10, 99]);
        found.extend(scans.filter_map(|(_, event)| event.src.as_ref()?.ip).filter(flood));
    }
}

/// What another program that captures makes of the same.
fn beside(report: &mut Report, world: &World, peer: &str, deckies: &[(IpAddr, Mac)]) {
    let rate = 200_000.0;
    let total = (rate * SECONDS) as usize;
    let frames = syns(65_536, 64, deckies, world.visitor_mac());
    let Some(capture) = Peer::start(world, peer) else { return };
    send(&world.frames(), &frames, total, rate);
    let seen = capture.end().seen;
    report.add(
        &format!("{peer}, the same 200 k/s: lost"),
        seen.map_or("it does not say".to_owned(), |seen| {
            format!("{} of {total}", (total as u64).saturating_sub(seen))
        }),
        "",
        "",
        "",
    );
}
