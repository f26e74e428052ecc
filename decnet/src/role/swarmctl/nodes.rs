//! Asking a node's agent something, as the master.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use axum::body::{Body, Bytes};
use axum::http::{Method, Request, StatusCode, header};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::app::App;
use crate::edge::http::{AskError, SecureServer};
use crate::edge::pki;
use crate::logic::swarm::{Host, NODE_PORT_HEADER, sentence};
use crate::logic::trust::CertRole;

/// How long a node may take to say how it is, from the connection to the last byte.
pub(super) const DEADLINE: Duration = Duration::from_secs(5);
/// How long it may take to bring its deckies to what is wanted.
pub(super) const DEPLOY_DEADLINE: Duration = Duration::from_secs(120);
/// Nodes asked at a time.
pub(super) const AT_ONCE: usize = 128;
/// Most bytes of a report: 16,384 deckies have 8 MB.
const MAX_REPORT: usize = 16 * 1024 * 1024;
/// Most bytes of a word of health.
const MAX_HEALTH: usize = 64 * 1024;

/// A question.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) deadline: Duration,
    /// Most bytes of the answer.
    pub(super) most: usize,
}

/// `GET /health`.
pub(super) const HEALTH: Question =
    Question { method: "GET", path: "/health", deadline: DEADLINE, most: MAX_HEALTH };
/// `GET /status`.
pub(super) const STATUS: Question =
    Question { method: "GET", path: "/status", deadline: DEADLINE, most: MAX_REPORT };
/// `POST /deploy`.
pub(super) const DEPLOY: Question =
    Question { method: "POST", path: "/deploy", deadline: DEPLOY_DEADLINE, most: MAX_REPORT };

/// `POST /teardown`.
pub(super) const TEARDOWN: Question =
    Question { method: "POST", path: "/teardown", deadline: DEPLOY_DEADLINE, most: MAX_REPORT };

/// A node that answers that it will not.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub(super) struct Declined {
    pub(super) status: StatusCode,
    pub(super) detail: String,
}

/// Asks `host`, and reads its answer.
pub(super) async fn ask<T: DeserializeOwned>(
    app: &App,
    host: &Host,
    question: Question,
    body: Option<&impl Serialize>,
) -> Result<T> {
    let known = [Some(host.client_cert_fingerprint), host.next_cert_fingerprint];
    let known: Vec<_> = known.into_iter().flatten().collect();
    let config = pki::client_config(&app.master(), CertRole::Agent, Some(&known))?;
    ask_at(app, host, host.agent_port, config, question, body).await
}

/// Asks whoever listens at a port of `host` and is as `config` wants.
pub(super) async fn ask_at<T: DeserializeOwned>(
    app: &App,
    host: &Host,
    port: u16,
    config: ClientConfig,
    question: Question,
    body: Option<&impl Serialize>,
) -> Result<T> {
    let (address, config) = (&host.address, Arc::new(config));
    let name = ServerName::try_from(address.clone()).context("the address is none")?;
    let server = SecureServer { host: address.clone(), port, name, config };
    let asked = tokio::time::timeout(question.deadline, send(app, &server, question, body)).await;
    let Ok(answer) = asked else {
        let seconds = question.deadline.as_secs();
        bail!("no answer from {address}:{port} within {seconds} s");
    };
    let (status, bytes) = answer?;
    if status.is_success() {
        return serde_json::from_slice(&bytes)
            .with_context(|| format!("{address}:{port} answers what this release cannot read"));
    }
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let detail = body.get("detail").and_then(Value::as_str);
    let detail = detail.map_or_else(|| format!("it answers {status}"), sentence);
    Err(Declined { status, detail }.into())
}

async fn send(
    app: &App,
    server: &SecureServer,
    question: Question,
    body: Option<&impl Serialize>,
) -> Result<(StatusCode, Bytes)> {
    let text = body.map(serde_json::to_vec).transpose()?.unwrap_or_default();
    let request = Request::builder()
        .method(Method::from_bytes(question.method.as_bytes())?)
        .uri(question.path)
        .header(header::CONTENT_TYPE, "application/json")
        .header(NODE_PORT_HEADER, app.node_port)
        .body(Body::from(text))?;
    server.ask(request, question.most).await.map_err(|error| match error {
        AskError::Stranger { to, source } => {
            anyhow!(source).context(format!("{to} is not who was enrolled"))
        }
        other => other.into(),
    })
}
