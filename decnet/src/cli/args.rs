//! The tree of subcommands and their options.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::agent::AgentArgs;
use super::files::FilesArgs;
use super::release::ReleaseArgs;
use super::swarm::{JoinArgs, SwarmArgs, SwarmctlArgs};
use super::updater::UpdaterArgs;
use crate::edge::log::Format;
use crate::logic::name::DeckyName;
use crate::logic::services::ServiceKind;

/// Where the configuration is unless it is said.
pub(super) const DEFAULT_CONFIG: &str = "/etc/decnet/decnet.toml";

/// A deception fleet: decoy machines on a LAN, and a record of whoever touches them
#[derive(Debug, Parser)]
#[command(name = "decnet", version, max_term_width = 100)]
pub struct Cli {
    /// Configuration file (TOML); there need not be one at the usual place
    #[arg(long, global = true, env = "DECNET_CONFIG", default_value = DEFAULT_CONFIG)]
    pub config: PathBuf,
    /// How much is logged: error, warn, info, debug, trace
    #[arg(long, global = true, env = "DECNET_LOG_LEVEL", default_value = "info")]
    pub log_level: String,
    /// How it is logged; to the journal when systemd started it, else for people
    #[arg(long, global = true, env = "DECNET_LOG_FORMAT", value_enum)]
    pub log_format: Option<Format>,
    /// What to do
    #[command(subcommand)]
    pub role: Role,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Role {
    /// Make the deckies of this node and capture who touches them
    Agent(AgentArgs),
    /// Answer over HTTP what the store knows, and live what happens
    Api(ApiArgs),
    /// Load the capture programs into the kernel, or take them out
    Bpf(BpfArgs),
    /// Write the frames of a decky to a pcapng file
    Capture(CaptureArgs),
    /// Become the self-check of a release, closed off (started by the updater)
    #[command(hide = true)]
    Confine {
        /// Where the release is
        dir: PathBuf,
    },
    /// Make the deckies what a configuration file says
    Deploy(DeployArgs),
    /// Say what this machine lacks and how to get it
    Doctor(DoctorArgs),
    /// Try to get out of the face's sandbox (started by doctor)
    #[command(hide = true)]
    Escape {
        /// Which attempt
        attempt: usize,
    },
    /// Show what happened
    Events(EventsArgs),
    /// Face the visitors (started by the keeper)
    #[command(hide = true)]
    Face,
    /// Show the files and long commands that visitors sent, and take them out
    Files(FilesArgs),
    /// Make this machine a node of a master's fleet
    Join(JoinArgs),
    /// Hold the deckies' namespaces (started by the agent)
    #[command(hide = true)]
    Keeper,
    /// Go to the visitor's place in the lab of a running `decnet up`
    Lab(LabArgs),
    /// List the personas
    Personas,
    /// Make, sign and check releases
    Release(ReleaseArgs),
    /// Say which release this is, if it can run here (started by the updater)
    #[command(hide = true)]
    Selfcheck,
    /// List the services
    Services,
    /// Show the deckies and the capture counters
    Status(StatusArgs),
    /// Command a fleet of nodes
    Swarm(SwarmArgs),
    /// Serve the operators of a fleet, and command its nodes
    Swarmctl(SwarmctlArgs),
    /// Take deckies away
    Teardown(TeardownArgs),
    /// Run everything of one machine: deckies, capture, store and dashboard
    Up(UpArgs),
    /// Install on this node what the master sends
    Updater(UpdaterArgs),
    /// Touch the deckies of a lab (started by up)
    #[command(hide = true)]
    Visitor,
    /// Serve the dashboard
    Web(WebArgs),
}

/// Directories that every role with state shares.
#[derive(Args, Clone, Debug)]
pub struct Dirs {
    /// Where state is kept
    #[arg(long, env = "DECNET_STATE_DIR", default_value = "/var/lib/decnet")]
    pub state_dir: PathBuf,
    /// Where sockets and pins are
    #[arg(long, env = "DECNET_RUN_DIR", default_value = "/run/decnet")]
    pub run_dir: PathBuf,
}

/// Where a running agent is found.
#[derive(Args, Clone, Debug)]
pub struct RunDir {
    /// Where sockets and pins are
    #[arg(long, env = "DECNET_RUN_DIR", default_value = "/run/decnet")]
    pub run_dir: PathBuf,
}

/// Options of `lab`.
#[derive(Args, Clone, Debug)]
pub struct LabArgs {
    /// What to do in the lab
    #[command(subcommand)]
    pub action: LabAction,
}

/// What can be done in the lab.
#[derive(Clone, Debug, Subcommand)]
pub enum LabAction {
    /// Start a shell, or a command, that reaches the deckies as the visitor does
    Shell {
        /// Where the running `decnet up` is found
        #[command(flatten)]
        dir: RunDir,
        /// The command, and what it is told
        #[arg(trailing_var_arg = true)]
        command: Vec<String>,
    },
}

/// How the agent writes events besides the store.
#[derive(Args, Clone, Debug)]
pub struct EventArgs {
    /// Send events to the journal: auto (when systemd started it), always, never
    #[arg(long, env = "DECNET_EVENTS_JOURNAL", default_value = "auto")]
    pub events_journal: String,
    /// Append events to this file as RFC 5424 lines
    #[arg(long, env = "DECNET_EVENTS_SYSLOG_FILE")]
    pub events_syslog_file: Option<PathBuf>,
    /// Structured-data name of those lines
    #[arg(long, env = "DECNET_EVENTS_SYSLOG_SD_ID", default_value = crate::logic::event::syslog::DEFAULT_SD_ID)]
    pub events_syslog_sd_id: String,
    /// Size of the store in MiB; beyond it the oldest events are forgotten
    #[arg(long, env = "DECNET_EVENTS_STORE_LIMIT", default_value_t = 4_096, value_parser = clap::value_parser!(u64).range(16..))]
    pub events_store_limit: u64,
}

/// Options of `api`.
#[derive(Args, Clone, Debug)]
pub struct ApiArgs {
    /// Address to listen on
    #[arg(long, env = "DECNET_API_HOST", default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// Port to listen on
    #[arg(long, env = "DECNET_API_PORT", default_value_t = 8000)]
    pub port: u16,
    /// Where state is kept
    #[arg(long, env = "DECNET_STATE_DIR", default_value = "/var/lib/decnet")]
    pub state_dir: PathBuf,
    /// User to serve as when started as root; `decnet` if it exists, else nobody
    #[arg(long, env = "DECNET_API_USER")]
    pub user: Option<String>,
    /// Key by which the api knows what `decnet web` says of browsers; `-` for standard input
    #[arg(long, env = "DECNET_API_WEB_KEY", default_value = "/etc/decnet/api/web.key")]
    pub web_key: PathBuf,
}

/// Options of `bpf`.
#[derive(Args, Clone, Debug)]
pub struct BpfArgs {
    /// What to do
    #[command(subcommand)]
    pub action: BpfAction,
    /// Where the pins are
    #[arg(long, global = true, env = "DECNET_RUN_DIR", default_value = "/run/decnet")]
    pub run_dir: PathBuf,
    /// User who may use what is pinned; `decnet` if it exists, else nobody
    #[arg(long, global = true, env = "DECNET_AGENT_USER")]
    pub user: Option<String>,
}

/// What to do with the capture programs.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum BpfAction {
    /// Load and pin them
    Load,
    /// Say whether they are there
    Status,
    /// Take them out
    Unload,
}

