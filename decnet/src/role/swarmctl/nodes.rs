//! Asking a node's agent something, as the master.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use axum::body::{Body, Bytes};
use axum::http::{Method, Request, StatusCode, header};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::app::App;
use crate::edge::clock;
use crate::edge::http::{AskError, SecureServer};
use crate::edge::pki;
use crate::logic::swarm::{Host, NODE_PORT_HEADER, Part, sentence};
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

/// `POST /notice`.
pub(super) const NOTICE: Question =
    Question { method: "POST", path: "/notice", deadline: DEADLINE, most: MAX_HEALTH };

/// A node that answers that it will not.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub(super) struct Declined {
    pub(super) status: StatusCode,
    pub(super) detail: String,
}

/// A daemon of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Daemon {
    Agent,
    Updater,
}

/// Asks the agent of `host`, and reads its answer.
pub(super) async fn ask<T: DeserializeOwned>(
    app: &App,
    host: &Host,
    question: Question,
    body: Option<&impl Serialize>,
) -> Result<T> {
    ask_daemon(app, host, Daemon::Agent, question, body).await
}

/// Asks a daemon of `host`, and reads its answer.
pub(super) async fn ask_daemon<T: DeserializeOwned>(
    app: &App,
    host: &Host,
    daemon: Daemon,
    question: Question,
    body: Option<&impl Serialize>,
) -> Result<T> {
    let (port, config) = match daemon {
        Daemon::Agent => (host.agent_port, agent_config(app, host)?),
        Daemon::Updater => {
            let known = host.updater_cert_fingerprint.into_iter().collect::<Vec<_>>();
            let config = pki::client_config(&app.master(), CertRole::Updater, Some(&known))?;
            (app.updater_port, config)
        }
    };
    ask_at(app, host, port, config, question, body).await
}

/// What the agent of `host` must be. One that may be taken back is spoken to though its certificate has
/// ended: it may never have heard where the master is.
fn agent_config(app: &App, host: &Host) -> Result<ClientConfig> {
    let known = [Some(host.client_cert_fingerprint), host.next_cert_fingerprint];
    let known: Vec<_> = known.into_iter().flatten().collect();
    if app.hosts().certificate(host.host_uuid, Part::Agent)?.is_open(clock::now()) {
        return Ok(pki::renewing_config(&app.master(), CertRole::Agent, &known)?);
    }
    Ok(pki::client_config(&app.master(), CertRole::Agent, Some(&known))?)
}

/// Asks whoever listens at a port of `host` and is as `config` wants, wherever the host is.
pub(super) async fn ask_at<T: DeserializeOwned>(
    app: &App,
    host: &Host,
    port: u16,
    config: ClientConfig,
    question: Question,
    body: Option<&impl Serialize>,
) -> Result<T> {
    let config = Arc::new(config);
    let mut last = None;
    for address in host.places() {
        let (name, config) = (server_name(host, address)?, config.clone());
        let server = SecureServer { host: address.to_owned(), port, name, config };
        let sent = send(app, &server, question, body);
        let Ok(answer) = tokio::time::timeout(question.deadline, sent).await else {
            let seconds = question.deadline.as_secs();
            last = Some(anyhow!("no answer from {address}:{port} within {seconds} s"));
            continue;
        };
        match answer {
            Ok((status, bytes)) => return read(&format!("{address}:{port}"), status, &bytes),
            // Nobody is there; somebody else there may be is told apart, and is no reason to stop.
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| anyhow!("it has no address")))
}

/// Looks whether the agent of `host` is at this address; what it answers is no matter.
pub(super) async fn look_at(app: &App, host: &Host, address: &str) -> Result<()> {
    let config = Arc::new(agent_config(app, host)?);
    let (port, name) = (host.agent_port, server_name(host, address)?);
    let server = SecureServer { host: address.to_owned(), port, name, config };
    let sent = send(app, &server, HEALTH, None::<&()>);
    tokio::time::timeout(HEALTH.deadline, sent).await.context("no answer")??;
    Ok(())
}

fn read<T: DeserializeOwned>(from: &str, status: StatusCode, bytes: &Bytes) -> Result<T> {
    if status.is_success() {
        return serde_json::from_slice(bytes)
            .with_context(|| format!("{from} answers what this release cannot read"));
    }
    let body: Value = serde_json::from_slice(bytes).unwrap_or_default();
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

/// The name by which a node is known at `address`: that of its enrolment there, and its own
/// elsewhere, which every certificate has.
pub(super) fn server_name(host: &Host, address: &str) -> Result<ServerName<'static>> {
    let name = if address == host.address { address } else { host.name.as_str() };
    ServerName::try_from(name.to_owned()).context("the address is none")
}
