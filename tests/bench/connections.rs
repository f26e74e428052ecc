//! Connections a second when the services have one core, beside OpenCanary's on the same core.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use decnet::edge::store::Store;
use decnet::logic::event::Kind;
use decnet_tests::world::{NODE_IP, World, children, wait_for};
use nix::libc::linger;
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{setsockopt, sockopt};
use nix::unistd::Pid;

use crate::machine::{pin, pin_process, process_seconds};
use crate::report::{Report, median};

/// The core of the services, and that of those who connect.
const CORES: [usize; 2] = [0, 1];
/// Connections at a time.
const AT_ONCE: usize = 24;
/// How long one round lasts.
const ROUND: Duration = Duration::from_secs(5);
const ROUNDS: usize = 3;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Deckies that are connected to in turn.
const DECKIES: usize = 32;

/// What is said to a service, and what ends its answer.
struct Talk {
    service: &'static str,
    port: u16,
    question: &'static [u8],
    /// The answer's last bytes; when empty it ends with the connection.
    last: &'static [u8],
    /// The real server, measured where it is installed; it is started in a directory that has a page
    /// and an `nginx.conf`.
    real: &'static [&'static str],
}

const TALKS: [Talk; 2] = [
    Talk {
        service: "http",
        port: 80,
        question: b"GET /index.html HTTP/1.0\r\n\r\n",
        last: b"",
        real: &["nginx", "-p", ".", "-c", "nginx.conf"],
    },
    Talk {
        service: "redis",
        port: 6379,
        question: b"PING\r\n",
        last: b"\r\n",
        real: &["redis-server", "--protected-mode", "no", "--save", ""],
    },
];

/// What a round has come to.
struct Round {
    made: u64,
    per_second: f64,
    cpu: f64,
}

pub(crate) fn run(report: &mut Report) {
    let peers = opencanary();
    for (talk, peer) in TALKS.iter().zip(peers) {
        let (ours, cpu, recorded) = decnet(talk);
        let beside = |name: &str, peer: Option<(f64, f64)>| match peer {
            Some((rate, cpu)) => {
                format!("{name} {rate:.0}/s, {:.0} µs each: {:.1} times", cpu * 1e6, ours / rate)
            }
            None => format!("{name} is not here"),
        };
        let lines = [beside("OpenCanary", peer), beside(talk.real[0], real(talk))];
        report.add(
            &format!("{} connections a second on one core", talk.service),
            format!("{ours:.0}, {:.0} µs each, {recorded}", cpu * 1e6),
            "15 × OpenCanary, all recorded",
            "40,000",
            &lines.join("; "),
        );
    }
}

/// Rate and CPU time of one connection of the server that the service pretends to be, which
/// records nothing: what the kernel and a good server take.
fn real(talk: &Talk) -> Option<(f64, f64)> {
    let world = World::make();
    let page = world.dir.join("index.html");
    std::fs::write(&page, "<html><body><h1>It works!</h1></body></html>\n").ok()?;
    let config = world.dir.join("nginx.conf");
    let text = format!(
        "daemon off; worker_processes 1; pid {0}/nginx.pid; error_log /dev/null;\n\
         events {{ worker_connections 1024; }}\n\
         http {{ access_log off; server {{ listen 80; root {0}; }} }}\n",
        world.dir.display()
    );
    std::fs::write(&config, text).ok()?;
    let (program, fixed) = talk.real.split_first()?;
    let start = || {
        let mut command = Command::new(program);
        command.args(fixed).current_dir(&world.dir).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()
    };
    let mut process = world.as_node(start).ok()?;
    let measured = one_peer(&world, &process, talk);
    // Asked and not killed, for nginx ends its worker.
    kill(Pid::from_raw(i32::try_from(process.id()).ok()?), Signal::SIGTERM).ok()?;
    process.wait().ok()?;
    measured
}

fn decnet(talk: &Talk) -> (f64, f64, String) {
    let world = World::make();
    let text =
        format!("[[decky]]\nname = \"d\"\nservices = [\"{}\"]\ncount = {DECKIES}\n", talk.service);
    let agent = world.agent(&text);
    let deckies: Vec<SocketAddr> =
        agent.wait_up().deckies.iter().map(|decky| SocketAddr::new(decky.ip, talk.port)).collect();
    let pids: Vec<i32> = agent.processes().into_iter().map(|(_, pid)| pid).collect();
    pids.iter().for_each(|pid| pin_process(*pid, CORES[0]));
    let (rate, cpu, made) = rounds(&world, &pids, &deckies, talk);
    let store = world.store();
    let recorded = wait_for(|| {
        let recorded = opened(&store);
        (recorded >= made).then_some(recorded)
    });
    let recorded = recorded.unwrap_or_else(|| opened(&store));
    (rate, cpu, format!("{recorded} of {made} recorded"))
}

