//! The limits hold, and what was let in is counted exactly.

use super::*;

const SMALL: Limits =
    Limits { connections: 3, per_source: 2, idle_secs: 1, session_secs: 1, bytes: 1 };

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn a_source_and_everybody_have_a_limit() {
    let mut admission = Admission::default();
    let (a, b) = (ip("10.0.0.1"), ip("10.0.0.2"));
    assert!(admission.admit(&SMALL, a));
    assert!(admission.admit(&SMALL, a));
    assert!(!admission.admit(&SMALL, a), "a third of one source");
    assert!(admission.admit(&SMALL, b));
    assert!(!admission.admit(&SMALL, b), "a fourth of everybody");
    admission.release(a);
    assert!(admission.admit(&SMALL, b));
    assert_eq!(admission.connections(), 3);
}

#[test]
fn addresses_of_one_network_are_one_source() {
    let mut admission = Admission::default();
    assert!(admission.admit(&SMALL, ip("fd00::1")));
    assert!(admission.admit(&SMALL, ip("fd00::2")));
    assert!(!admission.admit(&SMALL, ip("fd00::3")));
    assert!(admission.admit(&SMALL, ip("fd00:0:0:1::3")));
}

#[test]
fn nothing_is_kept_of_those_who_left() {
    let mut admission = Admission::default();
    for n in 0..=255 {
        let ip = IpAddr::from([10, 0, 0, n]);
        assert!(admission.admit(&SMALL, ip));
        admission.release(ip);
    }
    assert!(admission.sources.is_empty());
    admission.release(ip("10.0.0.1"));
    assert_eq!(admission.connections(), 0);
}
