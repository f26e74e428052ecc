//! Logins as a visitor sees them.

use super::client::{Offer, Visitor, password};
use super::*;
use crate::logic::event::Creds;

const FAILURE: &[u8] = b"\x33\0\0\0\x12publickey,password\0";

/// A visitor that may log in.
fn asking(settings: &Settings, persona: &str) -> Visitor {
    let mut visitor = Visitor::of(persona, settings);
    visitor.line();
    visitor.exchange(Offer::default());
    visitor.say(Writer::message(number::SERVICE_REQUEST).string("ssh-userauth"));
    let last = visitor.messages().pop().unwrap();
    assert_eq!(last, b"\x06\0\0\0\x0cssh-userauth");
    visitor.waits.clear();
    visitor
}

fn debian() -> Visitor {
    asking(&Settings { accept: Accept::None, ..Settings::default() }, "debian-12")
}

fn request(user: &str, method: &str) -> Writer {
    let request = Writer::message(number::USERAUTH_REQUEST).string(user);
    request.string("ssh-connection").string(method)
}

fn public_key() -> Writer {
    let blob = Writer::default().string("ssh-ed25519").string([0; 32]).done();
    request("root", "publickey").flag(false).string("ssh-ed25519").string(blob)
}

/// Who tried what, and how it ended.
fn attempts(visitor: &Visitor) -> Vec<(Creds, Outcome, String)> {
    let attempts = visitor.reports.iter().filter(|report| report.kind == Kind::AuthAttempt);
    let told = attempts.map(|report| {
        let method = report.data.text("method").unwrap().to_owned();
        (report.creds.clone().unwrap(), report.outcome.unwrap(), method)
    });
    told.collect()
}

#[test]
fn messages_before_the_login_are_answered_as_openssh_answers_them() {
    let disconnect = |why: &str| vec![Said::Disconnect(why.to_owned())];
    let service = |name: &str| Writer::message(number::SERVICE_REQUEST).string(name);
    let open = Writer::message(number::CHANNEL_OPEN).string("session").raw([0; 12]);
    let signed = Writer::default().string("ssh-ed25519").string([0; 64]).done();
    let blob = Writer::default().string("ssh-ed25519").string([0; 32]).done();
    let with_signature = request("root", "publickey").flag(true).string("ssh-ed25519");
    let failure = || vec![Said::Kind(number::USERAUTH_FAILURE)];
    let no = |seq| vec![Said::Unimplemented(seq)];
    let table: &[(&str, Writer, Vec<Said>, bool)] = &[
        ("service again", service("ssh-userauth"), vec![Said::Kind(6)], false),
        (
            "another service",
            service("ssh-connection"),
            disconnect("bad service request ssh-connection"),
            true,
        ),
        ("a service and more", service("ssh-userauth").u8(0), vec![], true),
        ("none", request("root", "none"), failure(), false),
        ("none and more", request("root", "none").u8(0), vec![], true),
        ("an unknown method", request("root", "hostbased").string("x"), failure(), false),
        ("a method that is not offered", request("root", "keyboard-interactive"), failure(), false),
        ("an empty password", password("root", ""), failure(), false),
        ("no password", request("root", "password").flag(false), vec![], true),
        ("a password and more", password("root", "x").u8(0), vec![], true),
        ("a long password", password("root", &"a".repeat(1100)), failure(), false),
        (
            "a change",
            request("root", "password").flag(true).string("old").string("new"),
            failure(),
            false,
        ),
        ("a key", public_key(), failure(), false),
        ("a signed key", with_signature.string(blob).string(signed), failure(), false),
        ("no key", request("root", "publickey").flag(false), vec![], true),
        ("a zero in the user", request("a\0b", "none"), vec![], true),
        ("an answer to nothing", Writer::message(61).u32(0), no(1), false),
        ("a channel", open, no(1), false),
        ("an extension", Writer::message(number::EXT_INFO).u32(0), no(1), false),
        ("new keys", Writer::message(number::NEWKEYS), no(1), false),
        ("type 0", Writer::message(0), disconnect("Invalid ssh2 packet type: 0"), true),
        ("type 192", Writer::message(192), disconnect("Invalid ssh2 packet type: 192"), true),
    ];
    for (what, message, expected, closed) in table {
        let mut visitor = debian();
        visitor.say(message);
        let found: Vec<Said> = visitor.messages().iter().map(|message| said(message)).collect();
        assert_eq!((found, visitor.closed), (expected.clone(), *closed), "{what}");
    }
}

#[test]
fn a_login_needs_the_service_first() {
    let mut visitor = Visitor::encrypted(Offer::default());
    visitor.messages();
    visitor.say(password("root", "secret"));
    assert_eq!(visitor.messages(), [[number::UNIMPLEMENTED, 0, 0, 0, 0]]);
}

#[test]
fn another_user_is_another_connection() {
    let mut visitor = debian();
    visitor.say(request("admin", "none"));
    assert_eq!(visitor.messages(), [FAILURE]);
    visitor.say(request("root", "none"));
    let why = "Change of username or service not allowed: (admin,ssh-connection) -> \
               (root,ssh-connection)";
    assert_eq!(said(&visitor.messages()[0]), Said::Disconnect(why.to_owned()));
    assert!(visitor.closed);
}

