//! Any event that there could be, and what must hold of it.

use proptest::prelude::*;

use super::{bare, visit};
use crate::logic::event::*;
use crate::logic::time::Timestamp;

/// Text as a visitor might choose it.
pub(in crate::logic::event) fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::collection::vec(any::<char>(), 0..40).prop_map(String::from_iter),
        "[\\]\"\\\\\n\r\t\u{0}-\u{1f}\u{7f}-\u{9f}xn =,a-c0-9]{0,40}",
        any::<String>(),
    ]
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any_text().prop_map(Value::from),
        prop::collection::vec(any::<u64>(), 1..5).prop_map(Value::from),
        prop::collection::vec(any_text(), 0..5).prop_map(Value::from),
        prop::collection::vec((any_text(), any_text()), 1..5).prop_map(Value::from),
    ]
}

/// Any event.
pub(in crate::logic::event) fn any_event() -> impl Strategy<Value = Event> {
    let kind = prop::sample::select(Kind::ALL);
    let names = prop::sample::select(vec!["method", "command", "bytes", "headers", "ports"]);
    let data = prop::collection::vec((names, any_value()), 0..6);
    let creds = prop::option::of((any_text(), prop::option::of(any_text())));
    let outcome = prop::sample::select(vec![None, Some(Outcome::Success), Some(Outcome::Failure)]);
    let raw = prop::option::of(prop::collection::vec(any::<u8>(), 0..50));
    (kind, any_text(), data, creds, raw, outcome, any::<bool>(), any::<u64>()).prop_map(
        |(kind, node, data, creds, raw, outcome, visited, seq)| {
            let mut all = Data::new();
            data.into_iter().for_each(|(name, value)| all.put(name, value));
            let event = if visited { visit(kind, "http") } else { bare(kind) };
            Event {
                node: node.into(),
                ts: Timestamp(seq),
                seq,
                data: all,
                creds: creds.map(|(user, password)| Creds {
                    user: Some(user),
                    password,
                    key: None,
                }),
                raw: raw.map(|raw| Raw::of(&raw)),
                outcome,
                ..event
            }
        },
    )
}

proptest! {
    #[test]
    fn every_event_comes_back_from_json_and_from_the_wire(event in any_event()) {
        let line = serde_json::to_string(&event).unwrap();
        prop_assert!(!line.contains('\n'));
        prop_assert_eq!(&serde_json::from_str::<Event>(&line).unwrap(), &event);
        let wire = postcard::to_allocvec(&event).unwrap();
        prop_assert_eq!(&postcard::from_bytes::<Event>(&wire).unwrap(), &event);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _event = postcard::from_bytes::<Event>(&bytes);
        let _event = serde_json::from_slice::<Event>(&bytes);
    }
}
