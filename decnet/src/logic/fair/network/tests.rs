use super::*;

#[test]
fn a_site_has_several_sources() {
    let network = |ip: &str| {
        let near = ["fd77::/64".parse().unwrap()];
        Network::of(Source::of(ip.parse().unwrap(), &near))
    };
    for (one, other, same) in [
        ("10.0.0.1", "10.0.0.2", true),
        ("10.0.0.1", "10.0.1.1", false),
        ("fd77::1", "fd77::2", true),
        ("fe80::1", "fe80::2", true),
        ("fe80::1", "fd77::1", false),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", true),
        ("2001:db8:0:1::1", "2001:db8:1:1::1", false),
    ] {
        assert_eq!(network(one) == network(other), same, "{one} {other}");
    }
}
