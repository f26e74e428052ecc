//! The routes, and who may use them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::problem::Problem;
use super::rollouts::{self, Rolling};
use super::{check, converge, deploy, enroll, master, notices, succession, teardown, tokens};
use crate::edge::bundles::Bundles;
use crate::edge::clock;
use crate::edge::hosts::{Hosts, Reported};
use crate::edge::http::hear_out;
use crate::edge::pki::{self, Authorities, Identity};
use crate::logic::config::MAX_CONFIG;
use crate::logic::limiter::Limiter;
use crate::logic::swarm::{Count, FleetDecky, Host, HostStatus, Listed, SignedNotice};
use crate::logic::trust::Fingerprint;

/// Most bytes of a request.
const MAX_BODY: usize = 64 * 1024;

/// How often a node may speak at once, and after which pause once more: it has something to say each
/// ten seconds.
const SPEAKS: (u32, Duration) = (60, Duration::from_secs(1));
/// Nodes of which that is remembered.
const NODES: usize = 16_384;

/// Everything swarmctl has.
pub(super) struct App {
    pub(super) token: String,
    /// Where nodes reach it.
    pub(super) node_port: u16,
    /// Where updaters listen.
    pub(super) updater_port: u16,
    /// One deploy at a time.
    pub(super) deploying: tokio::sync::Mutex<()>,
    /// What rollouts need.
    pub(super) rolling: Rolling,
    hosts: Mutex<Hosts>,
    /// How often each certificate has spoken of late.
    speaking: Mutex<Limiter<Fingerprint>>,
    /// What each node has said and is not written yet.
    beats: Mutex<BTreeMap<Uuid, Reported>>,
    /// Nodes that are being sent their order.
    pushing: Mutex<BTreeSet<Uuid>>,
    known_by: Mutex<KnownBy>,
    /// What the authority says to every daemon, and its number.
    notice: Mutex<Option<(Count, SignedNotice)>>,
    /// Nodes that are looked for where they spoke from, and when last.
    sought: Mutex<BTreeMap<Uuid, Instant>>,
    dir: PathBuf,
    /// Where the authorities are.
    ca: PathBuf,
}

/// Who signs, and what the master is known by.
struct KnownBy {
    authorities: Arc<Authorities>,
    master: Arc<Identity>,
    /// What it will be known by when another authority is in the place of this one.
    next: Option<Arc<Identity>>,
}

impl KnownBy {
    fn of(authorities: Authorities, dir: &std::path::Path) -> pki::Result<Self> {
        let master = master::identity(&authorities, dir)?;
        let next = master::next(&authorities, dir, &master)?.map(Arc::new);
        Ok(Self { authorities: Arc::new(authorities), master: Arc::new(master), next })
    }
}

impl App {
    /// What there is in `dir`, below which state is kept.
    pub(super) fn open(
        dir: PathBuf,
        (ca, authorities): (PathBuf, Authorities),
        token: String,
        (node_port, updater_port): (u16, u16),
    ) -> Result<Self> {
        let known_by = KnownBy::of(authorities, &dir)?;
        Ok(Self {
            hosts: Mutex::new(Hosts::open(&dir)?),
            speaking: Mutex::new(Limiter::new(SPEAKS.0, SPEAKS.1, NODES)),
            token,
            node_port,
            updater_port,
            deploying: tokio::sync::Mutex::default(),
            rolling: Rolling::new(Bundles::open(dir.join("bundles"))?),
            beats: Mutex::default(),
            pushing: Mutex::default(),
            known_by: Mutex::new(known_by),
            notice: Mutex::default(),
            sought: Mutex::default(),
            dir,
            ca,
        })
    }

