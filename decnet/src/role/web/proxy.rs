//! Passes requests on to the api, and its answers back, as they come.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use http_body_util::Limited;
use serde_json::json;

use crate::edge::clock;
use crate::edge::http::{Peer, Upstream, UpstreamError};
use crate::logic::vouch::{self, WebKey};

/// Largest body of a request that is passed on, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// What concerns one connection only (RFC 9110 section 7.6.1), and what nobody but us may say.
const NOT_PASSED: [&str; 11] = [
    "connection",
    "expect",
    "forwarded",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    vouch::HEADER,
    "x-forwarded-for",
];

/// To whom requests are passed on.
pub(super) struct Passing {
    pub(super) api: Upstream,
    /// By which the api believes what is said of browsers here.
    pub(super) key: Option<WebKey>,
}

pub(super) async fn pass(State(to): State<Arc<Passing>>, mut request: Request) -> Response {
    if request.body().size_hint().lower() > MAX_BODY as u64 {
        let detail = "the body is larger than 64 KiB";
        return problem(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail);
    }
    let peer = request.extensions().get::<Peer>().copied();
    strip(request.headers_mut());
    if let (Some(Peer(address)), Some(key)) = (peer, &to.key)
        && let Ok(value) =
            HeaderValue::from_str(&key.vouch(address.ip().to_canonical(), clock::now()))
    {
        request.headers_mut().insert(vouch::HEADER, value);
    }
    let request = request.map(|body| Body::new(Limited::new(body, MAX_BODY)));
    match to.api.send(request).await {
        Ok(mut response) => {
            strip(response.headers_mut());
            response
        }
        Err(error) => failed(&error),
    }
}

fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in NOT_PASSED {
        headers.remove(name);
    }
}

fn failed(error: &UpstreamError) -> Response {
    tracing::debug!(error = error as &dyn std::error::Error, "cannot pass a request on");
    let text = error.to_string();
    match error {
        UpstreamError::Connect { .. } => {
            let detail = format!("{text}: is `decnet api` running?");
            problem(StatusCode::BAD_GATEWAY, "api_down", &detail)
        }
        UpstreamError::Answer { .. } => problem(StatusCode::BAD_GATEWAY, "api_broke", &text),
        UpstreamError::Late { .. } => problem(StatusCode::GATEWAY_TIMEOUT, "api_late", &text),
    }
}

fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    (status, Json(json!({ "detail": detail, "code": code }))).into_response()
}
