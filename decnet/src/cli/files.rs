//! The command line of `decnet files`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::role::files::{Settings, Wanted};

/// Options of `files`.
#[derive(Args, Clone, Debug)]
pub struct FilesArgs {
    /// What to do; they are listed when it is not said
    #[command(subcommand)]
    pub action: Option<FilesAction>,
    /// List them as JSON
    #[arg(long)]
    pub json: bool,
    /// At most this many of those that were sent last
    #[arg(long, short = 'n', visible_alias = "limit", default_value_t = 50)]
    pub lines: u32,
    /// Where state is kept; a running agent is asked when not said
    #[arg(long, global = true, env = "DECNET_STATE_DIR")]
    pub state_dir: Option<PathBuf>,
    /// Where sockets and pins are
    #[arg(long, global = true, env = "DECNET_RUN_DIR", default_value = "/run/decnet")]
    pub run_dir: PathBuf,
}

/// What `files` does.
#[derive(Clone, Debug, Subcommand)]
pub enum FilesAction {
    /// Write one of them; it is a stranger's, so take care
    Get {
        /// Its digest (SHA-256), as events and the list have it
        sha256: String,
        /// Where to; `-` is standard output
        #[arg(long, short, default_value = "-")]
        write: PathBuf,
    },
}

impl From<FilesArgs> for Settings {
    fn from(args: FilesArgs) -> Self {
        let FilesArgs { action, json, lines, state_dir, run_dir } = args;
        let wanted = match (action, json) {
            (Some(FilesAction::Get { sha256, write }), _) => Wanted::Bytes { sha256, write },
            (None, true) => Wanted::Json,
            (None, false) => Wanted::Table,
        };
        Self { wanted, lines, state_dir, run_dir }
    }
}
