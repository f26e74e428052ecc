//! What a rollout would do: every updater is asked, and told nothing.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};

use super::updater::{Trouble, Updater};
use crate::logic::rollout::{DryNode, DryRun, Offer, Policy};
use crate::logic::swarm::Host;
use crate::role::swarmctl::app::App;
use crate::role::swarmctl::nodes::AT_ONCE;

pub(super) async fn run(app: &Arc<App>, hosts: Vec<Host>, policy: &Policy, offer: Offer) -> DryRun {
    let asked = stream::iter(hosts).map(|host| one(app, host, policy, &offer));
    let mut results: Vec<DryNode> = asked.buffer_unordered(AT_ONCE).collect().await;
    results.sort_by(|a, b| a.host_name.cmp(&b.host_name));
    DryRun { release: offer, results }
}

async fn one(app: &Arc<App>, host: Host, policy: &Policy, offer: &Offer) -> DryNode {
    let mut node = DryNode {
        host_uuid: host.host_uuid,
        host_name: host.name.clone(),
        address: host.address.clone(),
        ok: false,
        current: None,
        target: offer.digest,
        send_bytes: None,
        free_bytes: None,
        detail: String::new(),
    };
    if host.updater_cert_fingerprint.is_none() {
        (node.ok, node.detail) = (true, "skipped: it was enrolled without an updater".to_owned());
        return node;
    }
    if let Err(error) = look(app, &host, policy, offer, &mut node).await {
        node.detail = error.to_string();
    }
    node
}

async fn look(
    app: &Arc<App>,
    host: &Host,
    policy: &Policy,
    offer: &Offer,
    node: &mut DryNode,
) -> Result<(), Trouble> {
    let updater = Updater::of(app, host, policy.updater_port)?;
    let releases = updater.releases().await?;
    node.current = releases.agent.current.map(|slot| slot.digest);
    node.free_bytes = Some(releases.free.bytes);
    if node.current == Some(offer.digest) {
        (node.send_bytes, node.ok) = (Some(0), true);
        node.detail = "it has the release already".to_owned();
        return Ok(());
    }
    let left = offer.bytes.saturating_sub(updater.offset(offer.sha256).await?);
    node.send_bytes = Some(left);
    // The bundle and what is unpacked from it lie there at the same time.
    node.ok = releases.free.bytes > left.saturating_add(offer.bytes);
    if !node.ok {
        node.detail = "its disk has too little room for the release".to_owned();
    }
    Ok(())
}
