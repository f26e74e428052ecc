//! Visitors who take all they can get, and another visitor beside them.
//!
//! He comes from an address of his own, to the decky that is attacked and to another one. Each test
//! prints how long he waited for a first byte; none of his visits may be missing in the store.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use decnet::edge::limits;
use decnet::logic::status::DeckyStatus;
use decnet_tests::neighbour::{Neighbour, Visits, connect_from};
use decnet_tests::world::{Agent, World, wait_for};

use super::victim::resident;

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
const FIRST_BYTE: Duration = Duration::from_secs(2);
/// How many times as long as without an attack that may be on a machine with other work.
const SLACK: u32 = 20;
/// KiB that a process may take more under attack, and may keep of that.
const MOST_KIB: u64 = 96 * 1024;
const KEPT_KIB: u64 = 24 * 1024;
/// How long an attack lasts.
const ATTACK: Duration = Duration::from_secs(4);
/// The address of the visitor beside them.
const BESIDE: Ipv4Addr = Ipv4Addr::new(10, 77, 250, 1);

/// Two deckies under attack, and a visitor beside that.
struct Siege<'w> {
    world: &'w World,
    agent: Agent<'w>,
    attacked: DeckyStatus,
    beside: DeckyStatus,
    /// KiB of agent and face before.
    before: [u64; 2],
    calm: Duration,
}

