//! Visitors that mean no good.

use proptest::prelude::*;

use super::*;

#[test]
fn a_line_without_an_end_ends_the_connection() {
    let (mut visit, _) = Visit::new("debian-12", &Settings::default());
    let mut said = String::new();
    for _ in 0..5000 {
        said.push_str(&visit.sends(b"A"));
    }
    assert!(visit.closed);
    assert!(said.starts_with("500 Input line too long.\r\n"), "{said}");
    let (mut visit, _) = Visit::new("debian-12", &Settings::default());
    assert_eq!(visit.sends(&[b'A'; 5000]), "500 Input line too long.\r\n");
}

#[test]
fn telnet_commands_are_no_part_of_a_line() {
    for persona in ["debian-12", "freebsd-14", "windows-10", "printer"] {
        let mut visit = Visit::inside(persona);
        let plain = visit.says("ABOR");
        assert_eq!(visit.sends(b"\xff\xf4\xff\xf2ABOR\r\n"), plain, "{persona}");
        // The kernel has taken the urgent byte off.
        assert_eq!(visit.sends(b"\xff\xf4\xffABOR\r\n"), plain, "{persona}");
    }
    let (mut visit, _) = Visit::new("freebsd-14", &Settings::default());
    for _ in 0..100 {
        visit.sends(&[0xff; 1000]);
    }
    assert!(visit.closed);
}

#[test]
fn a_flood_of_questions_is_answered_a_piece_at_a_time() {
    let mut visit = Visit::inside("debian-12");
    let (decky, state) = (&visit.decky, &mut visit.state);
    let mut context = Context {
        now: NOW,
        decky,
        state,
        random: &mut |buffer| buffer.fill(7),
        local: SocketAddr::from(([192, 168, 7, 20], 21)),
        peer: visit.peer,
    };
    let mut reply = Reply::default();
    visit.session.receive(&b"STAT /usr/bin\r\n".repeat(1000), &mut context, &mut reply);
    assert!(reply.bytes.len() < 4 * MAX_ANSWER, "{}", reply.bytes.len());
    assert_eq!(reply.wait, Some(Duration::ZERO));
    let mut reply = Reply::default();
    for _ in 0..10 {
        visit.session.receive(&[b'x'; 10_000], &mut context, &mut reply);
    }
    assert!(reply.close, "what waits is bounded");
}

#[test]
fn nobody_leaves_the_root() {
    let (mut visit, _) =
        Visit::new("debian-12", &Settings { anonymous: Some(true), ..Settings::default() });
    visit.says("USER ftp");
    visit.says("PASS x");
    for path in ["../../etc", "/../../etc", "pub/../../../etc", "//..//etc", "~/../etc"] {
        assert_eq!(visit.says(&format!("CWD {path}")), "550 Failed to change directory.\r\n");
        let (said, _) = visit.fetches(&format!("RETR {path}/passwd"));
        assert_eq!(said, "550 Failed to open file.\r\n", "{path}");
    }
    visit.says("CWD ../../..");
    assert_eq!(visit.says("PWD"), "257 \"/\" is the current directory\r\n");
    let mut visit = Visit::inside("windows-10");
    assert!(visit.says("CWD ..\\..\\Windows").starts_with("550 "));
}

#[test]
fn what_is_sent_before_it_is_asked_for_is_bounded() {
    let mut visit = Visit::inside("debian-12");
    visit.says("EPSV");
    visit.connects();
    for _ in 0..1000 {
        visit.puts(&[7; 1000]);
    }
    assert!(!visit.open);
    assert_eq!(visit.says("STOR /tmp/x"), "425 Use PORT or PASV first.\r\n");
}

#[derive(Clone, Debug)]
enum Act {
    Sends(Vec<u8>),
    Connects,
    Puts(Vec<u8>),
    Ends(bool),
    Wakes,
}

fn act() -> impl Strategy<Value = Act> {
    let verbs = vec![
        "USER a",
        "PASS b",
        "PASV",
        "EPSV",
        "EPSV ALL",
        "PORT 192,168,7,99,9,9",
        "LIST -la /",
        "NLST *",
        "RETR /etc/passwd",
        "STOR /tmp/f",
        "APPE /tmp/f",
        "STOU",
        "ABOR",
        "REST 3",
        "REST 18446744073709551615",
        "QUIT",
        "RNFR /tmp",
        "RNTO /tmp/x/y",
        "MDTM 20201332256199 /tmp",
        "SITE CHMOD 777777 /tmp",
        "STAT /",
        "REIN",
        "EPRT |1|",
        "CWD \u{fffd}",
        "MKD ////",
        "SIZE ~",
    ];
    let line = proptest::sample::select(verbs).prop_map(|verb| format!("{verb}\r\n").into_bytes());
    prop_oneof![
        8 => line.prop_map(Act::Sends),
        1 => proptest::collection::vec(any::<u8>(), 0..200).prop_map(Act::Sends),
        3 => Just(Act::Connects),
        2 => proptest::collection::vec(any::<u8>(), 1..200).prop_map(Act::Puts),
        2 => any::<bool>().prop_map(Act::Ends),
        1 => Just(Act::Wakes),
    ]
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(
        persona in proptest::sample::select(["debian-12", "freebsd-14", "windows-10", "printer"].as_slice()),
        acts in proptest::collection::vec(act(), 0..60),
    ) {
        let mut visit = Visit::inside(persona);
        for act in acts {
            match act {
                Act::Sends(bytes) if !bytes.is_empty() => drop(visit.sends(&bytes)),
                Act::Connects if !visit.open => drop(visit.connects()),
                Act::Puts(bytes) if visit.open => drop(visit.puts(&bytes)),
                Act::Ends(lost) if visit.open => {
                    visit.open &= !lost;
                    visit.ends(if lost { DataEnd::Lost } else { DataEnd::Finished });
                }
                Act::Wakes => drop(visit.call(|session, context, reply| session.wake(context, reply))),
                _ => {}
            }
        }
        visit.call(|session, context, reply| session.end(context, reply));
    }
}
