//! What an operator's command says to the running agent, and what it answers.
//!
//! One JSON object a line each way, over a socket in the run directory that only the agent's user
//! and root can open. After [`Answer::Capturing`] the connection carries a pcapng file.

use serde::{Deserialize, Serialize};

use crate::logic::config::MAX_CONFIG;
use crate::logic::name::DeckyName;
use crate::logic::status::Status;
use crate::logic::swarm::{Count, NodeReport, Order};

/// Longest line either way, in bytes.
pub const MAX_LINE: usize = 2 * MAX_CONFIG;

/// Name of the socket, below the run directory.
pub const SOCKET: &str = "agent/agent.sock";

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Send the frames of a decky as pcapng, until the connection is closed.
    Capture {
        /// Whose.
        decky: DeckyName,
    },
    /// Make the deckies what this configuration says.
    Deploy {
        /// The text of the file.
        config: String,
        /// Whether it is an order of the master's, to be kept for the next start.
        #[serde(default)]
        keep: bool,
    },
    /// Give a decky other services.
    Mutate {
        /// Which.
        decky: DeckyName,
        /// Which services, by name.
        services: Vec<String>,
    },
    /// Make the deckies what the master wants.
    Order(Order),
    /// Say how the node is.
    Report,
    /// Say what there is.
    Status,
    /// Take a decky away, or all.
    Teardown {
        /// Which; all when it is not said.
        decky: Option<DeckyName>,
    },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The capture follows.
    Capturing,
    /// It was done, and this is how things are.
    Done(Status),
    /// How the node is.
    Report(Box<NodeReport>),
    /// The order is older than the one that was taken last.
    Stale {
        /// The last one's number.
        generation: Count,
    },
    /// It was not done; nothing has changed.
    Refused {
        /// Line of the configuration that is at fault.
        line: Option<usize>,
        /// What is wrong.
        message: String,
    },
}

/// Name of the file in the run directory that says where the running agent keeps things.
pub const RUNNING: &str = "agent/agent.json";

/// What a running agent writes down for those who look for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its process.
    pub pid: u32,
    /// Where it keeps state.
    pub state_dir: std::path::PathBuf,
    /// The parent NIC.
    pub interface: String,
}
