//! Events as JSON and between our own processes: golden lines, and everything comes back.

pub(in crate::logic::event) mod any;

use std::path::PathBuf;

use uuid::Uuid;

use super::*;

/// The catalogue as the contract has it.
const CATALOGUE: &str = "conn.open conn.close auth.attempt cmd.input http.request payload file.upload \
    scan.syn scan.fin scan.null scan.xmas scan.udp scan.arp scan.icmp source.new fingerprint.tcp \
    fingerprint.tls fingerprint.ssh agent.start agent.stop agent.gap capture.drops decky.up decky.down \
    face.ended update.start update.done update.rolled_back credential.expiring";

/// An event that says nothing but what every event says.
pub(in crate::logic::event) fn bare(kind: Kind) -> Event {
    Event {
        schema: SCHEMA.into(),
        id: Uuid::from_u128(0x0193_5f2e_7a10_7c3d_8e4f_0123_4567_89ab),
        ts: Timestamp(1_795_420_800_123_456_789),
        node: "n1".into(),
        boot_id: Uuid::from_u128(0x1b4e_28ba_2fa1_41d2_883f_0016_d3cc_a427),
        seq: 42,
        decky: None,
        src: None,
        dst: None,
        transport: None,
        service: None,
        session: None,
        event: kind,
        outcome: None,
        creds: None,
        data: Data::new(),
        raw: None,
    }
}

fn decky() -> DeckyPart {
    DeckyPart {
        name: "files-01".parse().unwrap(),
        ip: [192, 168, 1, 110].into(),
        ip6: Some("2001:db8::110".parse().unwrap()),
        mac: "00:15:5d:01:02:03".parse().unwrap(),
        hostname: "FILES01".to_owned(),
        persona: "windows-server-2022".into(),
    }
}

/// An event of a packet to a decky.
fn packet(kind: Kind, transport: Transport) -> Event {
    let port = matches!(transport, Transport::Tcp | Transport::Udp).then_some(22);
    Event {
        decky: Some(Arc::new(decky())),
        src: Some(Source {
            ip: Some([192, 168, 1, 7].into()),
            port: port.map(|_| 51_034),
            mac: Some("52:54:00:12:34:56".parse().unwrap()),
            vlan: Some(12),
            tcp: (transport == Transport::Tcp)
                .then(|| "4:64+0:0:1460:mss*44,7:mss,sok,ts,nop,ws:df:0".into()),
        }),
        dst: Some(Target { ip: [192, 168, 1, 110].into(), port }),
        transport: Some(transport),
        ..bare(kind)
    }
}

/// An event of a connection to a service.
fn visit(kind: Kind, service: &'static str) -> Event {
    Event {
        service: Some(service.into()),
        session: Some(SessionId(0x00f1_a2b3_c4d5_e6f7)),
        ..packet(kind, Transport::Tcp)
    }
}

fn scan(kind: Kind, transport: Transport) -> Event {
    let data = Data::new()
        .with("ports", vec![22, 80, 443])
        .with("packets", 3_u64)
        .with("first", "2026-11-23T08:00:00.000000000Z")
        .with("last", "2026-11-23T08:00:00.123456789Z");
    Event { data, ..packet(kind, transport) }
}

/// One event of each kind, as it would be made.
pub(in crate::logic::event) fn samples() -> Vec<Event> {
    Kind::ALL.iter().map(|kind| sample(*kind)).collect()
}

fn sample(kind: Kind) -> Event {
    let with = |event: Event, data: Data| Event { data, ..event };
    match kind {
        Kind::AgentGap => with(bare(kind), Data::new().with("missing", 17_u64)),
        Kind::AgentStart | Kind::AgentStop => {
            with(bare(kind), Data::new().with("version", "0.1.0"))
        }
        Kind::CaptureDrops => {
            with(bare(kind), Data::new().with("reason", "ring full").with("packets", 9_u64))
        }
        Kind::CredentialExpiring => with(
            bare(kind),
            Data::new()
                .with("credential", "agent's certificate")
                .with("state", "ends")
                .with("days", 29_u64)
                .with("until", "2026-12-22T08:00:00.000000000Z"),
        ),
        Kind::DeckyDown | Kind::DeckyUp => Event {
            decky: Some(Arc::new(decky())),
            data: Data::new().with("services", vec!["ssh".to_owned(), "http".to_owned()]),
            ..bare(kind)
        },
        Kind::FaceEnded => Event {
            outcome: Some(Outcome::Failure),
            ..with(
                bare(kind),
                Data::new()
                    .with("reason", "violation")
                    .with("why", "it called")
                    .with("signal", 31_u64),
            )
        },
        Kind::FingerprintTcp => packet(kind, Transport::Tcp),
        Kind::ScanArp => scan(kind, Transport::Arp),
        Kind::ScanIcmp => scan(kind, Transport::Icmp6),
        Kind::ScanUdp => scan(kind, Transport::Udp),
        Kind::ScanFin | Kind::ScanNull | Kind::ScanSyn | Kind::ScanXmas => {
            scan(kind, Transport::Tcp)
        }
        Kind::SourceNew => packet(kind, Transport::Nd),
        Kind::UpdateDone | Kind::UpdateRolledBack | Kind::UpdateStart => Event {
            outcome: Some(if kind == Kind::UpdateRolledBack {
                Outcome::Failure
            } else {
                Outcome::Success
            }),
            data: Data::new().with("release", "sha256:12ab").with("attempt", "7"),
            ..bare(kind)
        },
        kind => visitors(kind),
    }
}

