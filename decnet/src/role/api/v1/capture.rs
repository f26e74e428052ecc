//! `/capture`: what the capture has counted.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use schemars::JsonSchema;
use serde::Serialize;

use crate::logic::status::CaptureStatus;
use crate::role::api::app::App;
use crate::role::api::endpoint::Endpoint;
use crate::role::api::problem::Answer;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let summary = "Shows the counters of the capture";
    vec![Endpoint::new(Method::GET, "/api/v1/capture", summary, counters).answer::<Capture>()]
}

/// The counters of the capture, in packets since it began, and whether they add up.
#[derive(Serialize, JsonSchema)]
pub(in crate::role::api) struct Capture {
    #[serde(flatten)]
    #[schemars(with = "Counters")]
    counters: CaptureStatus,
    /// All drops.
    dropped: u64,
    /// Whether seen = aggregated + submitted + dropped.
    exact: bool,
}

/// How [`CaptureStatus`] is written.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it is only described")]
struct Counters {
    /// Addressed to a decky.
    seen: u64,
    /// Sent to the reader one by one.
    submitted: u64,
    /// Counted with others of their kind.
    aggregated: u64,
    /// Lost, by reason.
    drops: BTreeMap<String, u64>,
    /// Taken by the reader.
    read: u64,
    /// Frames of deckies under capture: seen, submitted, drops.
    copies: serde_json::Map<String, serde_json::Value>,
    /// Frames that a decky was kept from sending.
    guarded: u64,
}

impl Capture {
    pub(in crate::role::api) fn new(counters: CaptureStatus) -> Self {
        let dropped = counters.drops.values().fold(0, |sum: u64, drops| sum.saturating_add(*drops));
        let parts = [counters.aggregated, counters.submitted, dropped];
        let sum = parts.iter().try_fold(0_u64, |sum, part| sum.checked_add(*part));
        Self { dropped, exact: sum == Some(counters.seen), counters }
    }
}

async fn counters(State(app): State<Arc<App>>) -> Answer<Json<Capture>> {
    let counters = app.database.ask(|store| store.counters()).await?;
    Ok(Json(Capture::new(counters)))
}
