//! Keys from a shared secret (RFC 4253 section 7.2).

use super::super::packet::{Cipher, Mac, Protection};
use super::{Hash, Suite};

/// What all keys of an exchange come from.
pub(in super::super) struct Keys {
    /// What the exchange hashes with.
    pub(in super::super) hash: Hash,
    /// The shared secret, written as the method hashes it.
    pub(in super::super) shared: Vec<u8>,
    /// The exchange hash.
    pub(in super::super) exchange: Vec<u8>,
    /// The first exchange hash of the connection.
    pub(in super::super) session: Vec<u8>,
}

/// Which way something goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Direction {
    /// From the server.
    Down,
    /// From the client.
    Up,
}

impl Keys {
    /// What protects one direction.
    pub(in super::super) fn protection(&self, suite: Suite, direction: Direction) -> Protection {
        let (iv, key, seal) = match direction {
            Direction::Down => (b'B', b'D', b'F'),
            Direction::Up => (b'A', b'C', b'E'),
        };
        let kind = suite.cipher;
        let (iv, key) = (self.derive(iv, kind.iv()), self.derive(key, kind.key()));
        let mac = suite.mac.map(|kind| Mac::new(kind, &self.derive(seal, kind.key())));
        Protection { cipher: Cipher::new(kind, &key, &iv), mac }
    }

    fn derive(&self, letter: u8, length: usize) -> Vec<u8> {
        let (shared, exchange) = (self.shared.as_slice(), self.exchange.as_slice());
        let mut key = self.hash.of(&[shared, exchange, &[letter], &self.session]);
        while key.len() < length {
            let more = self.hash.of(&[shared, exchange, &key]);
            key.extend(more);
        }
        key.truncate(length);
        key
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(..)")
    }
}
