//! Times as text.

use proptest::prelude::*;

use super::*;

#[test]
fn a_time_is_written_in_utc_with_nine_digits() {
    let time = Timestamp(1_795_420_800_123_456_789);
    assert_eq!(time.to_string(), "2026-11-23T08:00:00.123456789Z");
    assert_eq!(time.to_string().parse(), Ok(time));
}

#[test]
fn an_offset_is_understood_and_nonsense_is_not() {
    assert_eq!("1970-01-01T01:00:00.5+01:00".parse(), Ok(Timestamp(500_000_000)));
    assert_eq!("1969-12-31T23:59:59Z".parse::<Timestamp>(), Err(NotATime));
    assert_eq!("yesterday".parse::<Timestamp>(), Err(NotATime));
}

#[test]
fn spans_neither_wrap_nor_turn_negative() {
    let time = Timestamp(1_500_000_000);
    assert_eq!(
        (time.millis(), time.plus(Duration::from_secs(1))),
        (1500, Timestamp(2_500_000_000))
    );
    assert_eq!(time.since(Timestamp(500_000_000)), Duration::from_secs(1));
    assert_eq!(time.since(Timestamp(u64::MAX)), Duration::ZERO);
    assert_eq!(time.plus(Duration::MAX), Timestamp(u64::MAX));
}

proptest! {
    #[test]
    fn every_time_comes_back(nanos: u64, text: String) {
        let time = Timestamp(nanos);
        prop_assert_eq!(time.to_string().parse(), Ok(time));
        let json = serde_json::to_string(&time).unwrap();
        prop_assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), time);
        let wire = postcard::to_allocvec(&time).unwrap();
        prop_assert_eq!(postcard::from_bytes::<Timestamp>(&wire).unwrap(), time);
        let _read = text.parse::<Timestamp>();
    }
}

#[test]
fn the_date_of_an_http_answer_is_understood() {
    let date = "Mon, 23 Nov 2026 08:00:00 GMT";
    assert_eq!(Timestamp::of_http(date), Some(Timestamp(1_795_420_800_000_000_000)));
    for text in ["", "yesterday", "Mon, 23 Nov 1926 08:00:00 GMT"] {
        assert_eq!(Timestamp::of_http(text), None, "{text}");
    }
}
