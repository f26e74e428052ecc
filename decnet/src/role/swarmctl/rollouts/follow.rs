//! `GET /swarm/rollouts/{id}`: how a rollout is, once or as it goes on (server-sent events).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use uuid::Uuid;

use super::{number, report, unknown};
use crate::role::swarmctl::app::App;
use crate::role::swarmctl::problem::Problem;

/// A listener hears no more often than this.
const SHORTEST: Duration = Duration::from_millis(200);
/// After so long without news it hears that the line is there.
const LONGEST: Duration = Duration::from_secs(15);

pub(super) async fn one(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = number(&id)?;
    let known = report(&app, id)?.ok_or_else(unknown)?;
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if !accept.is_some_and(|accept| accept.contains("text/event-stream")) {
        return Ok(Json(known).into_response());
    }
    let place = app.rolling.listeners.clone().try_acquire_owned().or(Err(Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too many listen to rollouts already: ask without `accept: text/event-stream`",
    )))?;
    let mut changed = app.rolling.changed.subscribe();
    changed.mark_changed();
    let listener = Listener { app, id, changed, _place: place };
    let body = Body::from_stream(stream::unfold(Some(listener), |listener| async {
        let (piece, listener) = listener?.next().await?;
        Some((Ok::<_, Infallible>(piece), listener))
    }));
    let kind = HeaderValue::from_static("text/event-stream");
    Ok(([(header::CONTENT_TYPE, kind)], body).into_response())
}

/// Somebody who follows a rollout.
struct Listener {
    app: Arc<App>,
    id: Uuid,
    changed: watch::Receiver<u64>,
    _place: OwnedSemaphorePermit,
}

impl Listener {
    /// What it hears next, and whether more comes: nothing does once the rollout rests.
    async fn next(mut self) -> Option<(Bytes, Option<Self>)> {
        let news = tokio::time::timeout(LONGEST, self.changed.changed()).await;
        if news.is_err() {
            return Some((Bytes::from_static(b": still here\n\n"), Some(self)));
        }
        // What happens in between is told with it.
        tokio::time::sleep(SHORTEST).await;
        self.changed.mark_unchanged();
        let now = report(&self.app, self.id).ok()??;
        let text = serde_json::to_string(&now).ok()?;
        let piece = Bytes::from(format!("event: rollout\ndata: {text}\n\n"));
        Some((piece, if now.rests() { None } else { Some(self) }))
    }
}
