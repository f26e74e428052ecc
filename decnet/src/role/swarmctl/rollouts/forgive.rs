//! `POST /swarm/releases/forgive` and `GET /swarm/quarantines`: releases that nodes do not take
//! again, and how that is lifted.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use futures_util::{StreamExt as _, stream};
use uuid::Uuid;

use super::engine;
use super::updater::{Releases, Trouble, Updater};
use crate::logic::release::{Component, Prefix};
use crate::logic::rollout::{
    Forgive, Quarantined, QuarantinedThere, Reverted, RevertedNode, Which,
};
use crate::logic::shown;
use crate::logic::swarm::Host;
use crate::role::swarmctl::app::App;
use crate::role::swarmctl::deploy::targets;
use crate::role::swarmctl::nodes::AT_ONCE;
use crate::role::swarmctl::problem::Problem;

/// Most releases of a component that a node has in quarantine: it keeps no more itself.
const MOST: usize = 16;
/// Most of why that is kept.
const SHOWN: usize = 300;

pub(super) async fn list(
    State(app): State<Arc<App>>,
) -> Result<Json<Vec<QuarantinedThere>>, Problem> {
    Ok(Json(app.hosts().quarantines()?))
}

pub(super) async fn forgive(
    State(app): State<Arc<App>>,
    body: Result<Json<Forgive>, JsonRejection>,
) -> Result<Json<Reverted>, Problem> {
    let Json(Forgive { hosts, digest, updater_port }) = body?;
    let which = hosts;
    let hosts = match &which {
        Which::All => targets(&app, &[])?,
        Which::Host(name) => targets(&app, std::slice::from_ref(name))?,
    };
    let asked = stream::iter(hosts).map(|host| one(&app, &which, host, (updater_port, &digest)));
    let mut results: Vec<RevertedNode> = asked.buffer_unordered(AT_ONCE).collect().await;
    results.sort_by(|a, b| a.host_name.cmp(&b.host_name));
    Ok(Json(Reverted { results }))
}

async fn one(
    app: &Arc<App>,
    which: &Which,
    host: Host,
    (port, digest): (u16, &Prefix),
) -> RevertedNode {
    let (ok, agent, detail) = match told(app, &host, port, digest).await {
        _ if host.updater_cert_fingerprint.is_none() => (
            *which == Which::All,
            "skipped".to_owned(),
            "it was enrolled without an updater".to_owned(),
        ),
        Ok(()) => (true, "forgiven".to_owned(), String::new()),
        // Of all nodes those are meant that have it.
        Err(Trouble::Declined { status: 404, detail }) if *which == Which::All => {
            (true, "skipped".to_owned(), detail)
        }
        Err(Trouble::Declined { status, detail }) => (false, status.to_string(), detail),
        Err(error) => (false, "error".to_owned(), error.to_string()),
    };
    tracing::info!(node = %host.host_uuid, outcome = agent, detail, "a release was to be forgiven");
    let (host_uuid, host_name, address) = (host.host_uuid, host.name, host.address);
    RevertedNode { host_uuid, host_name, address, ok, agent, detail }
}

async fn told(app: &Arc<App>, host: &Host, port: u16, digest: &Prefix) -> Result<(), Trouble> {
    let updater = Updater::of(app, host, port)?;
    updater.forgive(digest, &Uuid::now_v7().to_string()).await?;
    remember(app, host.host_uuid, &updater.releases().await?);
    Ok(())
}

/// Asks a node what it does not take any more; nothing hangs on the answer.
pub(super) async fn look(app: &Arc<App>, host: &Host, port: u16) {
    let Ok(updater) = Updater::of(app, host, port) else { return };
    if let Ok(releases) = updater.releases().await {
        remember(app, host.host_uuid, &releases);
    }
}

/// Writes down what a node does not take.
pub(super) fn remember(app: &App, host: Uuid, releases: &Releases) {
    let parts = [(Component::Agent, &releases.agent), (Component::Updater, &releases.updater)];
    let each = parts.into_iter().flat_map(|(component, slots)| {
        slots.quarantine.iter().take(MOST).map(move |found| Quarantined {
            component,
            digest: found.digest,
            why: shown::line(&found.why).chars().take(SHOWN).collect(),
        })
    });
    let all: Vec<Quarantined> = each.collect();
    engine::note(app.hosts().quarantine(host, &all));
}
