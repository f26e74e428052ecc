//! The options of `swarm ca`.

use clap::{Args, Subcommand};

use super::swarm::show;
use crate::logic::swarm::succession::Rotate;
use crate::role::swarm::Command;

/// Options of `swarm ca`.
#[derive(Args, Clone, Debug)]
pub struct CaArgs {
    /// What to do; how it stands is shown when not said
    #[command(subcommand)]
    pub action: Option<CaAction>,
    /// As JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// What to do with the authority.
#[derive(Clone, Debug, Subcommand)]
pub enum CaAction {
    /// Show the authority, and how far each node is when it is being replaced
    List,
    /// Have another authority take the place of this one; nodes trust both for a while
    Rotate {
        /// Do not wait for this node, by name or number; may be said several times
        #[arg(long)]
        leave: Vec<String>,
        /// Let go of the old one now; refused while a node is behind that is not left
        #[arg(long)]
        finish: bool,
    },
}

impl From<CaArgs> for Command {
    fn from(CaArgs { action, json }: CaArgs) -> Self {
        let wish = match action {
            None | Some(CaAction::List) => None,
            Some(CaAction::Rotate { leave, finish }) => Some(Rotate { leave, finish }),
        };
        Self::Authority { wish, show: show(json) }
    }
}
