//! Visitors who take all they can get, and another visitor beside them.
//!
//! He comes from an address of his own, to the decky that is attacked and to another one. Each test
//! prints how long he waited for a first byte; none of his visits may be missing in the store.

mod beside;

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::thread;
use std::time::Instant;

use decnet_tests::neighbour::connect_from;
use decnet_tests::world::{World, wait_for};

use beside::{ATTACK, Reads, Siege, add_address, connect_all, crowd, pour};

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
        // The last of them may be on their way yet.
        let is_full = wait_for(|| (!greets(one)).then_some(()));
        assert!(is_full.is_some(), "{network}: it has more than its share");
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
