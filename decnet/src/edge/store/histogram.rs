//! Counts events over time.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::params_from_iter;
use rusqlite::types::Value as Sql;
use schemars::JsonSchema;
use serde::Serialize;

use super::append::signed;
use super::{MINUTE, Result, Store, doing};
use crate::logic::event::Kind;
use crate::logic::time::Timestamp;

/// Most buckets of one histogram.
pub(super) const MAX_BUCKETS: usize = 1_500;

/// A stretch of time, cut into buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    first: i64,
    buckets: usize,
    minutes: i64,
}

impl Span {
    /// From `from` until `to` in buckets of `bucket`, rounded up to whole minutes; the first bucket
    /// begins at a multiple of its length. None when that makes no bucket or more than 1,500.
    pub fn new(from: Timestamp, to: Timestamp, bucket: Duration) -> Option<Self> {
        let minutes = i64::try_from(bucket.as_secs().div_ceil(60).max(1)).ok()?;
        let first = (signed(from.0) / MINUTE).checked_div(minutes)?.checked_mul(minutes)?;
        let end = signed(to.0).checked_add(MINUTE - 1)? / MINUTE;
        let length = end.checked_sub(first).filter(|length| *length > 0)?;
        let buckets = usize::try_from(length.checked_add(minutes - 1)? / minutes).ok()?;
        (buckets <= MAX_BUCKETS).then_some(Self { first, buckets, minutes })
    }
}

/// A bucket of a histogram.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Bucket {
    /// When it begins.
    #[schemars(with = "String")]
    pub ts: Timestamp,
    /// Events in it.
    pub events: i64,
    /// The same by kind; kinds without events are left out.
    pub kinds: BTreeMap<String, i64>,
}

impl Store {
    /// How many events of `kinds` (of every kind, when that is empty) happened in each bucket.
    ///
    /// # Errors
    ///
    /// [`super::StoreError::Query`] when the store cannot be read.
    pub fn histogram(&self, span: Span, kinds: &[Kind]) -> Result<Vec<Bucket>> {
        let kinds = if kinds.is_empty() { Kind::ALL } else { kinds };
        let marks = vec!["?"; kinds.len()].join(", ");
        let sql = format!(
            "SELECT kind, (minute - ?) / ? AS bucket, sum(events) FROM minutes
             WHERE minute >= ? AND minute < ? AND kind IN ({marks}) GROUP BY kind, bucket"
        );
        let end = span.first.saturating_add(span.minutes.saturating_mul(span.buckets as i64));
        let bounds = [span.first, span.minutes, span.first, end].map(Sql::Integer);
        let names = kinds.iter().map(|kind| Sql::from(kind.as_str().to_owned()));
        let mut find = self.db.prepare_cached(&sql).map_err(doing("count events"))?;
        let rows = find
            .query_map(params_from_iter(bounds.into_iter().chain(names)), |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
            })
            .map_err(doing("count events"))?;
        let begins = (0..span.buckets as i64).map(|index| {
            let minute = span.first.saturating_add(index.saturating_mul(span.minutes));
            Timestamp(minute.saturating_mul(MINUTE).cast_unsigned())
        });
        let mut buckets: Vec<Bucket> =
            begins.map(|ts| Bucket { ts, events: 0, kinds: BTreeMap::new() }).collect();
        for row in rows {
            let (kind, index, events) = row.map_err(doing("count events"))?;
            let index = usize::try_from(index).unwrap_or(usize::MAX);
            let Some(bucket) = buckets.get_mut(index) else { continue };
            bucket.events = bucket.events.saturating_add(events);
            bucket.kinds.insert(kind, events);
        }
        Ok(buckets)
    }
}
