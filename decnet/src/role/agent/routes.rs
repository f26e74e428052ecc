//! The routes of an agent, for its master alone. A request is put to the agent's loop like an
//! operator's ([`super::control`]).

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{self, DefaultBodyLimit, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use tokio::sync::mpsc;

use super::control::Asked;
use super::masters::Masters;
use super::remote::Health;
use crate::edge::http::Peer;
use crate::logic::control::{Answer, Request};
use crate::logic::name::DeckyName;
use crate::logic::swarm::{Count, MasterUrl, NODE_PORT_HEADER, Order, OrderedDecky};
use crate::logic::trust::{Caller, CertRole};
use crate::role::notice;

/// Most bytes of a request: an order of 16,384 deckies with settings.
const MAX_BODY: usize = 32 * 1024 * 1024;

/// The routes.
pub(super) fn router(health: Health, agent: mpsc::Sender<Asked>, masters: Arc<Masters>) -> Router {
    Router::new()
        .route("/health", get(move || std::future::ready(Json(health.clone()))))
        .route("/status", get(status))
        .route("/deploy", post(deploy))
        .route("/teardown", post(teardown))
        .route("/mutate", post(mutate))
        .merge(notice::routes(masters.trusted()))
        .fallback(|| std::future::ready(problem(StatusCode::NOT_FOUND, "there is no such route")))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(masters.clone(), find))
        .layer(from_fn_with_state(masters, master_or_health))
        .with_state(agent)
}

/// Lets the master do everything, a newer one bring what the authority says, and this node's updater
/// ask how the agent is.
async fn master_or_health(
    State(masters): State<Arc<Masters>>,
    request: extract::Request,
    next: Next,
) -> Response {
    let caller = request.extensions().get::<Caller>();
    let is_master = caller.is_some_and(|caller| {
        let brings_notice = request.uri().path() == notice::PATH;
        caller.role == CertRole::Master && (brings_notice || masters.commands(caller))
    });
    let is_updater = caller.is_some_and(|caller| caller.role == CertRole::Updater);
    let is_look = request.method() == Method::GET && request.uri().path() == "/health";
    if is_master || is_updater && is_look {
        next.run(request).await
    } else {
        problem(StatusCode::FORBIDDEN, "this is for the master alone")
    }
}

/// Takes note of where the master is reached.
async fn find(
    State(masters): State<Arc<Masters>>,
    request: extract::Request,
    next: Next,
) -> Response {
    let port = request.headers().get(NODE_PORT_HEADER).and_then(|port| port.to_str().ok());
    let port = port.and_then(|port| port.parse().ok()).filter(|port| *port != 0);
    let peer = request.extensions().get::<Peer>();
    let caller = request.extensions().get::<Caller>();
    let commands = |caller: &Caller| caller.role == CertRole::Master && masters.commands(caller);
    let port = port.filter(|_| caller.is_some_and(commands));
    if let (Some(port), Some(Peer(peer))) = (port, peer) {
        let host = peer.ip().to_canonical().to_string();
        masters.found_at(MasterUrl { host, port });
    }
    next.run(request).await
}

/// What `POST /deploy` takes: a configuration, or an order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deploy {
    /// The text of a configuration file.
    config: Option<String>,
    /// The number of the order.
    generation: Option<Count>,
    /// The deckies of the order.
    deckies: Option<Vec<OrderedDecky>>,
}

/// What `POST /mutate` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutate {
    /// Which decky.
    decky: DeckyName,
    /// Its services from now on.
    services: Vec<String>,
}

/// What `POST /teardown` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Teardown {
    /// Which decky; all when it is not said.
    #[serde(default)]
    decky: Option<DeckyName>,
}

type Taken<T> = Result<Json<T>, JsonRejection>;

async fn status(State(agent): State<mpsc::Sender<Asked>>) -> Response {
    ask(&agent, Request::Report).await
}

async fn deploy(State(agent): State<mpsc::Sender<Asked>>, body: Taken<Deploy>) -> Response {
    let asked = match body {
        Ok(Json(asked)) => asked,
        Err(rejection) => return problem(rejection.status(), &rejection.body_text()),
    };
    match (asked.config, asked.generation, asked.deckies) {
        (Some(config), None, None) => done(&agent, Request::Deploy { config, keep: true }).await,
        (None, Some(generation), Some(deckies)) => {
            done(&agent, Request::Order(Order { generation, deckies })).await
        }
        _ => problem(
            StatusCode::UNPROCESSABLE_ENTITY,
            "it takes `config`, or `generation` and `deckies`",
        ),
    }
}

async fn teardown(State(agent): State<mpsc::Sender<Asked>>, body: Taken<Teardown>) -> Response {
    match body {
        Ok(Json(Teardown { decky })) => done(&agent, Request::Teardown { decky }).await,
        Err(rejection) => problem(rejection.status(), &rejection.body_text()),
    }
}

async fn mutate(State(agent): State<mpsc::Sender<Asked>>, body: Taken<Mutate>) -> Response {
    match body {
        Ok(Json(Mutate { decky, services })) => {
            done(&agent, Request::Mutate { decky, services }).await
        }
        Err(rejection) => problem(rejection.status(), &rejection.body_text()),
    }
}

/// Asks for something to be done, and answers how the node is then.
async fn done(agent: &mpsc::Sender<Asked>, request: Request) -> Response {
    let response = ask(agent, request).await;
    if response.status().is_success() { ask(agent, Request::Report).await } else { response }
}

async fn ask(agent: &mpsc::Sender<Asked>, request: Request) -> Response {
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    match Asked::put(agent, request).await {
        Some(Answer::Report(report)) => Json(report).into_response(),
        Some(Answer::Done(status)) => Json(status).into_response(),
        Some(Answer::Refused { line, message }) => {
            let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            problem(unprocessable, &format!("{place}{message}"))
        }
        Some(Answer::Stale { generation }) => {
            let detail = format!("the order is older than the one that was taken, {generation}");
            let body = serde_json::json!({ "detail": detail, "generation": generation });
            (StatusCode::CONFLICT, Json(body)).into_response()
        }
        Some(Answer::Capturing) | None => {
            problem(StatusCode::SERVICE_UNAVAILABLE, "the agent is stopping")
        }
    }
}

fn problem(status: StatusCode, detail: &str) -> Response {
    (status, Json(serde_json::json!({ "detail": detail }))).into_response()
}
