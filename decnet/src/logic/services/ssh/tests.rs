//! The server as a visitor sees it. What is expected of a Debian 12 was recorded of its own sshd
//! (OpenSSH 9.2p1), which was given the same bytes.

mod client;
mod login;
mod programs;
mod transfer;

use proptest::prelude::*;

use super::*;
use crate::logic::event::Value;
use client::{Offer, STRICT, Visitor};

/// The same as [`STRICT`] without the strict form.
const LENIENT: &str = "curve25519-sha256,ext-info-c";

/// What a server said, as far as it can be told beforehand.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    Disconnect(String),
    Kind(u8),
    Unimplemented(u32),
}

fn said(message: &[u8]) -> Said {
    let mut reader = Reader::new(&message[1..]);
    match message[0] {
        number::DISCONNECT => {
            assert_eq!(reader.u32(), Ok(number::PROTOCOL_ERROR));
            let why = text(reader.text().unwrap());
            assert_eq!(reader.string(), Ok(b"".as_slice()));
            Said::Disconnect(why)
        }
        number::UNIMPLEMENTED => Said::Unimplemented(reader.u32().unwrap()),
        kind => Said::Kind(kind),
    }
}

/// Packets of these payloads, nothing encrypted.
fn plain(payloads: &[&[u8]]) -> Vec<u8> {
    let mut sealer = packet::Sealer::default();
    let mut bytes = Vec::new();
    for payload in payloads {
        sealer.seal(payload, &mut |padding| padding.fill(0), &mut bytes);
    }
    bytes
}

fn offer(kex: &'static str) -> Vec<u8> {
    Offer { kex, ..Offer::default() }.message()
}

fn number_and(kind: u8, rest: &[u8]) -> Vec<u8> {
    [&[kind], rest].concat()
}

#[test]
fn the_offer_is_byte_for_byte_that_of_debian_12() {
    let mut visitor = Visitor::debian();
    visitor.send(b"SSH-2.0-x\r\n");
    let bytes = visitor.received.bytes().to_vec();
    // Length 1132, padding 11: the packet that was recorded has the same.
    assert_eq!(bytes.len(), 1136);
    assert_eq!(bytes[..6], [0, 0, 4, 0x6c, 11, number::KEXINIT]);
    let lists = &bytes[6 + 16..1136 - 11];
    let digest = kex::Hash::Sha256.of(&[lists]);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digest, "8e8f2a3876da329c3dc83bb100592705a167d79cfd7ef2b3ebe3f5487d12e504");
    assert_eq!(bytes[1136 - 11..], [0; 11]);
}

