//! A world for one test: a node and a visitor on a LAN of their own.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use decnet::edge::frames::Frames;
use decnet::edge::links::{Links, mac_of};
use decnet::edge::store::Store;
use decnet::edge::{namespace, stack};
use decnet::logic::craft::Route;
use decnet::logic::event::{Event, Kind};
use decnet::logic::mac::Mac;
use decnet::logic::status::{DeckyState, DeckyStatus, Status};
use nix::net::if_::if_nametoindex;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

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

/// Where the program under test is.
pub fn decnet() -> PathBuf {
    let own = std::env::current_exe().expect("this program has a path");
    // The bench is beside it; cargo puts tests into a folder below.
    let mut dirs = own.ancestors().skip(1).map(|dir| dir.join("decnet"));
    dirs.find(|program| program.is_file()).expect("`cargo build -p decnet` comes first")
}

type Job = Box<dyn FnOnce() + Send>;

/// Starts processes from a thread that lives as long as this process: what is tied to it is killed
/// when this process is, and not when a test's thread ends.
static SPAWNER: LazyLock<Mutex<Sender<Job>>> = LazyLock::new(|| {
    let (sender, jobs) = channel::<Job>();
    thread::spawn(move || jobs.into_iter().for_each(|job| job()));
    Mutex::new(sender)
});

/// Runs `act` on the spawner's thread, in `namespace`.
pub(crate) fn on_spawner<T: Send + 'static>(
    namespace: OwnedFd,
    act: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (sender, done) = channel();
    let job = move || {
        let home = namespace::current().expect("it has a namespace");
        namespace::enter(&namespace).expect("tests run as root");
        let result = act();
        namespace::enter(&home).expect("tests run as root");
        sender.send(result).expect("the test waits");
    };
    SPAWNER.lock().expect("no job panics").send(Box::new(job)).expect("it lives");
    done.recv().expect("the job ends")
}

/// Runs `act` on a thread of its own in `namespace`.
fn within<T: Send>(namespace: &OwnedFd, act: impl FnOnce() -> T + Send) -> T {
    let run = || {
        namespace::enter(namespace).expect("tests run as root");
        act()
    };
    thread::scope(|scope| scope.spawn(run).join()).expect("the work does not panic")
}

/// Two namespaces with a wire between them, and directories.
pub struct World {
    pub dir: PathBuf,
    node: OwnedFd,
    pub(crate) visitor: OwnedFd,
}

impl World {
    /// A world without an agent.
    pub fn make() -> Self {
        assert!(nix::unistd::geteuid().is_root(), "the integration tests need root");
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("decnet-test-{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&dir).expect("a directory of our own");
        let (node, visitor) = thread::spawn(lan).join().expect("a LAN can be made");
        Self { dir, node, visitor }
    }

    pub fn state_dir(&self) -> PathBuf {
        self.dir.join("state")
    }

    pub fn run_dir(&self) -> PathBuf {
        self.dir.join("run")
    }

    /// Runs `act` in the node's namespace.
    pub fn as_node<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        within(&self.node, act)
    }

    /// Puts this thread into the node's namespace.
    pub fn enter_node(&self) {
        namespace::enter(&self.node).expect("tests run as root");
    }

