//! The routes of the updater.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use anyhow::Result;
use axum::extract::{DefaultBodyLimit, Extension, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::from_fn;
use axum::routing::{get, head, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::{Answer, outcome_of};
use super::engine::{Engine, Wish, made_up};
use super::form::{Form, Room};
use super::identity::{self, Known};
use super::parts::Parts;
use super::room::{Rooms, TooFew};
use super::spool::Spool;
use super::trial::{self, Trial};
use super::{Settings, check, forgive, gate, uploads};
use crate::edge::http::hear_out;
use crate::edge::update::{Place, find, free};
use crate::logic::release::{Component, Digest, Identity, Label};
use crate::logic::time::Timestamp;
use crate::logic::trust::Caller;
use crate::logic::update::{AttemptId, Journal, Kind, Phase};

/// Bytes that a form may have beside what is sent with it.
const MAX_FORM: u64 = 64 * 1024;

/// What the routes share.
pub(super) struct App {
    pub(super) settings: Settings,
    pub(super) spool: Spool,
    pub(super) rooms: Rooms,
    pub(super) engine: Engine,
    pub(super) trial: Trial,
    /// The updater's own release.
    release: Option<Digest>,
}

pub(super) type Answered<T = Json<Value>> = std::result::Result<T, Answer>;

impl App {
    /// Opens the spool.
    pub(super) fn new(
        settings: &Settings,
        engine: Engine,
        release: Option<Digest>,
        boot: Uuid,
    ) -> Result<Self> {
        let spool = Spool::open(settings.state_dir.join("updater/spool"))?;
        let rooms = engine.rooms().clone();
        let trial = Trial::new(settings, boot);
        Ok(Self { settings: settings.clone(), spool, rooms, engine, trial, release })
    }

    /// Whether the updater is this release.
    pub(super) fn is_release(&self, release: Digest) -> bool {
        self.release == Some(release)
    }

    pub(super) fn place(&self, component: Component) -> Place {
        Place::of(component, &self.settings.install_dir, &self.settings.state_dir)
    }

    /// How much may be sent; refuses what would fill the disk before a byte of it is read.
    pub(super) fn has_space(&self, headers: &HeaderMap) -> Answered<Room> {
        let most = self.settings.most;
        let length = headers.get(header::CONTENT_LENGTH);
        let length = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok()).unwrap_or(0);
        if length > most.saturating_add(MAX_FORM) {
            let detail = format!("it has more than {most} bytes");
            return Err(Answer::problem(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
        let unknown = |error: std::io::Error| {
            let detail = format!("cannot tell how much space is free: {error}");
            Answer::problem(StatusCode::INTERNAL_SERVER_ERROR, detail)
        };
        let full = |detail: String| Answer::problem(StatusCode::INSUFFICIENT_STORAGE, detail);
        if self.rooms.free(self.spool.dir()).map_err(unknown)?.files == 0 {
            return Err(full("there is no space for it: no more files can be made".into()));
        }
        let mut claim = self.rooms.none();
        // What is little is asked for when it comes.
        let promised = if length > MAX_FORM { length } else { 0 };
        let mut grown = claim.grow(promised).map_err(unknown)?;
        if grown.is_err() {
            // Transfers that were broken off are no reason to refuse one that may be whole.
            self.spool.clear();
            grown = claim.grow(promised).map_err(unknown)?;
        }
        grown.map_err(|TooFew(free)| {
            full(format!("there is no space for it: it has {length} bytes, {free} are free"))
        })?;
        Ok(Room { most, promised, claim })
    }
}

/// The routes.
pub(super) fn router(app: Arc<App>, known: Arc<Known>) -> Router {
    let nowhere =
        || std::future::ready(Answer::problem(StatusCode::NOT_FOUND, "there is no such route"));
    Router::new()
        .route("/health", get(health))
        .route("/releases", get(releases))
        .route("/attempts/{id}", get(attempt))
        .route("/uploads/{sha256}", head(uploads::offset).patch(uploads::add))
        .route("/update", post(update))
        .route("/update-self", post(update_self))
        .route("/rollback", post(rollback))
        .route("/releases/check", post(check::check))
        .route("/releases/forgive", post(forgive::forgive))
        .route(trial::PROVED, post(trial::proved))
        .merge(identity::routes(known))
        .fallback(nowhere)
        // Each route counts for itself.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(hear_out))
        .layer(from_fn(trial::guard))
        .with_state(app)
}

/// When a release was installed.
fn installed_at(place: &Place, identity: &Identity) -> String {
    let changed = std::fs::metadata(place.release(identity.digest).join("release.json"));
    let changed = changed.and_then(|found| found.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    let since = changed.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)).to_string()
}

fn slot(place: &Place, identity: Option<&Identity>) -> Value {
    identity.map_or(Value::Null, |identity| {
        let at = installed_at(place, identity);
        json!({ "digest": identity.digest, "version": identity.version, "installed_at": at })
    })
}

async fn health(State(app): State<Arc<App>>, Extension(caller): Extension<Caller>) -> Json<Value> {
    let status = app.engine.status();
    let is_on_trial = matches!(status.updater.phase, Phase::Trial { .. });
    if is_on_trial && app.trial.reached(caller.role, Instant::now()) {
        let engine = app.engine.clone();
        tokio::spawn(async move { engine.prove().await });
    }
    let place = app.place(Component::Agent);
    let mut releases = Vec::new();
    for (name, identity) in [("current", &status.agent.current), ("prev", &status.agent.prev)] {
        if let (Some(_), Value::Object(mut shown)) = (identity, slot(&place, identity.as_ref())) {
            shown.insert("slot".into(), name.into());
            releases.push(Value::Object(shown));
        }
    }
    let mut body = json!({
        "status": "ok", "role": "updater", "release": app.release,
        "version": env!("CARGO_PKG_VERSION"), "releases": releases,
        "pid": std::process::id(), "boot_id": app.trial.boot(),
    });
    if let (Some(attempt), Some(body)) = (status.attempt, body.as_object_mut()) {
        let running = [&status.agent, &status.updater];
        let running = running
            .into_iter()
            .find(|journal| journal.phase.attempt().is_some_and(|running| running.id == attempt));
        let phase = running.map_or("looking at what was sent", |journal| journal.phase.name());
        body.insert("attempt".into(), json!({ "id": attempt.0, "phase": phase }));
    }
    Json(body)
}

async fn releases(State(app): State<Arc<App>>) -> Answered {
    let status = app.engine.status();
    let unknown = |error: String| Answer::problem(StatusCode::INTERNAL_SERVER_ERROR, error);
    let free = free(&app.settings.install_dir, app.settings.reserve)
        .map_err(|error| unknown(format!("cannot tell how much space is free: {error}")))?;
    let machine = gate::machine(Component::Agent).map_err(|error| unknown(format!("{error:#}")))?;
    let part = |journal: &Journal| {
        let place = app.place(journal.component);
        json!({
            "current": slot(&place, journal.current.as_ref()),
            "prev": slot(&place, journal.prev.as_ref()),
            "floor": { "epoch": journal.floor.epoch, "number": journal.floor.number },
            "quarantine": forgive::shown(&place, journal),
        })
    };
    Ok(Json(json!({
        "agent": part(&status.agent), "updater": part(&status.updater),
        "free": { "bytes": free.bytes, "files": free.files },
        "arch": machine.arch, "kernel": machine.kernel,
    })))
}

async fn attempt(State(app): State<Arc<App>>, Path(id): Path<String>) -> Answered {
    let unknown = || {
        Answer::problem(StatusCode::NOT_FOUND, "there is no such attempt, or it is too long ago")
    };
    let label: Label = id.parse().ok().ok_or_else(unknown)?;
    let id = AttemptId(label);
    if app.engine.status().attempt.as_ref() == Some(&id) {
        return Ok(Json(json!({ "attempt": id.0, "state": "running" })));
    }
    for component in [Component::Agent, Component::Updater] {
        let found = find(&app.place(component), &id).map_err(|error| {
            let detail = format!("cannot read the audit log: {error}");
            Answer::problem(StatusCode::INTERNAL_SERVER_ERROR, detail)
        })?;
        if let Some(record) = found {
            let Answer { status, body } = outcome_of(&record.outcome, &id, record.kind, None);
            let release = record.to;
            return Ok(Json(json!({
                "attempt": id.0, "state": "done", "status": status.as_u16(), "body": body,
                "release": release, "component": record.component,
            })));
        }
    }
    Err(unknown())
}

/// A form, or what its sender hears whose request is none.
type Sent = Answered<Parts>;

async fn update(State(app): State<Arc<App>>, headers: HeaderMap, parts: Sent) -> Answered<Answer> {
    install(&app, Component::Agent, &headers, parts).await
}

async fn update_self(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    parts: Sent,
) -> Answered<Answer> {
    let mut answer = install(&app, Component::Updater, &headers, parts).await?;
    if answer.status == StatusCode::ACCEPTED
        && let Some(body) = answer.body.as_object_mut()
    {
        body.insert("argv".into(), json!(app.settings.command()));
    }
    Ok(answer)
}

async fn install(
    app: &Arc<App>,
    component: Component,
    headers: &HeaderMap,
    parts: Sent,
) -> Answered<Answer> {
    let parts = parts?;
    // Before the body is read; whoever is first when it is gets the place.
    if let Some(running) = app.engine.status().attempt {
        return Err(Answer::busy(&running));
    }
    let room = app.has_space(headers)?;
    let form = Form::read(parts, &app.spool, room).await?;
    let bad = |detail: &str| Answer::problem(StatusCode::BAD_REQUEST, detail);
    let sha256 = form.sha256.ok_or_else(|| bad("sha256: it is missing"))?;
    if component == Component::Updater && !form.confirm_self {
        return Err(bad("confirm_self: it must be `true` to replace the updater itself"));
    }
    let transfer = match form.sent {
        Some(transfer) => transfer,
        None if app.spool.offset(sha256) > 0 => super::form::open(&app.spool, sha256)?,
        None => return Err(bad("tarball: it is missing, and nothing was uploaded")),
    };
    let file = transfer.take().map_err(|error| super::form::unwritten(&error))?;
    let wish = Wish::Install { file, sha256 };
    run(app, component, form.attempt, wish, Kind::Update).await
}

/// Has something done in the one place there is for it.
pub(super) async fn run(
    app: &Arc<App>,
    component: Component,
    attempt: Option<AttemptId>,
    wish: Wish,
    kind: Kind,
) -> Answered<Answer> {
    let attempt = attempt.unwrap_or_else(made_up);
    if let Ok(Some(_)) = find(&app.place(component), &attempt) {
        let name = attempt.0.as_str();
        let detail = format!("attempt: `{name}` has ended already, see /attempts/{name}");
        return Err(Answer::problem(StatusCode::CONFLICT, detail));
    }
    app.engine.claim(&attempt).map_err(|running| Answer::busy(&running))?;
    let (engine, id) = (app.engine.clone(), attempt.clone());
    // It goes on when whoever asked has gone.
    let ended = tokio::spawn(async move { engine.carry_out(component, id, wish).await }).await;
    let gone = || Answer::problem(StatusCode::SERVICE_UNAVAILABLE, "the updater is stopping");
    let ended = ended.ok().flatten().ok_or_else(gone)?;
    Ok(Answer::of(&ended, &attempt, kind))
}

async fn rollback(State(app): State<Arc<App>>, parts: Sent) -> Answered<Answer> {
    let attempt = match parts {
        Ok(parts) => {
            let room = Room { most: 0, promised: 0, claim: app.rooms.none() };
            Form::read(parts, &app.spool, room).await?.attempt
        }
        // No body at all.
        Err(_) => None,
    };
    run(&app, Component::Agent, attempt, Wish::Rollback, Kind::Rollback).await
}
