//! The trial of a new updater, as it sees that itself: who has reached it from outside.
//!
//! The release before is its judge, and says so with the certificate of this node's updater. Where
//! none comes (its unit is not installed, its release is damaged) nobody could put anything back
//! either; then the master counts, when it has reached the updater for as long as a judge would.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Extension, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Settings;
use super::answer::Answer;
use super::app::App;
use super::probe::Proof;
use crate::logic::trust::{Caller, CertRole};
use crate::logic::update::Phase;

/// Where the judge says that it has seen the updater serve.
pub(super) const PROVED: &str = "/proved";

/// Who has reached this updater.
#[derive(Debug)]
pub(super) struct Trial {
    boot: Uuid,
    started: Instant,
    /// After so long no judge comes any more.
    alone: Duration,
    soak: Duration,
    reached: Mutex<Reached>,
}

#[derive(Debug, Default)]
struct Reached {
    by_judge: bool,
    by_master: Option<Instant>,
}

impl Trial {
    /// Nobody has reached it.
    pub(super) fn new(settings: &Settings, boot: Uuid) -> Self {
        let (alone, soak) = (2 * settings.patience, settings.soak);
        Self { boot, started: Instant::now(), alone, soak, reached: Mutex::default() }
    }

    /// What this process drew at its start.
    pub(super) fn boot(&self) -> Uuid {
        self.boot
    }

    /// Somebody has reached it; whether that proves it.
    pub(super) fn reached(&self, by: CertRole, now: Instant) -> bool {
        let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        if by == CertRole::Updater {
            reached.by_judge = true;
            return false;
        }
        let since = *reached.by_master.get_or_insert(now);
        !reached.by_judge
            && now.duration_since(self.started) >= self.alone
            && now.duration_since(since) >= self.soak
    }
}

/// Leaves this node's own updater nothing but what it needs to judge.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    let is_judge =
        request.extensions().get::<Caller>().is_some_and(|caller| caller.role == CertRole::Updater);
    if is_judge && !matches!(request.uri().path(), "/health" | PROVED) {
        let detail = "this certificate may only look whether the updater serves";
        return Answer::problem(StatusCode::FORBIDDEN, detail).into_response();
    }
    next.run(request).await
}

/// The judge has seen this updater serve.
pub(super) async fn proved(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Json(proof): Json<Proof>,
) -> Result<Json<Value>, Answer> {
    if caller.role != CertRole::Updater {
        let detail = "the release before judges this updater";
        return Err(Answer::problem(StatusCode::FORBIDDEN, detail));
    }
    let (nonce, _) = app.trial.boot().as_u64_pair();
    let is_ours =
        app.is_release(proof.release) && (proof.pid, proof.nonce) == (std::process::id(), nonce);
    let Phase::Trial { attempt, .. } = app.engine.status().updater.phase else {
        return Err(Answer::problem(StatusCode::CONFLICT, "this updater is not on trial"));
    };
    if !is_ours || attempt.to.digest != proof.release {
        let detail = "what was seen is another process, or another release";
        return Err(Answer::problem(StatusCode::CONFLICT, detail));
    }
    app.engine.prove().await;
    Ok(Json(json!({ "status": "proved" })))
}
