//! What the visitors of one decky share, and what outlives their connections.

use super::redis;

/// The memory of a decky.
#[derive(Debug, Default)]
pub struct State {
    /// What its Redis holds.
    pub redis: redis::Keys,
}
