//! `/stream`: events as they come, and the counts when they change (server-sent events).
//!
//! Messages: `event` (an event; its id is where to resume), `stats` and `status` (the counts),
//! `gap` (so many events were passed over), `cut` (too slow, or another user's turn; resume from the
//! last id), `bye` (the login has ended).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::edge::clock;
use crate::logic::seats::Holder;
use crate::role::api::app::App;
use crate::role::api::endpoint::Endpoint;
use crate::role::api::extract::{Asked, Caller, Origin};
use crate::role::api::feed::{self, Frame};
use crate::role::api::problem::{Answer, Problem};
use crate::role::api::streams::Seat;

/// Most events that are sent again to whoever resumes.
const MAX_RESUMED: i64 = 1_000;

/// Events that are read at once for whoever resumes.
const RESUME_PAGE: u32 = 50;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let summary = "Streams events as they come and counts as they change (server-sent events)";
    vec![
        Endpoint::new(Method::GET, "/api/v1/stream", summary, stream)
            .query::<Query>()
            .media_type("text/event-stream"),
    ]
}

/// Where to begin.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Query {
    /// Begin after the event of this number, as `newest` of `/events` and `/stats` has it. A
    /// `Last-Event-ID` header says the same and goes before it. Else with the next event.
    after: Option<i64>,
}

async fn stream(
    State(app): State<Arc<App>>,
    caller: Caller,
    Origin(source): Origin,
    headers: HeaderMap,
    Asked(query): Asked<Query>,
) -> Answer<Response> {
    let resumed = match headers.get("last-event-id") {
        None => query.after,
        Some(value) => {
            let number = value.to_str().ok().and_then(|text| text.parse().ok());
            Some(number.ok_or_else(|| Problem::invalid("Last-Event-ID: not a number"))?)
        }
    };
    let who = Holder { login: caller.token_id.clone(), source, user: caller.name };
    let seat = app.streams.take(who).ok_or_else(|| {
        let detail = "you have as many streams open as one may have: close some";
        Problem::too_many("too_many_streams", detail, Duration::from_secs(10))
    })?;
    let (receiver, upto) = app.feed.listen();
    // The feed may be a little behind; a number that no event has yet is of another store.
    let newest = app.database.ask(|store| store.newest()).await?.max(upto);
    let listener = Listener {
        receiver,
        after: resumed.unwrap_or(upto).clamp(0, newest),
        upto,
        greeted: false,
        checked: Instant::now(),
        token_id: caller.token_id,
        seat,
        app,
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    let body = Body::from_stream(stream::unfold(Some(listener), |listener| async {
        let (piece, listener) = listener?.next().await;
        Some((Ok::<_, Infallible>(piece), listener))
    }));
    Ok((headers, body).into_response())
}

/// Someone who listens.
struct Listener {
    app: Arc<App>,
    receiver: Receiver<Frame>,
    /// The last event that was sent.
    after: i64,
    /// The last event that does not come from the feed.
    upto: i64,
    greeted: bool,
    checked: Instant,
    token_id: String,
    seat: Seat,
}

impl Listener {
    /// The next bytes to send, and who goes on listening.
    async fn next(mut self) -> (Bytes, Option<Self>) {
        if !self.greeted {
            self.greeted = true;
            return match self.app.database.ask(feed::counts).await {
                Ok(counts) => (counts, Some(self)),
                Err(_) => (message("bye", r#"{"code":"internal"}"#), None),
            };
        }
        if self.after < self.upto {
            return self.resume().await;
        }
        loop {
            if self.checked.elapsed() >= self.app.pulse {
                if !self.is_logged_in().await {
                    return (message("bye", r#"{"code":"unauthorized"}"#), None);
                }
                self.checked = Instant::now();
                return (Bytes::from_static(b":\n\n"), Some(self));
            }
            let wait = self.app.pulse.saturating_sub(self.checked.elapsed());
            let frame = tokio::select! {
                frame = self.receiver.recv() => frame,
                () = self.seat.is_over() => {
                    return (message("cut", r#"{"code":"too_many_streams"}"#), None);
                }
                () = tokio::time::sleep(wait) => continue,
            };
            match frame {
                Ok(Frame::Events(events)) => {
                    let mut bytes = Vec::new();
                    for (n, event) in events.iter() {
                        if *n > self.after {
                            bytes.extend_from_slice(event);
                            self.after = *n;
                        }
                    }
                    if !bytes.is_empty() {
                        return (bytes.into(), Some(self));
                    }
                }
                Ok(Frame::Gap { skipped, to }) => {
                    self.after = self.after.max(to);
                    return (gap(skipped), Some(self));
                }
                Ok(Frame::Counts(counts)) => return (counts, Some(self)),
                Err(RecvError::Lagged(_)) => {
                    return (message("cut", r#"{"code":"too_slow"}"#), None);
                }
                Err(RecvError::Closed) => return (message("bye", r#"{"code":"closing"}"#), None),
            }
        }
    }

    /// Sends again what came while nobody listened.
    async fn resume(mut self) -> (Bytes, Option<Self>) {
        let missed = self.upto.saturating_sub(self.after);
        if missed > MAX_RESUMED {
            self.after = self.upto.saturating_sub(MAX_RESUMED);
            return (gap(missed.saturating_sub(MAX_RESUMED)), Some(self));
        }
        let after = self.after;
        let events = self.app.database.ask(move |store| store.events_after(after, RESUME_PAGE));
        let Ok(events) = events.await else {
            return (message("bye", r#"{"code":"internal"}"#), None);
        };
        let mut bytes = Vec::new();
        for event in events.iter().filter(|event| event.n <= self.upto) {
            feed::write(&mut bytes, event);
        }
        self.after = events.last().map_or(self.upto, |event| event.n.min(self.upto));
        (bytes.into(), Some(self))
    }

    async fn is_logged_in(&self) -> bool {
        let (id, now) = (self.token_id.clone(), clock::now());
        let user = self.app.database.ask(move |store| store.token_user(&id, now)).await;
        user.is_ok_and(|user| user.is_some_and(|user| !user.must_change))
    }
}

fn gap(skipped: i64) -> Bytes {
    message("gap", &format!(r#"{{"skipped":{skipped}}}"#))
}

fn message(name: &str, data: &str) -> Bytes {
    format!("event: {name}\ndata: {data}\n\n").into()
}
