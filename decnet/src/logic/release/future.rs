//! Whether a release is ahead of its time: a machine that took it would take none after it for as
//! long, because the time at which it was made and its number are a floor from then on.

use std::time::Duration;

use super::gate::{Identity, Refusal};
use crate::logic::time::Timestamp;

const DAY: Duration = Duration::from_hours(24);
/// So much later than the clock a release may have been made: clocks differ.
const TOLERANCE: Duration = DAY;
/// The same where the clock is known to be wrong, from the latest time that is known: so long a
/// machine without a good clock may have had no release.
const BLIND: Duration = Duration::from_hours(2 * 365 * 24);
/// When this was written (2026-11-01): a clock that says less is wrong.
const EARLIEST: Timestamp = Timestamp(1_793_491_200_000_000_000);
/// From here on a number may be a time: the second 1,000,000,000 was in 2001.
const SECONDS: u64 = 1_000_000_000;

/// A release that says that it is of a time that is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ahead {
    /// It was made then.
    Created(Timestamp),
    /// Its number is this time.
    Number(Timestamp),
}

impl std::fmt::Display for Ahead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Created(then) => write!(f, "it says that it was made on {then}"),
            Self::Number(then) => write!(f, "its number is a time, {then}"),
        }
    }
}

/// Whether a release is ahead of a clock by more than clocks differ, where it is known to be later
/// than `floor`.
pub fn ahead(release: &Identity, clock: Timestamp, floor: Timestamp) -> Option<Ahead> {
    let known = floor.max(EARLIEST);
    let latest =
        if clock.plus(DAY) < known { known.plus(BLIND) } else { clock.max(known).plus(TOLERANCE) };
    if release.created > latest {
        return Some(Ahead::Created(release.created));
    }
    // Only what is a time by every way to write one.
    let read = readings(release.number).into_iter().flatten().min()?;
    (read > latest).then_some(Ahead::Number(read))
}

/// Refuses a release that is ahead.
pub(super) fn check(release: &Identity, clock: Timestamp, floor: Timestamp) -> Result<(), Refusal> {
    match ahead(release, clock, floor) {
        None => Ok(()),
        Some(Ahead::Created(created)) => Err(Refusal::Future { created, clock }),
        Some(Ahead::Number(time)) => {
            Err(Refusal::NumberAhead { number: release.number, time, clock })
        }
    }
}

/// The times that a number may be: seconds, or parts of one, since 1970, and a date in digits.
fn readings(number: u64) -> [Option<Timestamp>; 2] {
    if number < SECONDS {
        return [None, None];
    }
    let mut nanos = number;
    let mut unit = 1_000_000_000;
    // Each thousandth of a second begins where the years of the one before have five digits.
    let mut bound = SECONDS * 1_000;
    while unit > 1 && nanos >= bound {
        unit /= 1_000;
        bound = bound.saturating_mul(1_000);
    }
    nanos = nanos.saturating_mul(unit);
    [Some(Timestamp(nanos)), date(number)]
}

/// 2026113001 and 20261130184500: a day, and what more is said of it.
fn date(number: u64) -> Option<Timestamp> {
    let digits = number.to_string();
    let part = |from: usize, to: usize| digits.get(from..to)?.parse::<u16>().ok();
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    if !(2_000..=2_500).contains(&year) {
        return None;
    }
    let small = |number: u16| i8::try_from(number).ok();
    let date =
        jiff::civil::Date::new(i16::try_from(year).ok()?, small(month)?, small(day)?).ok()?;
    let second = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
    Some(Timestamp(u64::try_from(second).ok()?.saturating_mul(1_000_000_000)))
}

#[cfg(test)]
mod tests;
