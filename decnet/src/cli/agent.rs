//! The options of `agent`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

use super::args::{Dirs, EventArgs};
use super::metrics::MetricsArgs;
use crate::logic::swarm::MasterUrl;

/// Options of `agent`.
#[derive(Args, Clone, Debug)]
pub struct AgentArgs {
    /// Network interface that the deckies stand on; that of the default route when not said
    #[arg(long, env = "DECNET_AGENT_INTERFACE")]
    pub interface: Option<String>,
    /// What this node is called in events; the hostname when not said
    #[arg(long, env = "DECNET_AGENT_NODE")]
    pub node: Option<String>,
    /// Address where the master reaches it
    #[arg(long, env = "DECNET_AGENT_HOST", default_value = "0.0.0.0")]
    pub host: IpAddr,
    /// Port where the master reaches it; 0 for any
    #[arg(long, env = "DECNET_AGENT_PORT", default_value_t = 8765)]
    pub port: u16,
    /// Where its identity is: ca.crt, worker.crt, worker.key; `agent` in the directory of
    /// configuration when not said, and if that is not there, the node is standalone
    #[arg(long, env = "DECNET_AGENT_DIR")]
    pub agent_dir: Option<PathBuf>,
    /// Where configuration and identities are
    #[arg(long, env = "DECNET_ETC_DIR", default_value = "/etc/decnet")]
    pub etc_dir: PathBuf,
    /// Where it tells the master how it is, such as https://192.0.2.1:8771; as `decnet join` has
    /// written, or where the master comes from, when not said. Several are tried in turn
    #[arg(long, env = "DECNET_AGENT_MASTER", value_delimiter = ',')]
    pub master: Vec<MasterUrl>,
    /// Serve no master, whatever identity there is
    #[arg(long, env = "DECNET_AGENT_STANDALONE")]
    pub standalone: bool,
    /// User to serve as when started as root; `decnet` if it exists, else nobody
    #[arg(long, env = "DECNET_AGENT_USER")]
    pub user: Option<String>,
    /// Where metrics are
    #[command(flatten)]
    pub metrics: MetricsArgs,
    /// Where it keeps and finds things
    #[command(flatten)]
    pub dirs: Dirs,
    /// Where events go
    #[command(flatten)]
    pub events: EventArgs,
}
