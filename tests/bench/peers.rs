//! Other programs that capture, in the node's namespace.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use decnet_tests::world::{NODE, World};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::machine::process_seconds;

/// Those there are. tcpdump reads the kernel's TPACKET_V3 ring, as every program on libpcap does.
pub(crate) const NAMES: [&str; 2] = ["tcpdump", "scapy"];

/// How long one takes to begin, and to read what waits.
const PAUSE: Duration = Duration::from_secs(2);

/// A peer that captures.
pub(crate) struct Peer {
    process: Child,
    before: f64,
}

/// What it came to.
pub(crate) struct Captured {
    /// Packets that it says it saw.
    pub(crate) seen: Option<u64>,
    /// CPU time that it spent after it had begun.
    pub(crate) seconds: f64,
}

impl Peer {
    /// Starts one and waits until it captures; says so when there is none.
    pub(crate) fn start(world: &World, name: &str) -> Option<Self> {
        let process = world.as_node(|| command(name)?.spawn().ok());
        let Some(process) = process else {
            eprintln!("    without {name}");
            return None;
        };
        thread::park_timeout(PAUSE);
        let before = process_seconds(pid(&process).as_raw());
        Some(Self { process, before })
    }

    /// Lets it read what waits, and ends it.
    pub(crate) fn end(self) -> Captured {
        thread::park_timeout(PAUSE);
        let pid = pid(&self.process);
        let seconds = process_seconds(pid.as_raw()) - self.before;
        kill(pid, Signal::SIGINT).expect("it is ours");
        let output = self.process.wait_with_output().expect("it is ours");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let number = |line: &str| line.split_whitespace().next()?.parse().ok();
        let seen = said.lines().find(|line| line.contains("packets captured")).and_then(number);
        Captured { seen, seconds }
    }
}

fn pid(process: &Child) -> Pid {
    Pid::from_raw(process.id().try_into().expect("a process number"))
}

fn command(name: &str) -> Option<Command> {
    let mut command = match name {
        "tcpdump" => {
            let mut command = Command::new("tcpdump");
            command.args(["-n", "-i", NODE, "-s", "128", "-w", "/dev/null", "tcp"]);
            command
        }
        _ => {
            let mut command = Command::new(std::env::var_os("DECNET_BENCH_PYTHON")?);
            command.args(["-c", SCAPY, NODE]);
            command
        }
    };
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Some(command)
}

const SCAPY: &str = "\
import sys
from scapy.all import sniff
n = 0
def count(p):
    global n
    n += 1
sniff(iface=sys.argv[1], prn=count, store=False)
print(n, 'packets captured')
";
