//! `POST /swarm/rollouts`: a policy and a bundle become a rollout.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::multipart::{Field, MultipartRejection};
use axum::extract::{Multipart, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use uuid::Uuid;

use super::dry::{self, Brought};
use super::engine;
use crate::edge::bundles::{Arrived, BundlesError};
use crate::edge::clock;
use crate::edge::hosts::RolloutRow;
use crate::logic::release::{Component, Identity, Release, ahead};
use crate::logic::rollout::{NodeState, Offer, Phase, Policy, Rollout, Skip, Started, Which, Wish};
use crate::logic::swarm::{Host, HostStatus};
use crate::logic::time::Timestamp;
use crate::role::swarmctl::app::App;
use crate::role::swarmctl::deploy::targets;
use crate::role::swarmctl::problem::Problem;

/// Most bytes of a policy.
const MAX_POLICY: usize = 16 * 1024;
/// How long the next bytes may take to come.
const STALL_TIME: Duration = Duration::from_secs(60);

pub(super) async fn begin(
    State(app): State<Arc<App>>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, Problem> {
    let mut form = form.map_err(|error| Problem::new(error.status(), error.body_text()))?;
    let wish = policy(next(&mut form, "policy").await?).await?;
    let (hosts, policy) = meant(&app, &wish)?;
    let arrived = bundle(&app, next(&mut form, "bundle").await?).await?;
    let (release, envelope) = arrived.inspect().await?;
    let offer = offer(&release, &arrived);
    check(&wish, &offer, &release)?;
    if wish.dry_run {
        let held = app.rolling.hold(arrived.sha256);
        app.rolling.bundles.keep(&arrived).map_err(BundlesError::from)?;
        let whole = app.rolling.bundles.whole(arrived.sha256).ok_or_else(|| {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the bundle was not kept")
        })?;
        let brought = Brought { offer, release, envelope, whole };
        let dry = dry::run(&app, hosts, &policy, brought).await;
        drop(held);
        engine::sweep(&app);
        return Ok(Json(dry).into_response());
    }
    let id = Uuid::now_v7();
    create(&app, id, &wish.hosts, (&hosts, policy), (offer, &arrived))?;
    engine::changed(&app);
    engine::sweep(&app);
    if let Err(error) = engine::take(&app, id, None) {
        tracing::error!(rollout = %id, %error, "a rollout does not begin, until the next start");
    }
    Ok((StatusCode::ACCEPTED, Json(Started { id })).into_response())
}

/// The part that must come next.
async fn next<'a>(form: &'a mut Multipart, name: &str) -> Result<Field<'a>, Problem> {
    let field = tokio::time::timeout(STALL_TIME, form.next_field()).await.or(Err(stalled()))?;
    let field = field.map_err(|error| Problem::new(error.status(), error.body_text()))?;
    let found = field.filter(|field| field.name() == Some(name));
    found.ok_or_else(|| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            format!("{name}: it is missing; the form has `policy` and then `bundle`"),
        )
    })
}

/// The next bytes of a part.
async fn piece(field: &mut Field<'_>) -> Result<Option<axum::body::Bytes>, Problem> {
    let piece = tokio::time::timeout(STALL_TIME, field.chunk()).await.or(Err(stalled()))?;
    piece.map_err(|error| Problem::new(error.status(), error.body_text()))
}

fn stalled() -> Problem {
    let seconds = STALL_TIME.as_secs();
    Problem::new(StatusCode::REQUEST_TIMEOUT, format!("nothing has come for {seconds} s"))
}

