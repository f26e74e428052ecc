//! The options of `swarm` and `swarmctl`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use crate::edge::http::Upstream;
use crate::logic::swarm::{Enroll, HostStatus};
use crate::role::operator::Show;
use crate::role::{swarm, swarmctl};

/// Options of `swarmctl`.
#[derive(Args, Clone, Debug)]
pub struct SwarmctlArgs {
    /// Address where operators reach it
    #[arg(long, env = "DECNET_SWARMCTL_HOST", default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// Port where operators reach it; 0 for any
    #[arg(long, env = "DECNET_SWARMCTL_PORT", default_value_t = 8770)]
    pub port: u16,
    /// Where configuration and identities are; the authority is in `ca` there
    #[arg(long, env = "DECNET_ETC_DIR", default_value = "/etc/decnet")]
    pub etc_dir: PathBuf,
    /// Where state is kept
    #[arg(long, env = "DECNET_STATE_DIR", default_value = "/var/lib/decnet")]
    pub state_dir: PathBuf,
    /// User to serve as when started as root; `decnet` if it exists, else nobody
    #[arg(long, env = "DECNET_SWARMCTL_USER")]
    pub user: Option<String>,
}

impl From<SwarmctlArgs> for swarmctl::Settings {
    fn from(args: SwarmctlArgs) -> Self {
        let SwarmctlArgs { host, port, etc_dir, state_dir, user } = args;
        Self { host, port, etc_dir, state_dir, user }
    }
}

/// Options of `swarm`.
#[derive(Args, Clone, Debug)]
pub struct SwarmArgs {
    /// What to do
    #[command(subcommand)]
    pub action: SwarmAction,
    /// Where swarmctl is
    #[arg(
        long,
        global = true,
        env = "DECNET_SWARMCTL_URL",
        default_value = "http://127.0.0.1:8770"
    )]
    pub url: Upstream,
    /// Where its token is, in `swarm`
    #[arg(long, global = true, env = "DECNET_STATE_DIR", default_value = "/var/lib/decnet")]
    pub state_dir: PathBuf,
}

/// What to do with the fleet.
#[derive(Clone, Debug, Subcommand)]
pub enum SwarmAction {
    /// Ask every node how it is
    Check {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Let a node go: its certificates stop working at once
    #[command(group = ArgGroup::new("which").args(["name", "uuid"]).required(true))]
    Decommission {
        /// Which, by name
        #[arg(long)]
        name: Option<String>,
        /// Which, by number
        #[arg(long)]
        uuid: Option<String>,
        /// Do it
        #[arg(long)]
        yes: bool,
    },
    /// Take in a node, and write its identity
    Enroll(EnrollArgs),
    /// Show the nodes
    List {
        /// Those only that are active, decommissioned, enrolled or unreachable
        #[arg(long, value_parser = status)]
        status: Option<HostStatus>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// Options of `swarm enroll`.
#[derive(Args, Clone, Debug)]
pub struct EnrollArgs {
    /// What it is to be called
    #[arg(long)]
    pub name: String,
    /// Where it is reached
    #[arg(long)]
    pub address: String,
    /// Port of its agent
    #[arg(long, default_value_t = 8765, value_parser = clap::value_parser!(u16).range(1..))]
    pub agent_port: u16,
    /// Other addresses and names of it
    #[arg(long, value_delimiter = ',')]
    pub sans: Vec<String>,
    /// What is to be known of it
    #[arg(long, default_value = "")]
    pub notes: String,
    /// Directory for its identity
    #[arg(long)]
    pub out_dir: Option<PathBuf>,
    /// Make an identity for its updater too
    #[arg(long)]
    pub updater: bool,
    /// Print the answer, with the keys
    #[arg(long)]
    pub json: bool,
}

fn status(text: &str) -> Result<HostStatus, String> {
    let takes = "it takes active, decommissioned, enrolled or unreachable";
    HostStatus::find(text).ok_or_else(|| takes.to_owned())
}

fn show(json: bool) -> Show {
    if json { Show::Json } else { Show::Table }
}

impl From<SwarmArgs> for swarm::Settings {
    fn from(args: SwarmArgs) -> Self {
        let command = match args.action {
            SwarmAction::Check { json } => swarm::Command::Check(show(json)),
            SwarmAction::Decommission { name, uuid, yes } => {
                let host = name.or(uuid).unwrap_or_default();
                swarm::Command::Decommission { host, yes }
            }
            SwarmAction::Enroll(args) => swarm::Command::Enroll {
                wish: Enroll {
                    name: args.name,
                    address: args.address,
                    agent_port: args.agent_port,
                    sans: args.sans,
                    notes: args.notes,
                    issue_updater_bundle: args.updater,
                },
                out_dir: args.out_dir,
                show: show(args.json),
            },
            SwarmAction::List { status, json } => swarm::Command::List { status, show: show(json) },
        };
        Self { url: args.url, state_dir: args.state_dir, command }
    }
}
