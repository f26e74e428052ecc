use super::*;
use crate::logic::release::samples::{NOW, release};

fn made(created: Timestamp, number: u64) -> Identity {
    Identity { created, number, ..Identity::of(&release(7)) }
}

fn before(now: Timestamp, span: Duration) -> Timestamp {
    Timestamp(now.0 - u64::try_from(span.as_nanos()).unwrap())
}

#[test]
fn a_release_of_tomorrow_is_taken_and_one_of_next_week_is_not() {
    let none = Timestamp(0);
    let soon = NOW.plus(DAY);
    assert_eq!(ahead(&made(soon, 7), NOW, none), None);
    let late = NOW.plus(7 * DAY);
    assert_eq!(ahead(&made(late, 7), NOW, none), Some(Ahead::Created(late)));
    // The floor says that it is later than the clock says.
    assert_eq!(ahead(&made(late, 7), NOW, before(late, DAY)), None);
}

#[test]
fn a_clock_that_is_known_to_be_wrong_does_not_stop_updates_for_ever() {
    let year = 365 * DAY;
    for (clock, floor, created, is_taken) in [
        (Timestamp(0), NOW, NOW.plus(year), true),
        (Timestamp(0), NOW, NOW.plus(3 * year), false),
        (Timestamp(0), Timestamp(0), EARLIEST.plus(year), true),
        (Timestamp(0), Timestamp(0), EARLIEST.plus(3 * year), false),
        (NOW, before(NOW, year), NOW.plus(year), false),
    ] {
        let found = ahead(&made(created, 7), clock, floor);
        assert_eq!(found.is_none(), is_taken, "{clock} {floor} {created}");
    }
}

#[test]
fn a_number_that_is_a_time_must_have_come_and_any_other_may_be_what_it_likes() {
    // NOW is 1,800,000,000 seconds: 2027-01-15.
    let fine = None;
    let at = |second: u64| Some(Ahead::Number(Timestamp(second.saturating_mul(1_000_000_000))));
    for (number, wanted) in [
        (7, fine),
        (999_999_999, fine),
        (1_800_000_000, fine),
        (1_800_080_000, fine),
        (1_900_000_000, at(1_900_000_000)),
        (1_800_000_000_000, fine),
        (1_900_000_000_000, at(1_900_000_000)),
        (1_800_000_000_000_000_000, fine),
        (1_900_000_000_000_000_000, at(1_900_000_000)),
        (u64::MAX, Some(Ahead::Number(Timestamp(u64::MAX)))),
        // Days in digits: the 30th of November 2026, the same of 2029, and one that is none.
        (2_026_113_001, fine),
        (20_261_130_184_500, fine),
        (20_291_130_184_500, at(1_890_691_200)),
        (20_261_399_184_000, at(20_261_399_184)),
    ] {
        assert_eq!(ahead(&made(NOW, number), NOW, Timestamp(0)), wanted, "{number}");
    }
}
