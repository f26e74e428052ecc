//! What an agent knows of its master: where it is, and by which certificates it commands.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::edge::files;
use crate::edge::pki::Authorize;
use crate::logic::swarm::MasterUrl;
use crate::logic::trust::{Caller, CertRole, Fingerprint};

/// Name of the file in the state directory.
const FILE: &str = "master.json";

/// What it knows; kept for the next start.
#[derive(Debug)]
pub(super) struct Masters {
    /// Where the operator says that the master is.
    said: Option<MasterUrl>,
    known: Mutex<Known>,
    path: PathBuf,
    /// What this node's updater is called.
    updater: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    /// Where it came from last.
    url: Option<MasterUrl>,
    /// Its certificates; before it has said any, every one of a master's is good.
    certificates: BTreeSet<Fingerprint>,
}

impl Masters {
    /// Where it is kept: whoever has it was part of a fleet.
    pub(super) fn path(state_dir: &Path) -> PathBuf {
        state_dir.join(FILE)
    }

    /// What is kept in `state_dir`; `said` goes before where the master was found.
    pub(super) fn open(state_dir: &Path, said: Option<MasterUrl>, node: &str) -> Result<Self> {
        let path = Self::path(state_dir);
        let damaged = || {
            let path = path.display();
            format!("`{path}` is damaged: remove it, and the master makes itself known anew")
        };
        let known = match files::read(&path)? {
            None => Known::default(),
            Some(bytes) => serde_json::from_slice(&bytes).with_context(damaged)?,
        };
        let updater = format!("updater@{node}");
        Ok(Self { said, known: Mutex::new(known), path, updater })
    }

    /// Where the master is.
    pub(super) fn url(&self) -> Option<MasterUrl> {
        self.said.clone().or_else(|| self.known().url.clone())
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
        let known = self.known();
        let certificates = &known.certificates;
        match caller.role {
            CertRole::Master => {
                certificates.is_empty() || certificates.contains(&caller.fingerprint)
            }
            // It asks how the agent is, and nothing else: see `routes`.
            CertRole::Updater => caller.name == self.updater,
            CertRole::Agent | CertRole::Listener => false,
        }
    }
}
