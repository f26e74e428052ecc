//! The master's side of a node: what the agent is known by, who may command it, and whom it tells
//! how it is.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::control::Asked;
use super::heartbeat;
use super::management::Management;
use super::masters::Masters;
use super::renewal::{Keeper, offered};
use super::routes::router;
use crate::cli::WrongUse;
use crate::edge::http::{self, Limits, Secure};
use crate::edge::pki::{self, Identity, Places};
use crate::edge::{clock, files, release, systemd};
use crate::logic::swarm::MasterUrl;

/// Name of the certificate and the key in the agent's directory.
pub const NAME: &str = "worker";
/// Name of the file beside them that says where the master is.
pub const MASTER_FILE: &str = "master";
/// What makes them.
const REMEDY: &str = "`decnet join` makes it here, or `decnet swarm enroll` on the master; without \
                      a master, say `--standalone`";

/// How long it is waited before serving is tried again, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Where the master reaches the agent, and by what it knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Where to listen.
    pub address: SocketAddr,
    /// Where `ca.crt`, `worker.crt` and `worker.key` are.
    pub dir: PathBuf,
    /// Where the master is, the likeliest place first; as the file in `dir` says, a line each, when
    /// none is said.
    pub master: Vec<MasterUrl>,
}

impl Remote {
    /// Where its identity may be.
    pub(super) fn places(&self, own: &Path) -> Places {
        let dirs = vec![self.dir.clone(), renewed_dir(own)];
        Places { dirs, name: NAME, remedy: REMEDY }
    }

    /// Reads what the agent is known by, and where the master is said to be. An agent that cannot
    /// read it makes its deckies all the same, unless an operator has just started it on a machine
    /// that was never part of a fleet.
    pub(super) fn read(&self, own: &Path) -> Result<Read> {
        let identity = self.places(own).read();
        let is_first = !systemd::listens() && !is_known(own);
        match identity {
            Err(error) if error.is_missing() && is_first => Err(WrongUse(error.to_string()).into()),
            identity => Ok(Read { identity, master: self.master() }),
        }
    }

    /// Where the operator says that the master is.
    fn master(&self) -> Vec<MasterUrl> {
        if !self.master.is_empty() {
            return self.master.clone();
        }
        let path = self.dir.join(MASTER_FILE);
        let said = files::read(&path).map_err(anyhow::Error::from).and_then(|bytes| {
            let bytes = bytes.unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            let urls: Result<Vec<MasterUrl>, _> = text.split_whitespace().map(str::parse).collect();
            Ok(urls?)
        });
        said.unwrap_or_else(|error| {
            let (path, error) = (path.display().to_string(), format!("{error:#}"));
            tracing::warn!(path, error, "where the master is cannot be read: it is waited for");
            Vec::new()
        })
    }
}

/// Whether the agent of this state directory has been part of a fleet.
pub fn was_node(state_dir: &Path) -> bool {
    is_known(&super::dir(state_dir))
}

fn is_known(own: &Path) -> bool {
    Masters::path(own).exists() || renewed_dir(own).exists()
}

/// Where a renewal leaves the agent's identity.
fn renewed_dir(own: &Path) -> PathBuf {
    own.join("identity")
}

/// What is read while the agent may still read it.
pub(super) struct Read {
    identity: pki::Result<Identity>,
    master: Vec<MasterUrl>,
}

/// What `/health` says.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Health {
    status: &'static str,
    role: &'static str,
    release: String,
    version: &'static str,
    boot_id: Uuid,
    pid: u32,
    started_at: String,
}

impl Health {
    /// That of an agent that starts now.
    pub(super) fn new(boot_id: Uuid) -> Self {
        Self {
            status: "ok",
            role: "agent",
            release: release::name(),
            version: env!("CARGO_PKG_VERSION"),
            boot_id,
            pid: std::process::id(),
            started_at: clock::now().to_string(),
        }
    }
}

/// What serving the master takes.
pub(super) struct Serving {
    pub(super) remote: Remote,
    /// The socket at which it is served, when there is one already.
    pub(super) passed: Option<TcpListener>,
    pub(super) health: Health,
    /// The agent's own directory of state.
    pub(super) dir: PathBuf,
    /// The agent's loop.
    pub(super) agent: mpsc::Sender<Asked>,
    /// Where it is said how it stands.
    pub(super) said: watch::Sender<Management>,
}

impl Serving {
    /// Serves the master as soon as it can be, and for as long as the runtime is there. The agent
    /// waits for none of it.
    pub(super) async fn go(mut self, read: Read) {
        let Read { mut identity, master } = read;
        let (mut pause, mut said) = (FIRST_PAUSE, String::new());
        loop {
            let begun = match identity {
                Ok(identity) => self.begin(identity, master.clone()).await,
                Err(error) => Err(error.into()),
            };
            let Err(error) = begun else { return };
            let why = format!("{error:#}");
            if said != why {
                tracing::error!(error = why, "the master cannot be served: it is tried again");
                self.said.send_modify(Management::hindered(&why));
                said = why;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            identity = self.remote.places(&self.dir).read();
        }
    }

    async fn begin(&mut self, identity: Identity, master: Vec<MasterUrl>) -> Result<()> {
        let masters = Arc::new(Masters::open(&self.dir, master, &identity)?);
        let identity = masters.trusted().serve_as(&identity);
        let config = offered(&identity, &masters)?;
        let listener = match self.passed.take() {
            Some(passed) => passed,
            None => http::listen(self.remote.address).await?,
        };
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, name = identity.caller.name, "the master is served");
        }
        self.said.send_modify(Management::served(&identity));
        let (offer, config) = watch::channel(config);
        let (shown, identity) = watch::channel(Arc::new(identity));
        let (places, said) = (self.remote.places(&self.dir), self.said.clone());
        let keeper = Keeper { places, masters: masters.clone(), shown, offer, said };
        tokio::spawn(keeper.keep());
        tokio::spawn(heartbeat::beat(masters.clone(), identity, self.agent.clone()));
        let secure = Secure::new(config, masters.clone());
        let app = router(self.health.clone(), self.agent.clone(), masters);
        let limits = Limits { each: 16, ..Limits::default() };
        tokio::spawn(http::serve_tls(listener, secure, limits, app, std::future::pending()));
        Ok(())
    }
}
