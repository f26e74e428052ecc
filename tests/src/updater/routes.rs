//! What such an updater answers.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Multipart, Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, head, post};
use decnet::logic::release::Digest;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::{Manner, Updater};

impl Updater {
    /// What becomes of a whole upload; the status and the answer.
    fn install(&self, attempt: &str, sha256: &str) -> (u16, Value) {
        let mut played = self.played();
        let bytes = played.uploads.remove(sha256).unwrap_or_default();
        if Digest::of(&bytes).to_string() != sha256 {
            return (400, json!({ "detail": { "error": "the upload is not whole" } }));
        }
        let read = decnet::edge::release::peek(&mut &bytes[..], |_, _| Ok(()));
        let release = read.expect("a bundle").0.digest();
        if played.manner == Manner::Unsound && is_parcel(&bytes) {
            let answer = unsound();
            played.attempts.insert(attempt.to_owned(), Some(answer.clone()));
            return answer;
        }
        let answer = match played.manner {
            Manner::RollsBack => {
                let detail = json!({ "error": "it was rolled back", "cause": "the probe failed",
                                     "rolled_back": true });
                (409, json!({ "detail": detail }))
            }
            _ if played.current == Some(release) => {
                (200, json!({ "status": "unchanged", "release": release }))
            }
            _ => {
                played.prev = played.current.replace(release);
                (200, json!({ "status": "updated", "release": release }))
            }
        };
        played.updates.push(release);
        played.attempts.insert(attempt.to_owned(), Some(answer.clone()));
        answer
    }
}

fn is_parcel(bytes: &[u8]) -> bool {
    bytes.starts_with(&decnet::logic::release::parcel::MAGIC)
}

fn unsound() -> (u16, Value) {
    (412, json!({ "detail": { "error": "what it builds on is damaged" } }))
}

pub(super) fn router(updater: Updater) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/releases", get(releases))
        .route("/attempts/{id}", get(attempt))
        .route("/uploads/{sha256}", head(offset).patch(append))
        .route("/releases/check", post(check))
        .route("/update", post(update))
        .route("/update-self", post(update_self))
        .route("/rollback", post(roll_back))
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(updater.clone(), hear))
        .with_state(updater)
}

async fn hear(State(updater): State<Updater>, request: Request, next: Next) -> Response {
    let line = format!("{} {}", request.method(), request.uri().path());
    updater.played().heard.push(line);
    next.run(request).await
}

fn told(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, axum::Json(body.clone())).into_response()
}

/// The connection breaks.
fn cut() -> Response {
    let broken = Err::<Bytes, _>(std::io::Error::other("cut"));
    Response::new(Body::from_stream(stream::iter([broken])))
}

async fn health(State(updater): State<Updater>) -> Response {
    let played = updater.played();
    let running = played.attempts.iter().find(|(_, answer)| answer.is_none());
    let running = running.map(|(id, _)| json!({ "id": id, "phase": "probing" }));
    let body = json!({ "status": "ok", "role": "updater", "release": played.own,
                       "version": "0.1.0", "attempt": running, "releases": [] });
    told(200, &body)
}

async fn releases(State(updater): State<Updater>) -> Response {
    let slot = |digest: Option<Digest>| {
        digest.map(|digest| json!({ "digest": digest, "version": "0.1.0" }))
    };
    let played = updater.played();
    let floor = json!({ "epoch": 1, "number": 1 });
    let agent =
        json!({ "current": slot(played.current), "prev": slot(played.prev), "floor": floor });
    let own = json!({ "current": slot(played.own), "prev": null, "floor": floor });
    let free = json!({ "bytes": 1_000_000_000u64, "files": 1_000 });
    told(
        200,
        &json!({ "agent": agent, "updater": own, "free": free, "arch": "x86_64",
                       "kernel": "6.1" }),
    )
}

/// Why it would not take a release.
async fn check(State(updater): State<Updater>) -> Response {
    let refusals = match updater.played().manner {
        Manner::Refuses(_) => vec!["it will not"],
        _ => Vec::new(),
    };
    told(200, &json!({ "agent": refusals, "updater": refusals }))
}

async fn attempt(State(updater): State<Updater>, Path(id): Path<String>) -> Response {
    match updater.played().attempts.get(&id) {
        None => told(404, &json!({ "detail": "there is no such attempt" })),
        Some(None) => told(200, &json!({ "attempt": id, "state": "running" })),
        Some(Some((status, body))) => {
            let done = json!({ "attempt": id, "state": "done", "status": status, "body": body });
            told(200, &done)
        }
    }
}

