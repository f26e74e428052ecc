//! Visitors who mean harm to the decky itself: nonsense, too much, too long, too slow, too many.
//!
//! Whatever they send, the face stays the process that it was, does not grow, goes on answering
//! others, and tells of each connection that it came and how it went.

mod greed;
mod victim;

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use decnet::logic::event::{Event, Kind, Outcome};

use decnet_tests::world::{World, listing, wait_for};
use victim::{MAX_GROWTH_KIB, PORTS, Victim, reason, resident};

/// Bytes without any sense, the same each time.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// Half of a greeting, by service.
fn half(port: u16) -> &'static [u8] {
    match port {
        22 => b"SSH-2.0-Open",
        80 => b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\nuser=",
        21 => b"USER ro",
        23 => b"\xff\xfa\x18\x00xte",
        6379 => b"*2\r\n$4\r\nAUTH\r\n$9\r\nhal",
        _ => b"\x16\x03",
    }
}

#[test]
fn nonsense_and_half_sentences_end_their_own_connection() {
    let world = World::make();
    let victim = Victim::of(&world);
    let before = PORTS.len() + 1;
    for port in PORTS {
        victim.say(port, &noise(4_096));
        victim.say(port, half(port));
    }
    // Nobody else's connection is theirs; `is_unhurt` makes one more.
    victim.is_unhurt();
    let all = victim.ends(before + 2 * PORTS.len() + 1);
    let fine = ["visitor", "service", "reset"];
    for (open, end) in &all {
        assert!(fine.contains(&reason(end)), "{end:?}");
        assert_eq!(open.src, end.src, "{open:?}\n{end:?}");
    }
    for port in PORTS {
        // Whoever stops in the middle has ended it, whatever was answered to that.
        let of = |(open, end): &(Event, Event)| {
            (open.dst.and_then(|dst| dst.port) == Some(port)).then(|| end.clone())
        };
        let ends: Vec<Event> = all.iter().filter_map(of).collect();
        let sent = half(port).len() as u64;
        let halved = ends.iter().find(|end| end.data.number("bytes_in") == Some(sent));
        let halved = halved.unwrap_or_else(|| panic!("port {port}: {}", listing(&ends)));
        assert_eq!(reason(halved), "visitor", "port {port}");
    }
}

