use super::*;

#[test]
fn an_end_says_what_it_was_of() {
    for (how, fault, reason, number) in [
        (FaceEnd::Killed(31), None, "violation", Some(("signal", 31))),
        (FaceEnd::Killed(9), None, "killed", Some(("signal", 9))),
        (FaceEnd::Exited(101), None, "exited", Some(("code", 101))),
        (FaceEnd::Stuck, None, "stuck", None),
        (FaceEnd::Spoke, None, "spoke", None),
        (FaceEnd::Told, Some(Fault::Oversized), "oversized", None),
        (FaceEnd::Killed(9), Some(Fault::Malformed), "malformed", Some(("signal", 9))),
    ] {
        let data = obituary(how, fault);
        assert_eq!(data.text("reason"), Some(reason), "{how:?} {fault:?}");
        assert!(data.text("why").is_some_and(|why| !why.is_empty()), "{how:?} {fault:?}");
        for name in ["signal", "code"] {
            let expected = number.filter(|(named, _)| *named == name).map(|(_, value)| value);
            assert_eq!(data.number(name), expected, "{how:?} {name}");
        }
    }
}

#[test]
fn a_face_may_say_so_much_at_once_and_in_a_second_and_no_more() {
    let mut pace = Pace::default();
    for _ in 0..MOST / 1_000 {
        assert_eq!(pace.take(1_000, 7), Ok(()));
    }
    assert_eq!(pace.take(1, 7), Err(Fault::TooMuch));
    assert_eq!(pace.take(MOST_AT_ONCE, 8), Ok(()));
    assert_eq!(pace.take(MOST_AT_ONCE + 1, 8), Err(Fault::TooMuch));
    assert_eq!(pace.take(u32::MAX, 8), Err(Fault::TooMuch));
}

#[test]
fn what_a_face_murmurs_can_be_no_other_line() {
    let mut murmurs = Murmurs::default();
    assert_eq!(murmurs.take(b"one\ntw"), ["one"]);
    assert_eq!(murmurs.take(b"o\\\x1b[2J\r\n\n\n"), ["two\\x5c\\x1b[2J\\x0d"]);
    assert_eq!(murmurs.take("\u{202e}\n".as_bytes()), ["\\xe2\\x80\\xae"]);
    let long = murmurs.take(&[&[b'x'; 100_000][..], b"\n"].concat());
    assert_eq!(long.iter().map(String::len).collect::<Vec<_>>(), [LINE]);
    let many = murmurs.take(&b"again\n".repeat(1_000));
    assert_eq!(many.len(), LINES - 4);
    murmurs.take(b"the last");
    assert_eq!(murmurs.end(), (None, 941));
}
