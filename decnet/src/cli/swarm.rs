//! The options of `swarm` and `swarmctl`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use super::WrongUse;
use super::authority::CaArgs;
use super::metrics::MetricsArgs;
use super::rollout::{FleetRelease, RollbackArgs, RolloutsArgs, UpdateArgs};
use crate::edge::http::Upstream;
use crate::logic::name::DeckyName;
use crate::logic::swarm::{
    Enroll, HostStatus, MasterRenewal, MasterUrl, MoveMaster, NODE_PORT, NotAToken, Teardown,
    TokenWish,
};
use crate::role::operator::Show;
use crate::role::{join, swarm, swarmctl};

/// Options of `swarmctl`.
#[derive(Args, Clone, Debug)]
pub struct SwarmctlArgs {
    /// Address where operators reach it
    #[arg(long, env = "DECNET_SWARMCTL_HOST", default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// Port where operators reach it; 0 for any
    #[arg(long, env = "DECNET_SWARMCTL_PORT", default_value_t = 8770)]
    pub port: u16,
    /// Address where nodes reach it
    #[arg(long, env = "DECNET_SWARMCTL_NODE_HOST", default_value = "0.0.0.0")]
    pub node_host: IpAddr,
    /// Port where nodes reach it; 0 for any
    #[arg(long, env = "DECNET_SWARMCTL_NODE_PORT", default_value_t = NODE_PORT)]
    pub node_port: u16,
    /// Port where the updaters of nodes listen
    #[arg(long, env = "DECNET_SWARMCTL_UPDATER_PORT", default_value_t = 8766)]
    pub updater_port: u16,
    /// Where configuration and identities are; the authority is in `ca` there
    #[arg(long, env = "DECNET_ETC_DIR", default_value = "/etc/decnet")]
    pub etc_dir: PathBuf,
    /// Where state is kept
    #[arg(long, env = "DECNET_STATE_DIR", default_value = "/var/lib/decnet")]
    pub state_dir: PathBuf,
    /// User to serve as when started as root; `decnet` if it exists, else nobody
    #[arg(long, env = "DECNET_SWARMCTL_USER")]
    pub user: Option<String>,
    /// Where metrics are
    #[command(flatten)]
    pub metrics: MetricsArgs,
}

impl From<SwarmctlArgs> for swarmctl::Settings {
    fn from(args: SwarmctlArgs) -> Self {
        let SwarmctlArgs { host, port, updater_port, etc_dir, state_dir, user, .. } = args;
        let nodes = (args.node_host, args.node_port).into();
        let metrics = args.metrics.metrics;
        Self { host, port, nodes, updater_port, etc_dir, state_dir, user, metrics }
    }
}

/// Options of `join`.
#[derive(Args, Clone, Debug)]
pub struct JoinArgs {
    /// Where the master is, such as https://192.0.2.1:8771
    #[arg(long, env = "DECNET_JOIN_MASTER")]
    pub master: MasterUrl,
    /// What `decnet swarm token` has printed there
    #[arg(long, env = "DECNET_JOIN_TOKEN", hide_env_values = true)]
    pub token: String,
    /// Where configuration and identities are
    #[arg(long, env = "DECNET_ETC_DIR", default_value = "/etc/decnet")]
    pub etc_dir: PathBuf,
    /// Where the agent's identity goes; `agent` in the directory of configuration when not said
    #[arg(long, env = "DECNET_AGENT_DIR")]
    pub agent_dir: Option<PathBuf>,
    /// Where the updater's goes; `updater` there when not said
    #[arg(long, env = "DECNET_UPDATER_DIR")]
    pub updater_dir: Option<PathBuf>,
    /// Come back as the node that this machine is, with new keys
    #[arg(long)]
    pub rejoin: bool,
    /// User who serves with them, when started as root; `decnet` if it exists, else root
    #[arg(long, env = "DECNET_JOIN_USER")]
    pub user: Option<String>,
}

impl TryFrom<JoinArgs> for join::Settings {
    type Error = WrongUse;