    /// Runs `act` in the visitor's namespace.
    pub fn as_visitor<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        within(&self.visitor, act)
    }

    /// Runs a program in the visitor's namespace and waits for it, at most 20 s.
    pub fn visit(&self, program: &str, args: &[&str]) -> Output {
        self.as_visitor(|| {
            let mut command = Command::new("timeout");
            command.args(["20", program]).args(args).stdin(Stdio::null());
            command.output().expect("the program is installed")
        })
    }

    /// Writes a configuration and returns its path.
    pub fn config(&self, text: &str) -> PathBuf {
        let path = self.dir.join("decnet.toml");
        std::fs::write(&path, text).expect("the directory is ours");
        path
    }

    /// The arguments by which every command finds this world.
    pub fn dirs(&self) -> [String; 4] {
        let text = |path: PathBuf| path.display().to_string();
        ["--state-dir".into(), text(self.state_dir()), "--run-dir".into(), text(self.run_dir())]
    }

    /// Runs `decnet` in the node's namespace and waits for it, at most 30 s.
    pub fn decnet(&self, args: &[&str]) -> Output {
        let program = decnet().display().to_string();
        self.on_node(&[&[program.as_str()], args].concat())
    }

    /// Runs a command line in the node's namespace and waits for it, at most 30 s.
    pub fn on_node(&self, line: &[&str]) -> Output {
        self.as_node(|| {
            let mut command = Command::new("timeout");
            command.arg("30").args(line).stdin(Stdio::null());
            command.output().expect("timeout is installed")
        })
    }

    /// The arguments by which operators find the agent of this world.
    pub fn run_arg(&self) -> String {
        format!("--run-dir={}", self.run_dir().display())
    }

    /// The links in the node's namespace.
    pub fn links(&self) -> Vec<String> {
        let text = self.on_node(&["ip", "-o", "link"]).stdout;
        let text = String::from_utf8_lossy(&text).into_owned();
        let name = |line: &str| line.split([':', '@']).nth(1).map(|name| name.trim().to_owned());
        text.lines().filter_map(name).collect()
    }

    /// Starts an agent with this configuration, and waits until its deckies are up.
    pub fn agent(&self, config: &str) -> Agent<'_> {
        let agent = self.start_agent(config);
        agent.wait_up();
        agent
    }

    /// Starts an agent with this configuration.
    pub fn start_agent(&self, config: &str) -> Agent<'_> {
        self.start_agent_by(&[], config)
    }

    /// The directory of configuration and identities.
    pub fn etc_dir(&self) -> PathBuf {
        self.dir.join("etc")
    }

    /// Starts an agent with this configuration by a program that takes its command line and
    /// becomes it.
    pub fn start_agent_by(&self, program: &[&str], config: &str) -> Agent<'_> {
        let config = self.config(config);
        let (dirs, etc_dir) = (self.dirs(), self.etc_dir());
        let log = std::fs::File::create(self.dir.join("agent.log")).expect("the directory is ours");
        let node = self.node.try_clone().expect("descriptors are left");
        let mut line: Vec<OsString> = program.iter().map(OsString::from).collect();
        line.push(decnet().into());
        let process = on_spawner(node, move || {
            let mut command = Command::new(&line[0]);
            command.args(&line[1..]).arg("agent").arg("--config").arg(config).args(dirs);
            command.args(["--interface", NODE, "--node", "n1", "--log-level", "debug"]);
            command.env("DECNET_ETC_DIR", etc_dir);
            command.env("DECNET_PARENT", std::process::id().to_string());
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
            command.spawn().expect("decnet was built")
        });
        Agent { world: self, process }
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

    /// The store.
    pub fn store(&self) -> Store {
        Store::open(&self.state_dir().join("events.db")).expect("the agent has made it")
    }

    /// All events so far.
    pub fn events(&self) -> Vec<Event> {
        let store = self.store();
        let mut follower = store.follow_all();
        let mut all = Vec::new();
        loop {
            let some = follower.next(&store).expect("the store can be read");
            if some.is_empty() {
                return all;
            }
            all.extend(some.into_iter().map(|(_, event)| event));
        }
    }

    /// The first event that is wanted, waited for.
    pub fn event(&self, what: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        let found = wait_for(|| self.events().into_iter().find(|event| wanted(event)));
        found.unwrap_or_else(|| panic!("no {what} among:\n{}", listing(&self.events())))
    }

    /// The first event of a kind, waited for.
    pub fn event_of(&self, kind: Kind) -> Event {
        self.event(kind.as_str(), |event| event.event == kind)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if thread::panicking() {
            let log = std::fs::read_to_string(self.dir.join("agent.log")).unwrap_or_default();
            eprintln!("the agent's log:\n{log}");
        }
        drop(std::fs::remove_dir_all(&self.dir));
    }
}

