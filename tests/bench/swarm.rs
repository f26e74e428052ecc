//! One master and a thousand nodes, of which some are dead: how long it takes to ask them all.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use decnet::edge::pki::{self, Certified, Identity, Issued};
use decnet::logic::swarm::Enrolled;
use decnet::logic::time::Timestamp;
use decnet::logic::trust::CertRole;
use decnet_tests::master::Master;
use decnet_tests::world::{NODE_IP, VISITOR, World};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustls::ServerConfig;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::machine::{most_resident, process_seconds};
use crate::report::{Report, median};
use crate::tls::{answer, exchange};

const NODES: u16 = 1_000;
const DEAD: u16 = 50;
const ROUNDS: usize = 5;
/// The port of the first node that lives.
const FIRST_PORT: u16 = 10_000;
/// The MAC of the dead: nobody has it, so nothing that is sent there is answered.
const NOBODY: &str = "02:00:00:00:00:01";

pub(crate) fn run(report: &mut Report) {
    // A thousand nodes listen in this process.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("there is a limit");
    setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("it is allowed");
    let world = World::make();
    let master = Master::start(&world);
    let began = Instant::now();
    let alive = enroll(&world, &master);
    let each = began.elapsed().as_secs_f64() * 1e3 / f64::from(NODES);
    let pid = i32::try_from(master.process.id()).expect("a process number");
    let (mut times, mut cpu) = (Vec::new(), Vec::new());
    let (stop, stopped) = oneshot::channel();
    thread::scope(|scope| {
        scope.spawn(|| world.as_node(|| serve(alive, stopped)));
        for _ in 0..ROUNDS {
            let (before, began) = (process_seconds(pid), Instant::now());
            let outcomes = master.json(&["check"]);
            times.push(began.elapsed().as_secs_f64());
            cpu.push(process_seconds(pid) - before);
            let results = outcomes["results"].as_array().expect("results");
            let answered = results.iter().filter(|outcome| outcome["ok"] == json!(true)).count();
            assert_eq!((results.len(), answered), (NODES.into(), (NODES - DEAD).into()));
        }
        stop.send(()).expect("they are asked until now");
    });
    let what = format!("`swarm check` of {NODES} nodes, {DEAD} of them dead");
    let beside = format!("{:.2} s of CPU; 5 s are the deadline of one node", median(cpu));
    report.add(&what, format!("{:.2} s", median(times)), "10 s", "", &beside);
    let most = format!("{:.1} MB", most_resident(pid) as f64 / 1_048_576.0);
    let beside = format!("enrolling {each:.1} ms a node");
    report.add(&format!("{what}: most memory of swarmctl"), most, "100 MB", "", &beside);
}

/// Enrols them all; what each that lives shows.
fn enroll(world: &World, master: &Master<'_>) -> Vec<Arc<ServerConfig>> {
    let token = std::fs::read_to_string(master.state_dir().join("swarm/token")).expect("a token");
    world.as_visitor(|| {
        for n in 0..DEAD {
            let mut line = std::process::Command::new("ip");
            line.args(["neighbour", "add", &dead(n), "lladdr", NOBODY, "dev", VISITOR]);
            assert!(line.status().expect("ip is installed").success(), "no neighbour");
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let mut stream = TcpStream::connect("127.0.0.1:8770").await.expect("it listens");
            let mut alive = Vec::new();
            for n in 0..NODES {
                let (address, port) = if n < DEAD {
                    (dead(n), 8_765)
                } else {
                    (NODE_IP.to_string(), FIRST_PORT + n - DEAD)
                };
                let name = format!("node-{n}");
                let body = json!({ "name": name, "address": address, "agent_port": port });
                let body = body.to_string();
                let request = format!(
                    "POST /swarm/enroll HTTP/1.1\r\nhost: master\r\nauthorization: Bearer {token}\r\n\
                     content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                let answer = exchange(&mut stream, &request).await.expect("it is enrolled");
                if n >= DEAD {
                    alive.push(config(&serde_json::from_slice(&answer).expect("an identity")));
                }
            }
            alive
        })
    })
}

/// The address of a node that is dead.
fn dead(n: u16) -> String {
    format!("10.77.200.{}", n + 1)
}

fn config(enrolled: &Enrolled) -> Arc<ServerConfig> {
    let certified = Certified {
        cert_pem: enrolled.worker_cert_pem.clone(),
        fingerprint: enrolled.fingerprint,
        not_after: Timestamp(0),
    };
    let issued = Issued { certified, key_pem: enrolled.worker_key_pem.clone() };
    let identity = Identity::of(&issued, &enrolled.ca_cert_pem).expect("it was just made");
    let config = pki::server_config(&identity, Arc::new(CertRole::Master));
    Arc::new(config.expect("it was just made"))
}

/// Is all the nodes that live, until it is stopped.
fn serve(alive: Vec<Arc<ServerConfig>>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        for (port, config) in (FIRST_PORT..).zip(alive) {
            let place = SocketAddr::new(IpAddr::V4(NODE_IP), port);
            let listener = TcpListener::bind(place).await.expect("the port is free");
            tokio::spawn(answer(listener, config));
        }
        stopped.await.expect("somebody stops it");
    });
}