fn at(count: usize) -> [(&'static str, String); 1] {
    [("upload-offset", count.to_string())]
}

async fn offset(State(updater): State<Updater>, Path(sha256): Path<String>) -> Response {
    let count = updater.played().uploads.get(&sha256).map_or(0, Vec::len);
    at(count).into_response()
}

async fn append(
    State(updater): State<Updater>,
    Path(sha256): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let from = headers.get("upload-offset").and_then(|value| value.to_str().ok()?.parse().ok());
    let count = updater.played().uploads.entry(sha256.clone()).or_default().len();
    if from != Some(count) {
        return (StatusCode::CONFLICT, at(count)).into_response();
    }
    let manner = updater.played().manner;
    let mut body = body.into_data_stream();
    while let Some(Ok(piece)) = body.next().await {
        let mut played = updater.played();
        let upload = played.uploads.entry(sha256.clone()).or_default();
        upload.extend_from_slice(&piece);
        played.received += piece.len();
        let upload = played.uploads.entry(sha256.clone()).or_default();
        if let Manner::Stutters(most) = manner
            && upload.len() - count > most
        {
            upload.truncate(count + most);
            return cut();
        }
    }
    let count = updater.played().uploads.get(&sha256).map_or(0, Vec::len);
    (StatusCode::NO_CONTENT, at(count)).into_response()
}

/// The fields of a form.
async fn fields(mut form: Multipart) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    while let Ok(Some(field)) = form.next_field().await {
        let name = field.name().unwrap_or_default().to_owned();
        fields.insert(name, field.text().await.unwrap_or_default());
    }
    fields
}

fn busy(attempt: &str) -> Response {
    let detail = json!({ "error": "another attempt is under way", "attempt": attempt });
    told(409, &json!({ "detail": detail }))
}

/// What stands in the way of an update.
fn in_the_way(updater: &Updater) -> Option<Response> {
    let mut played = updater.played();
    let running = played.attempts.iter().find(|(_, answer)| answer.is_none());
    if let Some((id, _)) = running {
        return Some(busy(id));
    }
    match played.manner {
        Manner::Busy(left) => {
            played.manner = if left > 1 { Manner::Busy(left - 1) } else { Manner::Good };
            Some(busy("another"))
        }
        Manner::Deaf(true) => {
            played.manner = Manner::Deaf(false);
            Some(cut())
        }
        Manner::Refuses(status) => {
            Some(told(status, &json!({ "detail": { "error": "it will not", "cause": "so" } })))
        }
        _ => None,
    }
}

async fn update(State(updater): State<Updater>, form: Multipart) -> Response {
    let fields = fields(form).await;
    let (sha256, attempt) = (fields["sha256"].clone(), fields["attempt"].clone());
    if let Some(answer) = in_the_way(&updater) {
        return answer;
    }
    let (takes, manner) = {
        let mut played = updater.played();
        played.attempts.insert(attempt.clone(), None);
        (played.takes, played.manner)
    };
    let there = updater.clone();
    let work = tokio::spawn(async move {
        tokio::time::sleep(takes).await;
        updater.install(&attempt, &sha256)
    });
    match manner {
        Manner::Cuts => return cut(),
        Manner::TakenDown => {
            there.vanish();
            return cut();
        }
        _ => {}
    }
    let (status, body) = work.await.expect("no panic");
    match manner {
        Manner::FallsBack => {
            let mut played = there.played();
            played.current = played.prev;
        }
        Manner::FallsSilent => there.vanish(),
        _ => {}
    }
    told(status, &body)
}

async fn update_self(State(updater): State<Updater>, form: Multipart) -> Response {
    let fields = fields(form).await;
    if fields.get("confirm_self").map(String::as_str) != Some("true") {
        return told(400, &json!({ "detail": "confirm_self: say true" }));
    }
    let mut played = updater.played();
    if let Manner::RefusesSelf(status) = played.manner {
        return told(status, &json!({ "detail": { "error": "it will not", "cause": "so" } }));
    }
    let Some(bytes) = played.uploads.remove(&fields["sha256"]) else {
        return told(400, &json!({ "detail": { "error": "there is no such upload" } }));
    };
    if played.manner == Manner::Unsound && is_parcel(&bytes) {
        let (status, body) = unsound();
        return told(status, &body);
    }
    let read = decnet::edge::release::peek(&mut &bytes[..], |_, _| Ok(()));
    played.own = Some(read.expect("a bundle").0.digest());
    told(202, &json!({ "status": "self_update_queued", "argv": [] }))
}

async fn roll_back(State(updater): State<Updater>) -> Response {
    let mut played = updater.played();
    let Some(prev) = played.prev.take() else {
        return told(404, &json!({ "detail": { "error": "there is no release before" } }));
    };
    played.current = Some(prev);
    told(200, &json!({ "status": "rolled_back", "release": prev }))
}
