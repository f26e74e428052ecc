//! The master's side of a node: what the agent is known by, who may command it, and whom it tells
//! how it is.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::control::Asked;
use super::heartbeat;
use super::masters::Masters;
use super::renewal::{self, offered};
use super::routes::router;
use crate::cli::WrongUse;
use crate::edge::http::{self, Limits, Secure};
use crate::edge::pki::{self, Identity, PkiError};
use crate::edge::{clock, files, release};
use crate::logic::swarm::MasterUrl;

/// Name of the certificate and the key in the agent's directory.
pub const NAME: &str = "worker";
/// Name of the file beside them that says where the master is.
pub const MASTER_FILE: &str = "master";
/// What makes them.
const REMEDY: &str = "`decnet join` makes it here, or `decnet swarm enroll` on the master; without \
                      a master, say `--standalone`";

/// Where the master reaches the agent, and by what it knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Where to listen.
    pub address: SocketAddr,
    /// Where `ca.crt`, `worker.crt` and `worker.key` are.
    pub dir: PathBuf,
    /// Where the master is; as the file in `dir` says when it is not said.
    pub master: Option<MasterUrl>,
}

impl Remote {
    /// Reads what the agent is known by, and where the master is said to be.
    pub(super) fn read(&self) -> Result<Read> {
        let identity = self.identity().map_err(|error| {
            if matches!(error, PkiError::Missing { .. } | PkiError::Unfit { .. }) {
                WrongUse(error.to_string()).into()
            } else {
                anyhow::Error::from(error)
            }
        })?;
        Ok(Read { identity, master: self.master()? })
    }

    /// Where the operator says that the master is.
    fn master(&self) -> Result<Option<MasterUrl>> {
        if self.master.is_some() {
            return Ok(self.master.clone());
        }
        let path = self.dir.join(MASTER_FILE);
        let Some(bytes) = files::read(&path)? else { return Ok(None) };
        let text = String::from_utf8_lossy(&bytes);
        let url = text.trim().parse();
        Ok(Some(url.map_err(|error| WrongUse(format!("`{}`: {error}", path.display())))?))
    }

    /// Reads the identity.
    pub(super) fn identity(&self) -> pki::Result<Identity> {
        Identity::read(&self.dir, NAME, clock::now(), REMEDY)
    }
}

/// What is read while the agent may still read it.
pub(super) struct Read {
    identity: Identity,
    master: Option<MasterUrl>,
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

/// Serves the master from now on, as long as the runtime is there: on `passed`, if there is such a
/// socket already.
pub(super) async fn serve(
    remote: Remote,
    passed: Option<TcpListener>,
    read: Read,
    health: Health,
    state_dir: &Path,
    agent: mpsc::Sender<Asked>,
) -> Result<()> {
    let Read { identity, master } = read;
    let masters = Arc::new(Masters::open(state_dir, master, &identity.caller.name)?);
    let listener = match passed {
        Some(passed) => passed,
        None => http::listen(remote.address).await?,
    };
    let address = listener.local_addr().context("cannot tell the port")?;
    let (offer, config) = watch::channel(offered(&identity, &masters)?);
    tracing::info!(%address, name = identity.caller.name, "the master is served");
    let (shown, identity) = watch::channel(Arc::new(identity));
    tokio::spawn(renewal::keep(remote, masters.clone(), shown, offer));
    tokio::spawn(heartbeat::beat(masters.clone(), identity, agent.clone()));
    let secure = Secure::new(config, masters.clone());
    let app = router(health, agent, masters);
    let limits = Limits { each: 16, ..Limits::default() };
    tokio::spawn(http::serve_tls(listener, secure, limits, app, std::future::pending()));
    Ok(())
}
