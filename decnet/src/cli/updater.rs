//! The options of `updater`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::args::Dirs;
use super::metrics::MetricsArgs;
use crate::role::updater;

/// Options of `updater`.
#[derive(Args, Clone, Debug)]
pub struct UpdaterArgs {
    /// Address where the master reaches it
    #[arg(long, env = "DECNET_UPDATER_HOST", default_value = "0.0.0.0")]
    pub host: IpAddr,
    /// Port where the master reaches it; 0 for any
    #[arg(long, env = "DECNET_UPDATER_PORT", default_value_t = 8766)]
    pub port: u16,
    /// Where its identity and the root of trust are: ca.crt, updater.crt, updater.key, root.json;
    /// `updater` in the directory of configuration when not said
    #[arg(long, env = "DECNET_UPDATER_DIR")]
    pub updater_dir: Option<PathBuf>,
    /// Where the agent's identity is, for an agent that it starts itself; `agent` in the directory
    /// of configuration when not said
    #[arg(long, env = "DECNET_AGENT_DIR")]
    pub agent_dir: Option<PathBuf>,
    /// Where configuration and identities are
    #[arg(long, env = "DECNET_ETC_DIR", default_value = "/etc/decnet")]
    pub etc_dir: PathBuf,
    /// Where releases are
    #[arg(long, env = "DECNET_INSTALL_DIR", default_value = "/opt/decnet")]
    pub install_dir: PathBuf,
    /// Where the agent of this node answers
    #[arg(long, env = "DECNET_UPDATER_AGENT", default_value = "127.0.0.1:8765")]
    pub agent: SocketAddr,
    /// MiB of the disk that are left to others
    #[arg(long, env = "DECNET_UPDATER_RESERVE", default_value_t = 64)]
    pub reserve: u64,
    /// Most MiB of what is sent
    #[arg(long, env = "DECNET_UPDATER_MAX_UPLOAD", default_value_t = 1_024)]
    pub max_upload: u64,
    /// Seconds for which a new release must go on answering
    #[arg(long, env = "DECNET_UPDATER_SOAK", default_value_t = 10)]
    pub soak: u64,
    /// Seconds that a new updater may take to be reached on its own port
    #[arg(long, env = "DECNET_UPDATER_PATIENCE", default_value_t = 60)]
    pub patience: u64,
    /// Watch the updater, and put the one before back when it cannot serve (started by systemd)
    #[arg(long, hide = true)]
    pub rescue: bool,
    /// Where metrics are
    #[command(flatten)]
    pub metrics: MetricsArgs,
    /// Where it keeps and finds things
    #[command(flatten)]
    pub dirs: Dirs,
}

impl UpdaterArgs {
    /// What the role is told.
    pub(super) fn settings(self, config: PathBuf) -> updater::Settings {
        const MEBIBYTE: u64 = 1024 * 1024;
        updater::Settings {
            host: self.host,
            port: self.port,
            updater_dir: self.updater_dir.unwrap_or_else(|| self.etc_dir.join("updater")),
            agent_dir: self.agent_dir.unwrap_or_else(|| self.etc_dir.join("agent")),
            install_dir: self.install_dir,
            state_dir: self.dirs.state_dir,
            run_dir: self.dirs.run_dir,
            config,
            agent: self.agent,
            reserve: self.reserve.saturating_mul(MEBIBYTE),
            most: self.max_upload.saturating_mul(MEBIBYTE),
            soak: Duration::from_secs(self.soak),
            patience: Duration::from_secs(self.patience),
            metrics: self.metrics.metrics,
        }
    }
}
