//! Not yet written.

use serde::{Deserialize, Serialize};

use super::{Context, Reply, Service};

/// What can be set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {}

/// One connection.
#[derive(Debug)]
pub struct Session {}

impl Session {
    /// A fresh connection.
    pub fn new(_settings: &Settings) -> Self {
        Self {}
    }
}

impl Service for Session {
    fn receive(&mut self, _bytes: &[u8], _context: &mut Context<'_>, _reply: &mut Reply) {}
}

/// What the Redis of a decky holds.
#[derive(Debug, Default)]
pub struct Keys {}
