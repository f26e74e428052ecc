//! Events as journald fields.

use proptest::prelude::*;

use super::*;
use crate::logic::event::tests::any::any_event;
use crate::logic::event::tests::{golden, samples};

#[test]
fn the_fields_are_golden() {
    let mut lines = Vec::new();
    for event in samples() {
        lines.extend(
            fields(&event).iter().map(|(name, value)| format!("{name}={}", value.escape_debug())),
        );
        lines.push(String::new());
    }
    golden("journal.txt", &lines);
}

#[test]
fn an_operator_finds_an_event_by_what_the_manual_says() {
    let event = samples().into_iter().find(|event| event.event.as_str() == "auth.attempt").unwrap();
    let fields = fields(&event);
    for (name, value) in [
        ("DECNET_EVENT", "auth.attempt"),
        ("DECNET_DECKY", "files-01"),
        ("DECNET_SERVICE", "ssh"),
        ("DECNET_SESSION", "00f1a2b3c4d5e6f7"),
        ("DECNET_USERNAME", "root"),
        ("SRC_IP", "192.168.1.7"),
        ("SRC_PORT", "51034"),
        ("DST_PORT", "22"),
        ("MESSAGE_ID", "5a1e6f1f0c0e4a0d9a2f3d6f6c1b0004"),
    ] {
        assert!(fields.contains(&(name.to_owned(), value.to_owned())), "{name}");
    }
    assert_eq!(fields[0].0, "MESSAGE");
    assert_eq!(fields[1].0, "MESSAGE_ID");
}

proptest! {
    #[test]
    fn every_name_is_one_that_journald_takes(event in any_event()) {
        for (name, _) in fields(&event) {
            prop_assert!((1..=MAX_NAME).contains(&name.len()), "{}", name);
            prop_assert!(name.starts_with(|c: char| c.is_ascii_uppercase()), "{}", name);
            prop_assert!(name.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'_'));
        }
    }
}

#[test]
fn the_catalogue_in_deploy_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/decnet.catalog");
    let wanted = catalogue();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &wanted).expect("the folder is there");
    }
    let found = std::fs::read_to_string(path).expect("`cargo xtask generate` makes it");
    assert_eq!(found, wanted, "`cargo xtask generate` makes it current");
}
