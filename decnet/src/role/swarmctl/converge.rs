//! Brings nodes to what is wanted of them, and notices those that have gone silent.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustls::ServerConfig;
use serde_json::Value;
use tokio::sync::watch;
use uuid::Uuid;

use super::app::App;
use super::nodes::{self, DEPLOY, Declined};
use super::{master, node};
use crate::edge::clock;
use crate::edge::hosts::Reported;
use crate::logic::swarm::{BEAT_SECONDS, Host, HostStatus, NodeReport};
use crate::logic::time::Timestamp;

/// How often what nodes have said is written.
const FLUSH: Duration = Duration::from_secs(1);
/// After how many flushes those are tried again that have not taken their order.
const RETRY: u64 = 15;
/// After how many flushes it is looked whether our own certificate ends soon.
const LOOK: u64 = 3_600;
/// A node that has not spoken for so long is unreachable: three heartbeats and a bit.
const SILENCE: u64 = (3 * BEAT_SECONDS + 5) * 1_000_000_000;

/// Does what has to be done again and again.
pub(super) async fn watch(app: Arc<App>, offer: watch::Sender<Arc<ServerConfig>>) {
    for round in 1u64.. {
        tokio::time::sleep(FLUSH).await;
        flush(&app);
        let then = Timestamp(clock::now().0.saturating_sub(SILENCE));
        match app.hosts().silent_since(then) {
            Ok(names) => names.iter().for_each(|name| tracing::warn!(name, "a node is silent")),
            Err(error) => tracing::error!(%error, "cannot look for silent nodes"),
        }
        if round.is_multiple_of(RETRY) {
            retry(&app);
        }
        if round.is_multiple_of(LOOK) && master::ends_soon(&app.master(), clock::now()) {
            app.renew_master();
            match node::config(&app) {
                Ok(config) => drop(offer.send_replace(config)),
                Err(error) => tracing::error!(%error, "nodes are shown the old certificate"),
            }
        }
    }
}

/// Writes what nodes have said: at once, for each write waits for the disk.
pub(super) fn flush(app: &App) {
    let beats = std::mem::take(&mut *app.beats());
    if beats.is_empty() {
        return;
    }
    if let Err(error) = app.hosts().reported(&beats) {
        tracing::error!(%error, "cannot write what nodes say");
    }
}

/// Tries nodes that have not taken their order, also those that never speak by themselves.
fn retry(app: &Arc<App>) {
    let behind = app.hosts().behind();
    for id in behind.unwrap_or_default() {
        let host = app.hosts().host(id);
        if let Ok(Some(host)) = host {
            begin(app, host);
        }
    }
}

/// A node has taken this order: if a newer one is wanted, it is sent.
pub(super) fn behind(app: &Arc<App>, host: Host, generation: u64) {
    let wanted = app.hosts().wanted_generation(host.host_uuid);
    if wanted.is_ok_and(|wanted| wanted.is_some_and(|wanted| wanted > generation)) {
        begin(app, host);
    }
}

/// Sends a node its order, unless that is under way.
fn begin(app: &Arc<App>, host: Host) {
    if host.status == HostStatus::Decommissioned || !app.pushing().insert(host.host_uuid) {
        return;
    }
    let app = app.clone();
    tokio::spawn(async move {
        match push(&app, &host).await {
            Ok(_) => tracing::info!(name = %host.name, "a node has taken its order"),
            Err(error) => {
                let error = format!("{error:#}");
                tracing::debug!(name = %host.name, error, "a node does not take its order");
            }
        }
        app.pushing().remove(&host.host_uuid);
    });
}

/// Sends a node what is wanted of it, and takes note of what came of it.
pub(super) async fn push(app: &App, host: &Host) -> Result<NodeReport> {
    let id = host.host_uuid;
    let report = match order(app, host).await {
        Err(error) => {
            let taken = error.downcast_ref::<Declined>().and_then(newer);
            let Some(generation) = taken else { return Err(error) };
            app.hosts().overtake(id, generation)?;
            order(app, host).await?
        }
        Ok(report) => report,
    };
    record(app, id, report.clone());
    Ok(report)
}

/// Takes note of what a node has answered.
pub(super) fn record(app: &App, host: Uuid, report: NodeReport) {
    // After what it has said before.
    app.beats().push(Reported { host, report, at: clock::now(), beat: false });
    flush(app);
}

async fn order(app: &App, host: &Host) -> Result<NodeReport> {
    let order = app.hosts().wanted(host.host_uuid)?.context("nothing is wanted of it")?;
    nodes::ask(app, host, DEPLOY, Some(&order)).await
}

/// The order that a node has taken, when that is why it takes no other.
fn newer(declined: &Declined) -> Option<u64> {
    let conflict = declined.status == axum::http::StatusCode::CONFLICT;
    declined.body.get("generation").and_then(Value::as_u64).filter(|_| conflict)
}