async fn policy(mut field: Field<'_>) -> Result<Wish, Problem> {
    let mut text = Vec::new();
    while let Some(piece) = piece(&mut field).await? {
        text.extend_from_slice(&piece);
        if text.len() > MAX_POLICY {
            let detail = format!("policy: it has more than {MAX_POLICY} bytes");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
    }
    serde_json::from_slice(&text).map_err(|error| Problem::unfit(format!("policy: {error}")))
}

async fn bundle(app: &App, mut field: Field<'_>) -> Result<Arrived, Problem> {
    let mut incoming = app.rolling.bundles.begin().await?;
    while let Some(piece) = piece(&mut field).await? {
        incoming.add(&piece).await?;
    }
    Ok(incoming.end().await?)
}

/// The nodes that are meant, those first that are most likely there, and what is kept to.
fn meant(app: &App, wish: &Wish) -> Result<(Vec<Host>, Policy), Problem> {
    let mut hosts = match &wish.hosts {
        Which::All => targets(app, &[])?,
        Which::Host(name) => targets(app, std::slice::from_ref(name))?,
    };
    let reachable = hosts.iter().filter(|host| host.updater_cert_fingerprint.is_some()).count();
    if reachable == 0 {
        let detail = match &wish.hosts {
            Which::Host(name) => format!(
                "hosts: node `{name}` has no updater: enrol it anew with `decnet swarm enroll --updater`"
            ),
            Which::All => {
                "hosts: no node has an updater: see `decnet swarm enroll --updater`".into()
            }
        };
        return Err(Problem::unfit(detail));
    }
    hosts.sort_by_key(|host| host.status != HostStatus::Active);
    let policy = wish.policy(reachable).map_err(|error| Problem::unfit(error.to_string()))?;
    Ok((hosts, policy))
}

fn offer(release: &Release, arrived: &Arrived) -> Offer {
    Offer {
        digest: release.digest(),
        version: release.manifest().version.clone(),
        sha256: arrived.sha256,
        bytes: arrived.bytes,
        components: release.manifest().components.clone(),
    }
}

/// A bundle that no node would take is not sent to any.
fn check(wish: &Wish, offer: &Offer, release: &Release) -> Result<(), Problem> {
    let needed = [(Component::Agent, true), (Component::Updater, wish.include_self)];
    for (component, needed) in needed {
        if needed && !offer.components.contains(&component) {
            let name = component.as_str();
            return Err(Problem::unfit(format!("bundle: its release is not for the {name}")));
        }
    }
    let now = clock::now();
    match ahead(&Identity::of(release), now, Timestamp(0)) {
        Some(ahead) if !wish.allow_future && !wish.dry_run => Err(Problem::unfit(format!(
            "bundle: {ahead}, and the clock of the master says {now}: nodes refuse it until then, \
             and one that took it would take none after it; if the master's clock is wrong, send it \
             with --allow-future"
        ))),
        _ => Ok(()),
    }
}

fn create(
    app: &App,
    id: Uuid,
    which: &Which,
    (hosts, policy): (&[Host], Policy),
    (offer, arrived): (Offer, &Arrived),
) -> Result<(), Problem> {
    let attempts: Vec<String> = hosts.iter().map(|_| Uuid::now_v7().to_string()).collect();
    let mut record = app.hosts();
    let took_down = match which {
        Which::All => record.took_down(offer.digest)?,
        // Whoever names a node means it.
        Which::Host(_) => BTreeMap::new(),
    };
    let state = |host: &Host| match (host.updater_cert_fingerprint, took_down.get(&host.host_uuid))
    {
        (None, _) => NodeState::Skipped { skip: Skip::NoUpdater },
        (Some(_), Some(by)) => NodeState::Skipped { skip: Skip::TookDown(*by) },
        (Some(_), None) => NodeState::Waiting,
    };
    let nodes = hosts.iter().map(|host| (host.host_uuid, state(host))).collect();
    let rollout = Rollout::new(policy, nodes);
    let meant: BTreeSet<Uuid> = hosts.iter().map(|host| host.host_uuid).collect();
    for other in record.rollouts()? {
        let open = matches!(other.rollout.phase, Phase::Running | Phase::Paused);
        let shares = |(node, state): &(Uuid, NodeState)| {
            let is_busy = state.is_under_way() || state.is_soaking();
            meant.contains(node) && (is_busy || (open && *state == NodeState::Waiting))
        };
        if other.rollout.nodes.iter().any(shares) {
            let detail = format!(
                "rollout {} is under way and has nodes of this one: wait for it, or abort it with \
                 `decnet swarm rollouts {} --abort`",
                other.id, other.id
            );
            return Err(Problem::new(StatusCode::CONFLICT, detail));
        }
    }
    app.rolling.bundles.keep(arrived).map_err(BundlesError::from)?;
    let digest = offer.digest.short();
    let row = RolloutRow { id, created_at: clock::now(), offer, rollout };
    record.begin_rollout(&row, &attempts)?;
    let count = hosts.len();
    tracing::info!(rollout = %id, release = digest, nodes = count, "a rollout begins");
    Ok(())
}
