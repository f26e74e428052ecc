//! Many deckies on one node: how long until they answer, what they cost while nobody comes, how
//! long until they are gone.

use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use decnet::logic::event::Kind;
use decnet::logic::probe;
use decnet_tests::world::{Agent, World};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::Signal;

use crate::machine::{memory, process_seconds};
use crate::report::{Report, median};

/// How long idling is watched.
const IDLE: Duration = Duration::from_secs(10);
const FIVE: &str = "\"ssh\", \"http\", \"ftp\", \"telnet\", \"redis\"";

pub(crate) fn run(report: &mut Report) {
    thousand(report);
    for (count, must) in [(4_096, "come up, answer, go down"), (8_000, "")] {
        many(report, count, must);
    }
}

fn config(count: usize, services: &str) -> String {
    let mut text = String::from("[network]\nsubnet6 = \"fd77::/64\"\n");
    let mut left = count;
    for group in 0.. {
        let some = left.min(1_024);
        if some == 0 {
            return text;
        }
        left -= some;
        let head = format!("[[decky]]\nname = \"d{group}\"\nservices = [{services}]");
        writeln!(text, "{head}\ncount = {some}").expect("a String takes everything");
    }
    text
}

/// Starts an agent and says how long it took until `count` deckies were up.
fn bring_up<'a>(world: &'a World, config: &str, count: usize) -> (Agent<'a>, f64) {
    let began = Instant::now();
    let agent = world.start_agent(config);
    let path = decnet::edge::store::path(&world.state_dir());
    while !path.exists() {
        thread::park_timeout(Duration::from_millis(1));
        assert!(began.elapsed() < Duration::from_secs(60), "the agent makes no store");
    }
    let store = loop {
        match decnet::edge::store::Store::open(&path) {
            Ok(store) => break store,
            Err(_) => thread::park_timeout(Duration::from_millis(1)),
        }
    };
    let (mut follower, mut up) = (store.follow_all(), 0);
    while up < count {
        let events = follower.next(&store).expect("the store can be read");
        up += events.iter().filter(|(_, event)| event.event == Kind::DeckyUp).count();
        thread::park_timeout(Duration::from_millis(1));
        assert!(began.elapsed() < Duration::from_secs(180), "{up} of {count} are up");
    }
    (agent, began.elapsed().as_secs_f64())
}

/// Ends an agent and says how long it took until nobody answers for its last decky.
fn take_down(world: &World, agent: Agent<'_>) -> (f64, f64) {
    let status = agent.status().expect("it answers");
    let decky = status.deckies.last().expect("there are some").clone();
    let frames = world.frames();
    let began = Instant::now();
    agent.end(Signal::SIGTERM);
    let ended = began.elapsed().as_secs_f64();
    loop {
        frames.send(&probe::question(world.visitor_mac(), decky.ip)).expect("the wire is up");
        let until = Instant::now() + Duration::from_millis(20);
        let mut answered = false;
        while let Some(frame) = frames.receive(until).expect("the wire is up") {
            answered |= probe::answer(&frame).is_some_and(|(ip, _)| ip == decky.ip);
        }
        if !answered {
            return (ended, began.elapsed().as_secs_f64());
        }
    }
}

fn thousand(report: &mut Report) {
    let (mut ups, mut ends, mut downs) = (Vec::new(), Vec::new(), Vec::new());
    let text = config(1_024, FIVE);
    for round in 0..3 {
        let world = World::make();
        let (agent, up) = bring_up(&world, &text, 1_024);
        ups.push(up);
        if round == 0 {
            idle(report, &agent);
        }
        let (ended, gone) = take_down(&world, agent);
        ends.push(ended);
        downs.push(gone);
    }
    let what = "1,024 deckies of 5 services";
    let figure = |values| format!("{:.2} s", median(values));
    report.add(&format!("{what}: up, probes done"), figure(ups), "8 s", "3 s", "");
    let ended = format!("process ended after {}", figure(ends));
    report.add(&format!("{what}: down"), figure(downs), "2 s", "0.5 s", &ended);
}

fn idle(report: &mut Report, agent: &Agent<'_>) {
    let processes = agent.processes();
    let spent = || processes.iter().map(|(_, pid)| process_seconds(*pid)).sum::<f64>();
    // What coming up has left to do is not idling.
    thread::park_timeout(Duration::from_secs(2));
    let before = spent();
    let began = Instant::now();
    while began.elapsed() < IDLE {
        thread::park_timeout(IDLE.saturating_sub(began.elapsed()));
    }
    let share = (spent() - before) / began.elapsed().as_secs_f64() * 100.0;
    let parts: Vec<String> =
        processes.iter().map(|(role, pid)| format!("{role} {:.0}", mib(memory(*pid)))).collect();
    let all: u64 = processes.iter().map(|(_, pid)| memory(*pid)).sum();
    let what = "1,024 deckies of 5 services, idle";
    report.add(&format!("{what}: CPU of one core"), format!("{share:.2} %"), "0.5 %", "0.1 %", "");
    let parts = format!("MB: {}", parts.join(", "));
    report.add(
        &format!("{what}: memory (PSS)"),
        format!("{:.0} MB", mib(all)),
        "192 MB",
        "96 MB",
        &parts,
    );
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}

fn many(report: &mut Report, count: usize, must: &str) {
    // A namespace and a socket a service; the agent holds a namespace too, in a process of its own.
    let needed = count as u64 * 3 + 256;
    let (_, allowed) = getrlimit(Resource::RLIMIT_NOFILE).expect("there is a limit");
    if needed > allowed {
        let why = format!("needs {needed} descriptors a process, this machine allows {allowed}");
        return report.add(
            &format!("{count} deckies of 2 services"),
            "not tried".into(),
            must,
            "",
            &why,
        );
    }
    let world = World::make();
    let (agent, up) = bring_up(&world, &config(count, "\"http\", \"redis\""), count);
    let status = agent.status().expect("it answers");
    let asked = status.deckies.iter().step_by(count / 64 + 1);
    let answered = asked.clone().filter(|decky| {
        let url = format!("http://{}/", decky.ip);
        world.visit("curl", &["-s", "-o", "/dev/null", "-m", "5", &url]).status.success()
    });
    let answered = format!("{} of {} asked answer", answered.count(), asked.count());
    let all: u64 = agent.processes().iter().map(|(_, pid)| memory(*pid)).sum();
    let (_, gone) = take_down(&world, agent);
    let figure = format!("up {up:.1} s, down {gone:.1} s, {:.0} MB", mib(all));
    report.add(&format!("{count} deckies of 2 services"), figure, must, "", &answered);
}
