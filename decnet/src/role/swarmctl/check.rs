//! `POST /swarm/check`: asks every node how it is, many at once and none for long.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;

use super::app::App;
use super::nodes::{self, AT_ONCE, HEALTH};
use super::problem::Problem;
use crate::edge::clock;
use crate::logic::swarm::{Host, HostStatus, Outcome, Outcomes, is_name};

/// What is read of an agent's `/health`.
#[derive(Deserialize)]
struct Health {
    release: String,
}

pub(super) async fn check(State(app): State<Arc<App>>) -> Result<Json<Outcomes>, Problem> {
    let hosts = app.hosts().list(None)?;
    let asked = hosts.into_iter().filter(|host| host.status != HostStatus::Decommissioned);
    let all: Vec<(Outcome, Option<String>)> =
        stream::iter(asked).map(|host| one(&app, host)).buffer_unordered(AT_ONCE).collect().await;
    // Written at once: each write waits for the disk.
    let seen: Vec<_> =
        all.iter().map(|(outcome, release)| (outcome.host_uuid, release.clone())).collect();
    app.hosts().asked(&seen, clock::now())?;
    let mut results: Vec<Outcome> = all.into_iter().map(|(outcome, _)| outcome).collect();
    results.sort_by(|a, b| a.host_name.cmp(&b.host_name));
    Ok(Json(Outcomes { results }))
}

/// What came of asking a node, and the release that it said.
async fn one(app: &App, host: Host) -> (Outcome, Option<String>) {
    let asked = nodes::ask::<Health>(app, &host, HEALTH, None::<&()>).await;
    let (detail, release) = match asked {
        Ok(Health { release }) if is_name(&release) => {
            (format!("release {release}"), Some(release))
        }
        Ok(_) => ("it says a release that is no name".to_owned(), None),
        Err(error) => (format!("{error:#}"), None),
    };
    (Outcome::of(&host, release.is_some(), detail), release)
}
