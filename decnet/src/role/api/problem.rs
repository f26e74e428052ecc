//! What is answered when a request cannot be: a status, a code for programs and a sentence.

use std::error::Error;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

/// What a handler answers.
pub(super) type Answer<T> = Result<T, Problem>;

/// Why a request cannot be answered.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    code: &'static str,
    detail: String,
    retry_after: Option<Duration>,
}

/// A problem as JSON.
#[derive(Serialize, JsonSchema)]
pub(super) struct ProblemBody {
    /// What is wrong, for people.
    detail: String,
    /// What is wrong, for programs.
    code: &'static str,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), retry_after: None }
    }

    /// A value that cannot be; `detail` says which and why.
    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
    }

    /// There is no such thing.
    pub(super) fn missing(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("there is no such {what}"))
    }

    /// Nobody is logged in.
    pub(super) fn unauthorized() -> Self {
        let detail = "log in first: the token is missing, expired or ended";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    /// Whoever is logged in may not.
    pub(super) fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "this takes the role of admin")
    }

    /// The first password is still in force.
    pub(super) fn must_change() -> Self {
        let detail = "change the password first: POST /api/v1/auth/change-password";
        Self::new(StatusCode::FORBIDDEN, "password_change_required", detail)
    }

    /// Too many tries.
    pub(super) fn too_many(code: &'static str, detail: &str, wait: Duration) -> Self {
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail);
        Self { retry_after: Some(wait), ..problem }
    }

    /// Too much to do.
    pub(super) fn busy() -> Self {
        let detail = "too many requests are being answered, try again";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail);
        Self { retry_after: Some(Duration::from_secs(1)), ..problem }
    }

    /// A question that took too long.
    pub(super) fn slow() -> Self {
        let detail = "the answer took too long to find: ask for less, or a shorter time";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "slow", detail)
    }

    /// What should not happen. The reason is for the log, not for whoever asked.
    pub(super) fn internal(error: &(dyn Error + 'static)) -> Self {
        let mut chain = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            chain.push_str(": ");
            chain.push_str(&cause.to_string());
            source = cause.source();
        }
        tracing::error!(error = %chain, "request failed");
        let detail = "the request failed, and the log of `decnet api` says why";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Json(ProblemBody { detail: self.detail, code: self.code });
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, wait.as_secs().saturating_add(1).into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
