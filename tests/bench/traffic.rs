//! Frames by the hundred thousand.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use decnet::edge::frames::Frames;
use decnet::logic::craft::{LINUX_OPTIONS, Route, tcp};
use decnet::logic::mac::Mac;

/// Frames handed to the kernel at a time.
const BURST: usize = 64;

/// SYNs to port 445 of `deckies`, in turn, from `sources` addresses in turn.
pub(crate) fn syns(
    count: usize,
    sources: usize,
    deckies: &[(IpAddr, Mac)],
    src_mac: Mac,
) -> Vec<Vec<u8>> {
    let base = u32::from(Ipv4Addr::new(10, 99, 0, 0));
    (0..count)
        .map(|n| {
            let (dst, dst_mac) = deckies[n % deckies.len()];
            let src = Ipv4Addr::from(base + (n % sources) as u32);
            let route = Route { src_mac, dst_mac, src: src.into(), dst, vlan: None };
            route.tcp(40_000, 445, tcp::SYN, &LINUX_OPTIONS, b"")
        })
        .collect()
}

/// Sends `total` frames, going round in `frames`, at most `rate` a second; says how long it took.
pub(crate) fn send(link: &Frames, frames: &[Vec<u8>], total: usize, rate: f64) -> Duration {
    let began = Instant::now();
    let mut sent = 0;
    while sent < total {
        let due =
            if rate.is_finite() { (began.elapsed().as_secs_f64() * rate) as usize } else { total };
        if due <= sent {
            std::hint::spin_loop();
            continue;
        }
        let at = sent % frames.len();
        let most = (due - sent).min(BURST).min(total - sent);
        let burst = frames.get(at..).unwrap_or_default();
        let burst = burst.get(..most).unwrap_or(burst);
        sent += link.send_burst(burst).expect("the wire is up");
    }
    began.elapsed()
}
