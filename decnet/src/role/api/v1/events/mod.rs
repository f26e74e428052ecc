//! `/events`: what happened.

mod histogram;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::edge::store::{EventFilter, StoredEvent};
use crate::logic::event::{Kind, SessionId};
use crate::logic::name::DeckyName;
use crate::logic::time::Timestamp;
use crate::role::api::app::App;
use crate::role::api::endpoint::Endpoint;
use crate::role::api::extract::{Asked, cursor, limit};
use crate::role::api::openapi::EventSchema;
use crate::role::api::problem::{Answer, Problem};

/// Most events of a page.
const MOST: u32 = 500;

/// How long one request searches before it answers what it has.
const PATIENCE: Duration = Duration::from_secs(1);

/// Longest text to search for, in bytes.
const MAX_TEXT: usize = 256;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let summary = "Finds events, newest first";
    let mut endpoints = vec![
        Endpoint::new(Method::GET, "/api/v1/events", summary, list)
            .query::<Query>()
            .answer::<Events>(),
    ];
    endpoints.extend(histogram::endpoints());
    endpoints
}

/// Which events to find.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Query {
    /// Only of these kinds: names, or beginnings such as `scan.`, with commas between.
    kind: Option<String>,
    /// Only on this decky.
    #[schemars(with = "Option<String>")]
    decky: Option<DeckyName>,
    /// Only from this address.
    #[schemars(with = "Option<String>")]
    source: Option<IpAddr>,
    /// Only of this service.
    service: Option<String>,
    /// Only of this session.
    #[schemars(with = "Option<String>")]
    session: Option<SessionId>,
    /// Not before this time (RFC 3339).
    #[schemars(with = "Option<String>")]
    from: Option<Timestamp>,
    /// Before this time (RFC 3339).
    #[schemars(with = "Option<String>")]
    to: Option<Timestamp>,
    /// Only those whose JSON has this text; at most 256 bytes.
    search: Option<String>,
    /// Events of a page: 1 to 500, else 50.
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// A page of events.
#[derive(Serialize, JsonSchema)]
struct Events {
    #[schemars(with = "Vec<EventSchema>")]
    events: Vec<Box<RawValue>>,
    /// Where the next page begins; null when nothing is left.
    next: Option<String>,
    /// How far back was searched, when the time for one request ended before the page was full.
    #[schemars(with = "Option<String>")]
    searched_to: Option<Timestamp>,
    /// The number of the newest event there is: where the stream goes on from here.
    newest: i64,
}

async fn list(State(app): State<Arc<App>>, Asked(query): Asked<Query>) -> Answer<Json<Events>> {
    let (before, limit) = (cursor(query.cursor.as_deref())?, limit(query.limit, MOST)?);
    let text = query.search.filter(|text| !text.is_empty());
    if text.as_ref().is_some_and(|text| text.len() > MAX_TEXT) {
        return Err(Problem::invalid(format!("search: longer than {MAX_TEXT} bytes")));
    }
    let filter = EventFilter {
        kinds: kinds(query.kind.as_deref())?,
        decky: query.decky,
        source: query.source,
        service: query.service,
        session: query.session,
        from: query.from,
        to: query.to,
        text,
    };
    let found = app.database.ask(move |store| {
        let newest = store.newest()?;
        Ok((newest, store.events(&filter, before, limit, PATIENCE)?))
    });
    let (newest, page) = found.await?;
    let next = page.next.map(|next| next.to_string());
    let searched_to = page.searched_to;
    Ok(Json(Events { events: bodies(page.events), next, searched_to, newest }))
}

/// The JSON of events.
pub(super) fn bodies(events: Vec<StoredEvent>) -> Vec<Box<RawValue>> {
    events.into_iter().map(|event| event.body).collect()
}

/// The kinds that a query names, none for all.
fn kinds(text: Option<&str>) -> Answer<Vec<Kind>> {
    let mut kinds = Vec::new();
    for part in text.unwrap_or_default().split(',').filter(|part| !part.is_empty()) {
        let named = |kind: &&Kind| match part.ends_with('.') {
            true => kind.as_str().starts_with(part),
            false => kind.as_str() == part,
        };
        let before = kinds.len();
        kinds.extend(Kind::ALL.iter().filter(named));
        if kinds.len() == before {
            let part: String = part.chars().take(80).collect();
            return Err(Problem::invalid(format!("kind: `{part}` is no kind of event")));
        }
    }
    kinds.sort_unstable();
    kinds.dedup();
    Ok(kinds)
}
