//! Two deckies under attack, a visitor beside that, and what the attackers do.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use decnet::edge::limits;
use decnet::logic::status::DeckyStatus;
use decnet_tests::neighbour::{Neighbour, Visits, connect_from};
use decnet_tests::world::{Agent, World, wait_for};

use crate::hostile::victim::resident;

const TWO: &str = r#"
[network]
subnet6 = "fd77::/64"
[[decky]]
name = "all-01"
services = ["ssh", "http", "ftp", "telnet", "redis", "tcp", "udp"]
[[decky]]
name = "beside-01"
services = ["http"]
"#;

/// What the visitor beside them may wait for a first byte.
pub(super) const FIRST_BYTE: Duration = Duration::from_secs(2);
/// How many times as long as without an attack that may be on a machine with other work.
pub(super) const SLACK: u32 = 20;
/// KiB that a process may take more under attack, and may keep of that.
pub(super) const MOST_KIB: u64 = 96 * 1024;
pub(super) const KEPT_KIB: u64 = 24 * 1024;
/// How long an attack lasts.
pub(super) const ATTACK: Duration = Duration::from_secs(4);
/// The address of the visitor beside them.
pub(super) const BESIDE: Ipv4Addr = Ipv4Addr::new(10, 77, 250, 1);

/// Two deckies under attack, and a visitor beside that.
pub(super) struct Siege<'w> {
    pub(super) world: &'w World,
    pub(super) agent: Agent<'w>,
    pub(super) attacked: DeckyStatus,
    pub(super) beside: DeckyStatus,
    /// One siege at a time: each takes most of the descriptors that one process may have.
    _alone: MutexGuard<'static, ()>,
    /// KiB of agent and face before.
    before: [u64; 2],
    calm: Duration,
}

impl<'w> Siege<'w> {
    pub(super) fn of(world: &'w World) -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        limits::raise_files();
        let agent = world.agent(TWO);
        let (attacked, beside) = (agent.decky("all-01"), agent.decky("beside-01"));
        add_address(world, BESIDE.into());
        let mut siege = Self {
            world,
            agent,
            attacked,
            beside,
            _alone: alone,
            before: [0; 2],
            calm: Duration::ZERO,
        };
        // What an attacked service takes once is no growth.
        for port in [22, 80, 21, 23, 6379] {
            let to = siege.at(port);
            world.as_visitor(|| {
                let mut stream = TcpStream::connect(to).expect("it listens");
                stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a socket");
                drop(stream.write_all(b"GET / HTTP/1.0\r\n\r\n"));
                drop(stream.read(&mut [0; 512]));
            });
        }
        let calm = siege.visits(|| thread::park_timeout(Duration::from_millis(500)));
        siege.calm = calm.iter().map(Visits::longest).max().unwrap_or_default();
        siege.before = siege.kib();
        siege
    }

    pub(super) fn at(&self, port: u16) -> SocketAddr {
        (self.attacked.ip, port).into()
    }

    /// KiB of agent and face.
    pub(super) fn kib(&self) -> [u64; 2] {
        ["agent", "face"].map(|role| resident(self.agent.process_of(role)))
    }

    /// What the visitor beside gets while `attack` runs.
    pub(super) fn visits(&self, attack: impl FnOnce()) -> Vec<Visits> {
        let to = [self.attacked.ip, self.beside.ip].map(|ip| SocketAddr::new(ip, 80));
        let begin = |to| Neighbour::begin(self.world, BESIDE.into(), to);
        let neighbours = to.map(begin);
        attack();
        neighbours.into_iter().map(Neighbour::end).collect()
    }

