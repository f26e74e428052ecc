//! The options of `release`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::logic::kernel;
use crate::logic::release::{Arch, Component, Label};
use crate::logic::time::Timestamp;
use crate::role::operator::Show;
use crate::role::release;

/// Options of `release`.
#[derive(Args, Clone, Debug)]
pub struct ReleaseArgs {
    /// What to do
    #[command(subcommand)]
    pub action: ReleaseAction,
}

/// What to do with releases.
#[derive(Clone, Debug, Subcommand)]
pub enum ReleaseAction {
    /// Install a bundle as the first release of this machine's updater and agent
    Install(InstallArgs),
    /// Show what is in a bundle, a release's directory or a root of trust
    Inspect {
        /// The bundle, the directory or the root
        file: PathBuf,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a key that signs; the public half goes beside it, with `.pub` at the end
    Keygen {
        /// File for the secret half, which nobody else may read
        #[arg(long)]
        out: PathBuf,
    },
    /// Make a bundle of a directory with `bin/decnet` and `share/`
    Pack(PackArgs),
    /// Make a root of trust: whose signatures count
    Root(RootArgs),
    /// Sign a bundle or a root of trust
    Sign {
        /// The bundle or the root
        file: PathBuf,
        /// File with a secret key; may be given more than once
        #[arg(long, required = true)]
        key: Vec<PathBuf>,
        /// Roots that a node may not have yet, to travel in the bundle, the oldest first
        #[arg(long)]
        root: Vec<PathBuf>,
    },
    /// Say whether a bundle may be installed, or a release's directory is whole
    Verify(VerifyArgs),
}

/// Options of `release install`.
#[derive(Args, Clone, Debug)]
pub struct InstallArgs {
    /// The bundle
    pub file: PathBuf,
    /// The root of trust
    #[arg(long, default_value = "/etc/decnet/updater/root.json")]
    pub root: PathBuf,
    /// Where releases are
    #[arg(long, env = "DECNET_INSTALL_DIR", default_value = "/opt/decnet")]
    pub install_dir: PathBuf,
    /// Where state is kept
    #[arg(long, env = "DECNET_STATE_DIR", default_value = "/var/lib/decnet")]
    pub state_dir: PathBuf,
}

/// Options of `release pack`.
#[derive(Args, Clone, Debug)]
pub struct PackArgs {
    /// The directory; its release.json is written
    pub dir: PathBuf,
    /// File for the bundle
    #[arg(long)]
    pub out: PathBuf,
    /// Which fleet it is for
    #[arg(long, default_value = "decnet")]
    pub fleet: Label,
    /// What may run from it
    #[arg(long, value_delimiter = ',', default_value = "agent,updater", value_parser = component)]
    pub component: Vec<Component>,
    /// What people call it
    #[arg(long, default_value = env!("CARGO_PKG_VERSION"))]
    pub release_version: Label,
    /// The epoch of the root whose keys will sign it
    #[arg(long, default_value_t = 1)]
    pub epoch: u64,
    /// Which release it is: higher than all before; the seconds of its making when not said
    #[arg(long)]
    pub number: Option<u64>,
    /// Let nodes go back to it that have had releases up to this number
    #[arg(long)]
    pub downgrade_from: Option<u64>,
    /// The processor it is built for
    #[arg(long, default_value = std::env::consts::ARCH, value_parser = arch)]
    pub arch: Arch,
    /// The oldest kernel it runs on
    #[arg(long, default_value_t = kernel::OLDEST, value_parser = kernel_version)]
    pub min_kernel: kernel::Version,
    /// When it was made, for the same bundle each time; now when not said
    #[arg(long)]
    pub created: Option<Timestamp>,
    /// For how many days it may be installed
    #[arg(long, default_value_t = 180, value_parser = clap::value_parser!(u64).range(1..=36_500))]
    pub days: u64,
}

/// Options of `release root`.
#[derive(Args, Clone, Debug)]
pub struct RootArgs {
    /// File for the root
    #[arg(long)]
    pub out: PathBuf,
    /// The root before it, from which comes what is not said; none for the first
    #[arg(long)]
    pub from: Option<PathBuf>,
    /// Which fleet it is of
    #[arg(long)]
    pub fleet: Option<Label>,
    /// File with a public key that may sign the next root; may be given more than once
    #[arg(long)]
    pub root_key: Vec<PathBuf>,
    /// How many of them it takes
    #[arg(long)]
    pub root_threshold: Option<usize>,
    /// File with a public key that may sign releases; may be given more than once
    #[arg(long)]
    pub release_key: Vec<PathBuf>,
    /// How many of them it takes
    #[arg(long)]
    pub release_threshold: Option<usize>,
    /// Begin a new epoch: releases signed until now count for nothing, nor do their numbers
    #[arg(long, requires = "from")]
    pub new_epoch: bool,
    /// For how many days releases are taken by it
    #[arg(long, default_value_t = 730, value_parser = clap::value_parser!(u64).range(1..=36_500))]
    pub days: u64,
}

/// Options of `release verify`.
#[derive(Args, Clone, Debug)]
pub struct VerifyArgs {
    /// The bundle, or the directory
    pub file: PathBuf,
    /// The root of trust; a bundle needs one
    #[arg(long)]
    pub root: Option<PathBuf>,
    /// What is to run from it
    #[arg(long, default_value = "agent", value_parser = component)]
    pub component: Component,
    /// The processor it is to run on
    #[arg(long, default_value = std::env::consts::ARCH, value_parser = arch)]
    pub arch: Arch,
    /// The kernel it is to run on; this machine's when not said
    #[arg(long, value_parser = kernel_version)]
    pub kernel: Option<kernel::Version>,
}

fn component(text: &str) -> Result<Component, String> {
    Component::find(text).ok_or_else(|| "it takes agent or updater".to_owned())
}

fn arch(text: &str) -> Result<Arch, String> {
    Arch::find(text).ok_or_else(|| "it takes aarch64 or x86_64".to_owned())
}

fn kernel_version(text: &str) -> Result<kernel::Version, String> {
    text.to_owned().try_into()
}

impl From<ReleaseArgs> for release::Command {
    fn from(args: ReleaseArgs) -> Self {
        match args.action {
            ReleaseAction::Install(args) => Self::Install(args),
            ReleaseAction::Inspect { file, json } => {
                Self::Inspect(file, if json { Show::Json } else { Show::Table })
            }
            ReleaseAction::Keygen { out } => Self::Keygen(out),
            ReleaseAction::Pack(args) => Self::Pack(args),
            ReleaseAction::Root(args) => Self::Root(args),
            ReleaseAction::Sign { file, key, root } => Self::Sign { file, keys: key, roots: root },
            ReleaseAction::Verify(args) => Self::Verify(args),
        }
    }
}
