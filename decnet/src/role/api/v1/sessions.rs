//! `/sessions`: the connections of attackers to deckies.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::events::bodies;
use crate::edge::store::{Session, SessionFilter};
use crate::logic::event::SessionId;
use crate::logic::name::DeckyName;
use crate::role::api::app::App;
use crate::role::api::endpoint::Endpoint;
use crate::role::api::extract::{Asked, Named, cursor, limit};
use crate::role::api::openapi::EventSchema;
use crate::role::api::problem::{Answer, Problem};

/// Most sessions of a page, and most events of one session's page.
const MOST: u32 = 500;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, "/api/v1/sessions", "Lists sessions, latest first", list)
            .query::<Query>()
            .answer::<Sessions>(),
        Endpoint::new(
            Method::GET,
            "/api/v1/sessions/{id}",
            "Shows a session with its events, in order",
            one,
        )
        .query::<EventsQuery>()
        .answer::<OneSession>(),
    ]
}

/// What to list.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Query {
    /// Only from this address.
    #[schemars(with = "Option<String>")]
    source: Option<IpAddr>,
    /// Only to this decky.
    #[schemars(with = "Option<String>")]
    decky: Option<DeckyName>,
    /// Only to this service.
    service: Option<String>,
    /// Sessions of a page: 1 to 500, else 50.
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// Which events of the session to show.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EventsQuery {
    /// Events of a page: 1 to 500, else 500.
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// A page of sessions.
#[derive(Serialize, JsonSchema)]
struct Sessions {
    sessions: Vec<Session>,
    /// Where the next page begins; null on the last.
    next: Option<String>,
}

/// A session and events of it.
#[derive(Serialize, JsonSchema)]
struct OneSession {
    #[serde(flatten)]
    session: Session,
    /// Its events, oldest first.
    #[serde(rename = "timeline")]
    #[schemars(with = "Vec<EventSchema>")]
    events: Vec<Box<RawValue>>,
    /// Where the next page begins; null on the last.
    next: Option<String>,
}

async fn list(State(app): State<Arc<App>>, Asked(query): Asked<Query>) -> Answer<Json<Sessions>> {
    let (before, limit) = (cursor(query.cursor.as_deref())?, limit(query.limit, MOST)?);
    let Query { source, decky, service, .. } = query;
    let filter = SessionFilter { source, decky, service };
    let page = app.database.ask(move |store| store.sessions(&filter, before, limit)).await?;
    let next = page.next.map(|next| next.to_string());
    Ok(Json(Sessions { sessions: page.rows, next }))
}

async fn one(
    State(app): State<Arc<App>>,
    Named(id): Named<SessionId>,
    Asked(query): Asked<EventsQuery>,
) -> Answer<Json<OneSession>> {
    let after = cursor(query.cursor.as_deref())?;
    let limit = limit(query.limit.or(Some(MOST)), MOST)?;
    let found = app.database.ask(move |store| {
        let Some(session) = store.session(id)? else { return Ok(None) };
        let page = store.session_events(id, after, limit)?;
        let next = page.next.map(|next| next.to_string());
        Ok(Some(OneSession { session, events: bodies(page.events), next }))
    });
    found.await?.map(Json).ok_or_else(|| Problem::missing("session"))
}
