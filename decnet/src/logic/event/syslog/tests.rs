//! Events as RFC 5424 lines, and the lines back.

use proptest::prelude::*;

use super::*;
use crate::logic::event::Kind;
use crate::logic::event::tests::any::{any_event, any_text};
use crate::logic::event::tests::{bare, golden, samples};

/// What `event` says, as the structured data must have it.
fn said(event: &Event) -> Vec<(String, String)> {
    let mut said = Vec::new();
    each(event, &mut |key, value| said.push((key.to_owned(), value.to_owned())));
    said
}

#[test]
fn the_lines_are_golden() {
    let lines: Vec<_> = samples().iter().map(|event| line(event, DEFAULT_SD_ID)).collect();
    golden("syslog.txt", &lines);
}

#[test]
fn a_line_says_who_what_and_when_in_its_header() {
    let event = samples().into_iter().find(|event| event.event == Kind::AuthAttempt).unwrap();
    let parts = parse(&line(&event, "x@1")).unwrap();
    assert_eq!(parts.priority, 16 * 8 + 4);
    assert_eq!(parts.time.unwrap().to_string(), "2026-11-23T08:00:00.123456000Z");
    assert_eq!((parts.host.as_str(), parts.app.as_str()), ("files-01", "ssh"));
    assert_eq!(
        (parts.process.as_str(), parts.message_id.as_str()),
        ("00f1a2b3c4d5e6f7", "auth.attempt")
    );
    assert_eq!(parts.elements, [("x@1".to_owned(), said(&event))]);
    assert_eq!(parts.message, "auth.attempt from 192.168.1.7 on files-01 ssh user=root success");
    let parts = parse(&line(&bare(Kind::AgentStart), DEFAULT_SD_ID)).unwrap();
    assert_eq!(
        (parts.host.as_str(), parts.app.as_str(), parts.process.as_str()),
        ("n1", "decnet", "-")
    );
    assert_eq!(parts.priority, 16 * 8 + 6);
}

#[test]
fn what_turns_or_hides_text_is_escaped_and_comes_back() {
    let name = "a\u{202e}b\u{9b}c\u{e0041}";
    let event = samples().into_iter().find(|event| event.event == Kind::AuthAttempt).unwrap();
    let mut event = Event { event: Kind::AuthAttempt, ..event };
    event.creds.as_mut().unwrap().user = Some(name.into());
    let line = line(&event, "x@1");
    assert!(line.contains("a\\u{202e}b\\u{9b}c\\u{e0041}\""), "{line}");
    assert!(line.chars().all(shown::is_plain), "{line}");
    let parts = parse(&line).unwrap();
    assert!(parts.elements[0].1.iter().any(|(_, value)| value == name), "{parts:?}");
    // Whoever escapes what needs it not has meant something else.
    let value = |text: &str| parse(text).map(|parts| parts.elements[0].1[0].1.clone());
    for kept in ["\\u{41}", "\\u{d800}", "\\u{1234567}", "\\u{}", "\\u{202e", "\\u"] {
        assert_eq!(value(&format!("<0>1 - - - - - [a b=\"{kept}\"]")).unwrap(), kept);
    }
}

#[test]
fn a_line_of_another_program_is_read() {
    let text = "<165>1 2003-10-11T22:14:15.003Z host app - ID47 [a@1 x=\"1\" y=\"\\\"\\]\\\\\"][b@2] \u{feff}An event";
    let parts = parse(text).unwrap();
    assert_eq!(parts.priority, 165);
    let wanted = vec![("x".to_owned(), "1".to_owned()), ("y".to_owned(), "\"]\\".to_owned())];
    assert_eq!(parts.elements, [("a@1".to_owned(), wanted), ("b@2".to_owned(), vec![])]);
    assert_eq!(parts.message, "An event");
    let parts = parse("<0>1 - - - - - -").unwrap();
    assert_eq!((parts.priority, parts.time, parts.elements.len()), (0, None, 0));
    // What another program escaped for no reason stays, but for what we write ourselves.
    let value = |text: &str| parse(text).map(|parts| parts.elements[0].1[0].1.clone());
    assert_eq!(value("<0>1 - - - - - [a b=\"\\q\\x+1\\xzz\\x\"]").unwrap(), "\\q\\x+1\\xzz\\x");
    assert_eq!(value("<0>1 - - - - - [a b=\"\\x41\\x1b\"]").unwrap(), "\\x41\u{1b}");
}

#[test]
fn what_is_no_line_is_refused_with_what_is_wrong() {
    use BadLine::{Header, StructuredData, TooLong};
    for (text, wrong) in [
        ("", Header("PRI")),
        ("<192>1 - - - - - -", Header("PRI")),
        ("<+1>1 - - - - - -", Header("PRI")),
        ("<1x>1 - - - - - -", Header("PRI")),
        ("<1>2 - - - - - -", Header("VERSION")),
        ("<1>1", Header("VERSION")),
        ("<1>1 yesterday - - - - -", Header("TIMESTAMP")),
        ("<1>1 -  - - - -", Header("HOSTNAME")),
        ("<1>1 - a b c", Header("PROCID")),
        ("<1>1 - a b c d", Header("MSGID")),
        ("<1>1 - - - - - ", StructuredData),
        ("<1>1 - - - - - x", StructuredData),
        ("<1>1 - - - - - [a", StructuredData),
        ("<1>1 - - - - - [a b]", StructuredData),
        ("<1>1 - - - - - [a b=\"c]", StructuredData),
        ("<1>1 - - - - - [a b=\"c\\", StructuredData),
        ("<1>1 - - - - - [a]x", StructuredData),
    ] {
        assert_eq!(parse(text), Err(wrong), "{text}");
    }
    assert_eq!(parse(&"x".repeat(MAX_LINE + 1)), Err(TooLong));
}

#[test]
fn however_much_an_event_says_its_line_is_read() {
    let mut event = bare(Kind::HttpRequest);
    event.node = "n".repeat(10_000).into();
    for _value in 0..50 {
        event.data.put("headers", "\u{1}\\".repeat(20_000));
    }
    for number in 0..5000_u64 {
        event.data.put("more", number);
    }
    let line = line(&event, DEFAULT_SD_ID);
    assert!(line.len() <= MAX_LINE, "{}", line.len());
    let parts = parse(&line).unwrap();
    assert_eq!(parts.elements[0].1[0].0, "id");
    assert!(parts.message.starts_with("http.request"));
}

proptest! {
    #[test]
    fn every_value_comes_back(event in any_event()) {
        let line = line(&event, DEFAULT_SD_ID);
        prop_assert!(!line.contains(|c: char| c.is_ascii_control()), "{}", line);
        let parts = parse(&line).unwrap();
        prop_assert_eq!(&parts.elements, &[(DEFAULT_SD_ID.to_owned(), said(&event))]);
        prop_assert_eq!(parts.message_id, event.event.as_str());
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in any_text(), tail in any_text()) {
        let _parts = parse(&text);
        let _parts = parse(&format!("<134>1 - h a p m {text}"));
        let _parts = parse(&format!("<134>1 - h a p m [id k=\"{text}\"] {tail}"));
        let _parts = parse(&format!("<134>1 {text} {tail}"));
    }
}
