//! `/attackers`: who touched the deckies.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::edge::store::{
    Credential, Fingerprint, Session, SessionFilter, SourceFilter, SourceOrder, Touch, Visitor,
};
use crate::role::api::app::App;
use crate::role::api::endpoint::Endpoint;
use crate::role::api::extract::{Asked, Named, cursor, limit};
use crate::role::api::problem::{Answer, Problem};

/// Most attackers of a page.
const MOST: u32 = 500;

/// How much of each is shown with one attacker.
const PARTS: u32 = 200;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, "/api/v1/attackers", "Lists attackers", list)
            .query::<Query>()
            .answer::<Attackers>(),
        Endpoint::new(Method::GET, "/api/v1/attackers/{ip}", "Shows an attacker", one)
            .answer::<Attacker>(),
    ]
}

/// What to list.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Query {
    /// Greatest first: when last seen (the default), or how much was done.
    sort: Option<Sort>,
    /// Only those whose address or MAC begins so.
    search: Option<String>,
    /// Attackers of a page: 1 to 500, else 50.
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Sort {
    Events,
    Last,
}

/// A page of attackers.
#[derive(Serialize, JsonSchema)]
struct Attackers {
    attackers: Vec<Visitor>,
    /// Where the next page begins; null on the last.
    next: Option<String>,
}

/// An attacker with the latest of what they did, at most 200 of each.
#[derive(Serialize, JsonSchema)]
struct Attacker {
    #[serde(flatten)]
    visitor: Visitor,
    touches: Vec<Touch>,
    latest_sessions: Vec<Session>,
    credentials: Vec<Credential>,
    fingerprints: Vec<Fingerprint>,
}

async fn list(State(app): State<Arc<App>>, Asked(query): Asked<Query>) -> Answer<Json<Attackers>> {
    let (before, limit) = (cursor(query.cursor.as_deref())?, limit(query.limit, MOST)?);
    let order = match query.sort {
        Some(Sort::Events) => SourceOrder::Events,
        Some(Sort::Last) | None => SourceOrder::Last,
    };
    let filter = SourceFilter { order, begins: query.search };
    let page = app.database.ask(move |store| store.visitors(&filter, before, limit)).await?;
    let next = page.next.map(|next| next.to_string());
    Ok(Json(Attackers { attackers: page.rows, next }))
}

async fn one(State(app): State<Arc<App>>, Named(ip): Named<IpAddr>) -> Answer<Json<Attacker>> {
    let found = app.database.ask(move |store| {
        let Some(visitor) = store.visitor(ip)? else { return Ok(None) };
        let filter = SessionFilter { source: Some(ip), ..SessionFilter::default() };
        Ok(Some(Attacker {
            visitor,
            touches: store.touches(ip, PARTS)?,
            latest_sessions: store.sessions(&filter, None, PARTS)?.rows,
            credentials: store.tries(ip, PARTS)?,
            fingerprints: store.fingerprints(ip, PARTS)?,
        }))
    });
    found.await?.map(Json).ok_or_else(|| Problem::missing("attacker"))
}
