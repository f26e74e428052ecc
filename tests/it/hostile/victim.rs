//! A decky with every service, and what must hold of its face whatever is done to it.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use decnet::edge::store::{EventFilter, StoredEvent};
use decnet::logic::event::{Event, Kind};
use decnet::logic::status::DeckyStatus;
use decnet_tests::world::{Agent, World, listing, wait_for};

const ALL: &str = r#"
[network]
subnet6 = "fd77::/64"
[[decky]]
name = "all-01"
services = ["ssh", "http", "ftp", "telnet", "redis", "tcp", "udp"]
"#;

/// Where a service is; the last is nobody's but the catch-all's.
pub(super) const PORTS: [u16; 6] = [22, 80, 21, 23, 6379, 4444];
/// What a face may grow by under attack.
pub(super) const MAX_GROWTH_KIB: u64 = 64 * 1024;
/// How long another visitor may wait meanwhile; most of it is a busy machine's.
const PROMPTLY: Duration = Duration::from_secs(5);
/// How long anything is read or written in these tests.
const LIMIT: Duration = Duration::from_secs(10);

/// A decky with every service, and its face as it was before.
pub(super) struct Victim<'w> {
    pub(super) world: &'w World,
    agent: Agent<'w>,
    pub(super) decky: DeckyStatus,
    pub(super) face: i32,
    pub(super) kib: u64,
}

impl<'w> Victim<'w> {
    pub(super) fn of(world: &'w World) -> Self {
        let agent = world.agent(ALL);
        let decky = agent.decky("all-01");
        let face = agent.process_of("face");
        let victim = Self { world, agent, decky, face, kib: 0 };
        // What it takes once (keys, file trees) is no growth.
        for port in PORTS {
            drop(victim.say(port, b"x\r\n"));
        }
        victim.answers_others();
        victim.ends(PORTS.len() + 1);
        Self { kib: resident(face), ..victim }
    }

    pub(super) fn connect(&self, port: u16) -> TcpStream {
        self.connect_to(self.decky.ip, port)
    }

    fn connect_to(&self, ip: IpAddr, port: u16) -> TcpStream {
        let to = SocketAddr::from((ip, port));
        let connected = self.world.as_visitor(|| TcpStream::connect_timeout(&to, LIMIT));
        let stream = connected.unwrap_or_else(|error| panic!("{to}: {error}"));
        stream.set_read_timeout(Some(LIMIT)).expect("a socket");
        stream.set_write_timeout(Some(LIMIT)).expect("a socket");
        stream.set_nodelay(true).expect("a socket");
        stream
    }

    /// Says `bytes`, ends, and gives whatever is answered until the decky ends too.
    pub(super) fn say(&self, port: u16, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect(port);
        // It may have enough before everything is said.
        let said = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        // As sshd does it to whoever says what it does not read.
        let reset = read.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConnectionReset);
        assert!(said.is_err() || read.is_ok() || reset, "port {port} does not end: {read:?}");
        answer
    }

    /// Asks for a page from another address, and is answered in time.
    pub(super) fn answers_others(&self) {
        let began = Instant::now();
        let mut stream = self.connect_to(self.decky.ip6.expect("it has one"), 80);
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("it listens");
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer).into_owned();
        let grown = resident(self.face).saturating_sub(self.kib);
        assert!(read.is_ok(), "{read:?} after {text:?}; the face has grown by {grown} KiB");
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{text:?}");
        assert!(began.elapsed() < PROMPTLY, "answered after {:?}", began.elapsed());
    }

    /// The face is as it was, and so is everybody else.
    pub(super) fn is_unhurt(&self) {
        self.answers_others();
        assert_eq!(self.agent.process_of("face"), self.face, "another face");
        let kib = resident(self.face);
        assert!(kib <= self.kib + MAX_GROWTH_KIB, "grew from {} KiB to {kib} KiB", self.kib);
        let log = std::fs::read_to_string(self.world.dir.join("agent.log")).expect("a log");
        assert!(!log.contains("a service failed"), "a service panicked");
    }

    /// Waits until so many connections have ended, and gives their openings and ends in pairs.
    pub(super) fn ends(&self, count: usize) -> Vec<(Event, Event)> {
        let all = || {
            let told = self.told(&[Kind::ConnOpen, Kind::ConnClose]);
            let (opens, ends): (Vec<_>, Vec<_>) =
                told.into_iter().partition(|event| event.event == Kind::ConnOpen);
            (ends.len() >= count).then_some((opens, ends))
        };
        let (opens, ends) = wait_for(all).unwrap_or_else(|| {
            let told = self.told(&[Kind::ConnOpen, Kind::ConnClose]);
            panic!("not {count} connections have ended:\n{}", listing(&told))
        });
        assert_eq!(ends.len(), count, "{}", listing(&ends));
        let pair = |end: Event| {
            let mut of = opens.iter().filter(|open| open.session == end.session);
            let open = of.next().unwrap_or_else(|| panic!("not opened: {end:?}")).clone();
            assert!(of.next().is_none(), "opened twice: {open:?}");
            (open, end)
        };
        ends.into_iter().map(pair).collect()
    }

    /// The events of these kinds, oldest first.
    pub(super) fn told(&self, kinds: &[Kind]) -> Vec<Event> {
        let filter = EventFilter { kinds: kinds.to_vec(), ..EventFilter::default() };
        let store = self.world.store();
        let (mut told, mut before) = (Vec::new(), None);
        loop {
            let page = store.events(&filter, before, 500, LIMIT).expect("the store");
            let parse = |event: &StoredEvent| {
                serde_json::from_str::<Event>(event.body.get()).expect("an event")
            };
            told.extend(page.events.iter().map(parse));
            before = page.next;
            if before.is_none() {
                told.reverse();
                return told;
            }
        }
    }
}

/// KiB of memory that a process has.
pub(super) fn resident(pid: i32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

pub(super) fn reason(end: &Event) -> &str {
    end.data.text("reason").expect("a reason")
}
