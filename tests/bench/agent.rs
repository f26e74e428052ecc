//! An agent that has nothing to do but answer the master: what it takes to be there, and to answer.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use decnet::edge::clock;
use decnet::edge::pki::{Authority, Identity, Wish};
use decnet::logic::trust::CertRole;
use decnet_tests::papers::{Papers, authority};
use decnet_tests::world::{Agent, NODE_IP, World};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use crate::machine::{memory, process_seconds, resident};
use crate::report::{Report, median};
use crate::tls::{Asker, health};

const ROUNDS: usize = 5;
const STARTS: usize = 9;
/// Requests of a round over connections that stay, and of one over new ones.
const REQUESTS: usize = 20_000;
const HANDSHAKES: usize = 1_000;
/// Whom the agents of a systemd unit serve as, here.
const NOBODY: u32 = 65_534;

pub(crate) fn run(report: &mut Report) {
    let (mut starts, mut cpu) = (Vec::new(), Vec::new());
    for round in 0..STARTS {
        let node = Node::make();
        let (agent, seconds) = node.start();
        starts.push(seconds * 1e3);
        cpu.push(agent.processes().iter().map(|(_, pid)| process_seconds(*pid)).sum::<f64>() * 1e3);
        if round == 0 {
            idle(report, &agent);
            for connections in [1, 10, 50] {
                kept(report, &node, &agent, connections);
            }
            handshakes(report, &node, &agent);
        }
    }
    let beside = format!("{:.0} ms of CPU; reference 0.81 s", median(cpu));
    let what = "agent from its start to `/health` over mTLS, programs pinned";
    report.add(what, format!("{:.0} ms", median(starts)), "100 ms", "", &beside);
}

/// A world whose node was enrolled, and who asks it.
struct Node {
    world: World,
    asker: Asker,
}

