//! The port for nodes: joining with a token, and with a certificate heartbeats and renewals.

use std::fmt;
use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Extension, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use rustls::ServerConfig;

use super::app::{App, nowhere};
use super::problem::Problem;
use super::{converge, join, places, rollouts, succession};
use crate::edge::clock;
use crate::edge::hosts::Reported;
use crate::edge::http::Peer;
use crate::edge::pki::{self, Authorize};
use crate::logic::swarm::{Heard, Host, NodeReport, Part};
use crate::logic::trust::{Caller, CertRole};

/// Most bytes of a request: the report of a node with 16,384 deckies.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// Lets in the agents of nodes that are enrolled and not decommissioned.
pub(super) struct Enrolled(pub(super) Arc<App>);

impl fmt::Debug for Enrolled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Enrolled")
    }
}

impl Authorize for Enrolled {
    fn authorizes(&self, caller: &Caller) -> bool {
        let is_good = || is_good(caller) || self.forgives(caller);
        caller.role == CertRole::Agent && self.host(caller).is_some() && is_good()
    }

    /// An operator has said that the node is to be taken back.
    fn forgives(&self, caller: &Caller) -> bool {
        let Some(host) = self.host(caller).filter(|_| !is_good(caller)) else { return false };
        let known = self.0.hosts().certificate(host.host_uuid, Part::Agent);
        known.is_ok_and(|known| known.is_open(clock::now()))
    }
}

impl Enrolled {
    fn host(&self, caller: &Caller) -> Option<Host> {
        self.0.hosts().known_by(caller.fingerprint).ok().flatten()
    }
}

fn is_good(caller: &Caller) -> bool {
    caller.validity.standing(clock::now()).is_good()
}

/// What the port shows.
pub(super) fn config(app: &Arc<App>) -> pki::Result<Arc<ServerConfig>> {
    let enrolled = Arc::new(Enrolled(app.clone()));
    Ok(Arc::new(pki::open_server_config(&app.master(), enrolled)?))
}

/// The routes over `app`.
pub(super) fn router(app: Arc<App>) -> Router {
    let known = Router::new()
        .route("/heartbeat", post(heartbeat))
        .route_layer(from_fn(good))
        .route("/renew", post(join::renew))
        .route_layer(from_fn_with_state(app.clone(), certificate));
    known
        .route("/join", post(join::join).layer(DefaultBodyLimit::max(64 * 1024)))
        .fallback(nowhere)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(app)
}

/// Lets through who has shown a certificate, so often; whether it is good was asked before. What one
/// node has to say in an hour is no reason for the others to wait: not a byte of it is read.
async fn certificate(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let Some(caller) = request.extensions().get::<Caller>() else {
        let detail = "this takes the certificate of an agent";
        return Problem::new(StatusCode::UNAUTHORIZED, detail).into_response();
    };
    let may = app.speaking().take(&caller.fingerprint, clock::now());
    if may.is_err() {
        let detail = "this node speaks too often: once in a second is enough";
        return Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).into_response();
    }
    next.run(request).await
}

/// Lets through whose certificate is good now. With one that has ended a node gets another, where an
/// operator has said so, and nothing else.
async fn good(request: Request, next: Next) -> Response {
    if request.extensions().get::<Caller>().is_some_and(is_good) {
        return next.run(request).await;
    }
    let detail = "this certificate is not good now: it may be renewed, and nothing else";
    Problem::new(StatusCode::FORBIDDEN, detail).into_response()
}

/// The node that speaks.
pub(super) fn host(app: &App, caller: &Caller) -> Result<Host, Problem> {
    let gone = || Problem::new(StatusCode::FORBIDDEN, "the node is no part of the fleet");
    let host = app.hosts().known_by(caller.fingerprint)?.ok_or_else(gone)?;
    if host.next_cert_fingerprint == Some(caller.fingerprint) {
        app.hosts().renewed(host.host_uuid)?;
        app.hosts().close_window(host.host_uuid, Part::Agent)?;
        app.hosts().ends(host.host_uuid, Part::Agent, caller.validity.until)?;
    }
    Ok(host)
}

async fn heartbeat(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Extension(Peer(peer)): Extension<Peer>,
    body: Result<Json<NodeReport>, JsonRejection>,
) -> Result<Json<Heard>, Problem> {
    let Json(report) = body?;
    let host = host(&app, &caller)?;
    let ends = app.hosts().certificate(host.host_uuid, Part::Agent)?.until;
    if ends.is_none() {
        app.hosts().ends(host.host_uuid, Part::Agent, caller.validity.until)?;
    }
    places::heard(&app, &host, peer.ip());
    succession::heard(&app, host.host_uuid, Part::Agent, &report.trusts)?;
    let renew = succession::wants_another(&app, host.host_uuid, Part::Agent)?;
    let known = app.hosts().revision(host.host_uuid)?;
    let heard = Heard {
        deckies: report.deckies.is_none() && known != Some(report.revision),
        masters: app.commands_with(),
        notice: app.notice().filter(|(number, _)| *number > report.notice).map(|(_, said)| said),
        renew,
    };
    let (id, generation) = (host.host_uuid, report.generation);
    converge::hear(&app, Reported { host: id, report, at: clock::now(), beat: true });
    rollouts::heard(&app, id);
    converge::behind(&app, host, generation);
    Ok(Json(heard))
}
