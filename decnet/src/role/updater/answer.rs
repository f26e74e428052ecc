//! How an attempt ended, as a status and JSON.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::engine::Ended;
use crate::logic::release::Identity;
use crate::logic::update::{AttemptId, Kind, Outcome, Reason};

/// A status and what is said with it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

impl Answer {
    /// Something that went wrong, as text.
    pub(super) fn problem(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, body: json!({ "detail": detail.into() }) }
    }

    /// Another attempt is under way.
    pub(super) fn busy(running: &AttemptId) -> Self {
        let running = running.0.as_str();
        let error = format!("the attempt `{running}` is under way");
        let body = json!({ "detail": { "error": error, "attempt": running } });
        Self { status: StatusCode::CONFLICT, body }
    }

    /// How an attempt ended.
    pub(super) fn of(ended: &Ended, attempt: &AttemptId, kind: Kind) -> Self {
        match ended {
            Ended::OtherBytes(found) => {
                let error = format!("sha256: what was sent has {found}");
                Self::problem(StatusCode::BAD_REQUEST, error)
            }
            Ended::Outcome(outcome, current) => {
                outcome_of(outcome, attempt, Some(kind), current.as_ref())
            }
        }
    }
}

fn release(identity: &Identity) -> Value {
    json!({ "digest": identity.digest, "version": identity.version })
}

/// How an attempt of some kind ended; a release is shown where it is known.
pub(super) fn outcome_of(
    outcome: &Outcome,
    attempt: &AttemptId,
    kind: Option<Kind>,
    current: Option<&Identity>,
) -> Answer {
    let release = current.map(release);
    let attempt = attempt.0.as_str();
    let done = |word: &str| {
        let probe = "it answered for as long as it had to";
        let body =
            json!({ "status": word, "release": release, "probe": probe, "attempt": attempt });
        Answer { status: StatusCode::OK, body }
    };
    let failed = |status, error: String, cause: Value, rolled_back: bool| {
        let detail = json!({
            "error": error, "cause": cause, "rolled_back": rolled_back, "attempt": attempt,
        });
        Answer { status, body: json!({ "detail": detail }) }
    };
    let said = |cause| serde_json::to_value(cause).unwrap_or_default();
    let ok = |body| Answer { status: StatusCode::OK, body };
    match outcome {
        Outcome::Updated if kind == Some(Kind::Rollback) => done("rolled_back"),
        Outcome::Updated => done("updated"),
        Outcome::Unchanged => {
            ok(json!({ "status": "unchanged", "release": release, "attempt": attempt }))
        }
        Outcome::Forgiven => ok(json!({ "status": "forgiven", "attempt": attempt })),
        Outcome::NewRoot { version } => {
            ok(json!({ "status": "new_root", "version": version, "attempt": attempt }))
        }
        Outcome::Queued => {
            let body = json!({ "status": "self_update_queued", "attempt": attempt });
            Answer { status: StatusCode::ACCEPTED, body }
        }
        Outcome::RolledBack { cause } => {
            let is_back = kind == Some(Kind::Rollback);
            let status =
                if is_back { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::CONFLICT };
            failed(status, format!("the release was taken back: {cause}"), said(cause), true)
        }
        Outcome::FirstFailed { cause } => {
            let error = format!("the release was taken back, and there was none before: {cause}");
            failed(StatusCode::CONFLICT, error, said(cause), true)
        }
        Outcome::RolledBackBadly { cause, then } => {
            let error =
                format!("the release was taken back ({cause}), and the one before fails: {then}");
            failed(StatusCode::INTERNAL_SERVER_ERROR, error, said(then), false)
        }
        Outcome::Interrupted => {
            let error = "the updater or the machine ended before anything was changed".into();
            failed(StatusCode::INTERNAL_SERVER_ERROR, error, Value::Null, false)
        }
        Outcome::Failed { fault } => {
            let status = if fault.is_full {
                StatusCode::INSUFFICIENT_STORAGE
            } else {
                StatusCode::INTERNAL_SERVER_ERROR
            };
            failed(status, format!("nothing was changed: {}", fault.what), Value::Null, false)
        }
        Outcome::Refused { reason } => refused(reason, attempt),
    }
}

fn refused(reason: &Reason, attempt: &str) -> Answer {
    let status = match reason {
        // Whoever sent it is to send everything.
        Reason::Base(_) => StatusCode::PRECONDITION_FAILED,
        Reason::NoPrevious => StatusCode::NOT_FOUND,
        Reason::NoFiles { .. } | Reason::NoSpace { .. } => StatusCode::INSUFFICIENT_STORAGE,
        Reason::Bundle(_)
        | Reason::Quarantined
        | Reason::Refused(_)
        | Reason::Unfit(_)
        | Reason::Untrusting(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let error = format!("nothing was changed: {reason}");
    let detail = json!({ "error": error, "rolled_back": false, "attempt": attempt });
    Answer { status, body: json!({ "detail": detail }) }
}
