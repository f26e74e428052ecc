//! A world for one test: a node and a visitor on a LAN of their own, or several nodes ([`Lan`]).

mod agent;
mod lan;
mod machine;
mod node;

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Deref;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::Output;
use std::thread;
use std::time::{Duration, Instant};

use decnet::edge::frames::Frames;
use decnet::edge::links::mac_of;
use decnet::logic::craft::Route;
use decnet::logic::mac::Mac;
use decnet::logic::status::DeckyStatus;
use nix::net::if_::if_nametoindex;

pub use agent::{Agent, children};
pub use lan::{Cut, Lan};
pub(crate) use machine::within;
use machine::{Fresh, Scratch, wired};
pub use machine::{Machine, command_by, decnet};
pub use node::{Node, listing};

/// How long anything may take to be seen.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The node's link.
pub const NODE: &str = "lan0";
/// The visitor's link.
pub const VISITOR: &str = "eth0";
/// The visitor's address.
pub const VISITOR_IP: Ipv4Addr = Ipv4Addr::new(10, 77, 255, 7);
/// The node's address.
pub const NODE_IP: Ipv4Addr = Ipv4Addr::new(10, 77, 255, 2);

/// Two namespaces with a wire between them, and directories. It is its node, with a visitor.
pub struct World {
    node: Node,
    pub visitor: Machine,
    _scratch: Scratch,
}

impl Deref for World {
    type Target = Node;

    fn deref(&self) -> &Node {
        &self.node
    }
}

impl World {
    /// A world without an agent.
    pub fn make() -> Self {
        let scratch = Scratch::make();
        let dir = scratch.path();
        let (node, visitor) = wired(wire);
        Self {
            node: Node { machine: Machine::new(dir.into(), node.namespace), name: "n1".into() },
            visitor: Machine::new(dir.into(), visitor.namespace),
            _scratch: scratch,
        }
    }

    /// Runs `act` in the node's namespace.
    pub fn as_node<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        self.node.within(act)
    }

    /// Puts this thread into the node's namespace.
    pub fn enter_node(&self) {
        self.node.enter();
    }

    /// Runs a command line in the node's namespace and waits for it, at most 30 s.
    pub fn on_node(&self, line: &[&str]) -> Output {
        self.node.run(line)
    }

    /// Runs `act` in the visitor's namespace.
    pub fn as_visitor<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        self.visitor.within(act)
    }

    /// Runs a program in the visitor's namespace and waits for it, at most 30 s.
    pub fn visit(&self, program: &str, args: &[&str]) -> Output {
        self.visitor.run(&[&[program], args].concat())
    }

    /// The links in the node's namespace.
    pub fn links(&self) -> Vec<String> {
        let text = self.on_node(&["ip", "-o", "link"]).stdout;
        let text = String::from_utf8_lossy(&text).into_owned();
        let name = |line: &str| line.split([':', '@']).nth(1).map(|name| name.trim().to_owned());
        text.lines().filter_map(name).collect()
    }

    /// The visitor's end of the wire, past its network stack.
    pub fn frames(&self) -> Frames {
        self.as_visitor(|| {
            let link = if_nametoindex(VISITOR).expect("the link is there");
            Frames::open(link).expect("tests run as root")
        })
    }

    /// The visitor's MAC.
    pub fn visitor_mac(&self) -> Mac {
        self.as_visitor(|| mac_of(VISITOR).expect("the link is there"))
    }

    /// From the visitor to a decky.
    pub fn route(&self, decky: &DeckyStatus) -> Route {
        let src = IpAddr::V4(VISITOR_IP);
        Route { src_mac: self.visitor_mac(), dst_mac: decky.mac, src, dst: decky.ip, vlan: None }
    }
}

/// The files in a directory and those in it; none when it is not there.
pub fn files_below(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let below = |entry: std::fs::DirEntry| match entry.path() {
        path if path.is_dir() => files_below(&path),
        path => vec![path.display().to_string()],
    };
    entries.flat_map(below).collect()
}

/// Asks again and again until there is an answer, within limits.
pub fn wait_for<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        let answer = ask();
        if answer.is_some() || began.elapsed() > PATIENCE {
            return answer;
        }
        thread::park_timeout(Duration::from_millis(20));
    }
}

async fn wire() -> (Fresh, Fresh) {
    let node = Fresh::make();
    let visitor = Fresh::make();
    node.links.add_wire(NODE, VISITOR, visitor.namespace.as_fd()).await.expect("a wire");
    let ip6 = |text: &str| (text.parse().expect("an address"), 64);
    node.bring_up(NODE, &[(IpAddr::V4(NODE_IP), 16), ip6("fd77::2")]).await;
    visitor.bring_up(VISITOR, &[(IpAddr::V4(VISITOR_IP), 16), ip6("fd77::7")]).await;
    (node, visitor)
}
