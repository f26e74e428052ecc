//! Where nodes are: the address that one speaks from is where it is reached, once it has shown its
//! certificate there.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::app::App;
use super::nodes;
use crate::logic::swarm::Host;

/// How soon a node is looked for again that was not found where it speaks from.
const AGAIN: Duration = Duration::from_secs(60);

/// A node has spoken by itself from this address.
pub(super) fn heard(app: &Arc<App>, host: &Host, from: IpAddr) {
    let from = from.to_canonical().to_string();
    if host.heard_from.as_deref() != Some(&from)
        && let Err(error) = app.hosts().heard_from(host.host_uuid, &from)
    {
        tracing::error!(%error, "cannot write where a node spoke from");
    }
    if host.places().next() == Some(&from) {
        return;
    }
    let mut sought = app.sought();
    let now = Instant::now();
    let moved = host.heard_from.as_deref() != Some(&from);
    let recent = sought.get(&host.host_uuid).is_some_and(|last| now.duration_since(*last) < AGAIN);
    if recent && !moved {
        return;
    }
    sought.insert(host.host_uuid, now);
    tokio::spawn(seek(app.clone(), host.clone(), from));
}

/// Looks whether the node is there: only its own certificate says so.
async fn seek(app: Arc<App>, host: Host, from: String) {
    if let Err(error) = nodes::look_at(&app, &host, &from).await {
        let error = format!("{error:#}");
        tracing::debug!(name = %host.name, from, error, "a node is not reached where it speaks from");
        return;
    }
    let reached = Some(from.as_str()).filter(|from| *from != host.address);
    match app.hosts().reached_at(host.host_uuid, reached) {
        Ok(()) => tracing::info!(name = %host.name, address = from, "a node is reached elsewhere"),
        Err(error) => tracing::error!(%error, "cannot write where a node is"),
    }
}
