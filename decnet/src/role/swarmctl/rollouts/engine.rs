//! What keeps rollouts going: each event is taken, written down, and then carried out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::sync::{Semaphore, watch};
use uuid::Uuid;

use super::errand::errand;
use super::updater::Updater;
use super::{forgive, look};
use crate::edge::bundles::{Bundles, Parcels};
use crate::edge::hosts::{HostsError, RolloutRow};
use crate::logic::release::Digest;
use crate::logic::rollout::{Event, Look, NodeState, OutOfPlace, OwnState, Phase, Rollout, Skip};
use crate::logic::swarm::HostStatus;
use crate::role::swarmctl::app::App;
use crate::role::swarmctl::nodes::AT_ONCE;
use crate::role::swarmctl::renewals;

/// How often it is looked whether nodes are back.
const LOOK: Duration = Duration::from_secs(10);
/// How long is waited when the record cannot be written.
const AGAIN: Duration = Duration::from_secs(5);
/// Listeners to rollouts at a time.
const LISTENERS: usize = 64;

/// What rollouts need.
#[derive(Debug)]
pub(in crate::role::swarmctl) struct Rolling {
    pub(super) bundles: Bundles,
    pub(super) parcels: Parcels,
    /// Counts what has happened.
    pub(super) changed: watch::Sender<u64>,
    pub(super) listeners: Arc<Semaphore>,
    /// Nodes that are asked again at a time.
    pub(super) looks: Semaphore,
    /// Nodes that are away while a release waits for them, and which rollout brings it.
    away: Mutex<BTreeMap<Uuid, Uuid>>,
    /// Those of which it is being looked whether they are back.
    looking: Mutex<BTreeSet<Uuid>>,
    /// Bundles of which it is being looked what they would do.
    held: Arc<Mutex<Vec<Digest>>>,
}

/// A bundle that is not swept as long as this is there.
pub(super) struct Held(Arc<Mutex<Vec<Digest>>>, Digest);

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = held.iter().position(|sha256| *sha256 == self.1) {
            held.swap_remove(at);
        }
    }
}

impl Rolling {
    pub(in crate::role::swarmctl) fn new(bundles: Bundles) -> Self {
        Self {
            bundles,
            parcels: Parcels::default(),
            changed: watch::Sender::default(),
            listeners: Arc::new(Semaphore::new(LISTENERS)),
            looks: Semaphore::new(AT_ONCE),
            away: Mutex::default(),
            looking: Mutex::default(),
            held: Arc::default(),
        }
    }

