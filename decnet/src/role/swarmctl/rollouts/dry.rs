//! What a rollout would do: every updater is asked, and told nothing.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};

use super::updater::{Trouble, Updater};
use super::{forgive, parcel};
use crate::edge::bundles::Sent;
use crate::logic::release::{Digest, Envelope, Release};
use crate::logic::rollout::{DryNode, DryRun, Offer, Policy};
use crate::logic::shown;
use crate::logic::swarm::Host;
use crate::role::swarmctl::app::App;
use crate::role::swarmctl::nodes::AT_ONCE;

/// Most of what a node says that is shown.
const SHOWN: usize = 600;

/// What would be brought.
pub(super) struct Brought {
    pub(super) offer: Offer,
    pub(super) release: Release,
    pub(super) envelope: Envelope,
    pub(super) whole: Sent,
}

pub(super) async fn run(
    app: &Arc<App>,
    hosts: Vec<Host>,
    policy: &Policy,
    brought: Brought,
) -> DryRun {
    let asked = stream::iter(hosts).map(|host| one(app, host, policy, &brought));
    let mut results: Vec<DryNode> = asked.buffer_unordered(AT_ONCE).collect().await;
    results.sort_by(|a, b| a.host_name.cmp(&b.host_name));
    DryRun { release: brought.offer, results }
}

async fn one(app: &Arc<App>, host: Host, policy: &Policy, brought: &Brought) -> DryNode {
    let mut node = DryNode {
        host_uuid: host.host_uuid,
        host_name: host.name.clone(),
        address: host.address.clone(),
        ok: false,
        current: None,
        current_self: None,
        target: brought.offer.digest,
        send_bytes: None,
        free_bytes: None,
        refusals: Vec::new(),
        detail: String::new(),
    };
    if host.updater_cert_fingerprint.is_none() {
        (node.ok, node.detail) = (true, "skipped: it was enrolled without an updater".to_owned());
        return node;
    }
    let looked = Look { app, host: &host, policy, brought }.fill(&mut node).await;
    if let Err(error) = looked {
        node.refusals.push(error.to_string());
    }
    node.ok = node.refusals.is_empty();
    if !node.ok {
        node.detail = node.refusals.join("; ");
    }
    node
}

struct Look<'a> {
    app: &'a Arc<App>,
    host: &'a Host,
    policy: &'a Policy,
    brought: &'a Brought,
}

impl Look<'_> {
    async fn fill(&self, node: &mut DryNode) -> Result<(), Trouble> {
        let target = self.brought.offer.digest;
        let updater = Updater::of(self.app, self.host, self.policy.updater_port)?;
        let own = updater.health().await?.release;
        let releases = updater.releases().await?;
        forgive::remember(self.app, self.host.host_uuid, &releases);
        node.current = releases.agent.current.map(|slot| slot.digest);
        node.current_self = own;
        node.free_bytes = Some(releases.free.bytes);
        let agent = match node.current {
            Some(current) if current == target => 0,
            current => self.left(&updater, current).await?,
        };
        // The updater is told once the agent is the release, and builds on that.
        let own = match own {
            _ if !self.policy.include_self => None,
            Some(own) if own == target => None,
            _ => Some(self.left(&updater, Some(target)).await?),
        };
        node.send_bytes = Some(agent.saturating_add(own.unwrap_or(0)));
        let head = (&self.brought.envelope, &self.brought.release);
        match updater.check(head, (agent, own)).await? {
            Some(found) => {
                let line =
                    |text: String| shown::line(&text).chars().take(SHOWN).collect::<String>();
                let agent = found.agent.into_iter().take(9).map(line);
                node.refusals.extend(agent);
                let own = found.updater.unwrap_or_default().into_iter().take(9).map(line);
                let own: Vec<_> = own.filter(|why| !node.refusals.contains(why)).collect();
                node.refusals.extend(own.into_iter().map(|why| format!("updater: {why}")));
            }
            None => "its updater is too old to say whether it would take it"
                .clone_into(&mut node.detail),
        }
        if agent == 0 && own.is_none() && node.refusals.is_empty() {
            "it has the release already".clone_into(&mut node.detail);
        }
        Ok(())
    }

    /// Bytes that a node would be sent that has the release `base`, beyond what it has of them.
    async fn left(&self, updater: &Updater, base: Option<Digest>) -> Result<u64, Trouble> {
        let whole = &self.brought.whole;
        let sent = if base == Some(self.brought.offer.digest) {
            parcel::on(self.app, whole, Some(whole)).await
        } else {
            parcel::sent(self.app, whole, base).await
        };
        Ok(sent.bytes.saturating_sub(updater.offset(sent.sha256).await?))
    }
}