/// What a visitor does in a connection.
fn visitors(kind: Kind) -> Event {
    let with = |event: Event, data: Data| Event { data, ..event };
    match kind {
        Kind::AuthAttempt => Event {
            outcome: Some(Outcome::Success),
            creds: Some(Creds {
                user: Some("root".to_owned()),
                password: Some("to]o\"r\\\n\t\u{7f}ü€".to_owned()),
                key: None,
            }),
            ..visit(kind, "ssh")
        },
        Kind::CmdInput => with(visit(kind, "redis"), Data::new().with("command", "GET \"a b\"")),
        Kind::ConnClose => with(
            visit(kind, "http"),
            Data::new().with("received", 78_u64).with("sent", 853_u64).with("clean", true),
        ),
        Kind::ConnOpen => visit(kind, "http"),
        Kind::FileUpload => Event {
            data: Data::new().with("name", "../x.php").with("bytes", 5_u64),
            raw: Some(Raw::of(b"<?php")),
            ..visit(kind, "ftp")
        },
        Kind::FingerprintSsh => {
            with(visit(kind, "ssh"), Data::new().with("hassh", "ec7378c1a92f5a8dde7e8b7a1ddf33d1"))
        }
        Kind::FingerprintTls => with(
            visit(kind, "http"),
            Data::new().with("ja4", "t13d1516h2_8daaf6152771_b186095e22b6"),
        ),
        Kind::HttpRequest => Event {
            data: Data::new()
                .with("method", "GET")
                .with("target", "/?a=b")
                .with("status", 200_u16)
                .with(
                    "headers",
                    vec![("Host".to_owned(), "a,b=c".to_owned()), ("X".to_owned(), String::new())],
                ),
            raw: Some(Raw::of(b"GET /?a=b HTTP/1.1\r\n\r\n")),
            ..visit(kind, "http")
        },
        Kind::Payload => Event { raw: Some(Raw::of(&[0, 255, 10])), ..visit(kind, "tcp") },
        kind => panic!("no visitor does {kind}"),
    }
}

/// Compares with a golden file, or writes it when `UPDATE_GOLDEN` is set.
pub(in crate::logic::event) fn golden(name: &str, lines: &[String]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests-golden/event").join(name);
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap();
    for (line, wanted) in text.lines().zip(wanted.lines()) {
        assert_eq!(line, wanted);
    }
    assert_eq!(text.len(), wanted.len(), "UPDATE_GOLDEN=1 writes {}", path.display());
}

#[test]
fn the_catalogue_is_the_contracts() {
    let mut wanted: Vec<_> = CATALOGUE.split_whitespace().collect();
    let mut have: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    wanted.sort_unstable();
    have.sort_unstable();
    assert_eq!(have, wanted);
}

#[test]
fn each_kind_has_a_number_and_a_meaning_of_its_own() {
    let mut ids: Vec<_> = Kind::ALL.iter().map(|kind| kind.message_id()).collect();
    let mut meanings: Vec<_> = Kind::ALL.iter().map(|kind| kind.meaning()).collect();
    for (id, meaning) in ids.iter().zip(&meanings) {
        assert!(
            id.len() == 32 && id.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')),
            "{id}"
        );
        assert!(meaning.ends_with('.'), "{meaning}");
    }
    for list in [&mut ids, &mut meanings] {
        list.sort_unstable();
        list.dedup();
        assert_eq!(list.len(), Kind::ALL.len());
    }
}

#[test]
fn each_kind_is_read_by_its_name_and_by_its_number() {
    for (number, kind) in Kind::ALL.iter().enumerate() {
        assert_eq!(kind.as_str().parse(), Ok(*kind));
        assert_eq!(postcard::to_allocvec(kind).unwrap(), [u8::try_from(number).unwrap()]);
    }
    assert_eq!(
        "conn.opens".parse::<Kind>().unwrap_err().to_string(),
        "`conn.opens` is no kind of event"
    );
    let beyond = u8::try_from(Kind::ALL.len()).unwrap();
    assert!(postcard::from_bytes::<Kind>(&[beyond]).is_err());
    assert!(serde_json::from_str::<Kind>("\"x\"").is_err());
}

