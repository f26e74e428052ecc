//! The routes, and who may use them.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::{check, enroll};
use crate::edge::hosts::{Hosts, HostsError};
use crate::edge::pki::Authority;
use crate::logic::swarm::HostStatus;

/// Most bytes of a request.
const MAX_BODY: usize = 64 * 1024;

/// Everything swarmctl has.
pub(super) struct App {
    pub(super) authority: Authority,
    pub(super) hosts: Mutex<Hosts>,
    pub(super) token: String,
}

impl App {
    pub(super) fn hosts(&self) -> MutexGuard<'_, Hosts> {
        self.hosts.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The routes over `app`.
pub(super) fn router(app: Arc<App>) -> Router {
    let guarded = Router::new()
        .route("/swarm/enroll", post(enroll::enroll))
        .route("/swarm/hosts", get(list))
        .route("/swarm/hosts/{uuid}", get(one).delete(decommission))
        .route("/swarm/check", post(check::check))
        .route_layer(from_fn_with_state(app.clone(), guard));
    guarded
        .route("/health", get(health))
        .fallback(|| std::future::ready(problem(StatusCode::NOT_FOUND, "there is no such route")))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(app)
}

/// Lets operators through.
async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let header = request.headers().get(header::AUTHORIZATION);
    let shown = header.and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    if shown.is_some_and(|shown| shown.ct_eq(app.token.as_bytes()).into()) {
        return next.run(request).await;
    }
    problem(StatusCode::UNAUTHORIZED, "the token of swarmctl is missing or wrong")
}

async fn health() -> Response {
    let release = env!("CARGO_PKG_VERSION");
    Json(json!({ "status": "ok", "role": "swarmctl", "release": release })).into_response()
}

#[derive(Deserialize)]
struct Which {
    host_status: Option<String>,
}

async fn list(State(app): State<Arc<App>>, Query(which): Query<Which>) -> Response {
    let status = match which.host_status.as_deref().map(|text| (text, HostStatus::find(text))) {
        None => None,
        Some((_, Some(status))) => Some(status),
        Some((text, None)) => {
            let shown: String = text.chars().take(80).collect();
            let detail = format!("host_status: `{shown}` is no status");
            return problem(StatusCode::UNPROCESSABLE_ENTITY, &detail);
        }
    };
    match app.hosts().list(status) {
        Ok(hosts) => Json(hosts).into_response(),
        Err(error) => failed(&error),
    }
}

async fn one(State(app): State<Arc<App>>, Path(uuid): Path<String>) -> Response {
    let found = uuid.parse::<Uuid>().map_or(Ok(None), |uuid| app.hosts().host(uuid));
    match found {
        Ok(Some(host)) => Json(host).into_response(),
        Ok(None) => unknown(),
        Err(error) => failed(&error),
    }
}

async fn decommission(State(app): State<Arc<App>>, Path(uuid): Path<String>) -> Response {
    let done = uuid.parse::<Uuid>().map_or(Ok(false), |uuid| app.hosts().decommission(uuid));
    match done {
        Ok(true) => {
            tracing::info!(node = uuid, "decommissioned a node");
            StatusCode::NO_CONTENT.into_response()
        }
        Ok(false) => unknown(),
        Err(error) => failed(&error),
    }
}

fn unknown() -> Response {
    problem(StatusCode::NOT_FOUND, "there is no such node")
}

/// The record fails.
pub(super) fn failed(error: &HostsError) -> Response {
    if let HostsError::Duplicate(_) = error {
        return problem(StatusCode::CONFLICT, &error.to_string());
    }
    tracing::error!(%error, "the record of nodes fails");
    problem(StatusCode::INTERNAL_SERVER_ERROR, "the record of nodes fails, see the log")
}

/// A status and a sentence.
pub(super) fn problem(status: StatusCode, detail: &str) -> Response {
    (status, Json(json!({ "detail": detail }))).into_response()
}
