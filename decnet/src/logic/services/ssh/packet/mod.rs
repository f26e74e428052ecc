//! The binary packet protocol (RFC 4253 section 6): payloads in packets, packets in bytes.
//!
//! ```text
//! uint32 packet length | byte padding length | payload | padding | MAC
//! ```
//!
//! The length counts neither itself nor the MAC. Which parts are encrypted, and what the MAC
//! covers, depends on the cipher: see [`cipher`]. Whatever a visitor sends, at most
//! [`MAX_PACKET`] bytes of it are held.

mod cipher;
mod input;
mod mac;
mod open;
mod seal;
mod umac;

use super::fault::Fault;

pub(super) use cipher::{Cipher, CipherKind};
pub(super) use input::Input;
pub(super) use mac::{Mac, MacKind};
pub(super) use open::{Opener, Packet};
pub(super) use seal::Sealer;

/// Longest packet that is held of somebody who has not logged in, without its MAC. RFC 4253
/// section 6.1 asks for as much, and no client sends more before it has.
pub(super) const MAX_PACKET: usize = 35_000;

/// Longest packet that OpenSSH takes: a command may be nearly as long. Between the two we wait as it
/// would, and keep nothing.
const MAX_CLAIMED: usize = 256 * 1024;

/// Shortest packet that OpenSSH takes, by its length field.
const MIN_CLAIMED: usize = 5;

/// What protects one direction of a connection.
#[derive(Debug, Default)]
pub(super) struct Protection {
    /// Hides it.
    pub(super) cipher: Cipher,
    /// Seals it; none where the cipher does, or where nothing does yet.
    pub(super) mac: Option<Mac>,
}

impl Protection {
    /// Bytes before the encrypted ones: the length, where it is not encrypted with the rest.
    fn clear(&self) -> usize {
        let apart = self.cipher.is_aead() || self.mac.as_ref().is_some_and(Mac::is_etm);
        if apart { 4 } else { 0 }
    }

    /// Bytes after the packet.
    fn tag(&self) -> usize {
        self.cipher.tag() + self.mac.as_ref().map_or(0, Mac::len)
    }
}

#[cfg(test)]
mod tests;