    /// Keeps a bundle from being swept.
    pub(super) fn hold(&self, sha256: Digest) -> Held {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).push(sha256);
        Held(self.held.clone(), sha256)
    }

    fn away(&self) -> MutexGuard<'_, BTreeMap<Uuid, Uuid>> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn looking(&self) -> MutexGuard<'_, BTreeSet<Uuid>> {
        self.looking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why an event is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Untaken {
    #[error("there is no such rollout")]
    Unknown,
    #[error(transparent)]
    Hosts(#[from] HostsError),
    #[error(transparent)]
    OutOfPlace(#[from] OutOfPlace),
}

/// Takes an event, if there is one, writes down what comes of it, and has those nodes begin whose
/// turn it is, and those asked again of which it is time.
pub(super) fn take(app: &Arc<App>, id: Uuid, event: Option<Event>) -> Result<(), Untaken> {
    let (begin, soak) = {
        let mut hosts = app.hosts();
        let row = hosts.rollout(id)?.ok_or(Untaken::Unknown)?;
        let mut rollout = row.rollout.clone();
        if let Some(event) = event {
            rollout.take(event)?;
        }
        let begin = rollout.begin();
        hosts.save_rollout(id, &rollout, &row.rollout)?;
        if rollout.phase != row.rollout.phase {
            let phase = rollout.phase.as_str();
            tracing::info!(rollout = %id, phase, "a rollout has changed");
        }
        (begin, newly_soaking(&rollout, &row.rollout))
    };
    changed(app);
    for host in begin {
        tokio::spawn(bring(app.clone(), id, host));
    }
    for (host, time) in soak {
        tokio::spawn(look::again(app.clone(), id, host, time));
    }
    Ok(())
}

/// Those that are to be asked again and were not to be before.
fn newly_soaking(now: &Rollout, before: &Rollout) -> Vec<(Uuid, Look)> {
    let before: BTreeSet<(Uuid, Look)> = before.soaking().into_iter().collect();
    now.soaking().into_iter().filter(|one| !before.contains(one)).collect()
}

/// A node was asked again, this time, and is so.
pub(super) async fn looked(app: &Arc<App>, id: Uuid, host: Uuid, found: (Look, NodeState)) {
    let (time, state) = found;
    if let NodeState::SelfFailed { why, .. } = &state {
        let own = OwnState::Failed { why: why.clone(), status: None };
        note(app.hosts().own_ended(id, host, &own));
    }
    while let Err(error) = take(app, id, Some(Event::Looked(host, time, state.clone()))) {
        match error {
            Untaken::Hosts(error) => retry(&error).await,
            // All are asked once more, and it is one of them.
            Untaken::OutOfPlace(_) | Untaken::Unknown => break,
        }
    }
    sweep(app);
}

/// Whether a node may be told now; from here on it may have been.
pub(super) async fn may_try(app: &Arc<App>, id: Uuid, host: Uuid) -> bool {
    loop {
        match take(app, id, Some(Event::Trying(host))) {
            Ok(()) => return true,
            Err(Untaken::Hosts(error)) => retry(&error).await,
            Err(Untaken::OutOfPlace(_) | Untaken::Unknown) => return false,
        }
    }
}

/// Brings a node what it is to have, and takes note of what came of it.
async fn bring(app: Arc<App>, id: Uuid, host: Uuid) {
    let state = loop {
        match outcome(&app, id, host).await {
            Ok(state) => break state,
            Err(error) => retry(&error).await,
        }
    };
    let word = state.as_str();
    let why = state.why();
    tracing::info!(rollout = %id, node = %host, outcome = word, why, "a node has ended");
    if let NodeState::Offline { .. } = state {
        app.rolling.away().insert(host, id);
    }
    while let Err(error) = take(&app, id, Some(Event::Ended(host, state.clone()))) {
        match error {
            Untaken::Hosts(error) => retry(&error).await,
            error => {
                tracing::error!(rollout = %id, node = %host, %error, "an end is out of place");
                break;
            }
        }
    }
    sweep(&app);
}

async fn outcome(app: &Arc<App>, id: Uuid, host: Uuid) -> Result<NodeState, HostsError> {
    let (row, node, found) = {
        let hosts = app.hosts();
        (hosts.rollout(id)?, hosts.rollout_node(id, host)?, hosts.host(host)?)
    };
    let known = found.filter(|host| host.status != HostStatus::Decommissioned);
    let (Some(row), Some(node), Some(host)) = (row, node, known) else {
        return Ok(NodeState::Skipped { skip: Skip::Decommissioned });
    };
    renewals::before_asking(app, &host, row.rollout.policy.updater_port).await;
    match errand(app, &row, &node, &host) {
        Ok(errand) => {
            let state = errand.run(&node).await;
            if state.is_bad() {
                forgive::look(app, &host, row.rollout.policy.updater_port).await;
            }
            Ok(state)
        }
        Err(state) => Ok(state),
    }
}

pub(super) async fn retry(error: &HostsError) {
    let seconds = AGAIN.as_secs();
    tracing::error!(%error, "cannot write down how a rollout is, retrying in {seconds} s");
    tokio::time::sleep(AGAIN).await;
}

/// Says that something cannot be written down: it is done again after the next start.
pub(super) fn note(written: Result<(), HostsError>) {
    if let Err(error) = written {
        tracing::error!(%error, "cannot write down how a node of a rollout is");
    }
}

pub(super) fn changed(app: &App) {
    app.rolling.changed.send_modify(|count| *count += 1);
}

/// Removes bundles that nothing names any more.
pub(super) fn sweep(app: &App) {
    let named = app.hosts().named_bundles().map(|mut named| {
        named.extend(app.rolling.held.lock().unwrap_or_else(PoisonError::into_inner).iter());
        named
    });
    let swept =
        named.map(|named| app.rolling.bundles.sweep(&named).and(app.rolling.parcels.sweep(&named)));
    match swept {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "cannot remove a bundle"),
        Err(error) => tracing::error!(%error, "cannot tell which bundles are needed"),
    }
}

/// Takes up again what was under way when swarmctl ended, and looks from then on whether nodes are
/// back.
pub(in crate::role::swarmctl) async fn watch(app: Arc<App>) {
    take_up(&app);
    loop {
        match app.hosts().away() {
            Ok(away) => *app.rolling.away() = away.into_iter().collect(),
            Err(error) => tracing::error!(%error, "cannot tell which nodes are away"),
        }
        let away: Vec<Uuid> = app.rolling.away().keys().copied().collect();
        let looks = stream::iter(away).map(|host| look(app.clone(), host));
        looks.buffer_unordered(AT_ONCE).collect::<()>().await;
        tokio::time::sleep(LOOK).await;
    }
}

fn take_up(app: &Arc<App>) {
    let open = app.hosts().open_rollouts();
    let open = open.unwrap_or_else(|error| {
        tracing::error!(%error, "cannot tell which rollouts are under way");
        Vec::new()
    });
    for id in open {
        let row = app.hosts().rollout(id);
        let Ok(Some(RolloutRow { rollout, .. })) = row else { continue };
        let under_way = rollout.under_way();
        let count = under_way.len();
        tracing::info!(rollout = %id, under_way = count, "a rollout goes on");
        for host in under_way {
            tokio::spawn(bring(app.clone(), id, host));
        }
        for (host, time) in rollout.soaking() {
            tokio::spawn(look::again(app.clone(), id, host, time));
        }
        if rollout.phase == Phase::Running
            && let Err(error) = take(app, id, None)
        {
            tracing::error!(rollout = %id, %error, "a rollout does not go on");
        }
    }
    sweep(app);
}

/// A node has spoken: if a release waits for it, it is looked whether its updater is there too.
pub(in crate::role::swarmctl) fn heard(app: &Arc<App>, host: Uuid) {
    if app.rolling.away().contains_key(&host) {
        tokio::spawn(look(app.clone(), host));
    }
}

/// Looks whether a node that was away is back; if so it begins when it is its turn.
async fn look(app: Arc<App>, host: Uuid) {
    let Some(id) = app.rolling.away().get(&host).copied() else { return };
    if !app.rolling.looking().insert(host) {
        return;
    }
    if answers(&app, id, host).await {
        app.rolling.away().remove(&host);
        match take(&app, id, Some(Event::Back(host))) {
            Ok(()) => tracing::info!(rollout = %id, node = %host, "a node is back"),
            Err(error) => tracing::debug!(rollout = %id, node = %host, %error, "too late"),
        }
    }
    app.rolling.looking().remove(&host);
}

async fn answers(app: &Arc<App>, id: Uuid, host: Uuid) -> bool {
    let found = {
        let hosts = app.hosts();
        hosts.rollout(id).and_then(|row| Ok((row, hosts.host(host)?)))
    };
    let Ok((Some(row), Some(host))) = found else { return false };
    let updater = Updater::of(app, &host, row.rollout.policy.updater_port);
    match updater {
        Ok(updater) => updater.health().await.is_ok(),
        Err(_) => false,
    }
}
