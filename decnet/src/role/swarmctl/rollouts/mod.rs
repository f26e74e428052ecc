//! `/swarm/rollouts` and `/swarm/rollback`: releases for many nodes.
//!
//! A rollout is begun with a bundle and goes on here, whoever follows it. What is to happen is
//! decided in `logic::rollout`, and written down before it is done.

mod begin;
mod dry;
mod engine;
mod errand;
mod follow;
mod forgive;
mod look;
mod parcel;
mod rollback;
mod updater;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use uuid::Uuid;

pub(super) use engine::{Rolling, heard, watch};

use super::app::App;
use super::problem::Problem;
use crate::edge::hosts::{HostsError, RolloutRow};
use crate::logic::rollout::{Brief, Counts, Event, NodeReport, Report};
use crate::logic::swarm::Host;
use engine::Untaken;

/// The routes.
pub(super) fn routes() -> Router<Arc<App>> {
    let begin = post(begin::begin).layer(DefaultBodyLimit::disable());
    Router::new()
        .route("/swarm/rollouts", begin.get(list))
        .route("/swarm/rollouts/{id}", get(follow::one))
        .route("/swarm/rollouts/{id}/{act}", post(act))
        .route("/swarm/rollback", post(rollback::roll_back))
        .route("/swarm/releases/forgive", post(forgive::forgive))
        .route("/swarm/quarantines", get(forgive::list))
}

async fn list(State(app): State<Arc<App>>) -> Result<Json<Vec<Brief>>, Problem> {
    Ok(Json(app.hosts().rollouts()?.iter().map(brief).collect()))
}

async fn act(
    State(app): State<Arc<App>>,
    Path((id, act)): Path<(String, String)>,
) -> Result<Json<Report>, Problem> {
    let event = match act.as_str() {
        "abort" => Event::Abort,
        "pause" => Event::Pause,
        "resume" => Event::Resume,
        _ => return Err(Problem::new(StatusCode::NOT_FOUND, "there is no such route")),
    };
    let id = number(&id)?;
    engine::take(&app, id, Some(event)).map_err(|error| match error {
        Untaken::Unknown => unknown(),
        Untaken::Hosts(error) => error.into(),
        Untaken::OutOfPlace(error) => {
            Problem::new(StatusCode::CONFLICT, format!("cannot {act} the rollout: {error}"))
        }
    })?;
    engine::sweep(&app);
    report(&app, id)?.map(Json).ok_or_else(unknown)
}

fn number(id: &str) -> Result<Uuid, Problem> {
    id.parse().ok().ok_or_else(unknown)
}

fn unknown() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is no such rollout")
}

fn brief(row: &RolloutRow) -> Brief {
    Brief {
        id: row.id,
        created_at: row.created_at,
        state: row.rollout.phase,
        release: row.offer.clone(),
        counts: Counts::of(row.rollout.nodes.iter().map(|(_, state)| state)),
    }
}

/// How a rollout is, when there is one of that number.
fn report(app: &App, id: Uuid) -> Result<Option<Report>, HostsError> {
    let hosts = app.hosts();
    let Some(row) = hosts.rollout(id)? else { return Ok(None) };
    let known = hosts.list(None)?;
    let nodes = hosts.rollout_nodes(id)?;
    let told = nodes.into_iter().filter_map(|node| {
        let host: &Host = known.iter().find(|host| host.host_uuid == node.host)?;
        let place = (host.host_uuid, host.name.clone(), host.address.clone());
        Some(NodeReport::new(place, node.state, &node.own, node.attempt))
    });
    let nodes = told.collect();
    Ok(Some(Report { brief: brief(&row), policy: row.rollout.policy, nodes }))
}
