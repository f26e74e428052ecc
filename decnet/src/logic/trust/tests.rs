//! Names and fingerprints are taken or refused as a whole.

use super::*;

#[test]
fn names_that_could_be_something_else_are_refused() {
    for good in ["n", "node-1", "node1.example.org", "9"] {
        assert_eq!(good.parse::<NodeName>().expect(good).as_str(), good);
    }
    let long = "n".repeat(64);
    for bad in [
        "",
        "../../x",
        "..",
        ".",
        "a..b",
        "-x",
        "x-",
        "a b",
        "a/b",
        "A",
        "é",
        "updater@n",
        "a\0b",
        "a\nb",
        ".x",
        "x.",
        long.as_str(),
        &"n".repeat(300),
    ] {
        let error = bad.parse::<NodeName>().expect_err(bad).to_string();
        assert!(error.len() < 260 && !error.contains('\n') && !error.contains('\0'), "{error:?}");
    }
}

#[test]
fn a_role_and_a_host_make_the_common_name() {
    let host = "node-1".parse().expect("a name");
    assert_eq!(CertRole::Updater.common_name(&host), "updater@node-1");
    for role in [CertRole::Agent, CertRole::Listener, CertRole::Master] {
        assert_eq!(role.common_name(&host), "node-1");
    }
}

#[test]
fn a_fingerprint_is_read_as_it_is_written() {
    // SHA-256 of nothing, FIPS 180-4.
    let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(Fingerprint::of(b"").to_string(), text);
    assert_eq!(text.parse(), Ok(Fingerprint::of(b"")));
    for bad in ["", "e3", &text[1..], &format!("{text}0"), &text.replace('e', "g")] {
        assert!(bad.parse::<Fingerprint>().is_err(), "{bad}");
    }
    assert!("é".repeat(32).parse::<Fingerprint>().is_err());
}
