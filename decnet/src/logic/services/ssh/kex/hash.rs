//! The hashes of key exchanges and of RSA signatures.

use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// A hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Hash {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// The hash of the parts, one after the other.
    pub(in super::super) fn of(self, parts: &[&[u8]]) -> Vec<u8> {
        let all = parts.concat();
        match self {
            Self::Sha1 => Sha1::digest(all).to_vec(),
            Self::Sha256 => Sha256::digest(all).to_vec(),
            Self::Sha384 => Sha384::digest(all).to_vec(),
            Self::Sha512 => Sha512::digest(all).to_vec(),
        }
    }
}
