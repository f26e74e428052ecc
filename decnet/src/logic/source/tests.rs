use super::*;

#[test]
fn a_neighbour_counts_by_address_and_a_stranger_by_network() {
    let text = "fe800000000000000000000000000001 02 40 20 80     eth0\n\
                fd000000000000070000000000000001 02 40 00 80     eth0\n\
                00000000000000000000000000000001 01 80 10 80       lo\n\
                20010db8000000000000000000000001 03 20 00 80     tun0\nnonsense\n";
    let near = near(text);
    assert_eq!(near.len(), 3);
    let source = |ip: &str| Source::of(ip.parse().unwrap(), &near);
    for (a, b, same) in [
        ("192.0.2.1", "192.0.2.2", false),
        ("192.0.2.1", "::ffff:192.0.2.1", true),
        ("2001:db8:1::1", "2001:db8:1::2", true),
        ("2001:db8:1::1", "2001:db8:1:1::1", false),
        ("fe80::1", "fe80::2", false),
        ("fd00:0:0:7::5", "fd00:0:0:7::6", false),
        ("fd00:0:0:8::5", "fd00:0:0:8::6", true),
    ] {
        assert_eq!(source(a) == source(b), same, "{a} {b}");
    }
    assert!(source("127.0.0.1").is_local() && source("::1").is_local());
}