#[test]
fn the_sixth_failure_is_the_last() {
    let wrong: fn() -> Writer = || password("root", "wrong");
    let none: fn() -> Writer = || request("root", "none");
    for (first, told) in [(None, 5), (Some(none), 6)] {
        let mut visitor = debian();
        for message in first.iter().map(|make| make()).chain((0..6).map(|_| wrong())) {
            assert!(!visitor.closed);
            visitor.say(message);
        }
        let mut messages = visitor.messages();
        let why = "Too many authentication failures".to_owned();
        assert_eq!(said(&messages.pop().unwrap()), Said::Disconnect(why));
        assert_eq!(messages, vec![FAILURE; told]);
        assert!(visitor.closed);
    }
}

#[test]
fn what_is_tried_is_reported() {
    let settings = Settings { accept: Accept::Any, ..Settings::default() };
    let mut visitor = asking(&settings, "debian-12");
    visitor.say(request("root", "none"));
    visitor.say(public_key());
    visitor.say(password("root", ""));
    visitor.say(password("root", "toor"));
    let user = Some("root".to_owned());
    let with = |password: &str| Creds {
        user: user.clone(),
        password: Some(password.to_owned()),
        key: None,
    };
    // By ssh-keygen -l of the same key.
    let key = "ssh-ed25519 SHA256:kmYcvdi2GkPeWxB6XLjrZB8JHsy2Hm8luHMFp9GMvqk".to_owned();
    let expected = [
        (
            Creds { user: user.clone(), password: None, key: Some(key) },
            Outcome::Failure,
            "publickey",
        ),
        (with(""), Outcome::Failure, "password"),
        (with("toor"), Outcome::Success, "password"),
    ];
    let expected = expected.map(|(creds, outcome, method)| (creds, outcome, method.to_owned()));
    assert_eq!(attempts(&visitor), expected);
}

#[test]
fn who_only_asks_how_to_log_in_is_reported_at_the_end() {
    let mut visitor = debian();
    visitor.say(request("root", "none"));
    assert_eq!(attempts(&visitor), []);
    visitor.hang_up();
    let creds = Creds { user: Some("root".to_owned()), ..Creds::default() };
    assert_eq!(attempts(&visitor), [(creds, Outcome::Failure, "none".to_owned())]);
}

#[test]
fn refusals_take_as_long_as_they_do_there() {
    let table: &[(&str, Writer, std::ops::Range<u128>)] = &[
        ("none", request("root", "none"), 5..10),
        ("key", public_key(), 5..10),
        ("empty", password("root", ""), 5..10),
        ("wrong", password("root", "wrong"), 1000..6000),
    ];
    for (what, message, expected) in table {
        let mut visitor = debian();
        visitor.say(message);
        let [wait] = visitor.waits.as_slice() else { panic!("{:?}", visitor.waits) };
        assert!(expected.contains(wait), "{what}: {wait}");
    }
}

#[test]
fn freebsd_asks_for_the_password() {
    let settings = Settings { accept: Accept::Any, ..Settings::default() };
    let mut visitor = asking(&settings, "freebsd-14");
    visitor.say(password("root", "secret"));
    let failure = Writer::message(number::USERAUTH_FAILURE);
    let failure = failure.string("publickey,keyboard-interactive").flag(false).done();
    assert_eq!(visitor.messages(), [failure]);
    visitor.say(request("root", "keyboard-interactive").string("").string(""));
    let question = Writer::message(number::USERAUTH_INFO_REQUEST).string("").string("").string("");
    let question = question.u32(1).string("Password for root@files-01:").flag(false).done();
    assert_eq!(visitor.messages(), [question]);
    visitor.say(Writer::message(number::USERAUTH_INFO_RESPONSE).u32(1).string("secret"));
    assert_eq!(visitor.messages()[0], [number::USERAUTH_SUCCESS]);
    let (creds, outcome, method) = attempts(&visitor).pop().unwrap();
    assert_eq!((creds.password.as_deref(), outcome), (Some("secret"), Outcome::Success));
    assert_eq!(method, "keyboard-interactive");
}

#[test]
fn all_host_keys_are_told_after_the_login_and_proven_when_asked() {
    let mut visitor = debian();
    visitor.hang_up();
    let mut visitor = Visitor::encrypted(Offer::default());
    visitor.log_in("root");
    let profile = profile::of(visitor.identity.persona);
    let secret = visitor.identity.secret.clone();
    let keys = visitor.state.ssh.all(profile, &secret).unwrap();
    let message = Writer::message(number::GLOBAL_REQUEST).string("hostkeys-prove-00@openssh.com");
    visitor.say(message.flag(true).string(&keys[2]));
    let answer = visitor.messages().remove(0);
    assert_eq!(answer[0], number::REQUEST_SUCCESS);
    let proof = Reader::new(&answer[1..]).string().unwrap();
    let session = visitor.session_id().to_vec();
    let proven = Writer::default().string("hostkeys-prove-00@openssh.com").string(session);
    client::verify(&keys[2], proven.string(&keys[2]).as_ref(), proof);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_messages_before_the_login_never_panic(
        messages in proptest::collection::vec(
            (1_u8..100, proptest::collection::vec(any::<u8>(), 0..60)), 0..8
        ),
    ) {
        let mut visitor = debian();
        for (kind, rest) in messages {
            visitor.say(number_and(kind, &rest));
        }
        visitor.hang_up();
    }
}