/// Events, one a line.
pub fn listing(events: &[Event]) -> String {
    let line = |event: &Event| serde_json::to_string(event).expect("an event is JSON");
    events.iter().map(line).collect::<Vec<_>>().join("\n")
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

fn lan() -> (OwnedFd, OwnedFd) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let create = || {
            let namespace = namespace::create().expect("tests run as root");
            // Addresses can be used at once.
            stack::set("ipv6/conf/default/accept_dad", "0").expect("the kernel has IPv6");
            namespace
        };
        let node = create();
        let node_links = Links::open().expect("a netlink socket");
        let visitor = create();
        let visitor_links = Links::open().expect("a netlink socket");
        node_links.add_wire(NODE, VISITOR, visitor.as_fd()).await.expect("a wire");
        let ip6 = |text: &str| (text.parse().expect("an address"), 64);
        let node_ips = [(IpAddr::V4(NODE_IP), 16), ip6("fd77::2")];
        let visitor_ips = [(IpAddr::V4(VISITOR_IP), 16), ip6("fd77::7")];
        node_links.bring_up(NODE, &node_ips).await.expect("a link");
        visitor_links.bring_up(VISITOR, &visitor_ips).await.expect("a link");
        for links in [&node_links, &visitor_links] {
            links.bring_up("lo", &[]).await.expect("a loopback");
        }
        (node, visitor)
    })
}

/// A running agent.
pub struct Agent<'a> {
    world: &'a World,
    pub process: Child,
}

impl Agent<'_> {
    /// How things are, by `decnet status --json`; `None` when it does not answer.
    pub fn status(&self) -> Option<Status> {
        let run_dir = self.world.run_dir().display().to_string();
        let output = self.world.decnet(&["status", "--json", "--run-dir", &run_dir]);
        serde_json::from_slice(&output.stdout).ok()
    }

    /// Waits until every decky is up, and returns how things are.
    pub fn wait_up(&self) -> Status {
        let all_up = |status: &Status| {
            !status.deckies.is_empty()
                && status.deckies.iter().all(|decky| decky.state == DeckyState::Up)
        };
        wait_for(|| self.status().filter(all_up))
            .unwrap_or_else(|| panic!("the deckies do not come up: {:?}", self.status()))
    }

    /// The decky of this name.
    pub fn decky(&self, name: &str) -> DeckyStatus {
        let status = self.status().expect("the agent answers");
        let found = status.deckies.into_iter().find(|decky| decky.name.as_str() == name);
        found.unwrap_or_else(|| panic!("no decky {name}"))
    }

    /// Its process and those that it started, by their roles.
    pub fn processes(&self) -> Vec<(String, i32)> {
        let mut found = vec![("agent".to_owned(), self.pid())];
        for (role, parent) in [("keeper", "agent"), ("face", "keeper")] {
            let Some((_, parent)) = found.iter().find(|(name, _)| name == parent).cloned() else {
                break;
            };
            found.extend(children(parent).into_iter().map(|pid| (role.to_owned(), pid)));
        }
        found
    }

    /// What each of its processes is doing, for the message of a failing test.
    pub fn doing(&self) -> String {
        let mut text = String::new();
        for (role, pid) in self.processes() {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let state = status.lines().find(|line| line.starts_with("State")).unwrap_or("gone");
            let stack = std::fs::read_to_string(format!("/proc/{pid}/stack")).unwrap_or_default();
            text.push_str(&format!("{role} {pid}: {state}\n{stack}"));
        }
        text
    }

    /// The process of a role.
    pub fn process_of(&self, role: &str) -> i32 {
        let found = wait_for(|| self.processes().into_iter().find(|(name, _)| name == role));
        found.unwrap_or_else(|| panic!("no {role}")).1
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.process.id()).expect("a process number")
    }

    /// Sends a signal and waits for the end.
    pub fn end(mut self, signal: Signal) -> std::process::ExitStatus {
        kill(Pid::from_raw(self.pid()), signal).expect("it is ours");
        self.process.wait().expect("it is ours")
    }
}

impl Drop for Agent<'_> {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The children of a process.
pub fn children(pid: i32) -> Vec<i32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}
