//! Times as text.

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
