//! `POST /swarm/rollback`: nodes go back to the release that they had before.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use futures_util::{StreamExt as _, stream};
use uuid::Uuid;

use super::engine;
use super::updater::{Answer, TELL_DEADLINE, Trouble, Updater};
use crate::logic::rollout::{Revert, Reverted, RevertedNode, Which};
use crate::logic::swarm::Host;
use crate::role::swarmctl::app::App;
use crate::role::swarmctl::deploy::targets;
use crate::role::swarmctl::nodes::AT_ONCE;
use crate::role::swarmctl::problem::Problem;

/// How often it is asked what came of it.
const PAUSE: Duration = Duration::from_millis(500);
/// How often a node that is away is asked.
const TRIES: usize = 5;

pub(super) async fn roll_back(
    State(app): State<Arc<App>>,
    body: Result<Json<Revert>, JsonRejection>,
) -> Result<Json<Reverted>, Problem> {
    let Json(Revert { hosts, updater_port }) = body?;
    let hosts = match hosts {
        Which::All => targets(&app, &[])?,
        Which::Host(name) => targets(&app, &[name])?,
    };
    let asked = stream::iter(hosts).map(|host| one(&app, host, updater_port));
    let mut results: Vec<RevertedNode> = asked.buffer_unordered(AT_ONCE).collect().await;
    results.sort_by(|a, b| a.host_name.cmp(&b.host_name));
    Ok(Json(Reverted { results }))
}

async fn one(app: &Arc<App>, host: Host, port: u16) -> RevertedNode {
    let (ok, agent, detail) = if host.updater_cert_fingerprint.is_none() {
        (true, "skipped".to_owned(), "it was enrolled without an updater".to_owned())
    } else {
        match told(app, &host, port).await {
            Ok(Answer { status: 200, .. }) => {
                // Whatever a rollout wanted of it, it is not wanted any more.
                engine::note(app.hosts().desire_nothing(host.host_uuid));
                (true, "rolled-back".to_owned(), String::new())
            }
            Ok(answer) => (false, answer.status.to_string(), answer.detail()),
            Err(error) => (false, "error".to_owned(), error.to_string()),
        }
    };
    tracing::info!(node = %host.host_uuid, outcome = agent, detail, "a node was to go back");
    let (host_uuid, host_name, address) = (host.host_uuid, host.name, host.address);
    RevertedNode { host_uuid, host_name, address, ok, agent, detail }
}

/// Tells a node, and looks up what came of it when the connection breaks.
async fn told(app: &Arc<App>, host: &Host, port: u16) -> Result<Answer, Trouble> {
    let updater = Updater::of(app, host, port)?;
    let attempt = Uuid::now_v7().to_string();
    let broken = match updater.roll_back(&attempt).await {
        Err(error @ Trouble::Away(_)) => error,
        answered => return answered,
    };
    let outcome = async {
        let mut tries = 0;
        while tries < TRIES {
            match updater.attempt(&attempt).await {
                Ok(Some(found)) => match found.answer() {
                    Some(answer) => return Ok(answer),
                    None => tries = 0,
                },
                // It never heard of it.
                Ok(None) => return Err(broken.clone()),
                Err(Trouble::Away(_)) => tries += 1,
                Err(error) => return Err(error),
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(broken.clone())
    };
    tokio::time::timeout(TELL_DEADLINE, outcome).await.unwrap_or_else(|_| Err(broken.clone()))
}
