use super::*;

#[test]
fn old_kernels_are_refused_and_say_so() {
    for (release, version) in [
        ("5.19.0", Some(Version(5, 19))),
        ("6.1.0-37-amd64", Some(Version(6, 1))),
        ("6.18.44-fc-v657", Some(Version(6, 18))),
        ("10.0", Some(Version(10, 0))),
        ("7.2-rc1", Some(Version(7, 2))),
        ("5.18.19", None),
        ("4.19.0-27-amd64", None),
        ("", None),
        ("unknown", None),
    ] {
        assert_eq!(check(release).ok(), version, "{release}");
    }
    let error = check("5.10.0-33-amd64").expect_err("it is too old");
    let wanted = "this machine runs Linux 5.10.0-33-amd64, and deckies need 5.19 or newer: boot a \
                  newer kernel, or use another machine";
    assert_eq!(error.to_string(), wanted);
}
