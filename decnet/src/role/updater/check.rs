//! `POST /releases/check`: what would be said of a release, by its head alone. Nothing is changed.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::answer::Answer;
use super::app::{Answered, App};
use super::look::needs;
use super::{gate, trust};
use crate::edge::update::{free, outcomes_of};
use crate::logic::release::{Component, Envelope, Release};
use crate::logic::update::{Journal, Reason, Space, quarantine};

/// Most bytes of what is asked: a manifest and signatures, escaped.
const MOST: usize = 3 * 1024 * 1024;

/// What is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// `signatures.json`.
    signatures: String,
    /// `release.json`.
    manifest: String,
    /// How much would be sent for the agent, and for the updater where that is meant too.
    agent_bytes: u64,
    #[serde(default)]
    updater_bytes: Option<u64>,
}

/// Says why each component would not take it: nothing where it would.
pub(super) async fn check(State(app): State<Arc<App>>, body: Body) -> Answered {
    let bad = |error: String| Answer::problem(StatusCode::BAD_REQUEST, error);
    let body = axum::body::to_bytes(body, MOST).await;
    let body = body.map_err(|error| bad(format!("it takes {MOST} bytes at most: {error}")))?;
    let asked: Asked = serde_json::from_slice(&body).map_err(|error| bad(error.to_string()))?;
    let release = Release::parse(asked.manifest.as_bytes());
    let release = release.map_err(|error| bad(format!("manifest: {error}")))?;
    let envelope = Envelope::parse(asked.signatures.as_bytes());
    let envelope = envelope.map_err(|error| bad(format!("signatures: {error}")))?;
    let parts =
        [(Component::Agent, Some(asked.agent_bytes)), (Component::Updater, asked.updater_bytes)];
    // Files are read.
    let found = tokio::task::spawn_blocking(move || {
        let status = app.engine.status();
        parts.map(|(component, sent)| {
            let journal = match component {
                Component::Agent => &status.agent,
                Component::Updater => &status.updater,
            };
            sent.map(|sent| refusals(&app, journal, (&envelope, &release), sent))
        })
    });
    let ended = |_error| Answer::problem(StatusCode::INTERNAL_SERVER_ERROR, "nobody has looked");
    let [agent, updater] = found.await.map_err(ended)?;
    Ok(Json(json!({ "agent": agent, "updater": updater })))
}

fn refusals(
    app: &App,
    journal: &Journal,
    (envelope, release): (&Envelope, &Release),
    sent: u64,
) -> Vec<String> {
    let digest = release.digest();
    if journal.current.as_ref().is_some_and(|current| current.digest == digest) {
        return Vec::new();
    }
    let place = app.place(journal.component);
    let mut found = Vec::new();
    let trusted = trust::read(&app.settings);
    match trusted.map(|it| gate::gate(it.trust, journal.component, journal.floor)) {
        Ok(Ok(gate)) => {
            found.extend(gate.check(envelope, release).err().map(|refusal| refusal.to_string()));
        }
        Ok(Err(error)) => found.push(format!("{error:#}")),
        Err(why) => found.push(Reason::Untrusting(why.into()).to_string()),
    }
    if journal.is_quarantined(digest) {
        let outcomes = outcomes_of(&place, &[digest]).unwrap_or_default();
        let why = quarantine::why(outcomes.get(&digest).into_iter().flatten());
        found.push(format!("{}: {why}", Reason::Quarantined));
    }
    found.extend(no_space(app, &place.install, sent, needs(release)));
    found
}

/// Whether what is sent and what is unpacked from it find room, at the same time: bytes and inodes.
fn no_space(app: &App, install: &Path, sent: u64, unpacked: Space) -> Vec<String> {
    let (spool, reserve) = (app.spool.dir(), app.settings.reserve);
    let device = |path: &Path| std::fs::metadata(path).map(|found| found.dev()).ok();
    // What is sent is one file.
    let sent = Space { bytes: sent, files: 1 };
    let both = Space {
        bytes: sent.bytes.saturating_add(unpacked.bytes),
        files: sent.files.saturating_add(unpacked.files),
    };
    let rooms = if device(install) == device(spool) {
        vec![(install, both)]
    } else {
        vec![(spool, sent), (install, unpacked)]
    };
    let lacking = |(dir, needs): (&Path, Space)| match free(dir, reserve) {
        Ok(free) => {
            let bytes = Reason::NoSpace { needs: needs.bytes, free: free.bytes };
            let files = Reason::NoFiles { needs: needs.files, free: free.files };
            let bytes = (needs.bytes > free.bytes).then(|| bytes.to_string());
            let files = (needs.files > free.files).then(|| files.to_string());
            bytes.into_iter().chain(files).collect()
        }
        Err(error) => vec![format!("cannot tell how much space is free: {error}")],
    };
    rooms.into_iter().flat_map(lacking).collect()
}
