//! `POST /notice`: what the authority says to every daemon of a node, brought by whoever may come in.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::json;

use crate::edge::trusted::Trusted;
use crate::logic::swarm::{MAX_NOTICE, SignedNotice};
use crate::logic::trust::{Caller, CertRole};

/// Where it is.
pub(super) const PATH: &str = "/notice";

/// The route.
pub(super) fn routes<S: Clone + Send + Sync + 'static>(trusted: Arc<Trusted>) -> Router<S> {
    let limit = DefaultBodyLimit::max(2 * MAX_NOTICE);
    Router::new().route(PATH, post(take).layer(limit)).with_state(trusted)
}

async fn take(
    State(trusted): State<Arc<Trusted>>,
    caller: Option<Extension<Caller>>,
    body: Result<Json<SignedNotice>, JsonRejection>,
) -> Response {
    if !caller.is_some_and(|Extension(caller)| caller.role == CertRole::Master) {
        let detail = "this is for the master alone";
        return (StatusCode::FORBIDDEN, Json(json!({ "detail": detail }))).into_response();
    }
    let taken = match body {
        Ok(Json(signed)) => trusted.take(signed),
        Err(rejection) => {
            let detail = json!({ "detail": rejection.body_text() });
            return (rejection.status(), Json(detail)).into_response();
        }
    };
    match taken {
        Ok(number) => Json(json!({ "number": number })).into_response(),
        Err(error) => {
            let detail = json!({ "detail": error.to_string() });
            (StatusCode::UNPROCESSABLE_ENTITY, Json(detail)).into_response()
        }
    }
}