    /// The record of nodes. Twice in one statement waits for itself for ever.
    pub(super) fn hosts(&self) -> MutexGuard<'_, Hosts> {
        lock(&self.hosts)
    }

    pub(super) fn beats(&self) -> MutexGuard<'_, BTreeMap<Uuid, Reported>> {
        lock(&self.beats)
    }

    pub(super) fn speaking(&self) -> MutexGuard<'_, Limiter<Fingerprint>> {
        lock(&self.speaking)
    }

    pub(super) fn pushing(&self) -> MutexGuard<'_, BTreeSet<Uuid>> {
        lock(&self.pushing)
    }

    /// What it is known by towards nodes.
    pub(super) fn master(&self) -> Arc<Identity> {
        lock(&self.known_by).master.clone()
    }

    /// The certificates that it commands with: also the one that it will have soon.
    pub(super) fn commands_with(&self) -> BTreeSet<Fingerprint> {
        let known_by = lock(&self.known_by);
        let both = [Some(&known_by.master), known_by.next.as_ref()];
        both.into_iter().flatten().map(|identity| identity.caller.fingerprint).collect()
    }

    /// Who signs.
    pub(super) fn authorities(&self) -> Arc<Authorities> {
        lock(&self.known_by).authorities.clone()
    }

    /// Where they are.
    pub(super) fn ca_dir(&self) -> &std::path::Path {
        &self.ca
    }

    /// Has these sign from now on, and the master known by what goes with them.
    pub(super) fn take_on(&self, authorities: Authorities) -> pki::Result<()> {
        *lock(&self.known_by) = KnownBy::of(authorities, &self.dir)?;
        Ok(())
    }

    /// Gets itself another key at once.
    pub(super) fn replace_master(&self) -> Result<Arc<Identity>, Problem> {
        let authorities = self.authorities();
        master::replace(&authorities, &self.dir, Some(&self.master()))?;
        self.take_on(Authorities::clone(&authorities))?;
        Ok(self.master())
    }

    /// Has the authority sign what it has to say now.
    pub(super) fn give_notice(&self) -> Result<(), Problem> {
        let signed = notices::signed(self)?;
        *lock(&self.notice) = signed;
        Ok(())
    }

    /// What it says, once there is anything, and the number of that.
    pub(super) fn notice(&self) -> Option<(Count, SignedNotice)> {
        lock(&self.notice).clone()
    }

    pub(super) fn sought(&self) -> MutexGuard<'_, BTreeMap<Uuid, Instant>> {
        lock(&self.sought)
    }

    /// Gets itself another certificate.
    pub(super) fn renew_master(&self) {
        if let Err(error) = self.take_on(Authorities::clone(&self.authorities())) {
            tracing::error!(%error, "cannot renew the master's certificate");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The routes over `app`.
pub(super) fn router(app: Arc<App>) -> Router {
    let guarded = Router::new()
        .route("/swarm/enroll", post(enroll::enroll))
        .route("/swarm/hosts", get(list))
        .route("/swarm/hosts/{uuid}", get(one).delete(decommission))
        .route("/swarm/check", post(check::check))
        .route("/swarm/deckies", get(deckies))
        .route("/swarm/deploy", post(deploy::deploy).layer(DefaultBodyLimit::max(2 * MAX_CONFIG)))
        .route("/swarm/teardown", post(teardown::teardown))
        .route("/swarm/tokens", post(tokens::make))
        .merge(rollouts::routes())
        .merge(notices::routes())
        .merge(succession::routes())
        .route_layer(from_fn_with_state(app.clone(), guard));
    guarded
        .route("/health", get(health))
        .fallback(nowhere)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn(hear_out))
        .with_state(app)
}

/// Lets operators through.
async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let header = request.headers().get(header::AUTHORIZATION);
    let shown = header.and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    if shown.is_some_and(|shown| shown.ct_eq(app.token.as_bytes()).into()) {
        return next.run(request).await;
    }
    let detail = "the token of swarmctl is missing or wrong";
    Problem::new(StatusCode::UNAUTHORIZED, detail).into_response()
}

async fn health() -> Response {
    let release = env!("CARGO_PKG_VERSION");
    Json(json!({ "status": "ok", "role": "swarmctl", "release": release })).into_response()
}

#[derive(Deserialize)]
struct Which {
    host_status: Option<String>,
}

async fn list(
    State(app): State<Arc<App>>,
    Query(which): Query<Which>,
) -> Result<Json<Vec<Listed>>, Problem> {
    let status = match which.host_status.as_deref().map(|text| (text, HostStatus::find(text))) {
        None => None,
        Some((_, Some(status))) => Some(status),
        Some((text, None)) => {
            let shown: String = text.chars().take(80).collect();
            return Err(Problem::unfit(format!("host_status: `{shown}` is no status")));
        }
    };
    converge::flush(&app);
    let hosts = app.hosts().list(status)?;
    let mut known = app.hosts().certificates()?;
    succession::mark(&app, &mut known)?;
    let with = |host: Host| {
        let certificates = known.remove(&host.host_uuid).unwrap_or_default();
        Listed { host, certificates }
    };
    Ok(Json(hosts.into_iter().map(with).collect()))
}

async fn deckies(State(app): State<Arc<App>>) -> Result<Json<Vec<FleetDecky>>, Problem> {
    converge::flush(&app);
    Ok(Json(app.hosts().fleet()?))
}

async fn one(State(app): State<Arc<App>>, Path(uuid): Path<String>) -> Result<Json<Host>, Problem> {
    converge::flush(&app);
    let found = uuid.parse::<Uuid>().map_or(Ok(None), |uuid| app.hosts().host(uuid))?;
    found.map(Json).ok_or_else(unknown)
}

async fn decommission(
    State(app): State<Arc<App>>,
    Path(uuid): Path<String>,
) -> Result<StatusCode, Problem> {
    if uuid
        .parse::<Uuid>()
        .map_or(Ok(false), |uuid| app.hosts().decommission(uuid, clock::now()))?
    {
        tracing::info!(node = uuid, "decommissioned a node");
        app.give_notice()?;
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(unknown())
}

fn unknown() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is no such node")
}

/// There is no such route.
pub(super) async fn nowhere() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is no such route")
}