    /// Runs `attack`, and returns the most KiB of agent and face meanwhile.
    pub(super) fn endures(&self, name: &str, attack: impl FnOnce()) -> [u64; 2] {
        let over = AtomicBool::new(false);
        let (visits, most) = thread::scope(|scope| {
            let watch = scope.spawn(|| {
                let mut most = [0; 2];
                while !over.load(Ordering::Relaxed) {
                    let now = self.kib();
                    most = [most[0].max(now[0]), most[1].max(now[1])];
                    thread::park_timeout(Duration::from_millis(20));
                }
                most
            });
            let visits = self.visits(attack);
            over.store(true, Ordering::Relaxed);
            (visits, watch.join().expect("it only looks"))
        });
        let longest = visits.iter().map(Visits::longest).max().unwrap_or_default();
        let count: usize = visits.iter().map(|visits| visits.waits.len()).sum();
        let grown =
            [most[0].saturating_sub(self.before[0]), most[1].saturating_sub(self.before[1])];
        eprintln!(
            "{name}: first byte after {longest:?} at most ({:?} without attack), {count} visits, \
             {} failed; agent {} KiB, face {} KiB more",
            self.calm,
            visits.iter().map(|visits| visits.failed.len()).sum::<usize>(),
            grown[0],
            grown[1],
        );
        for visits in &visits {
            assert!(visits.failed.is_empty(), "{name}: {:?}", visits.failed);
            let lost = visits.lost(self.world);
            assert!(lost.is_empty(), "{name}: not in the store: {lost:?}");
        }
        let most = FIRST_BYTE.max(self.calm * SLACK);
        assert!(longest <= most, "{name}: a first byte after {longest:?}");
        grown
    }
}

impl Siege<'_> {
    /// What was taken under attack was not too much, and is given back.
    pub(super) fn is_bounded(&self, grown: [u64; 2]) {
        for (role, kib) in ["agent", "face"].into_iter().zip(grown) {
            assert!(kib < MOST_KIB, "the {role} grew by {kib} KiB");
        }
        let kept =
            || self.kib().into_iter().zip(self.before).map(|(now, then)| now.saturating_sub(then));
        let given_back = || kept().all(|kib| kib < KEPT_KIB).then_some(());
        let all: Vec<u64> = kept().collect();
        assert!(wait_for(given_back).is_some(), "KiB kept by agent and face: {all:?}");
    }

    /// Waits until no more connections are taken, and says how many the face has then.
    pub(super) fn settled(&self) -> usize {
        let path = format!("/proc/{}/fd", self.agent.process_of("face"));
        let count = || std::fs::read_dir(&path).map_or(0, Iterator::count);
        let mut before = 0;
        loop {
            thread::park_timeout(Duration::from_secs(1));
            let now = count();
            if now == before {
                return now;
            }
            before = now;
        }
    }
}

pub(super) fn add_address(world: &World, ip: IpAddr) {
    let prefix = if ip.is_ipv4() { 16 } else { 64 };
    let added = world.visit("ip", &["addr", "add", &format!("{ip}/{prefix}"), "dev", "eth0"]);
    assert!(added.status.success(), "{added:?}");
}

/// Addresses of attackers, which the visitor's machine has from now on.
pub(super) fn crowd(world: &World, count: u8) -> Vec<IpAddr> {
    let ips: Vec<IpAddr> = (1..=count).map(|n| Ipv4Addr::new(10, 77, 240, n).into()).collect();
    ips.iter().for_each(|ip| add_address(world, *ip));
    ips
}

/// Connects so often from each of these, and gives what was connected.
pub(super) fn connect_all(
    world: &World,
    from: &[IpAddr],
    each: usize,
    to: SocketAddr,
) -> Vec<TcpStream> {
    let connect = |ip: &IpAddr| {
        world.as_visitor(|| {
            (0..each).filter_map(|_| connect_from(*ip, to).ok()).collect::<Vec<TcpStream>>()
        })
    };
    thread::scope(|scope| {
        let all: Vec<_> = from.iter().map(|ip| scope.spawn(move || connect(ip))).collect();
        all.into_iter().flat_map(|one| one.join().expect("it only connects")).collect()
    })
}

/// Writes again and again to each, as much as it takes; reads nothing or everything.
pub(super) fn pour(streams: &mut [TcpStream], bytes: &[u8], reads: Reads) {
    let until = Instant::now() + ATTACK;
    let mut rest: Vec<&[u8]> = vec![bytes; streams.len()];
    let mut unread = vec![0; 65_536];
    for stream in streams.iter() {
        stream.set_nonblocking(true).expect("a socket");
    }
    while Instant::now() < until {
        for (stream, rest) in streams.iter_mut().zip(&mut rest) {
            if let Ok(count) = stream.write(rest) {
                *rest = rest.get(count..).filter(|rest| !rest.is_empty()).unwrap_or(bytes);
            }
            while reads == Reads::Everything
                && stream.read(&mut unread).is_ok_and(|count| count > 0)
            {}
        }
        thread::park_timeout(Duration::from_millis(1));
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    Everything,
    Nothing,
}
