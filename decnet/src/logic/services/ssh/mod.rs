//! Secure shell: the layers of an SSH-2 server, up to keys and packets. Nobody is served yet.
#![allow(dead_code, unused_imports, reason = "the session that uses them comes next")]

mod fault;
mod hostkey;
mod ident;
mod kex;
mod number;
mod packet;
mod profile;
mod random;
mod wire;
mod zlib;

pub use hostkey::Keys;

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
