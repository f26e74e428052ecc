//! Points in time, as events carry them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A point in time: nanoseconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// **Shape**: written as RFC 3339 in UTC with nine digits of a second where people read it, as
/// the number elsewhere. Ends in the year 2554.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The time that has passed since `earlier`, zero when it is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The whole milliseconds since 1970.
    pub fn millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// The time in UTC as `strftime` formats it; empty when the format is none.
    pub fn format(self, format: &str) -> String {
        let time = jiff::Timestamp::from_nanosecond(self.0.into()).unwrap_or_default();
        let time = time.to_zoned(jiff::tz::TimeZone::UTC);
        jiff::fmt::strtime::format(format, &time).unwrap_or_default()
    }

    /// The time of a `Date` header (RFC 9110 section 5.6.7); `None` when it is none, or before 1970.
    pub fn of_http(text: &str) -> Option<Self> {
        let time = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
        u64::try_from(time.as_nanosecond()).ok().map(Self)
    }

    /// The point `span` later.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(self.0.into()) {
            Ok(time) => write!(f, "{time:.9}"),
            Err(_) => Err(fmt::Error),
        }
    }
}

/// A text that is no RFC 3339 time, or one before 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time since 1970")]
pub struct NotATime;

impl FromStr for Timestamp {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let Ok(time) = text.parse::<jiff::Timestamp>() else { return Err(NotATime) };
        u64::try_from(time.as_nanosecond()).map(Self).or(Err(NotATime))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() { to.collect_str(self) } else { self.0.serialize(to) }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if from.is_human_readable() {
            String::deserialize(from)?.parse().map_err(de::Error::custom)
        } else {
            u64::deserialize(from).map(Self)
        }
    }
}

#[cfg(test)]
mod tests;
