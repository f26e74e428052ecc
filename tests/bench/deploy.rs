//! One master, eight nodes and a thousand deckies: how long until all of them answer.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use decnet_tests::master::Master;
use decnet_tests::world::{Lan, wait_for};
use serde_json::{Value, json};

use crate::machine::process_seconds;
use crate::report::{Report, median};

const NODES: u8 = 8;
const DECKIES: usize = 1_000;
/// So many of them are asked whether they answer.
const ASKED: usize = 50;
const ROUNDS: usize = 3;

pub(crate) fn run(report: &mut Report) {
    let rounds: Vec<Round> = (0..ROUNDS).map(|_| round()).collect();
    let middle = |part: fn(&Round) -> f64| median(rounds.iter().map(part).collect());
    let what = format!("`swarm deploy` of {DECKIES} deckies over {NODES} nodes, one machine");
    let beside = format!(
        "no address twice, {ASKED} of {ASKED} asked answer; swarmctl {:.2} s of CPU",
        middle(|round| round.cpu)
    );
    report.add(&what, format!("{:.1} s", middle(|round| round.up)), "60 s", "", &beside);
    let down = format!("{:.1} s", middle(|round| round.down));
    report.add("the same: all of them taken away again", down, "", "", "");
}

/// Seconds until the master knew all of them up and until they were gone, and its own CPU time.
struct Round {
    up: f64,
    down: f64,
    cpu: f64,
}

fn round() -> Round {
    let lan = Lan::make(NODES);
    let master = Master::start_on(&lan.master);
    let _agents = master.enroll(&lan);
    let all_answer = wait_for(|| {
        let outcomes = master.json(&["check"]);
        let results = outcomes["results"].as_array().expect("results");
        results.iter().all(|outcome| outcome["ok"] == json!(true)).then_some(())
    });
    all_answer.expect("the agents answer");
    let pid = i32::try_from(master.process.id()).expect("a process number");
    let before = process_seconds(pid);
    let began = Instant::now();
    deploy(&master, &lan);
    let ips = until_up(&master, DECKIES);
    let up = began.elapsed().as_secs_f64();
    let cpu = process_seconds(pid) - before;
    // The kernel knows some thousand neighbours at a time, on both sides of each.
    lan.visitor.within(|| ips.iter().step_by(DECKIES / ASKED).for_each(|ip| visit(*ip)));
    let began = Instant::now();
    let gone = master.swarm(&["teardown"]);
    assert!(gone.status.success(), "{gone:?}");
    until_up(&master, 0);
    Round { up, down: began.elapsed().as_secs_f64(), cpu }
}

/// Asks for the deckies.
fn deploy(master: &Master<'_>, lan: &Lan) {
    let path = lan.master.dir.join("fleet.toml");
    let text = format!("[[decky]]\nname = \"d\"\nservices = [\"http\"]\ncount = {DECKIES}\n");
    std::fs::write(&path, text).expect("the directory is ours");
    let done = master.swarm(&["deploy", "--config", &path.display().to_string()]);
    assert!(done.status.success(), "{done:?}");
}

/// Waits until the master knows so many deckies up; where they are, no two at one address.
fn until_up(master: &Master<'_>, count: usize) -> BTreeSet<IpAddr> {
    let began = Instant::now();
    loop {
        let up = master.json(&["deckies", "--state", "up"]);
        let up = up.as_array().expect("a list");
        if up.len() == count {
            let ips: BTreeSet<IpAddr> = up.iter().map(|decky| ip(&decky["ip"])).collect();
            assert_eq!(ips.len(), count, "an address is there twice");
            return ips;
        }
        assert!(began.elapsed() < Duration::from_secs(180), "{} of {count} are up", up.len());
        thread::park_timeout(Duration::from_millis(50));
    }
}

fn ip(value: &Value) -> IpAddr {
    value.as_str().expect("an address").parse().expect("an address")
}

/// Checks that a decky answers.
fn visit(ip: IpAddr) {
    let connected = TcpStream::connect_timeout(&SocketAddr::new(ip, 80), Duration::from_secs(5));
    connected.unwrap_or_else(|error| panic!("{ip} does not answer: {error}"));
}