impl<'w> Siege<'w> {
    fn of(world: &'w World) -> Self {
        limits::raise_files();
        let agent = world.agent(TWO);
        let (attacked, beside) = (agent.decky("all-01"), agent.decky("beside-01"));
        add_address(world, BESIDE.into());
        let mut siege =
            Self { world, agent, attacked, beside, before: [0; 2], calm: Duration::ZERO };
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

    fn at(&self, port: u16) -> SocketAddr {
        (self.attacked.ip, port).into()
    }

    /// KiB of agent and face.
    fn kib(&self) -> [u64; 2] {
        ["agent", "face"].map(|role| resident(self.agent.process_of(role)))
    }

    /// What the visitor beside gets while `attack` runs.
    fn visits(&self, attack: impl FnOnce()) -> Vec<Visits> {
        let to = [self.attacked.ip, self.beside.ip].map(|ip| SocketAddr::new(ip, 80));
        let begin = |to| Neighbour::begin(self.world, BESIDE.into(), to);
        let neighbours = to.map(begin);
        attack();
        neighbours.into_iter().map(Neighbour::end).collect()
    }

    /// Runs `attack`, and returns the most KiB of agent and face meanwhile.
    fn endures(&self, name: &str, attack: impl FnOnce()) -> [u64; 2] {
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
    fn is_bounded(&self, grown: [u64; 2]) {
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
    fn settled(&self) -> usize {
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

fn add_address(world: &World, ip: IpAddr) {
    let prefix = if ip.is_ipv4() { 16 } else { 64 };
    let added = world.visit("ip", &["addr", "add", &format!("{ip}/{prefix}"), "dev", "eth0"]);
    assert!(added.status.success(), "{added:?}");
}

/// Addresses of attackers, which the visitor's machine has from now on.
fn crowd(world: &World, count: u8) -> Vec<IpAddr> {
    let ips: Vec<IpAddr> = (1..=count).map(|n| Ipv4Addr::new(10, 77, 240, n).into()).collect();
    ips.iter().for_each(|ip| add_address(world, *ip));
    ips
}

/// Connects so often from each of these, and gives what was connected.
fn connect_all(world: &World, from: &[IpAddr], each: usize, to: SocketAddr) -> Vec<TcpStream> {
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
fn pour(streams: &mut [TcpStream], bytes: &[u8], reads: Reads) {
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
enum Reads {
    Everything,
    Nothing,
}

fn heads() -> Vec<u8> {
    let mut head = b"GET /attack HTTP/1.1\r\nHost: a\r\n".to_vec();
    for n in 0..14 {
        head.extend_from_slice(format!("X-{n}: {}\r\n", "v".repeat(1_000)).as_bytes());
    }
    head.extend_from_slice(b"\r\n");
    head
}

#[test]
fn heads_without_end_take_bounded_memory() {
    let world = World::make();
    let siege = Siege::of(&world);
    let from = ["10.77.255.7".parse().expect("an address")];
    let grown = siege.endures("heads", || {
        let mut streams = connect_all(&world, &from, 32, siege.at(80));
        pour(&mut streams, &heads(), Reads::Everything);
    });
    siege.is_bounded(grown);
}

#[test]
fn answers_that_nobody_reads_take_bounded_memory() {
    let world = World::make();
    let siege = Siege::of(&world);
    let from = ["10.77.255.7".parse().expect("an address")];
    let value = "v".repeat(60_000);
    let mut asked = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n{value}\r\n", value.len());
    asked.push_str(&format!("MGET{}\r\n", " k".repeat(100)));
    let grown = siege.endures("unread answers", || {
        let mut streams = connect_all(&world, &from, 250, siege.at(6379));
        pour(&mut streams, asked.as_bytes(), Reads::Nothing);
    });
    siege.is_bounded(grown);
}

#[test]
fn half_heads_take_bounded_memory() {
    let world = World::make();
    let siege = Siege::of(&world);
    let from = crowd(&world, 32);
    let mut half = heads();
    half.truncate(half.len() - 2);
    let grown = siege.endures("half heads", || {
        let mut streams = connect_all(&world, &from, 200, siege.at(80));
        for stream in &mut streams {
            stream.set_nonblocking(true).expect("a socket");
            drop(stream.write(&half));
        }
        thread::park_timeout(ATTACK);
    });
    siege.is_bounded(grown);
}

#[test]
fn sixty_four_addresses_leave_places_for_others() {
    let world = World::make();
    let siege = Siege::of(&world);
    let from = crowd(&world, 64);
    siege.endures("places", || {
        let streams = connect_all(&world, &from, 256, siege.at(23));
        let held = siege.settled();
        eprintln!("places: of {} connections {held} are served", streams.len());
        thread::park_timeout(ATTACK);
    });
}

/// What one who wants a key exchange of the dearest kind says at once.
fn dear_exchange() -> Vec<u8> {
    let packet = |payload: &[u8]| {
        let padding = 8 - (payload.len() + 5) % 8 + 8;
        let length = u32::try_from(payload.len() + padding + 1).expect("short");
        let padding_length = u8::try_from(padding).expect("short");
        [&length.to_be_bytes()[..], &[padding_length], payload, &vec![0; padding]].concat()
    };
    let string = |bytes: &[u8]| {
        [&u32::try_from(bytes.len()).expect("short").to_be_bytes()[..], bytes].concat()
    };
    let mut offer = vec![20];
    offer.extend_from_slice(&[7; 16]);
    for names in [
        "diffie-hellman-group18-sha512",
        "ssh-ed25519",
        "aes128-ctr",
        "aes128-ctr",
        "hmac-sha2-256",
        "hmac-sha2-256",
        "none",
        "none",
        "",
        "",
    ] {
        offer.extend_from_slice(&string(names.as_bytes()));
    }
    offer.extend_from_slice(&[0; 5]);
    let mut value = vec![0xff; 1_024];
    value[0] = 0x7f;
    let init = [&[30][..], &string(&value)].concat();
    [b"SSH-2.0-x\r\n", packet(&offer).as_slice(), &packet(&init)].concat()
}

#[test]
fn the_dearest_key_exchanges_make_nobody_else_wait() {
    let world = World::make();
    let siege = Siege::of(&world);
    let from = crowd(&world, 4);
    let asked = dear_exchange();
    siege.endures("key exchanges", || {
        let began = Instant::now();
        let mut streams = connect_all(&world, &from, 50, siege.at(22));
        for stream in &mut streams {
            stream.write_all(&asked).expect("it listens");
        }
        // The offer, then the answer with 1,024 bytes of its value.
        let mut answered = 0;
        for stream in &mut streams {
            let mut bytes = 0;
            while bytes < 2_000 {
                match stream.read(&mut [0; 4_096]) {
                    Ok(count) if count > 0 => bytes += count,
                    other => panic!("{answered} answered, then {other:?}"),
                }
            }
            answered += 1;
        }
        eprintln!("key exchanges: {answered} took {:?}", began.elapsed());
    });
}

#[test]
fn one_machine_beside_a_decky_does_not_shut_out_its_neighbours() {
    let world = World::make();
    let siege = Siege::of(&world);
    let mac = siege.attacked.mac.0;
    let local = [0xfe80, 0, 0, 0].into_iter().chain([
        u16::from_be_bytes([mac[0] ^ 2, mac[1]]),
        u16::from_be_bytes([mac[2], 0xff]),
        u16::from_be_bytes([0xfe, mac[3]]),
        u16::from_be_bytes([mac[4], mac[5]]),
    ]);
    let local: Vec<u16> = local.collect();
    let local = std::net::Ipv6Addr::from(<[u16; 8]>::try_from(local).expect("eight"));
    let link = world.as_visitor(|| nix::net::if_::if_nametoindex("eth0").expect("a link"));
    for (network, to) in [("fe80", local.into()), ("fd77", siege.attacked.ip6.expect("it has one"))]
    {
        let IpAddr::V6(to) = to else { panic!("{to}") };
        let to = |port| SocketAddr::V6(std::net::SocketAddrV6::new(to, port, 0, link));
        let [one, other] = [10, 11].map(|n| format!("{network}::{n}").parse().expect("an address"));
        add_address(&world, one);
        add_address(&world, other);
        let held = connect_all(&world, &[one], 300, to(23));
        siege.settled();
        let greets = |from: IpAddr| {
            world.as_visitor(|| {
                let mut stream = connect_from(from, to(23)).expect("it listens");
                stream.read(&mut [0; 3]).is_ok_and(|count| count > 0)
            })
        };
        assert!(!greets(one), "{network}: it has more than its share");
        assert!(greets(other), "{network}: its neighbour is shut out");
        drop(held);
        siege.settled();
    }
}

#[test]
fn a_flood_of_requests_makes_nobody_else_wait() {
    let world = World::make();
    let siege = Siege::of(&world);
    let from = crowd(&world, 4);
    siege.endures("requests", || {
        thread::scope(|scope| {
            for ip in &from {
                let (world, siege) = (&world, &siege);
                scope.spawn(move || {
                    let to = siege.at(80);
                    let mut streams = connect_all(world, &[*ip], 64, to);
                    let asked = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(200);
                    pour(&mut streams, &asked, Reads::Everything);
                });
            }
        });
    });
}

#[test]
fn every_unit_has_a_bound_of_memory() {
    let deploy = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy");
    let mut units = 0;
    for entry in std::fs::read_dir(deploy).expect("the units are there") {
        let path = entry.expect("it can be read").path();
        if path.extension().is_none_or(|extension| extension != "service") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a unit");
        for setting in ["MemoryHigh=", "MemoryMax="] {
            let set = text.lines().any(|line| line.starts_with(setting));
            assert!(set, "{} has no {setting}", path.display());
        }
        units += 1;
    }
    assert!(units >= 8, "{units}");
}
