use super::*;

fn origin(ip: &str) -> Origin {
    Origin::of(ip.parse().unwrap(), Some("fd77::99".parse().unwrap()))
}

#[test]
fn machines_beside_the_decky_are_told_apart_and_those_of_a_remote_network_are_not() {
    for (one, other, same) in [
        ("10.0.0.1", "10.0.0.1", true),
        ("10.0.0.1", "10.0.0.2", false),
        ("fe80::1", "fe80::2", false),
        ("fd77::1", "fd77::2", false),
        ("2001:db8::1", "2001:db8::2", true),
        ("2001:db8::1", "2001:db8:0:1::1", false),
    ] {
        assert_eq!(origin(one) == origin(other), same, "{one} {other}");
    }
}

#[test]
fn without_an_address_of_its_own_a_decky_knows_its_link_by_link_local_addresses() {
    let of = |ip: &str| Origin::of(ip.parse().unwrap(), None);
    assert_eq!(of("fd77::1"), of("fd77::2"));
    assert_ne!(of("fe80::1"), of("fe80::2"));
}

#[test]
fn a_site_has_several_origins() {
    for (one, other, same) in [
        ("10.0.0.1", "10.0.0.2", true),
        ("10.0.0.1", "10.0.1.1", false),
        ("fd77::1", "fd77::2", true),
        ("fe80::1", "fe80::2", true),
        ("fe80::1", "fd77::1", false),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", true),
        ("2001:db8:0:1::1", "2001:db8:1:1::1", false),
    ] {
        assert_eq!(origin(one).network() == origin(other).network(), same, "{one} {other}");
    }
}
