//! Looks at an agent or an updater as the master would, over TLS, with the updater's own certificate.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::edge::http::SecureServer;
use crate::edge::pki::{self, Identity};
use crate::logic::release::Digest;
use crate::logic::trust::CertRole;
use crate::logic::update::{Process, Seen};

/// How long an answer may take.
const TIME: Duration = Duration::from_secs(3);
/// Most bytes of an answer.
const MOST: usize = 16 * 1024;

/// What is read of a `/health`.
#[derive(Debug, Deserialize)]
struct Health {
    release: Option<String>,
    pid: u32,
    boot_id: Uuid,
}

/// What an updater on trial is told that was seen from outside: itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Proof {
    /// As which release it serves.
    pub(super) release: Digest,
    /// Which process.
    pub(super) pid: u32,
    /// What that drew at its start.
    pub(super) nonce: u64,
}

/// Looks at whoever answers in one place.
pub(super) struct Probe {
    runtime: Handle,
    address: SocketAddr,
    /// As whom it looks, which may change.
    identity: Box<dyn Fn() -> Arc<Identity> + Send>,
    role: CertRole,
}

impl Probe {
    /// Looks at the `role` that answers there, as the updater with the identity that there is then.
    pub(super) fn new(
        runtime: Handle,
        address: SocketAddr,
        identity: Box<dyn Fn() -> Arc<Identity> + Send>,
        role: CertRole,
    ) -> Self {
        Self { runtime, address, identity, role }
    }

    /// The same as whoever has an identity that stays.
    pub(super) fn of(
        runtime: Handle,
        address: SocketAddr,
        identity: &Arc<Identity>,
        role: CertRole,
    ) -> Self {
        let identity = identity.clone();
        Self::new(runtime, address, Box::new(move || identity.clone()), role)
    }

    /// What it shows, from a thread that is none of the runtime's.
    pub(super) fn look(&self) -> Seen {
        self.runtime.block_on(self.see())
    }

    /// What it shows; `Silent` for whatever else may be wrong with it.
    pub(super) async fn see(&self) -> Seen {
        let request = Request::get("/health").body(Body::empty());
        let Some(body) = self.ask(request.ok()).await else { return Seen::Silent };
        let Ok(health) = serde_json::from_slice::<Health>(&body) else { return Seen::Silent };
        // One that names no release was started from something else than one.
        let name = health.release.unwrap_or_default();
        let release = name.parse().unwrap_or_else(|_| Digest::of(name.as_bytes()));
        let (nonce, _) = health.boot_id.as_u64_pair();
        Seen::Answer { process: Process { pid: health.pid, nonce }, release }
    }

    /// Tells it that it was seen to serve.
    pub(super) async fn prove(&self, release: Digest, seen: &Seen) {
        let Seen::Answer { process: Process { pid, nonce }, .. } = *seen else { return };
        let body = serde_json::to_vec(&Proof { release, pid, nonce }).unwrap_or_default();
        let request = Request::post("/proved").header(header::CONTENT_TYPE, "application/json");
        let request = request.header(header::CONTENT_LENGTH, body.len()).body(Body::from(body));
        if self.ask(request.ok()).await.is_none() {
            tracing::debug!("the updater does not hear that it was seen");
        }
    }

    async fn ask(&self, request: Option<Request<Body>>) -> Option<axum::body::Bytes> {
        let server = server(self.address, &(self.identity)(), self.role)?;
        let asked = server.ask(request?, MOST);
        match tokio::time::timeout(TIME, asked).await.ok()? {
            Ok((StatusCode::OK, body)) => Some(body),
            Ok((status, _)) => {
                tracing::debug!(%status, "it answers, and not well");
                None
            }
            Err(error) => {
                tracing::debug!(error = %anyhow::Error::from(error), "it does not answer");
                None
            }
        }
    }
}

/// An updater that shows the very certificate of whoever looks is this node's own, whether that is good
/// now or not.
fn config(identity: &Identity, role: CertRole) -> pki::Result<ClientConfig> {
    match role {
        CertRole::Updater => pki::same_or_good_config(identity),
        _ => pki::client_config(identity, role, None),
    }
}

fn server(address: SocketAddr, identity: &Identity, role: CertRole) -> Option<SecureServer> {
    let config = config(identity, role).ok()?;
    let name = identity.caller.name.strip_prefix("updater@")?.to_owned();
    Some(SecureServer {
        host: address.ip().to_string(),
        port: address.port(),
        name: ServerName::try_from(name).ok()?,
        config: Arc::new(config),
    })
}