/// Options of `capture`.
#[derive(Args, Clone, Debug)]
pub struct CaptureArgs {
    /// Whose frames
    #[arg(long)]
    pub decky: DeckyName,
    /// File to write, `-` for standard output
    #[arg(long)]
    pub write: PathBuf,
    /// Stop after this many seconds; else at Ctrl-C
    #[arg(long)]
    pub seconds: Option<u64>,
    /// Where the agent is
    #[command(flatten)]
    pub dir: RunDir,
}

/// Options of `deploy`.
#[derive(Args, Clone, Debug)]
pub struct DeployArgs {
    /// Where the agent is
    #[command(flatten)]
    pub dir: RunDir,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `doctor`.
#[derive(Args, Clone, Debug)]
pub struct DoctorArgs {
    /// Network interface to look at; that of the default route when not said
    #[arg(long, env = "DECNET_AGENT_INTERFACE")]
    pub interface: Option<String>,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `events`.
#[derive(Args, Clone, Debug)]
pub struct EventsArgs {
    /// Go on as events come
    #[arg(long, short)]
    pub follow: bool,
    /// One JSON object a line
    #[arg(long, conflicts_with = "syslog")]
    pub json: bool,
    /// One RFC 5424 line each
    #[arg(long)]
    pub syslog: bool,
    /// Only kinds of this name, or beginning so when it ends in `.`
    #[arg(long, value_delimiter = ',')]
    pub kind: Vec<String>,
    /// Only of this decky
    #[arg(long)]
    pub decky: Option<DeckyName>,
    /// Only of this source
    #[arg(long)]
    pub source: Option<IpAddr>,
    /// Only since then: a time such as 2026-11-23T08:00:00Z, or so long ago: 90s, 10m, 2h, 7d
    #[arg(long)]
    pub since: Option<String>,
    /// At most the last this many, 0 for all
    #[arg(long, short = 'n', visible_alias = "limit", default_value_t = 50)]
    pub lines: u32,
    /// Where state is kept; a running agent is asked when not said
    #[arg(long, env = "DECNET_STATE_DIR")]
    pub state_dir: Option<PathBuf>,
    /// Where sockets and pins are
    #[arg(long, env = "DECNET_RUN_DIR", default_value = "/run/decnet")]
    pub run_dir: PathBuf,
}

/// Options of `status`.
#[derive(Args, Clone, Debug)]
pub struct StatusArgs {
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
    /// Where the agent is
    #[command(flatten)]
    pub dir: RunDir,
}

/// Options of `teardown`.
#[derive(Args, Clone, Debug)]
pub struct TeardownArgs {
    /// Which; all when not said
    #[arg(long)]
    pub decky: Option<DeckyName>,
    /// Where the agent is
    #[command(flatten)]
    pub dir: RunDir,
}

/// Options of `up`.
#[derive(Args, Clone, Debug)]
pub struct UpArgs {
    /// Network interface of the LAN; without it a lab LAN is made, with a visitor
    #[arg(long, env = "DECNET_UP_INTERFACE")]
    pub interface: Option<String>,
    /// How many deckies, unless the configuration file names them
    #[arg(long, env = "DECNET_UP_DECKIES", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=16_384))]
    pub deckies: u32,
    /// Services of each decky; what becomes its persona when not said
    #[arg(long, env = "DECNET_UP_SERVICES", value_delimiter = ',')]
    pub services: Vec<ServiceKind>,
    /// Run the visitor, print what was seen, and end; fails unless everything was
    #[arg(long, conflicts_with = "interface")]
    pub once: bool,
    /// Make the lab without the visitor
    #[arg(long, conflicts_with_all = ["interface", "once"])]
    pub no_visitor: bool,
    /// Where the dashboard listens
    #[arg(long, env = "DECNET_WEB_HOST", default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// Port of the dashboard
    #[arg(long, env = "DECNET_WEB_PORT", default_value_t = 8080)]
    pub port: u16,
    /// What this node is called in events; the hostname when not said
    #[arg(long, env = "DECNET_AGENT_NODE")]
    pub node: Option<String>,
    /// User to serve as; `decnet` if it exists, else nobody
    #[arg(long, env = "DECNET_AGENT_USER")]
    pub user: Option<String>,
    /// Where state is kept; a lab's is temporary unless it is said
    #[arg(long, env = "DECNET_STATE_DIR")]
    pub state_dir: Option<PathBuf>,
    /// Where sockets and pins are
    #[arg(long, env = "DECNET_RUN_DIR", default_value = "/run/decnet")]
    pub run_dir: PathBuf,
    /// Where events go
    #[command(flatten)]
    pub events: EventArgs,
}

/// Options of `web`.
#[derive(Args, Clone, Debug)]
pub struct WebArgs {
    /// Address to listen on
    #[arg(long, env = "DECNET_WEB_HOST", default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// Port to listen on
    #[arg(long, env = "DECNET_WEB_PORT", default_value_t = 8080)]
    pub port: u16,
    /// Where the api is
    #[arg(long, env = "DECNET_WEB_API_URL", default_value = "http://127.0.0.1:8000")]
    pub api_url: String,
    /// User to serve as when started as root; `decnet` if it exists, else nobody
    #[arg(long, env = "DECNET_WEB_USER")]
    pub user: Option<String>,
    /// Key by which the api knows what is said of browsers here; `-` for standard input
    #[arg(long, env = "DECNET_WEB_KEY", default_value = "/etc/decnet/web/web.key")]
    pub web_key: PathBuf,
}