#[test]
fn the_json_lines_are_golden() {
    let lines: Vec<_> =
        samples().iter().map(|event| serde_json::to_string(event).unwrap()).collect();
    golden("json.txt", &lines);
}

#[test]
fn each_sample_comes_back() {
    for event in samples() {
        let line = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event, "{line}");
        let wire = postcard::to_allocvec(&event).unwrap();
        assert_eq!(postcard::from_bytes::<Event>(&wire).unwrap(), event, "{line}");
    }
}

#[test]
fn what_is_absent_is_left_out_of_json_and_nothing_else_is() {
    let line = serde_json::to_string(&bare(Kind::AgentStart)).unwrap();
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    let keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    let mut wanted = vec!["schema", "id", "ts", "node", "boot_id", "seq", "event"];
    wanted.sort_unstable();
    assert_eq!(
        {
            let mut keys = keys;
            keys.sort_unstable();
            keys
        },
        wanted
    );
    assert!(!line.contains("null"));
}

#[test]
fn data_is_found_by_its_name_and_its_type() {
    let data = Data::new().with("a", 1_u8).with("b", "text").with("c", vec![1, 2]).with("a", 2_u8);
    assert_eq!((data.number("a"), data.number("b"), data.text("b")), (Some(1), None, Some("text")));
    assert_eq!((data.numbers("c"), data.numbers("a")), ([1, 2].as_slice(), [].as_slice()));
    assert_eq!(data.value("d"), None);
}

#[test]
fn data_that_is_not_flat_is_refused() {
    for text in [
        "{\"a\":{}}",
        "{\"a\":-1}",
        "{\"a\":1.5}",
        "{\"a\":null}",
        "{\"a\":[1,\"b\"]}",
        "{\"a\":[[1]]}",
        "{\"a\":[[\"a\",\"b\",\"c\"]]}",
        "[]",
    ] {
        assert!(serde_json::from_str::<Data>(text).is_err(), "{text}");
    }
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(serde_json::from_str::<Data>(&deep).is_err());
}

#[test]
fn text_from_outside_is_made_valid() {
    for (bytes, wanted) in [
        (b"plain".to_vec(), "plain".to_owned()),
        (vec![b'a', 0xff, b'b'], "a\u{fffd}b".to_owned()),
        (vec![b'x'; MAX_TEXT], "x".repeat(MAX_TEXT)),
    ] {
        assert_eq!(text(&bytes), wanted);
    }
}

/// With how long it was and what its digest is, in the room that there is.
#[test]
fn a_text_that_is_cut_says_so() {
    for (bytes, most, head) in [
        (vec![b'x'; MAX_TEXT + 1], MAX_TEXT, "xxxx"),
        (vec![0xff; 5000], MAX_TEXT, "\u{fffd}\u{fffd}"),
        (vec![0xff; MAX_TEXT], MAX_TEXT, "\u{fffd}\u{fffd}"),
        ("ü".repeat(3000).into_bytes(), MAX_TEXT, "üü"),
        ("ü".repeat(3000).into_bytes(), 1_000, "üü"),
    ] {
        let (cut, raw) = (text_within(&bytes, most), Raw::of(&bytes));
        let mark = format!("... ({} bytes, sha256 {})", bytes.len(), raw.sha256);
        assert!(cut.starts_with(head) && cut.ends_with(&mark), "{cut}");
        assert!((most - 8..=most).contains(&cut.len()), "{}", cut.len());
    }
}

#[test]
fn raw_bytes_keep_their_digest_whatever_is_kept() {
    let raw = Raw::of(b"abc");
    assert_eq!(raw.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!((raw.len, raw.b64.as_str()), (3, "YWJj"));
    let long = vec![7; 100_000];
    let mut digest = RawDigest::default();
    assert!(digest.is_empty());
    long.chunks(1460).for_each(|piece| digest.update(piece));
    assert_eq!(digest.len(), 100_000);
    let raw = digest.finish();
    assert_eq!((raw.len, raw.b64.len()), (100_000, 4 * MAX_RAW.div_ceil(3)));
    assert_eq!(raw, Raw::of(&long));
}

#[test]
fn a_session_is_sixteen_digits() {
    let session = SessionId(0xf1);
    assert_eq!(session.to_string(), "00000000000000f1");
    assert_eq!("00000000000000F1".parse(), Ok(session));
    for text in ["", "f1", "+0000000000000f1", "00000000000000g1", "000000000000000f1"] {
        assert_eq!(text.parse::<SessionId>(), Err(NotASession), "{text}");
    }
}