    fn try_from(args: JoinArgs) -> Result<Self, WrongUse> {
        let JoinArgs { master, token, etc_dir, agent_dir, updater_dir, rejoin, user } = args;
        Ok(Self {
            master,
            // Read here, for what is wrong with an option is shown with its value.
            token: token
                .parse()
                .map_err(|error: NotAToken| WrongUse(format!("--token: {error}")))?,
            agent_dir: agent_dir.unwrap_or_else(|| etc_dir.join("agent")),
            updater_dir: updater_dir.unwrap_or_else(|| etc_dir.join("updater")),
            rejoin,
            user,
        })
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
    /// Show the authority, or have another take its place
    Ca(CaArgs),
    /// Ask every node how it is
    Check {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the deckies of the fleet
    Deckies {
        /// Those only of this node, by name or number
        #[arg(long)]
        host: Option<String>,
        /// Those only that are up, starting, failed or unreachable
        #[arg(long, value_parser = ["failed", "starting", "unreachable", "up"])]
        state: Option<String>,
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
    /// Make the fleet's deckies what the file says that --config names, spread over its nodes
    Deploy {
        /// Over this node only, by name or number; may be said several times
        #[arg(long)]
        host: Vec<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
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
    /// Give the master another key, or tell the nodes where it is from now on
    Master {
        /// What to do
        #[command(subcommand)]
        action: MasterAction,
    },
    /// Releases that nodes know
    Release {
        /// What to do with one
        #[command(subcommand)]
        action: FleetRelease,
    },
    /// Have nodes go back to the release that they had before
    Rollback(RollbackArgs),
    /// Show the rollouts, or one, and pause, resume or abort it
    Rollouts(RolloutsArgs),
    /// Take deckies away
    Teardown {
        /// From this node only, by name or number; may be said several times
        #[arg(long)]
        host: Vec<String>,
        /// This one only
        #[arg(long)]
        decky: Option<DeckyName>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a token with which a node joins by itself
    Token(TokenArgs),
    /// Bring nodes a release, and follow how it goes
    Update(UpdateArgs),
}

/// What to do with the master.
#[derive(Clone, Debug, Subcommand)]
pub enum MasterAction {
    /// Tell every node where the master is reached from now on, by the authority's word
    Move {
        /// Where, such as https://192.0.2.1:8771; several are tried in turn
        #[arg(long, value_delimiter = ',', required = true)]
        to: Vec<MasterUrl>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Give the master another key; nodes take the newest that they have seen
    Renew {
        /// The old one was stolen: no node listens to it any more, within seconds
        #[arg(long)]
        revoke_old: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// Options of `swarm token`.
#[derive(Args, Clone, Debug)]
pub struct TokenArgs {
    /// What the node is to be called
    #[arg(long)]
    pub name: String,
    /// Where it is reached; where it joins from when not said
    #[arg(long)]
    pub address: Option<String>,
    /// Port of its agent
    #[arg(long, default_value_t = 8765, value_parser = clap::value_parser!(u16).range(1..))]
    pub agent_port: u16,
    /// Other addresses and names of it
    #[arg(long, value_delimiter = ',')]
    pub sans: Vec<String>,
    /// What is to be known of it
    #[arg(long, default_value = "")]
    pub notes: String,
    /// It has an updater too
    #[arg(long)]
    pub updater: bool,
    /// Take back a node that is there already, and whose certificate has ended
    #[arg(long, conflicts_with_all = ["address", "sans", "notes", "updater"])]
    pub rejoin: bool,
    /// How long the token is good, in minutes
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=10_080))]
    pub minutes: u64,
    /// As JSON
    #[arg(long)]
    pub json: bool,
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

pub(super) fn show(json: bool) -> Show {
    if json { Show::Json } else { Show::Table }
}

impl SwarmArgs {
    /// What is asked; `config` is the file that says what to deploy.
    pub fn settings(self, config: PathBuf) -> swarm::Settings {
        let command = match self.action {
            SwarmAction::Ca(args) => args.into(),
            SwarmAction::Deckies { host, state, json } => {
                swarm::Command::Deckies { host, state, show: show(json) }
            }
            SwarmAction::Deploy { host, json } => {
                swarm::Command::Deploy { config, hosts: host, show: show(json) }
            }
            SwarmAction::Teardown { host, decky, json } => {
                let wish = Teardown { decky, hosts: host };
                swarm::Command::Teardown { wish, show: show(json) }
            }
            SwarmAction::Token(args) => swarm::Command::Token {
                show: show(args.json),
                wish: TokenWish {
                    name: args.name,
                    address: args.address,
                    agent_port: args.agent_port,
                    sans: args.sans,
                    notes: args.notes,
                    issue_updater_bundle: args.updater,
                    ttl_seconds: args.minutes * 60,
                    rejoin: args.rejoin,
                },
            },
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
            SwarmAction::Master { action: MasterAction::Move { to, json } } => {
                swarm::Command::MoveMaster { wish: MoveMaster { places: to }, show: show(json) }
            }
            SwarmAction::Master { action: MasterAction::Renew { revoke_old, json } } => {
                let wish = MasterRenewal { revoke: revoke_old };
                swarm::Command::RenewMaster { wish, show: show(json) }
            }
            SwarmAction::Release { action } => action.into(),
            SwarmAction::Rollback(args) => args.into(),
            SwarmAction::Rollouts(args) => args.into(),
            SwarmAction::Update(args) => args.into(),
        };
        swarm::Settings { url: self.url, state_dir: self.state_dir, command }
    }
}
