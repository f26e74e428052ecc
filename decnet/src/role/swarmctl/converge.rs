//! Brings nodes to what is wanted of them, and notices those that have gone silent.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::http::StatusCode;
use rustls::ServerConfig;
use tokio::sync::watch;
use uuid::Uuid;

use super::app::App;
use super::node;
use super::nodes::{self, DEPLOY, Declined};
use crate::edge::clock;
use crate::edge::hosts::Reported;
use crate::logic::swarm::{BEAT_SECONDS, Count, Host, HostStatus, NodeReport};
use crate::logic::time::Timestamp;

/// How often what nodes have said is written.
const FLUSH: Duration = Duration::from_secs(1);
/// After how many flushes those are tried again that have not taken their order.
const RETRY: u64 = 15;
/// After how many flushes it is looked whether our own certificate is good and does not end soon: the
/// clock may have been put right meanwhile.
const LOOK: u64 = 15;
/// A node that has not spoken for so long is unreachable: three heartbeats and a bit.
const SILENCE: u64 = (3 * BEAT_SECONDS + 5) * 1_000_000_000;

/// Does what has to be done again and again.
pub(super) async fn watch(app: Arc<App>, offer: watch::Sender<Arc<ServerConfig>>) {
    let mut offered = app.master();
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
        if round.is_multiple_of(LOOK) && app.master().validity.is_due(clock::now()) {
            app.renew_master();
        }
        let master = app.master();
        if !Arc::ptr_eq(&master, &offered) {
            match node::config(&app) {
                Ok(config) => {
                    offer.send_replace(config);
                    offered = master;
                }
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
    if let Err(error) = app.hosts().reported(beats.values()) {
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
pub(super) fn behind(app: &Arc<App>, host: Host, generation: Count) {
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

/// Sends a node what is wanted of it, and takes note of what came of it. Orders are numbered by this
/// master's clock and record alone: a node that says that it has taken a later one is not followed.
pub(super) async fn push(app: &App, host: &Host) -> Result<NodeReport> {
    let id = host.host_uuid;
    let order = app.hosts().wanted(id)?.context("nothing is wanted of it")?;
    let asked: Result<NodeReport> = nodes::ask(app, host, DEPLOY, Some(&order)).await;
    let report = asked.map_err(|error| {
        let declined = error.downcast_ref::<Declined>();
        if declined.is_some_and(|declined| declined.status == StatusCode::CONFLICT) {
            return error
                .context("it has taken an order that this master did not give: deploy again");
        }
        error
    })?;
    record(app, id, report.clone());
    Ok(report)
}

/// Takes note of what a node has answered.
pub(super) fn record(app: &App, host: Uuid, report: NodeReport) {
    hear(app, Reported { host, report, at: clock::now(), beat: false });
    flush(app);
}

/// Keeps what a node says until it is written.
pub(super) fn hear(app: &App, said: Reported) {
    let mut beats = app.beats();
    let said = match beats.remove(&said.host) {
        Some(before) => said.after(before),
        None => said,
    };
    beats.insert(said.host, said);
}
