//! Fills a store with believable events, to work on `api` and `web` without a LAN:
//! `cargo run --example seed -- STATE_DIR [EVENTS] [visits|conns|flood|live]`.
//!
//! `visits` writes whole stories (a scan, connections, logins, commands), `conns` HTTP connections
//! of one visitor, `flood` one SYN from each of 65,536 sources over and over, `live` one small story
//! a second until it is stopped. It prints what a row cost, so it measures the writer too (with
//! `--release`).
#![allow(clippy::print_stdout, reason = "this is a command-line tool")]

#[path = "seed/story.rs"]
mod story;

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, bail};
use decnet::edge::store::{self, Store};
use decnet::logic::event::Event;
use decnet::logic::status::{CaptureStatus, DeckyState, DeckyStatus};
use decnet::logic::time::Timestamp;

use story::Teller;

/// Events in a batch, as the agent would send them.
const BATCH: usize = 1_000;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let usage = "usage: seed STATE_DIR [EVENTS] [visits|conns|flood|live]";
    let state_dir = PathBuf::from(args.next().context(usage)?);
    let count: usize = args.next().map_or(Ok(20_000), |text| text.parse()).context(usage)?;
    let mode = args.next().unwrap_or_else(|| "visits".to_owned());
    let path = store::path(&state_dir);
    let mut store = Store::create(&path)?;
    let mut teller = Teller::new(now(), count);
    store.save_deckies(&deckies(&teller), now())?;
    match mode.as_str() {
        "visits" => fill(&mut store, count, |batch| teller.visits(batch, BATCH))?,
        "conns" => fill(&mut store, count, |batch| teller.conns(batch, BATCH))?,
        "flood" => fill(&mut store, count, |batch| teller.flood(batch, BATCH))?,
        "live" => live(&mut store, &mut teller)?,
        _ => bail!(usage),
    }
    Ok(())
}

fn fill(store: &mut Store, count: usize, mut tell: impl FnMut(&mut Vec<Event>)) -> Result<()> {
    let (mut rows, mut spent, mut batch) = (0, Duration::ZERO, Vec::new());
    while rows < count {
        batch.clear();
        tell(&mut batch);
        let begin = Instant::now();
        store.append(&batch)?;
        spent += begin.elapsed();
        rows += batch.len();
    }
    store.save_counters(&counters(rows as u64))?;
    let each = spent.as_secs_f64() * 1e6 / rows as f64;
    println!("{rows} events, {each:.2} us each, {:.0} a second", 1e6 / each);
    Ok(())
}

fn live(store: &mut Store, teller: &mut Teller) -> Result<()> {
    let mut rows = 0;
    loop {
        let mut batch = Vec::new();
        teller.moment(&mut batch, now());
        rows += batch.len() as u64;
        store.append(&batch)?;
        store.save_counters(&counters(rows))?;
        // A tool may sleep: it has nothing else to do.
        #[allow(clippy::disallowed_methods, reason = "as above")]
        std::thread::sleep(Duration::from_millis(900));
    }
}

fn counters(rows: u64) -> CaptureStatus {
    let (submitted, aggregated) = (rows * 2, rows * 11);
    let drops = [("bulk_full".to_owned(), rows / 40), ("bulk_limited".to_owned(), rows / 9)].into();
    CaptureStatus {
        seen: submitted + aggregated + rows / 40 + rows / 9,
        submitted,
        aggregated,
        drops,
        read: submitted,
        guarded: 3,
        ..CaptureStatus::default()
    }
}

fn deckies(teller: &Teller) -> Vec<DeckyStatus> {
    let services = [&["ssh", "http", "ftp"][..], &["http", "tcp"], &["redis", "ssh", "telnet"]];
    let state = |index| match index {
        7 => DeckyState::Starting,
        9 => DeckyState::Failed,
        _ => DeckyState::Up,
    };
    let list = teller.deckies.iter().enumerate().map(|(index, part)| DeckyStatus {
        name: part.name.clone(),
        ip: part.ip,
        ip6: part.ip6,
        mac: part.mac,
        hostname: part.hostname.clone(),
        persona: part.persona.to_string(),
        services: services[index % services.len()].iter().map(|name| (*name).to_owned()).collect(),
        state: state(index),
        error: (state(index) == DeckyState::Failed)
            .then(|| "address 192.168.1.119 is held by 00:1b:21:aa:bb:cc".to_owned()),
        conflict: None,
    });
    list.collect()
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Timestamp(u64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX))
}
