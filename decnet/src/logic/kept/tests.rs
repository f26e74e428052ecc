//! What is kept comes back the same, and nothing else is taken for it.

use proptest::prelude::*;

use super::*;
use crate::logic::decky::{Decky, Identity, Secret};
use crate::logic::mac::Mac;
use crate::logic::persona;
use crate::logic::services::{ServiceKind, ServiceSpec};
use crate::logic::time::Timestamp;

fn kept() -> Kept {
    let identity = Identity {
        name: "files-01".parse().expect("a name"),
        hostname: "FILES-01".to_owned(),
        persona: persona::find("debian-12").expect("it is in the table"),
        mac: Mac([2, 0, 0, 0, 0, 1]),
        ip: [10, 0, 0, 1].into(),
        ip6: Some("fd00::1".parse().expect("an address")),
        secret: Secret([7; 32]),
        booted: Timestamp(1),
    };
    let kinds = [ServiceKind::Ftp, ServiceKind::Http, ServiceKind::Redis, ServiceKind::Ssh]
        .into_iter()
        .chain([ServiceKind::Tcp, ServiceKind::Telnet, ServiceKind::Udp]);
    let services = kinds.map(ServiceSpec::plain).collect();
    let placed = Placed {
        decky: Decky { identity, services },
        prefix: 24,
        prefix6: 64,
        gateway: Some([10, 0, 0, 254].into()),
    };
    let sockets = vec![Socket::Service(0), Socket::Service(1), Socket::Passive(40_001)];
    Kept::new(u64::MAX, u64::MAX - 1, Some(u32::MAX), placed, sockets)
}

#[test]
fn what_is_kept_comes_back_the_same() {
    let kept = kept();
    for (kept, fds) in [(kept.clone(), 5), (Kept { steered_by: None, ..kept }, 4)] {
        let bytes = kept.encode().expect("it is small");
        assert_eq!(Kept::decode(&bytes, fds).expect("it is one"), kept);
    }
}

#[test]
fn a_message_without_its_descriptors_is_refused() {
    let bytes = kept().encode().expect("it is small");
    for fds in [0, 1, 4, 6] {
        let error = Kept::decode(&bytes, fds).expect_err("too few or too many");
        assert!(matches!(error, KeptError::Descriptors { wanted: 5, there } if there == fds));
    }
}

#[test]
fn another_format_is_refused_whatever_else_it_says() {
    let error = Kept::decode(br#"{"format":2,"new":true}"#, 4).expect_err("another");
    assert!(matches!(error, KeptError::Format(2)), "{error:?}");
}

#[test]
fn a_field_that_is_not_known_is_refused() {
    let bytes = kept().encode().expect("it is small");
    let text = String::from_utf8(bytes).expect("JSON");
    let more = text.replacen('{', r#"{"more":1,"#, 1);
    assert!(matches!(Kept::decode(more.as_bytes(), 5), Err(KeptError::Malformed(_))));
}

#[test]
fn more_descriptors_than_a_message_takes_are_not_kept() {
    let many = Kept { sockets: vec![Socket::Service(0); MAX_FDS], ..kept() };
    assert!(matches!(many.encode(), Err(KeptError::TooMuch { .. })));
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        drop(Kept::decode(&bytes, 3));
    }

    #[test]
    fn a_damaged_message_is_refused_or_read(at in 0_usize..4_096, bit in 0_u32..8) {
        let mut bytes = kept().encode().expect("it is small");
        let at = at % bytes.len();
        bytes[at] ^= 1_u8 << bit;
        drop(Kept::decode(&bytes, 5));
    }
}
