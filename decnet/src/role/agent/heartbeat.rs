//! Tells the master every few seconds how the node is.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use axum::body::Body;
use axum::http::{Request, header};
use rustls::pki_types::ServerName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch};

use super::control::Asked;
use super::masters::Masters;
use crate::edge::http::SecureServer;
use crate::edge::pki::{self, Identity};
use crate::edge::random;
use crate::edge::trusted::Trusted;
use crate::logic::control::{self, Answer};
use crate::logic::swarm::{BEAT_SECONDS, Heard, MASTER, MasterUrl, NodeReport};
use crate::logic::trust::Fingerprint;

/// How long the master may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// Most bytes of its answer.
const MAX_ANSWER: usize = 2 * 1024 * 1024;

/// The master, and who speaks to it.
pub(super) struct Master {
    pub(super) url: MasterUrl,
    pub(super) identity: Arc<Identity>,
    /// Whom it is to be.
    pub(super) trusted: Arc<Trusted>,
}

/// Tells from now on. What goes wrong is said once.
pub(super) async fn beat(
    masters: Arc<Masters>,
    mut identity: watch::Receiver<Arc<Identity>>,
    agent: mpsc::Sender<Asked>,
) {
    let mut whole = true;
    let mut failing = None;
    loop {
        let Some(url) = masters.url() else {
            tokio::time::sleep(Duration::from_secs(1)).await;
            continue;
        };
        let asked = Asked::put(&agent, control::Request::Report).await;
        let Some(Answer::Report(report)) = asked else { return };
        let notice = masters.trusted().number();
        let deckies = if whole { report.deckies } else { None };
        let shown = identity.borrow_and_update().clone();
        let trusts = shown.trusts();
        let report = NodeReport { deckies, notice, trusts, ..*report };
        let to = url.to_string();
        let (trusted, print) = (masters.trusted(), shown.caller.fingerprint);
        let master = Master { url, identity: shown, trusted };
        match tell::<Heard>(&master, "/heartbeat", &report).await {
            Ok(heard) => {
                if failing.take().is_none_or(|failed: bool| failed) {
                    tracing::info!(master = to, "the master hears this node");
                }
                failing = Some(false);
                let again = heard.deckies && !whole;
                whole = heard.deckies;
                take_in(&masters, heard, print);
                if again {
                    continue;
                }
            }
            Err(error) => {
                if failing != Some(true) {
                    let error = format!("{error:#}");
                    tracing::warn!(master = to, error, "the master does not hear this node");
                }
                failing = Some(true);
                if masters.missed() {
                    continue;
                }
            }
        }
        rest(&mut identity).await;
    }
}

/// Waits until it is time for the next word; what the node is known by from now on is worth one at once.
async fn rest(identity: &mut watch::Receiver<Arc<Identity>>) {
    tokio::select! {
        () = tokio::time::sleep(pause()) => {}
        Ok(()) = identity.changed() => {}
    }
}

/// Does what the master has answered to who has this certificate.
fn take_in(masters: &Masters, heard: Heard, print: Fingerprint) {
    masters.commands_with(heard.masters);
    if heard.renew {
        masters.is_to_replace(print);
    }
    if let Some(Err(error)) = heard.notice.map(|said| masters.trusted().take(said)) {
        tracing::warn!(%error, "the master brings a notice that is none");
    }
}

/// A tenth more or less, so that a thousand nodes do not speak at once.
fn pause() -> Duration {
    let mut byte = [0];
    random::fill(&mut byte);
    let share = 0.9 + f64::from(byte[0]) / 255.0 * 0.2;
    Duration::from_secs(BEAT_SECONDS).mul_f64(share)
}

/// Asks the master for something.
pub(super) async fn tell<T: DeserializeOwned>(
    master: &Master,
    path: &str,
    body: &impl Serialize,
) -> Result<T> {
    let config = pki::client_config_for(&master.identity, master.trusted.clone())?;
    let server = SecureServer {
        host: master.url.host.clone(),
        port: master.url.port,
        name: ServerName::try_from(MASTER).context("the name is none")?,
        config: Arc::new(config),
    };
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(serde_json::to_vec(body)?))?;
    let asked = tokio::time::timeout(DEADLINE, server.ask(request, MAX_ANSWER)).await;
    let (status, bytes) = asked.ok().context("it takes too long")??;
    if !status.is_success() {
        let body: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let detail = body.get("detail").and_then(serde_json::Value::as_str).unwrap_or_default();
        bail!("it answers {status}: {detail}");
    }
    serde_json::from_slice(&bytes).context("it answers what this release cannot read")
}