impl Node {
    fn make() -> Self {
        let world = World::make();
        let authority = authority(&world.dir.join("ca"));
        let host = ("node-1", IpAddr::V4(NODE_IP));
        let dir = world.etc_dir().join("agent");
        Papers::issue(&dir, &authority, host, CertRole::Agent, clock::now());
        std::fs::create_dir_all(world.state_dir()).expect("the directory is ours");
        for path in [&dir, &world.state_dir()] {
            std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).expect("it is ours");
        }
        let place = SocketAddr::new(IpAddr::V4(NODE_IP), 8765);
        Self { asker: Asker::new(&master(&authority), place), world }
    }

    /// Starts an agent as systemd does: the programs are pinned, it was never root, and logs less
    /// than in tests. Says how long it takes until the master is answered.
    fn start(&self) -> (Agent<'_>, f64) {
        let go = self.world.dir.join("go");
        nix::unistd::mkfifo(&go, nix::sys::stat::Mode::S_IRWXU).expect("the directory is ours");
        let script = format!(
            "\"$1\" bpf load --user nobody {} && read -r _ < {} && exec setpriv --reuid={NOBODY} \
             --regid={NOBODY} --clear-groups --bounding-set=-all,+net_admin,+net_raw \
             --inh-caps=+net_admin,+net_raw --ambient-caps=+net_admin,+net_raw \"${{@/#debug/info}}\"",
            self.world.run_arg(),
            go.display()
        );
        let by = ["unshare", "--mount", "--propagation=private", "bash", "-c", &script, "-"];
        let agent = self.world.start_agent_by(&by, "");
        // Waits until it is read.
        let mut go = OpenOptions::new().write(true).open(&go).expect("it is a pipe");
        let began = Instant::now();
        writeln!(go, "go").expect("somebody reads");
        let took = self.asking(async |asker| {
            loop {
                if let Ok(mut stream) = asker.connect().await {
                    health(&mut stream).await.expect("it answers");
                    return began.elapsed();
                }
                assert!(began.elapsed() < Duration::from_secs(20), "{}", self.world.log());
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        (agent, took.as_secs_f64())
    }

    /// Runs `ask` on the node.
    fn asking<T: Send>(&self, ask: impl AsyncFnOnce(Asker) -> T + Send) -> T {
        self.world.as_node(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(ask(self.asker.clone()))
        })
    }
}

fn master(authority: &Authority) -> Identity {
    let host = "master".parse().expect("a name");
    let wish = Wish { host: &host, role: CertRole::Master, addresses: &[], names: &[] };
    let issued = authority.issue(&wish, clock::now()).expect("a plain wish");
    Identity::of(&issued, authority.cert_pem()).expect("it was just made")
}

fn idle(report: &mut Report, agent: &Agent<'_>) {
    thread::park_timeout(Duration::from_secs(3));
    let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
    let processes = agent.processes();
    let part = |(role, pid): &(String, i32)| format!("{role} {:.1}", mib(resident(*pid)));
    let parts: Vec<String> = processes.iter().map(part).collect();
    let sum = |each: fn(i32) -> u64| processes.iter().map(|(_, pid)| each(*pid)).sum::<u64>();
    let beside = format!(
        "{}; in proportion (PSS) {:.1} MB; reference 116 MB",
        parts.join(", "),
        mib(sum(memory))
    );
    let figure = format!("{:.1} MB", mib(sum(resident)));
    report.add("agent without deckies, idle: resident memory", figure, "15 MB", "", &beside);
}

/// CPU of the agent for one of `count` things, and how many a second, while `act` runs.
fn spent(agent: &Agent<'_>, count: usize, act: impl FnOnce()) -> (f64, f64) {
    let (before, began) = (process_seconds(agent.pid()), Instant::now());
    act();
    let rate = count as f64 / began.elapsed().as_secs_f64();
    ((process_seconds(agent.pid()) - before) * 1e6 / count as f64, rate)
}

fn kept(report: &mut Report, node: &Node, agent: &Agent<'_>, connections: usize) {
    let round = |_| {
        spent(agent, REQUESTS, || {
            node.asking(async |asker| {
                let mut all = JoinSet::new();
                for _ in 0..connections {
                    let mut stream = asker.connect().await.expect("it lets the master in");
                    all.spawn(async move {
                        for _ in 0..REQUESTS / connections {
                            health(&mut stream).await.expect("it answers");
                        }
                    });
                }
                all.join_all().await;
            });
        })
    };
    let (cpu, rates): (Vec<f64>, Vec<f64>) = (0..ROUNDS).map(round).unzip();
    let beside = format!("{:.0}/s; reference 333–378 µs, 2,685–2,965/s", median(rates));
    let what =
        format!("`/health` over mTLS, {connections} kept connections: CPU of the agent each");
    report.add(&what, format!("{:.0} µs", median(cpu)), "42 µs", "", &beside);
}

/// New connections, each let go of at once or after one question.
fn handshakes(report: &mut Report, node: &Node, agent: &Agent<'_>) {
    let round = |asked: bool| {
        spent(agent, HANDSHAKES, || {
            node.asking(async |asker| {
                for _ in 0..HANDSHAKES {
                    let mut stream = asker.connect().await.expect("it lets the master in");
                    if asked {
                        health(&mut stream).await.expect("it answers");
                    }
                    // It answers the end with its own once it has checked the master.
                    stream.shutdown().await.expect("it is there");
                    let rest = stream.read(&mut [0; 1]).await;
                    assert_eq!(rest.expect("it has let the master in"), 0);
                }
            });
        })
    };
    let (mut bare, mut asked, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (cpu, rate) = round(false);
        bare.push(cpu);
        rates.push(rate);
        asked.push(round(true).0);
    }
    let beside = format!(
        "{:.0} µs with one `/health`; {:.0}/s, one after the other; reference 2.7 ms, 364/s",
        median(asked),
        median(rates)
    );
    let what = "new mTLS connection: CPU of the agent";
    report.add(what, format!("{:.0} µs", median(bare)), "540 µs", "", &beside);
}
