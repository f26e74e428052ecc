//! `/events/histogram`: how many events there were, over time.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kinds;
use crate::edge::clock;
use crate::edge::store::{Bucket, Span};
use crate::logic::time::Timestamp;
use crate::role::api::app::App;
use crate::role::api::endpoint::Endpoint;
use crate::role::api::extract::Asked;
use crate::role::api::problem::{Answer, Problem};

/// How far back it goes when nothing is said.
const SPAN_NS: u64 = 3_600_000_000_000;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let summary = "Counts events over time";
    vec![
        Endpoint::new(Method::GET, "/api/v1/events/histogram", summary, histogram)
            .query::<Query>()
            .answer::<Histogram>(),
    ]
}

/// What to count.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Query {
    /// Only of these kinds: names, or beginnings such as `scan.`, with commas between.
    kind: Option<String>,
    /// From this time (RFC 3339), else an hour before `to`.
    #[schemars(with = "Option<String>")]
    from: Option<Timestamp>,
    /// Until this time (RFC 3339), else now.
    #[schemars(with = "Option<String>")]
    to: Option<Timestamp>,
    /// Minutes of a bucket, else 1. There are at most 1,500 buckets.
    minutes: Option<u32>,
}

/// Events over time.
#[derive(Serialize, JsonSchema)]
struct Histogram {
    /// Minutes of a bucket.
    minutes: u32,
    /// The buckets, oldest first, those without events too.
    buckets: Vec<Bucket>,
}

async fn histogram(
    State(app): State<Arc<App>>,
    Asked(query): Asked<Query>,
) -> Answer<Json<Histogram>> {
    let minutes = query.minutes.unwrap_or(1);
    let to = query.to.unwrap_or_else(clock::now);
    let from = query.from.unwrap_or(Timestamp(to.0.saturating_sub(SPAN_NS)));
    let bucket = Duration::from_secs(u64::from(minutes).saturating_mul(60));
    let span = Span::new(from, to, bucket).filter(|_| minutes > 0);
    let span = span.ok_or_else(|| {
        Problem::invalid("from, to, minutes: they make no bucket, or more than 1500")
    })?;
    let kinds = kinds(query.kind.as_deref())?;
    let buckets = app.database.ask(move |store| store.histogram(span, &kinds)).await?;
    Ok(Json(Histogram { minutes, buckets }))
}
