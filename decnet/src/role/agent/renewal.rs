//! The agent's certificate: shown, replaced before it ends, and warned of when that fails.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustls::ServerConfig;
use tokio::sync::watch;

use super::heartbeat::{Master, tell};
use super::masters::Masters;
use super::remote::{NAME, Remote};
use crate::edge::clock;
use crate::edge::pki::{self, Identity, KeyRequest};
use crate::logic::swarm::{Renew, Renewed};

/// How often it is looked whether there is a new certificate.
const LOOK: Duration = Duration::from_secs(60);
/// After so many looks a renewal that failed is tried again.
const RETRY: u64 = 60;
/// A certificate that ends sooner than in so many days is replaced.
const RENEW: u64 = 60;
/// From here on its end is warned of, in days.
const WARN: u64 = 30;
/// From here on it is urgent.
const URGENT: u64 = 7;
/// After so many looks it is said again.
const DAY: u64 = 24 * 60;

/// What the port shows to whom.
pub(super) fn offered(
    identity: &Identity,
    masters: &Arc<Masters>,
) -> pki::Result<Arc<ServerConfig>> {
    Ok(Arc::new(pki::server_config(identity, masters.clone())?))
}

/// Keeps the certificate good. New connections are offered a new one; open ones keep the old.
pub(super) async fn keep(
    remote: Remote,
    masters: Arc<Masters>,
    shown: watch::Sender<Arc<Identity>>,
    offer: watch::Sender<Arc<ServerConfig>>,
) {
    for round in 0u64.. {
        let days = days_left(&shown.borrow());
        if round.is_multiple_of(DAY) {
            warn_of_the_end(days);
        }
        if days <= RENEW && round.is_multiple_of(RETRY) {
            let identity = shown.borrow().clone();
            if let Err(error) = renew(&remote, &masters, &identity).await {
                let error = format!("{error:#}");
                tracing::warn!(days, error, "cannot renew the agent's certificate");
            }
        }
        let read = remote.identity().and_then(|new| Ok((offered(&new, &masters)?, new)));
        match read {
            Ok((_, same)) if same.caller.fingerprint == shown.borrow().caller.fingerprint => {}
            Ok((config, new)) => {
                tracing::info!(fingerprint = %new.caller.fingerprint, "a new certificate is shown");
                offer.send_replace(config);
                shown.send_replace(Arc::new(new));
            }
            // It may be in the middle of being replaced, or no longer ours to read.
            Err(error) => tracing::debug!(%error, "the certificate stays as it is"),
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn days_left(identity: &Identity) -> u64 {
    identity.not_after.0.saturating_sub(clock::now().0) / 86_400_000_000_000
}

fn warn_of_the_end(days: u64) {
    if days <= URGENT {
        tracing::error!(days, "the agent's certificate ends: enrol the node anew");
    } else if days <= WARN {
        tracing::warn!(
            days,
            "the agent's certificate ends soon, and the master has not renewed it"
        );
    }
}

/// Gets another certificate, for a key that never leaves this node.
async fn renew(remote: &Remote, masters: &Masters, identity: &Arc<Identity>) -> Result<()> {
    let url = masters.url().context("the master has not made itself known")?;
    let request = KeyRequest::make()?;
    let master = Master { url, identity: identity.clone() };
    let renewed: Renewed = tell(&master, "/renew", &Renew { csr_pem: request.csr_pem }).await?;
    pki::renew(&remote.dir, NAME, &renewed.cert_pem, &request.key_pem)?;
    Ok(())
}
