//! Looks at the agent as the master would, over TLS, with the updater's own certificate.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use rustls::pki_types::ServerName;
use serde::Deserialize;
use tokio::runtime::Handle;
use uuid::Uuid;

use super::identity::Known;
use crate::edge::http::SecureServer;
use crate::edge::pki;
use crate::logic::release::Digest;
use crate::logic::trust::CertRole;
use crate::logic::update::{Process, Seen};

/// How long an agent may take to answer.
const TIME: Duration = Duration::from_secs(3);
/// Most bytes of an answer.
const MOST: usize = 16 * 1024;

/// What is read of an agent's `/health`.
#[derive(Debug, Deserialize)]
struct Health {
    release: String,
    pid: u32,
    boot_id: Uuid,
}

/// Looks at the agent.
pub(super) struct Probe {
    runtime: Handle,
    agent: SocketAddr,
    known: Arc<Known>,
}

impl Probe {
    /// Looks at the agent that answers there, from a thread that is none of the runtime's.
    pub(super) fn new(runtime: Handle, agent: SocketAddr, known: Arc<Known>) -> Self {
        Self { runtime, agent, known }
    }

    /// What the agent shows; `Silent` for whatever else may be wrong with it.
    pub(super) fn look(&self) -> Seen {
        let asked = self
            .runtime
            .block_on(async { tokio::time::timeout(TIME, self.ask()).await.unwrap_or(None) });
        let Some(health) = asked else { return Seen::Silent };
        // One that names no release was started from something else than one.
        let release =
            health.release.parse().unwrap_or_else(|_| Digest::of(health.release.as_bytes()));
        let (nonce, _) = health.boot_id.as_u64_pair();
        Seen::Answer { process: Process { pid: health.pid, nonce }, release }
    }

    async fn ask(&self) -> Option<Health> {
        let identity = self.known.now();
        let config = pki::client_config(&identity, CertRole::Agent, None).ok()?;
        let name = identity.caller.name.strip_prefix("updater@")?.to_owned();
        let server = SecureServer {
            host: self.agent.ip().to_string(),
            port: self.agent.port(),
            name: ServerName::try_from(name).ok()?,
            config: Arc::new(config),
        };
        let request = Request::get("/health").body(Body::empty()).ok()?;
        match server.ask(request, MOST).await {
            Ok((status, body)) if status.is_success() => serde_json::from_slice(&body).ok(),
            Ok((status, _)) => {
                tracing::debug!(%status, "the agent answers, and not well");
                None
            }
            Err(error) => {
                tracing::debug!(error = %anyhow::Error::from(error), "the agent does not answer");
                None
            }
        }
    }
}
