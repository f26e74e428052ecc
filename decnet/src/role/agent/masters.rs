//! What an agent knows of its master: where it is, and by which certificates it commands.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::edge::files;
use crate::edge::pki::{Authorize, Identity};
use crate::edge::trusted::Trusted;
use crate::logic::swarm::MasterUrl;
use crate::logic::trust::{Caller, CertRole, Fingerprint};

/// Name of the file in the state directory.
const FILE: &str = "master.json";

/// What it knows; kept for the next start.
#[derive(Debug)]
pub(super) struct Masters {
    /// Where the operator says that the master is.
    said: Vec<MasterUrl>,
    /// Whom it takes for a master, and what the authority says.
    trusted: Arc<Trusted>,
    /// How many places have been tried in vain.
    missed: AtomicUsize,
    known: Mutex<Known>,
    /// The certificate that the master wants replaced.
    to_replace: Mutex<Option<Fingerprint>>,
    wanted: Notify,
    path: PathBuf,
    /// What this node's updater is called.
    updater: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    /// Where it came from last.
    url: Option<MasterUrl>,
    /// The certificates by which it says that it commands.
    certificates: BTreeSet<Fingerprint>,
}

impl Masters {
    /// Where it is kept: whoever has it was part of a fleet.
    pub(super) fn path(state_dir: &Path) -> PathBuf {
        state_dir.join(FILE)
    }

    /// What is kept in `state_dir`; `said` goes before where the master was found.
    pub(super) fn open(
        state_dir: &Path,
        said: Vec<MasterUrl>,
        identity: &Identity,
    ) -> Result<Self> {
        let path = Self::path(state_dir);
        let damaged = || {
            let path = path.display();
            format!("`{path}` is damaged: remove it, and the master makes itself known anew")
        };
        let known = match files::read(&path)? {
            None => Known::default(),
            Some(bytes) => serde_json::from_slice(&bytes).with_context(damaged)?,
        };
        let updater = format!("updater@{}", identity.caller.name);
        let trusted = Arc::new(Trusted::open(state_dir, identity));
        let known = Mutex::new(known);
        let (missed, to_replace) = (AtomicUsize::new(0), Mutex::default());
        Ok(Self { said, trusted, missed, known, to_replace, wanted: Notify::new(), path, updater })
    }

    /// Where the master is tried next.
    pub(super) fn url(&self) -> Option<MasterUrl> {
        let places = self.places();
        let turn = self.missed.load(Ordering::Relaxed).checked_rem(places.len())?;
        places.into_iter().nth(turn)
    }

    /// It was not there; whether there is another place that was not tried since.
    pub(super) fn missed(&self) -> bool {
        let missed = self.missed.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        missed.checked_rem(self.places().len()).is_some_and(|turn| turn != 0)
    }

    /// Where it may be: as the authority says, as the operator of this node says, and where it came
    /// from. Whoever is there must have its certificate.
    fn places(&self) -> Vec<MasterUrl> {
        let mut places = self.trusted.places();
        places.extend(self.said.iter().cloned());
        places.extend(self.known().url.clone());
        let mut seen = Vec::new();
        places.retain(|place| {
            !seen.contains(place) && {
                seen.push(place.clone());
                true
            }
        });
        places
    }

    /// Whom this node trusts.
    pub(super) fn trusted(&self) -> Arc<Trusted> {
        self.trusted.clone()
    }

    /// The master has asked for something, and says that it is reached there.
    pub(super) fn found_at(&self, url: MasterUrl) {
        self.change(|known| known.url = Some(url));
    }

    /// The master has said which certificates are its own.
    pub(super) fn commands_with(&self, certificates: BTreeSet<Fingerprint>) {
        if !certificates.is_empty() {
            self.change(|known| known.certificates = certificates);
        }
    }

    /// The master wants this certificate of the agent's replaced, though it is good.
    pub(super) fn is_to_replace(&self, print: Fingerprint) {
        let mut to_replace = self.to_replace.lock().unwrap_or_else(PoisonError::into_inner);
        if to_replace.replace(print) != Some(print) {
            self.wanted.notify_one();
        }
    }

    /// Whether it wants this one replaced.
    pub(super) fn wants_replaced(&self, print: Fingerprint) -> bool {
        *self.to_replace.lock().unwrap_or_else(PoisonError::into_inner) == Some(print)
    }

    /// Waits until it wants one replaced, or until it is heard whom to trust.
    pub(super) async fn wants(&self) {
        tokio::select! {
            () = self.wanted.notified() => {}
            () = self.trusted.changed() => {}
        }
    }

    /// Whether this is a master by whose certificate the master has said that it commands; before it
    /// has said any that is good still, every master is.
    pub(super) fn commands(&self, caller: &Caller) -> bool {
        let known = self.known();
        let good = |print: &&Fingerprint| !self.trusted.revokes(print);
        let mut good = known.certificates.iter().filter(good).peekable();
        good.peek().is_none() || good.any(|print| *print == caller.fingerprint)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        let mut known = self.known();
        let before = known.clone();
        change(&mut known);
        if *known == before {
            return;
        }
        let bytes = serde_json::to_vec(&*known).expect("what is known is JSON");
        if let Err(error) = files::replace(&self.path, &bytes) {
            tracing::warn!(%error, "cannot keep where the master is");
        }
    }
}

impl Authorize for Masters {
    fn authorizes(&self, caller: &Caller) -> bool {
        match caller.role {
            CertRole::Master if self.commands(caller) => self.trusted.authorizes(caller),
            // It may bring what the authority says, and nothing else: see `routes`.
            CertRole::Master => self.trusted.is_newer(caller),
            // It asks how the agent is, and nothing else: see `routes`.
            CertRole::Updater => {
                caller.name == self.updater && !self.trusted.revokes(&caller.fingerprint)
            }
            CertRole::Agent | CertRole::Listener => false,
        }
    }
}
