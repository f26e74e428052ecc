//! Asking a node again that has the release: what it said of itself counts when it still says it.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::updater::{SILENCE, Trouble, Updater};
use super::{engine, forgive};
use crate::edge::clock;
use crate::edge::hosts::{HostsError, NodeRow, RolloutRow};
use crate::logic::release::Digest;
use crate::logic::rollout::{Look, NodeState, Offer, OwnState, Skip, Well};
use crate::logic::swarm::{Host, HostStatus};
use crate::logic::time::Timestamp;
use crate::role::swarmctl::app::App;
use crate::role::swarmctl::nodes;

/// How long is waited before it is asked once more.
const PAUSE: Duration = Duration::from_secs(1);

/// What is read of an agent's `/health`.
#[derive(Deserialize)]
struct Health {
    release: String,
}

/// Waits for the soak, asks the node, and takes note of what it is.
pub(super) async fn again(app: Arc<App>, id: Uuid, host: Uuid, look: Look) {
    let state = loop {
        match found(&app, id, host, look).await {
            Ok(Some(state)) => break state,
            // Somebody else asks, or has asked.
            Ok(None) => return,
            Err(error) => engine::retry(&error).await,
        }
    };
    let (word, why) = (state.as_str(), state.why());
    if state.is_bad() {
        tracing::warn!(rollout = %id, node = %host, outcome = word, why, "a node has lost its release");
    }
    engine::looked(&app, id, host, (look, state)).await;
}

async fn found(
    app: &Arc<App>,
    id: Uuid,
    host: Uuid,
    look: Look,
) -> Result<Option<NodeState>, HostsError> {
    let Some(row) = app.hosts().rollout(id)? else { return Ok(None) };
    sleep(row.rollout.policy.soak()).await;
    let Some(node) = app.hosts().rollout_node(id, host)? else { return Ok(None) };
    let NodeState::Soaking { then, look: due } = node.state else { return Ok(None) };
    if due != look {
        return Ok(None);
    }
    let known = app.hosts().host(host)?;
    let known = known.filter(|host| host.status != HostStatus::Decommissioned);
    let Some(known) = known else {
        return Ok(Some(NodeState::Skipped { skip: Skip::Decommissioned }));
    };
    let _place = app.rolling.looks.acquire().await;
    Ok(Some(ask(app, &row, &node, &known, then).await))
}

/// Asks until it answers, or for as long as one is patient.
async fn ask(
    app: &Arc<App>,
    row: &RolloutRow,
    node: &NodeRow,
    host: &Host,
    then: Well,
) -> NodeState {
    let (until, since) = (Instant::now() + SILENCE, clock::now());
    loop {
        let asked = Asked { app, offer: &row.offer, node, host, then, since };
        match asked.once(row.rollout.policy.updater_port).await {
            Ok(state) => return state,
            Err(_) if Instant::now() < until => sleep(PAUSE).await,
            Err(Trouble::Away(why)) => return NodeState::Silent { why },
            Err(error) => return NodeState::Failed { why: error.to_string(), status: None },
        }
    }
}

struct Asked<'a> {
    app: &'a Arc<App>,
    offer: &'a Offer,
    node: &'a NodeRow,
    host: &'a Host,
    then: Well,
    since: Timestamp,
}

impl Asked<'_> {
    /// What the node says of itself now.
    async fn once(&self, port: u16) -> Result<NodeState, Trouble> {
        let target = self.offer.digest;
        let updater = Updater::of(self.app, self.host, port)?;
        let health = updater.health().await?;
        let releases = updater.releases().await?;
        forgive::remember(self.app, self.host.host_uuid, &releases);
        let current = releases.agent.current.map(|slot| slot.digest);
        if current != Some(target) {
            let now = name(current);
            let why = format!("it had the release, and is {now} again");
            return Ok(NodeState::RolledBack { why });
        }
        self.agent().await?;
        if self.node.own == OwnState::Done && health.release != Some(target) {
            let now = name(health.release);
            let why = format!("it was the release, and is {now} again");
            return Ok(NodeState::SelfFailed { then: self.then, why });
        }
        Ok(self.then.state())
    }

    /// Whether its agent runs the release, of a node whose agent the master has seen.
    async fn agent(&self) -> Result<(), Trouble> {
        if self.host.last_seen.is_none() {
            return Ok(());
        }
        let said = nodes::ask::<Health>(self.app, self.host, nodes::HEALTH, None::<&()>).await;
        let wanted = self.offer.digest.to_string();
        match said {
            Ok(Health { release }) if release == wanted => Ok(()),
            Ok(Health { release }) => {
                let shown: String = release.chars().take(12).collect();
                Err(Trouble::Wrong(format!("its agent says that it is release {shown}")))
            }
            // One behind a wall speaks by itself.
            Err(_) if self.has_spoken(&wanted) => Ok(()),
            Err(error) => Err(Trouble::Away(format!("its agent does not answer: {error:#}"))),
        }
    }

    /// Whether the agent has sent word since the look began, as this release.
    fn has_spoken(&self, release: &str) -> bool {
        let now = self.app.hosts().host(self.host.host_uuid).ok().flatten();
        now.is_some_and(|host| {
            host.release.as_deref() == Some(release) && host.last_seen > Some(self.since)
        })
    }
}

fn name(release: Option<Digest>) -> String {
    release.map_or_else(|| "none".to_owned(), |digest| format!("release {}", digest.short()))
}
