//! `POST /swarm/check`: asks every node how it is, many at once and none for long.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::app::{App, failed};
use crate::edge::clock;
use crate::edge::pki::{self, Identity, Wish};
use crate::logic::swarm::{Host, HostStatus, Outcome, Outcomes};
use crate::logic::trust::{CertRole, NodeName};

/// Nodes asked at a time.
const AT_ONCE: usize = 128;
/// How long one may take, from the connection to the last byte of its answer.
const DEADLINE: Duration = Duration::from_secs(5);
/// Most bytes of an answer.
const MAX_ANSWER: usize = 64 * 1024;

/// What is read of an agent's `/health`.
#[derive(Deserialize)]
struct Health {
    release: String,
}

pub(super) async fn check(State(app): State<Arc<App>>) -> Response {
    let hosts = match app.hosts().list(None) {
        Ok(hosts) => hosts,
        Err(error) => return failed(&error),
    };
    let master = match master(&app) {
        Ok(master) => master,
        Err(error) => {
            tracing::error!(%error, "cannot be the master");
            return super::app::problem(
                axum::http::StatusCode::INTERNAL_SERVER_ERROR,
                &error.to_string(),
            );
        }
    };
    let asked = hosts.into_iter().filter(|host| host.status != HostStatus::Decommissioned);
    let all: Vec<(Outcome, Option<String>)> = stream::iter(asked)
        .map(|host| one(&master, host))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    // Written at once: each write waits for the disk.
    let seen: Vec<_> =
        all.iter().map(|(outcome, release)| (outcome.host_uuid, release.clone())).collect();
    if let Err(error) = app.hosts().asked(&seen, clock::now()) {
        return failed(&error);
    }
    let mut results: Vec<Outcome> = all.into_iter().map(|(outcome, _)| outcome).collect();
    results.sort_by(|a, b| a.host_name.cmp(&b.host_name));
    Json(Outcomes { results }).into_response()
}

/// What swarmctl itself is known by: made when it is needed and kept nowhere.
fn master(app: &App) -> pki::Result<Identity> {
    let host: NodeName = "master".parse().expect("a name");
    let wish = Wish { host: &host, role: CertRole::Master, addresses: &[], names: &[] };
    let issued = app.authority.issue(&wish, clock::now())?;
    Identity::of(&issued, app.authority.cert_pem())
}

/// What came of asking a node, and the release that it said.
async fn one(master: &Identity, host: Host) -> (Outcome, Option<String>) {
    let asked = tokio::time::timeout(DEADLINE, health(master, &host)).await;
    let asked = asked.unwrap_or_else(|_| {
        let (address, port) = (&host.address, host.agent_port);
        let seconds = DEADLINE.as_secs();
        Err(anyhow::anyhow!("no answer from {address}:{port} within {seconds} s"))
    });
    let (detail, release) = match asked {
        Ok(Health { release }) => (format!("release {release}"), Some(release)),
        Err(error) => (format!("{error:#}"), None),
    };
    let (host_uuid, host_name, ok) = (host.host_uuid, host.name, release.is_some());
    (Outcome { host_uuid, host_name, ok, detail }, release)
}

async fn health(master: &Identity, host: &Host) -> Result<Health> {
    let (address, port) = (host.address.as_str(), host.agent_port);
    let known = Some(host.client_cert_fingerprint);
    let config = pki::client_config(master, CertRole::Agent, known)?;
    let name = ServerName::try_from(address.to_owned()).context("the address is none")?;
    let stream = TcpStream::connect((address, port))
        .await
        .with_context(|| format!("cannot connect to {address}:{port}"))?;
    stream.set_nodelay(true).ok();
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .with_context(|| format!("{address}:{port} is not the agent that was enrolled"))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.context("no HTTP")?;
    let request = Request::get("/health").header(header::HOST, address).body(Body::empty())?;
    let answer = async {
        let answer = sender.send_request(request).await.context("no answer")?;
        anyhow::ensure!(answer.status().is_success(), "it answers {}", answer.status());
        let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("no whole answer: {error}"))?;
        serde_json::from_slice(&body.to_bytes()).context("no health")
    };
    tokio::pin!(answer);
    tokio::select! {
        answer = &mut answer => answer,
        _ = connection => answer.await,
    }
}
