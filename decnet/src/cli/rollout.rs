//! The options of `swarm update`, `swarm rollback` and `swarm rollouts`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use super::swarm::show;
use crate::logic::release::Prefix;
use crate::logic::rollout::{Forgive, Revert, UPDATER_PORT, Which, Wish};
use crate::role::swarm::{Act, Command, Source};

/// Which nodes.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("which").args(["host", "all"]).required(true))]
pub struct WhichArgs {
    /// This node, by name or number
    #[arg(long)]
    pub host: Option<String>,
    /// All nodes that have an updater
    #[arg(long)]
    pub all: bool,
    /// Port of the nodes' updaters
    #[arg(long, default_value_t = UPDATER_PORT, value_parser = clap::value_parser!(u16).range(1..))]
    pub updater_port: u16,
}

/// Options of `swarm update`.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("source").args(["root", "bundle"]).required(true))]
pub struct UpdateArgs {
    /// Which nodes
    #[command(flatten)]
    pub which: WhichArgs,
    /// Bring the updaters the release too, each after its agent
    #[arg(long)]
    pub include_self: bool,
    /// The release as a tree with `bin/decnet` and `share/`, which is packed
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// The release as a bundle
    #[arg(long, value_name = "FILE")]
    pub bundle: Option<PathBuf>,
    /// Leave out of the tree what this pattern means; may be given more than once
    #[arg(long, value_name = "GLOB", requires = "root")]
    pub exclude: Vec<String>,
    /// File with a secret key that signs the packed tree; may be given more than once
    #[arg(long, value_name = "FILE", requires = "root")]
    pub key: Vec<PathBuf>,
    /// Change nothing; show what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Send it though it says that it was made later than the master's clock says
    #[arg(long)]
    pub allow_future: bool,
    /// So many nodes must be well before others begin; 1 for five nodes and more when not said
    #[arg(long, value_name = "N")]
    pub canary: Option<usize>,
    /// So many nodes at a time; 8 when not said
    #[arg(long, value_name = "N", value_parser = in_flight)]
    pub max_in_flight: Option<usize>,
    /// Halt when more nodes fail; 3 or a tenth of them when not said
    #[arg(long, value_name = "N")]
    pub max_failures: Option<usize>,
    /// Ask each node again after so many seconds, and all after the last has the release; 10 when
    /// not said
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub soak: Option<u64>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `swarm rollback`.
#[derive(Args, Clone, Debug)]
pub struct RollbackArgs {
    /// Which nodes
    #[command(flatten)]
    pub which: WhichArgs,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// What to do with a release.
#[derive(Clone, Debug, Subcommand)]
pub enum FleetRelease {
    /// Have nodes take a release again that failed there
    Forgive(ForgiveArgs),
}

/// Options of `swarm release forgive`.
#[derive(Args, Clone, Debug)]
pub struct ForgiveArgs {
    /// Which nodes
    #[command(flatten)]
    pub which: WhichArgs,
    /// Which release: its digest, or the first 8 digits of it at least
    pub digest: Prefix,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `swarm rollouts`.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("act").args(["follow", "pause", "resume", "abort"]).requires("id"))]
pub struct RolloutsArgs {
    /// Which; all are listed when not said
    pub id: Option<String>,
    /// Follow it until it rests
    #[arg(long)]
    pub follow: bool,
    /// Let no other node begin
    #[arg(long)]
    pub pause: bool,
    /// Let nodes begin again
    #[arg(long)]
    pub resume: bool,
    /// Give it up: no other node begins, and those that are away do not get it
    #[arg(long)]
    pub abort: bool,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

fn in_flight(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=128).contains(number));
    number.ok_or_else(|| "it takes 1 to 128".to_owned())
}

impl WhichArgs {
    fn which(self) -> Which {
        self.host.map_or(Which::All, Which::Host)
    }
}

impl From<UpdateArgs> for Command {
    fn from(args: UpdateArgs) -> Self {
        let source = match (args.bundle, args.root) {
            (Some(bundle), _) => Source::Bundle(bundle),
            (None, root) => Source::Root {
                root: root.unwrap_or_default(),
                exclude: args.exclude,
                keys: args.key,
            },
        };
        let wish = Wish {
            updater_port: args.which.updater_port,
            hosts: args.which.which(),
            canary: args.canary,
            max_in_flight: args.max_in_flight,
            max_failures: args.max_failures,
            soak_s: args.soak,
            include_self: args.include_self,
            allow_future: args.allow_future,
            dry_run: args.dry_run,
        };
        Self::Update { wish, source, show: show(args.json) }
    }
}

impl From<RollbackArgs> for Command {
    fn from(args: RollbackArgs) -> Self {
        let updater_port = args.which.updater_port;
        let wish = Revert { hosts: args.which.which(), updater_port };
        Self::Rollback { wish, show: show(args.json) }
    }
}

impl From<FleetRelease> for Command {
    fn from(FleetRelease::Forgive(args): FleetRelease) -> Self {
        let updater_port = args.which.updater_port;
        let wish = Forgive { hosts: args.which.which(), digest: args.digest, updater_port };
        Self::Forgive { wish, show: show(args.json) }
    }
}

impl From<RolloutsArgs> for Command {
    fn from(args: RolloutsArgs) -> Self {
        let act = match (args.follow, args.pause, args.resume, args.abort) {
            (true, ..) => Act::Follow,
            (_, true, ..) => Act::Tell("pause"),
            (_, _, true, _) => Act::Tell("resume"),
            (.., true) => Act::Tell("abort"),
            _ => Act::Look,
        };
        Self::Rollouts { id: args.id, act, show: show(args.json) }
    }
}