#[test]
fn first_lines_are_answered_as_openssh_answers_them() {
    let invalid = "Invalid SSH identification string.\r\n";
    let differ = "Protocol major versions differ.\r\n";
    let table: &[(&[u8], &str, bool)] = &[
        (b"SSH-1.5-x\r\n", differ, false),
        (b"SSH-3.0-x\r\n", differ, false),
        (b"SSH-1337\r\n", invalid, false),
        (b"SSH-2.0\r\n", invalid, false),
        (b"\n", invalid, false),
        (b"GET / HTTP/1.0\r\n", invalid, false),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", invalid, true),
        (b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03", invalid, true),
        (b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00", invalid, true),
        (b"SSH-2.0-SSH_Version_Mapper\r\n", "", false),
    ];
    for (bytes, expected, reset) in table {
        let mut visitor = Visitor::debian();
        visitor.send(bytes);
        assert_eq!(text(visitor.received.bytes()), *expected, "{}", text(bytes));
        assert_eq!((visitor.closed, visitor.reset), (true, *reset), "{}", text(bytes));
    }
}

#[test]
fn a_visitor_that_says_nothing_is_left_alone() {
    let mut visitor = Visitor::debian();
    visitor.hang_up();
    assert_eq!(visitor.received.len(), 0);
    assert_eq!(visitor.reports, []);
}

#[test]
fn old_clients_are_not_offered_what_they_get_wrong() {
    let table = [
        ("SSH-2.0-OpenSSH_6.6", "curve25519-sha256@libssh.org"),
        ("SSH-2.0-PuTTY_Release_0.60", "diffie-hellman-group-exchange-sha256"),
        ("SSH-2.0-WinSCP_release_5.7.4", "diffie-hellman-group-exchange-sha256"),
    ];
    for (ident, left_out) in table {
        let mut visitor = Visitor::debian();
        visitor.send(format!("{ident}\r\n").as_bytes());
        let offer = visitor.messages().remove(0);
        let kex = Reader::new(&offer[17..]).text().unwrap();
        let full = profile::of(visitor.identity.persona).kex;
        assert_eq!(text(kex), full.replace(&format!("{left_out},"), ""), "{ident}");
    }
    for ident in ["SSH-2.0-OpenSSH_6.6.1", "SSH-2.0-WinSCP_release_5.7.5"] {
        let mut visitor = Visitor::debian();
        visitor.send(format!("{ident}\r\n").as_bytes());
        assert_eq!(visitor.messages()[0].len(), 1120, "{ident}");
    }
}

/// What is sent after both introduced themselves, what is answered, and whether that is the end.
type Probe = (&'static str, Vec<Vec<u8>>, Vec<Said>, End);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Closed,
    Open,
}

fn probe(table: &[Probe]) {
    for (what, payloads, expected, end) in table {
        let mut visitor = Visitor::debian();
        visitor.send(b"SSH-2.0-x\r\n");
        assert_eq!(visitor.messages()[0].len(), 1120);
        let payloads: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        visitor.send(&plain(&payloads));
        let found: Vec<Said> = visitor.messages().iter().map(|message| said(message)).collect();
        assert_eq!(found, *expected, "{what}");
        assert_eq!((visitor.closed, visitor.reset), (*end == End::Closed, false), "{what}");
    }
}

fn twenty(kind: u8) -> Vec<u8> {
    number_and(kind, &[0; 20])
}

fn ignore() -> Vec<u8> {
    number_and(number::IGNORE, &[0, 0, 0, 1, 7])
}

fn unimplemented(seq: u32) -> Vec<Said> {
    vec![Said::Unimplemented(seq)]
}

#[test]
fn first_packets_are_answered_as_openssh_answers_them() {
    let lenient = offer(LENIENT);
    let said_type = |kind| vec![Said::Disconnect(format!("Invalid ssh2 packet type: {kind}"))];
    probe(&[
        ("type 0", vec![vec![0]], said_type(0), End::Closed),
        ("type 192", vec![vec![192]], said_type(192), End::Closed),
        ("type 255", vec![vec![255]], said_type(255), End::Closed),
        ("type 5", vec![twenty(5)], unimplemented(0), End::Open),
        ("type 7", vec![twenty(7)], unimplemented(0), End::Open),
        ("type 21", vec![twenty(21)], unimplemented(0), End::Open),
        ("type 30", vec![twenty(30)], unimplemented(0), End::Open),
        ("type 49", vec![twenty(49)], unimplemented(0), End::Open),
        ("type 50", vec![twenty(50)], vec![], End::Closed),
        ("type 80", vec![twenty(80)], vec![], End::Closed),
        ("type 191", vec![twenty(191)], vec![], End::Closed),
        ("ignore", vec![ignore(), lenient.clone()], vec![], End::Open),
        ("ignore without a string", vec![vec![2], lenient], vec![], End::Open),
        ("debug without a string", vec![vec![4]], vec![], End::Closed),
        ("unimplemented without a number", vec![vec![3]], vec![], End::Closed),
        ("disconnect", vec![twenty(1)], vec![], End::Closed),
    ]);
}

#[test]
fn the_strict_form_allows_nothing_between() {
    let after = |packet: Vec<u8>| vec![offer(STRICT), packet];
    let violation = |kind: u8| {
        let why = format!("strict KEX violation: unexpected packet type {kind} (seqnr 1)");
        vec![Said::Disconnect(why)]
    };
    let not_first = "strict KEX violation: KEXINIT was not the first packet".to_owned();
    let not_first = vec![Said::Disconnect(not_first)];
    probe(&[
        ("ignore first", vec![ignore(), offer(STRICT)], not_first, End::Closed),
        ("ignore", after(ignore()), violation(2), End::Closed),
        ("unimplemented", after(twenty(3)), violation(3), End::Closed),
        ("disconnect", after(twenty(1)), vec![], End::Closed),
        ("type 50", after(twenty(50)), vec![], End::Closed),
        ("type 5", after(twenty(5)), violation(5), End::Closed),
        ("offer", after(offer(STRICT)), violation(20), End::Closed),
        ("new keys", after(vec![21]), violation(21), End::Closed),
    ]);
}

#[test]
fn offers_and_values_are_answered_as_openssh_answers_them() {
    let lenient = offer(LENIENT);
    let cut = |length: usize| vec![lenient[..lenient.len() - length].to_vec()];
    let after = |packet: Vec<u8>| vec![lenient.clone(), packet];
    let value = |value: &[u8]| Writer::message(number::KEX_INIT).string(value);
    let nine = [&[9], [0; 31].as_slice()].concat();
    let (dropped, open) = (|| (vec![], End::Closed), || (unimplemented(1), End::Open));
    let table = [
        ("again", after(lenient.clone()), open()),
        ("new keys", after(vec![21]), open()),
        ("service", after(twenty(5)), open()),
        ("type 31", after(twenty(31)), open()),
        ("type 34", after(twenty(34)), open()),
        ("type 50", after(twenty(50)), dropped()),
        ("offer without lists", vec![lenient[..17].to_vec()], dropped()),
        ("offer cut by 1", cut(1), dropped()),
        ("offer cut by 5", cut(5), dropped()),
        ("offer and more", vec![[lenient.as_slice(), &[0]].concat()], dropped()),
        ("nothing in common", vec![offer("nope")], dropped()),
        ("what is no method", vec![offer("kex-strict-s-v00@openssh.com")], dropped()),
        ("a value of 1 byte", after(value(b"x").done()), dropped()),
        ("a value of zeros", after(value(&[0; 32]).done()), dropped()),
        ("a value and more", after(value(&nine).u8(0).done()), dropped()),
        ("no value", after(vec![30]), dropped()),
    ];
    probe(&table.map(|(what, sent, (said, end))| (what, sent, said, end)));
}

#[test]
fn a_wrong_guess_is_skipped() {
    let mut message = offer("ecdh-sha2-nistp256,curve25519-sha256");
    let guesses = message.len() - 5;
    message[guesses] = 1;
    let mut visitor = Visitor::debian();
    visitor.send(b"SSH-2.0-x\r\n");
    visitor.messages();
    visitor.send(&plain(&[&message, b"\x1e\0\0\0\x01x"]));
    assert!(!visitor.closed);
    assert_eq!(visitor.messages(), Vec::<Vec<u8>>::new());
}

#[test]
fn a_client_is_fingerprinted_once() {
    let mut visitor = Visitor::logged_in("root");
    visitor.exchange_again();
    let prints: Vec<_> =
        visitor.reports.iter().filter(|report| report.kind == Kind::FingerprintSsh).collect();
    let [print] = prints.as_slice() else { panic!("{prints:?}") };
    assert_eq!(print.data.text("client"), Some("SSH-2.0-test"));
    // MD5 of the line below, by md5sum.
    assert_eq!(print.data.text("hassh"), Some("3756375c080b82261f34095bbb34afc2"));
    assert_eq!(
        print.data.value("hassh_algorithms"),
        Some(&Value::from(format!("{STRICT};aes128-ctr;hmac-sha2-256;none")))
    );
}

#[test]
fn every_suite_carries_a_login() {
    let ciphers = ["chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes256-ctr"];
    for cipher in ciphers {
        for compression in ["none", "zlib@openssh.com"] {
            for kex in [STRICT, LENIENT] {
                let offer = Offer { kex, cipher, compression, ..Offer::default() };
                let mut visitor = Visitor::encrypted(offer);
                visitor.say(Writer::message(number::SERVICE_REQUEST).string("ssh-userauth"));
                visitor.say(client::password("root", "secret"));
                assert!(!visitor.closed);
            }
        }
    }
}

#[test]
fn keys_may_be_exchanged_again_after_the_login_only() {
    let mut visitor = Visitor::encrypted(Offer::default());
    visitor.messages();
    visitor.say(Offer::default().message());
    assert_eq!(visitor.messages(), [[number::UNIMPLEMENTED, 0, 0, 0, 0]]);
    let mut visitor = Visitor::logged_in("root");
    for _ in 0..3 {
        visitor.exchange_again();
        visitor.say(Writer::message(number::GLOBAL_REQUEST).string("x").flag(true));
        assert_eq!(visitor.messages(), [[number::REQUEST_FAILURE]]);
    }
}

#[test]
fn answers_wait_for_the_end_of_an_exchange() {
    let mut visitor = Visitor::logged_in("root");
    visitor.say(Offer::default().message());
    visitor.say(Writer::message(number::GLOBAL_REQUEST).string("x").flag(true));
    let kinds: Vec<u8> = visitor.messages().iter().map(|message| message[0]).collect();
    assert_eq!(kinds, [number::KEXINIT]);
}

#[test]
fn a_visitor_that_never_ends_an_exchange_does_not_fill_memory() {
    let mut visitor = Visitor::logged_in("root");
    visitor.say(Offer::default().message());
    let mut asked = 0;
    while !visitor.closed {
        visitor.say(Writer::message(number::GLOBAL_REQUEST).string("x").flag(true));
        asked += 1;
        assert!(asked < 100_000);
    }
}

#[test]
fn a_visitor_may_not_exchange_keys_for_ever() {
    let mut visitor = Visitor::logged_in("root");
    for _ in 0..63 {
        visitor.exchange_again();
    }
    visitor.say(Offer::default().message());
    assert!(visitor.closed);
}

#[test]
fn dropbear_speaks_first() {
    let mut visitor = Visitor::of("printer", &Settings::default());
    assert_eq!(visitor.line(), b"SSH-2.0-dropbear_2019.78\r\n");
    let offer = &visitor.messages()[0];
    assert_eq!(offer[0], number::KEXINIT);
    visitor.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!((visitor.closed, visitor.reset), (true, true));
    assert!(visitor.received.is_empty());
}

#[test]
fn two_deckies_share_no_host_key() {
    let keys = |secret: u8| {
        let secret = crate::logic::decky::Secret([secret; 32]);
        let profile = profile::of(crate::logic::persona::find("debian-12").unwrap());
        let mut keys = Keys::default();
        loop {
            if let Ok(all) = keys.all(profile, &secret) {
                return all;
            }
        }
    };
    let (one, other) = (keys(1), keys(2));
    assert_eq!(one.len(), 3);
    assert!(one.iter().all(|key| !other.contains(key)));
    assert_eq!(one, keys(1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_bytes_in_any_pieces_never_panic(
        ident in proptest::option::of("SSH-2.0-[ -~]{1,20}\r\n"),
        bytes in proptest::collection::vec(any::<u8>(), 0..3000),
        size in 1_usize..500,
    ) {
        let mut visitor = Visitor::debian();
        visitor.send(ident.unwrap_or_default().as_bytes());
        for piece in bytes.chunks(size) {
            visitor.send(piece);
        }
        visitor.hang_up();
        prop_assert!(visitor.received.len() < 4096);
    }

    #[test]
    fn any_packets_before_the_keys_never_panic(
        payloads in proptest::collection::vec((0_u8..60, proptest::collection::vec(any::<u8>(), 0..80)), 0..8),
        strict in any::<bool>(),
    ) {
        let mut visitor = Visitor::debian();
        visitor.send(b"SSH-2.0-x\r\n");
        let mut all = vec![offer(if strict { STRICT } else { LENIENT })];
        all.extend(payloads.into_iter().map(|(kind, rest)| number_and(kind, &rest)));
        let all: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
        visitor.send(&plain(&all));
        visitor.hang_up();
    }
}