/// Connections in the store.
fn opened(store: &Store) -> u64 {
    let mut follower = store.follow_all();
    let mut count = 0;
    loop {
        let events = follower.next(store).expect("the store can be read");
        if events.is_empty() {
            return count;
        }
        count += events.iter().filter(|(_, event)| event.event == Kind::ConnOpen).count() as u64;
    }
}

/// The median rate and CPU time of one connection, and all connections that were made.
fn rounds(world: &World, pids: &[i32], to: &[SocketAddr], talk: &Talk) -> (f64, f64, u64) {
    let rounds: Vec<Round> = (0..ROUNDS).map(|_| round(world, pids, to, talk)).collect();
    let rate = median(rounds.iter().map(|round| round.per_second).collect());
    let cpu = median(rounds.iter().map(|round| round.cpu).collect());
    (rate, cpu, rounds.iter().map(|round| round.made).sum())
}

fn round(world: &World, pids: &[i32], to: &[SocketAddr], talk: &Talk) -> Round {
    let spent = || pids.iter().map(|pid| process_seconds(*pid)).sum::<f64>();
    let (before, began) = (spent(), Instant::now());
    let (next, made) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                world.as_visitor(|| {
                    pin(CORES[1]);
                    while began.elapsed() < ROUND {
                        let turn = next.fetch_add(1, Ordering::Relaxed) as usize;
                        let whom = to.get(turn % to.len()).copied().expect("there are some");
                        if converse(whom, talk).is_ok() {
                            made.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            });
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    let made = made.into_inner();
    let each = made.max(1) as f64;
    Round { made, per_second: made as f64 / seconds, cpu: (spent() - before) / each }
}

/// Connects, asks, reads the whole answer, and leaves.
fn converse(whom: SocketAddr, talk: &Talk) -> std::io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&whom, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // Leaves no port behind in TIME_WAIT.
    let reset = linger { l_onoff: 1, l_linger: 0 };
    setsockopt(&stream.as_fd(), sockopt::Linger, &reset)?;
    stream.write_all(talk.question)?;
    let (mut answer, mut buffer) = (0, [0; 8_192]);
    loop {
        let count = stream.read(&mut buffer)?;
        answer += count;
        let ended = !talk.last.is_empty()
            && buffer.get(..count).is_some_and(|bytes| bytes.ends_with(talk.last));
        if count == 0 || ended {
            break;
        }
    }
    if answer == 0 { Err(std::io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

/// Rate and CPU time of one connection of OpenCanary, for each of [`TALKS`].
fn opencanary() -> [Option<(f64, f64)>; 2] {
    let Some(python) = std::env::var_os("DECNET_BENCH_PYTHON").map(PathBuf::from) else {
        eprintln!("    without OpenCanary: DECNET_BENCH_PYTHON names no virtual environment");
        return [None, None];
    };
    let world = World::make();
    let config = world.dir.join("opencanary.conf");
    let log = world.dir.join("opencanary.log").display().to_string();
    let text = serde_json::json!({
        "device.node_id": "bench",
        "http.enabled": true, "http.port": 80, "http.skin": "basicLogin",
        "redis.enabled": true, "redis.port": 6379,
        "logger": { "class": "PyLogger", "kwargs": {
            "formatters": { "plain": { "format": "%(message)s" } },
            "handlers": { "file": { "class": "logging.FileHandler", "filename": log } },
        } },
    });
    std::fs::write(&config, text.to_string()).expect("the directory is ours");
    let bin = python.parent().unwrap_or(Path::new("/")).to_owned();
    let start = || {
        let mut command = Command::new(bin.join("twistd"));
        command.args(["-n", "-o", "--pidfile=", "-y"]).arg(bin.join("opencanary.tac"));
        command.current_dir(&world.dir).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()
    };
    let Ok(mut process) = world.as_node(start) else { return [None, None] };
    let measured = TALKS.each_ref().map(|talk| one_peer(&world, &process, talk));
    drop(process.kill().and_then(|()| process.wait()));
    let lines = std::fs::read_to_string(&log).unwrap_or_default().lines().count();
    eprintln!("    OpenCanary wrote {lines} lines");
    measured
}

fn one_peer(world: &World, process: &Child, talk: &Talk) -> Option<(f64, f64)> {
    let whom = SocketAddr::new(IpAddr::V4(NODE_IP), talk.port);
    wait_for(|| world.as_visitor(|| converse(whom, talk).ok()))?;
    let pid = i32::try_from(process.id()).ok()?;
    let mut pids = children(pid);
    pids.push(pid);
    pids.iter().for_each(|pid| pin_process(*pid, CORES[0]));
    let (rate, cpu, _) = rounds(world, &pids, &[whom], talk);
    Some((rate, cpu))
}
