//! `POST /releases/forgive`: a release that failed here may be sent again.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Answer;
use super::app::{Answered, App, run};
use super::engine::Wish;
use crate::edge::update::{Place, outcomes_of};
use crate::logic::release::{Digest, Label, Prefix};
use crate::logic::update::{AttemptId, Journal, Kind, quarantine};

/// Most bytes of what is asked.
const MOST: usize = 4 * 1024;

/// What is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    digest: Prefix,
    #[serde(default)]
    attempt: Option<Label>,
}

/// The releases that failed here, each with why.
pub(super) fn shown(place: &Place, journal: &Journal) -> Value {
    let outcomes = outcomes_of(place, &journal.quarantine).unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot read the audit log");
        Default::default()
    });
    let each = journal.quarantine.iter().map(|digest| {
        let why = quarantine::why(outcomes.get(digest).into_iter().flatten());
        json!({ "digest": digest, "why": why })
    });
    Value::Array(each.collect())
}

/// Forgives it as an agent's and as an updater's, whichever failed.
pub(super) async fn forgive(State(app): State<Arc<App>>, body: Body) -> Answered {
    let bad = |error: String| Answer::problem(StatusCode::BAD_REQUEST, error);
    let body = axum::body::to_bytes(body, MOST).await;
    let body = body.map_err(|error| bad(format!("it takes {MOST} bytes at most: {error}")))?;
    let asked: Asked = serde_json::from_slice(&body).map_err(|error| bad(error.to_string()))?;
    let status = app.engine.status();
    let journals = [&status.agent, &status.updater];
    let mut found: Vec<Digest> =
        journals.iter().flat_map(|journal| journal.condemned(&asked.digest)).collect();
    found.sort_unstable();
    found.dedup();
    let digest = match found[..] {
        [] => {
            let why = format!("no release that begins with {} has failed here", asked.digest);
            return Err(Answer::problem(StatusCode::NOT_FOUND, why));
        }
        [digest] => digest,
        _ => {
            let all: Vec<String> = found.iter().map(ToString::to_string).collect();
            let why = format!("more than one begins with {}: {}", asked.digest, all.join(", "));
            return Err(Answer::problem(StatusCode::CONFLICT, why));
        }
    };
    let mut components = Vec::new();
    for journal in journals.into_iter().filter(|journal| journal.is_quarantined(digest)) {
        let component = journal.component;
        let attempt = named(asked.attempt.as_ref(), component.as_str());
        let answer = run(&app, component, attempt, Wish::Forgive(digest), Kind::Forgive).await?;
        if answer.status != StatusCode::OK {
            return Err(answer);
        }
        components.push(component);
    }
    Ok(Json(json!({
        "status": "forgiven", "release": { "digest": digest }, "components": components,
    })))
}

/// What the line in the log of a component is called.
fn named(attempt: Option<&Label>, component: &str) -> Option<AttemptId> {
    let label = format!("{}-{component}", attempt?.as_str()).parse().ok()?;
    Some(AttemptId(label))
}
