//! The agent's certificate: shown, replaced before it ends, and warned of when that fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustls::ServerConfig;
use tokio::sync::watch;

use super::heartbeat::{Master, tell};
use super::management::Management;
use super::masters::Masters;
use crate::edge::clock;
use crate::edge::pki::{self, Identity, Places, Renewal};
use crate::logic::swarm::{Renew, Renewed};

/// How often it is looked whether there is a new certificate.
const LOOK: Duration = Duration::from_secs(60);
/// The same while the one that is shown is not good: a new one may be had at any moment.
const LOOK_SOON: Duration = Duration::from_secs(10);
/// After how long a renewal that failed is tried again, while the certificate is good.
const RETRY: Duration = Duration::from_secs(3_600);

/// What the port shows to whom.
pub(super) fn offered(
    identity: &Identity,
    masters: &Arc<Masters>,
) -> pki::Result<Arc<ServerConfig>> {
    Ok(Arc::new(pki::server_config(identity, masters.clone())?))
}

/// Keeps the certificate good.
pub(super) struct Keeper {
    pub(super) places: Places,
    pub(super) masters: Arc<Masters>,
    /// What the agent is known by.
    pub(super) shown: watch::Sender<Arc<Identity>>,
    /// What its port shows.
    pub(super) offer: watch::Sender<Arc<ServerConfig>>,
    /// Where it is said how it stands.
    pub(super) said: watch::Sender<Management>,
}

impl Keeper {
    /// Does so from now on. New connections are offered a new certificate; open ones keep the old.
    pub(super) async fn keep(self) {
        let (mut tried, mut said): (Option<Instant>, String) = (None, String::new());
        loop {
            let identity = self.shown.borrow().clone();
            let standing = identity.validity.standing(clock::now());
            let is_asked = self.masters.wants_replaced(identity.caller.fingerprint);
            let is_due = identity.validity.is_due(clock::now()) || is_asked;
            let retry = if is_asked { LOOK } else { RETRY };
            let waits = |at: Instant| standing.is_good() && at.elapsed() < retry;
            if is_due && !tried.is_some_and(waits) {
                tried = Some(Instant::now());
                let why = self.renew(identity).await.err();
                let why = why.map(|error| format!("{error:#}")).unwrap_or_default();
                // What stays so was said.
                if !why.is_empty() && (why != said || standing.is_good()) {
                    let days = standing.days_left();
                    tracing::warn!(days, error = why, "cannot renew the agent's certificate");
                }
                said = why;
            }
            self.look();
            let pause = if standing.is_good() { LOOK } else { LOOK_SOON };
            drop(tokio::time::timeout(pause, self.masters.wants()).await);
        }
    }

    /// Shows the identity that is there, if it is another or trusts others.
    fn look(&self) {
        let read = self.places.read().or_else(|error| {
            // It may be in the middle of being replaced, or no longer ours to read.
            tracing::debug!(%error, "the certificate stays as it is");
            let shown = self.shown.borrow();
            Ok::<_, pki::PkiError>(shown.trusting(shown.authorities().to_vec()))
        });
        let read = read.and_then(|new| {
            let new = self.masters.trusted().serve_as(&new);
            self.renewal().map_or(Ok(()), |renewal| renewal.keep_trust(&new))?;
            Ok((offered(&new, &self.masters)?, new))
        });
        match read {
            Ok((_, same)) if is_same(&same, &self.shown.borrow()) => {}
            Ok((config, new)) => {
                let trusts = new.authorities().len();
                tracing::info!(fingerprint = %new.caller.fingerprint, trusts, "a new certificate is shown");
                self.said.send_modify(Management::served(&new));
                self.offer.send_replace(config);
                self.shown.send_replace(Arc::new(new));
            }
            Err(error) => tracing::warn!(%error, "the certificate cannot be shown: the old one is"),
        }
    }

    /// Gets another certificate, for a key that never leaves this node.
    async fn renew(&self, identity: Arc<Identity>) -> Result<()> {
        let url = self.masters.url().context("the master has not made itself known")?;
        let renewal = self.renewal().context("there is no place for it")?;
        let csr_pem = renewal.request()?.csr_pem;
        let trusted = self.masters.trusted();
        let master = Master { url, identity: identity.clone(), trusted };
        let renewed: Renewed = tell(&master, "/renew", &Renew { csr_pem }).await?;
        renewal.take(&identity, &renewed.cert_pem)?;
        Ok(())
    }

    fn renewal(&self) -> Option<Renewal<'_>> {
        let dir = self.places.dirs.last()?;
        Some(Renewal { dir, name: self.places.name })
    }
}

fn is_same(one: &Identity, other: &Identity) -> bool {
    one.caller.fingerprint == other.caller.fingerprint && one.trusts() == other.trusts()
}
