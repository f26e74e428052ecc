//! What the master asks of a node: HTTP over TLS, both sides with a certificate.
//!
//! A request is put to the agent's loop like an operator's ([`super::control`]). Only certificates
//! with the role of master come this far.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use rustls::ServerConfig;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::control::{Asked, Reply};
use crate::edge::clock;
use crate::edge::http::{self, Limits, Secure};
use crate::edge::pki::{self, Identity, PkiError};
use crate::logic::config::MAX_CONFIG;
use crate::logic::control::{Answer, Request};
use crate::logic::name::DeckyName;
use crate::logic::time::Timestamp;
use crate::logic::trust::{CertRole, Fingerprint};

/// Name of the certificate and the key in the agent's directory.
const NAME: &str = "worker";
/// What makes them.
const REMEDY: &str = "the master makes it with `decnet swarm enroll`, or say `--standalone`";
/// How often it is looked whether there is a new certificate.
const LOOK: Duration = Duration::from_secs(60);
/// From here on the end of a certificate is warned of, in days.
const WARN: u64 = 30;

/// Where the master reaches the agent, and by what it knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Where to listen.
    pub address: SocketAddr,
    /// Where `ca.crt`, `worker.crt` and `worker.key` are.
    pub dir: PathBuf,
}

impl Remote {
    /// Reads the identity.
    pub(super) fn identity(&self) -> pki::Result<Identity> {
        Identity::read(&self.dir, NAME, clock::now(), REMEDY)
    }
}

/// What `/health` says.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Health {
    status: &'static str,
    role: &'static str,
    release: &'static str,
    boot_id: Uuid,
    pid: u32,
    started_at: String,
}

impl Health {
    /// That of an agent that starts now.
    pub(super) fn new(boot_id: Uuid) -> Self {
        Self {
            status: "ok",
            role: "agent",
            release: env!("CARGO_PKG_VERSION"),
            boot_id,
            pid: std::process::id(),
            started_at: clock::now().to_string(),
        }
    }
}

/// Serves the master from now on, as long as the runtime is there.
pub(super) async fn serve(
    remote: Remote,
    identity: &Identity,
    health: Health,
    agent: mpsc::Sender<Asked>,
) -> Result<()> {
    let listener = http::listen(remote.address).await?;
    let address = listener.local_addr().context("cannot tell the port")?;
    let (offer, config) = watch::channel(offered(identity)?);
    let name = &identity.caller.name;
    tracing::info!(%address, name, "the master is served");
    warn_of_the_end(identity.not_after);
    tokio::spawn(renew(remote, identity.caller.fingerprint, offer));
    let secure = Secure::new(config, Arc::new(CertRole::Master));
    let app = router(health, agent);
    tokio::spawn(http::serve_tls(listener, secure, Limits::default(), app, std::future::pending()));
    Ok(())
}

fn offered(identity: &Identity) -> pki::Result<Arc<ServerConfig>> {
    Ok(Arc::new(pki::server_config(identity, Arc::new(CertRole::Master))?))
}

/// Offers a new certificate when there is one; open connections keep the old.
async fn renew(remote: Remote, mut shown: Fingerprint, offer: watch::Sender<Arc<ServerConfig>>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let read = remote.identity().and_then(|new| Ok((offered(&new)?, new)));
        match read {
            Ok((_, same)) if same.caller.fingerprint == shown => {}
            Ok((config, new)) => {
                tracing::info!(fingerprint = %new.caller.fingerprint, "a new certificate is shown");
                shown = new.caller.fingerprint;
                warn_of_the_end(new.not_after);
                offer.send_replace(config);
            }
            // It may be in the middle of being replaced, or no longer ours to read.
            Err(error) => tracing::debug!(%error, "the certificate stays as it is"),
        }
    }
}

fn warn_of_the_end(end: Timestamp) {
    let days = end.0.saturating_sub(clock::now().0) / 86_400_000_000_000;
    if days <= WARN {
        tracing::warn!(days, until = %end, "the agent's certificate ends soon: enrol the node anew");
    }
}

fn router(health: Health, agent: mpsc::Sender<Asked>) -> Router {
    Router::new()
        .route("/health", get(move || std::future::ready(Json(health.clone()))))
        .route("/status", get(status))
        .route("/deploy", post(deploy))
        .route("/teardown", post(teardown))
        .fallback(|| std::future::ready(problem(StatusCode::NOT_FOUND, "there is no such route")))
        .layer(DefaultBodyLimit::max(2 * MAX_CONFIG))
        .with_state(agent)
}

/// What `POST /deploy` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deploy {
    /// The text of a configuration file.
    config: String,
}

/// What `POST /teardown` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Teardown {
    /// Which decky; all when it is not said.
    #[serde(default)]
    decky: Option<DeckyName>,
}

type Taken<T> = Result<Json<T>, JsonRejection>;

async fn status(State(agent): State<mpsc::Sender<Asked>>) -> Response {
    ask(&agent, Request::Status).await
}

async fn deploy(State(agent): State<mpsc::Sender<Asked>>, body: Taken<Deploy>) -> Response {
    match body {
        Ok(Json(Deploy { config })) => ask(&agent, Request::Deploy { config }).await,
        Err(rejection) => problem(rejection.status(), &rejection.body_text()),
    }
}

async fn teardown(State(agent): State<mpsc::Sender<Asked>>, body: Taken<Teardown>) -> Response {
    match body {
        Ok(Json(Teardown { decky })) => ask(&agent, Request::Teardown { decky }).await,
        Err(rejection) => problem(rejection.status(), &rejection.body_text()),
    }
}

async fn ask(agent: &mpsc::Sender<Asked>, request: Request) -> Response {
    let (asked, reply) = Asked::new(request);
    let stopping = || problem(StatusCode::SERVICE_UNAVAILABLE, "the agent is stopping");
    if agent.send(asked).await.is_err() {
        return stopping();
    }
    match reply.await {
        Ok(Reply::Answer(Answer::Done(status))) => Json(status).into_response(),
        Ok(Reply::Answer(Answer::Refused { line, message })) => {
            let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            problem(StatusCode::UNPROCESSABLE_ENTITY, &format!("{place}{message}"))
        }
        // Nothing asked here is answered with a capture.
        Ok(Reply::Answer(Answer::Capturing) | Reply::Capture(_)) | Err(_) => stopping(),
    }
}

fn problem(status: StatusCode, detail: &str) -> Response {
    (status, Json(serde_json::json!({ "detail": detail }))).into_response()
}

/// Whether the operator is to be told to see to the files.
pub(super) fn is_wrong_use(error: &PkiError) -> bool {
    matches!(error, PkiError::Missing { .. } | PkiError::Unfit { .. })
}
