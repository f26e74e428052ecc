//! What the visitors of one decky share, and what outlives their connections.

use super::{redis, ssh};
use crate::logic::files::Files;

/// The memory of a decky.
#[derive(Debug, Default)]
pub struct State {
    /// Its files, as far as visitors have changed them.
    pub files: Files,
    /// What its Redis holds.
    pub redis: redis::Keys,
    /// The host keys of its SSH server, as far as they were needed.
    pub ssh: ssh::Keys,
}