#[test]
fn what_is_too_long_is_cut_off_or_dropped() {
    let world = World::make();
    let victim = Victim::of(&world);
    let line = vec![b'a'; 10 << 20];
    let begins: [(u16, &[u8]); 9] = [
        (22, b""),
        (22, b"SSH-2.0-x\r\n\xff\xff\xff\xff"),
        (80, b"GET /"),
        (80, b"GET / HTTP/1.1\r\nHost: a\r\nX: "),
        (80, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\n"),
        (21, b"USER "),
        (23, b""),
        (6379, b"*1\r\n$9223372036854775808\r\n"),
        (4444, b""),
    ];
    thread::scope(|scope| {
        for (port, begin) in begins {
            let (victim, line) = (&victim, &line);
            scope.spawn(move || victim.say(port, &[begin, line].concat()));
        }
        victim.answers_others();
    });
    victim.is_unhurt();
    let all = victim.ends(PORTS.len() + 1 + begins.len() + 2);
    let fine = ["visitor", "service", "reset"];
    assert!(all.iter().all(|(_, end)| fine.contains(&reason(end))), "{all:?}");
}

/// Something that is right, and can go on for ever: how it begins, and what is repeated.
fn endless(port: u16) -> (&'static [u8], Vec<u8>) {
    let value = "v".repeat(60_000);
    match port {
        // Before keys are exchanged, an SSH_MSG_IGNORE may be as long as a packet.
        22 => {
            let mut packet = vec![0, 0, 0x7f, 0xfc, 4, 2, 0, 0, 0x7f, 0xf2];
            packet.resize(0x8000, 0);
            (b"SSH-2.0-x\r\n", packet)
        }
        80 => {
            let chunk = format!("{:x}\r\n{value}\r\n", value.len());
            (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", chunk.into())
        }
        21 => (b"", b"NOOP\r\n".repeat(1_000)),
        23 => (
            b"root\r\nroot\r\n",
            b"echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".repeat(100),
        ),
        6379 => {
            (b"", format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n{value}\r\n", value.len()).into())
        }
        _ => (b"", noise(65_536)),
    }
}

#[test]
fn an_endless_stream_takes_no_more_than_its_turn() {
    let world = World::make();
    let victim = Victim::of(&world);
    let until = Instant::now() + Duration::from_secs(4);
    thread::scope(|scope| {
        for port in PORTS {
            let victim = &victim;
            scope.spawn(move || {
                let (begin, again) = endless(port);
                let mut stream = victim.connect(port);
                stream.set_read_timeout(Some(Duration::from_millis(1))).expect("a socket");
                let mut going = stream.write_all(begin).is_ok();
                let mut unread = [0; 65_536];
                while going && Instant::now() < until {
                    going = stream.write_all(&again).is_ok();
                    // What is answered is taken, lest both wait for one another.
                    while stream.read(&mut unread).is_ok_and(|count| count > 0) {}
                }
            });
        }
        while Instant::now() < until {
            victim.answers_others();
            assert!(resident(victim.face) <= victim.kib + MAX_GROWTH_KIB, "the face grows");
        }
    });
    victim.is_unhurt();
}

#[test]
fn one_byte_at_a_time_is_understood_all_the_same() {
    let world = World::make();
    let victim = Victim::of(&world);
    let talks: [(u16, &[u8], &[u8]); 3] = [
        (80, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"HTTP/1.1 200"),
        (6379, b"*2\r\n$4\r\nECHO\r\n$3\r\nabc\r\n", b"$3\r\nabc\r\n"),
        (22, b"SSH-2.0-x\r\n", b"SSH-2.0-OpenSSH"),
    ];
    thread::scope(|scope| {
        for (port, said, expected) in talks {
            let victim = &victim;
            scope.spawn(move || {
                let mut stream = victim.connect(port);
                for byte in said {
                    stream.write_all(&[*byte]).expect("it listens");
                    // So that each byte is a packet of its own.
                    thread::park_timeout(Duration::from_millis(5));
                }
                let mut answer = vec![0; expected.len()];
                stream.read_exact(&mut answer).expect("it answers");
                assert_eq!(answer, expected, "port {port}");
            });
        }
    });
    victim.is_unhurt();
}

#[test]
fn one_source_has_so_many_connections_and_no_more() {
    const MOST: usize = 256;
    const BEYOND: usize = 20;
    let world = World::make();
    let victim = Victim::of(&world);
    let mut held: Vec<TcpStream> = Vec::new();
    let mut is_let_in = || {
        let mut stream = victim.connect(23);
        // It was accepted before anybody else comes.
        let greeted = stream.read(&mut [0; 3]).is_ok_and(|count| count > 0);
        held.extend(greeted.then_some(stream));
        greeted
    };
    while is_let_in() {}
    // How many exactly is another number for each source.
    assert!((MOST * 7 / 8..=MOST).contains(&held.len()), "{}", held.len());
    for _ in 1..BEYOND {
        let mut answer = Vec::new();
        let ended = victim.connect(23).read_to_end(&mut answer);
        assert!(answer.is_empty(), "{ended:?}: {answer:?}");
    }
    victim.answers_others();
    let limited = || {
        let told = victim.told(&[Kind::ConnOpen]);
        let away = told.into_iter().filter(|event| event.outcome == Some(Outcome::Limited));
        Some(away.count()).filter(|count| *count >= BEYOND)
    };
    assert_eq!(wait_for(limited), Some(BEYOND));
    let most = held.len();
    drop(held);
    victim.ends(PORTS.len() + 1 + most + 1);
    // There is room again.
    assert!(!victim.say(23, b"").is_empty());
    victim.is_unhurt();
}

#[test]
fn datagrams_of_any_kind_are_taken() {
    let world = World::make();
    let victim = Victim::of(&world);
    let to = victim.decky.ip;
    world.as_visitor(|| {
        let socket = UdpSocket::bind("0.0.0.0:0").expect("a free port");
        let noise = noise(65_507);
        for (port, size) in (1_000..).zip([0, 1, 1_400, 65_507]) {
            let sent = socket.send_to(&noise[..size], (to, port)).expect("sent");
            assert_eq!(sent, size);
        }
        // The same again is not told again.
        for _ in 0..2_000 {
            drop(socket.send_to(&noise[..100], (to, 1_000)));
        }
    });
    let all = || {
        let told = victim.told(&[Kind::Payload]);
        let udp = told.into_iter().filter(|event| event.service.as_deref() == Some("udp"));
        let lengths: Vec<u64> = udp.filter_map(|event| event.data.number("bytes")).collect();
        (lengths.len() >= 4).then_some(lengths)
    };
    assert_eq!(wait_for(all), Some(vec![0, 1, 1_400, 65_507]));
    victim.is_unhurt();
}

#[test]
fn who_asks_for_much_and_reads_nothing_is_left_waiting() {
    let world = World::make();
    let victim = Victim::of(&world);
    let asked: [(u16, Vec<u8>); 3] = [
        (6379, b"COMMAND DOCS\r\n".repeat(4_000)),
        (80, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(4_000)),
        (
            23,
            b"root\r\nroot\r\n"
                .iter()
                .copied()
                .chain(b"cat /etc/passwd\r\n".repeat(4_000))
                .collect(),
        ),
    ];
    let mut held = Vec::new();
    for (port, questions) in &asked {
        for _ in 0..20 {
            let mut stream = victim.connect(*port);
            stream.set_nonblocking(true).expect("a socket");
            // As much as the decky takes unread.
            let mut rest = questions.as_slice();
            while let Ok(count) = stream.write(rest)
                && count > 0
            {
                rest = rest.get(count..).unwrap_or_default();
            }
            held.push(stream);
        }
        victim.answers_others();
    }
    let count = PORTS.len() + 1 + asked.len();
    let open = held.len();
    victim.is_unhurt();
    drop(held);
    victim.ends(count + open + 1);
}
