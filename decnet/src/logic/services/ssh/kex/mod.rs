//! Key exchange (RFC 4253 sections 7 and 8): from two offers and two public values to keys.
//!
//! Apart from the rest because it is where a visitor makes us calculate. The cost of each method is
//! bounded by its group; how often one connection may ask is bounded by the transport.

mod agree;
mod dh;
mod hash;
mod keys;
mod proposal;

use super::fault::Fault;
use super::random::Random;
use super::wire::Writer;
use agree::Curve;

pub(super) use dh::{Group, GroupRequest, Raising};
pub(super) use hash::Hash;
pub(super) use keys::{Direction, Keys};
pub(super) use proposal::{Agreed, Compression, Proposal, Suite, offer};

/// How two sides come to a shared secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// Diffie-Hellman in a group that is agreed on first (RFC 4419).
    Exchange,
    /// Diffie-Hellman in a group that is known (RFC 4253 section 8, RFC 8268).
    Group(Group, Hash),
    /// On a curve of NIST's (RFC 5656).
    Nist(Curve),
    /// Streamlined NTRU Prime with X25519 (draft-josefsson-ntruprime-ssh).
    Sntrup,
    /// X25519 (RFC 8731).
    X25519,
}

/// What a visitor's public value was answered with.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// Our public value, to be sent as a string.
    pub(super) public: Vec<u8>,
    /// The shared secret, written as the method hashes it.
    pub(super) shared: Vec<u8>,
}

/// How far an answer has come.
#[derive(Debug)]
pub(super) enum Begun {
    /// It is there.
    Answer(Answer),
    /// Powers are calculated for it.
    Raising(Box<Raising>),
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answer(..)")
    }
}

impl Method {
    /// The method that is called so.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "curve25519-sha256" | "curve25519-sha256@libssh.org" => Self::X25519,
            "diffie-hellman-group-exchange-sha256" => Self::Exchange,
            "diffie-hellman-group14-sha1" => Self::Group(Group::Modp2048, Hash::Sha1),
            "diffie-hellman-group14-sha256" => Self::Group(Group::Modp2048, Hash::Sha256),
            "diffie-hellman-group16-sha512" => Self::Group(Group::Modp4096, Hash::Sha512),
            "diffie-hellman-group18-sha512" => Self::Group(Group::Modp8192, Hash::Sha512),
            "ecdh-sha2-nistp256" => Self::Nist(Curve::P256),
            "ecdh-sha2-nistp384" => Self::Nist(Curve::P384),
            "ecdh-sha2-nistp521" => Self::Nist(Curve::P521),
            "sntrup761x25519-sha512" | "sntrup761x25519-sha512@openssh.com" => Self::Sntrup,
            _ => return None,
        })
    }

    /// What it hashes with.
    pub(super) fn hash(self) -> Hash {
        match self {
            Self::Exchange | Self::X25519 => Hash::Sha256,
            Self::Group(_, hash) => hash,
            Self::Nist(Curve::P256) => Hash::Sha256,
            Self::Nist(Curve::P384) => Hash::Sha384,
            Self::Nist(Curve::P521) | Self::Sntrup => Hash::Sha512,
        }
    }

    /// Begins to answer a visitor's public value, in the group that was agreed on if there is one.
    ///
    /// # Errors
    ///
    /// A value that OpenSSH refuses: it hangs up without a word.
    pub(super) fn begin(
        self,
        group: Option<&GroupRequest>,
        theirs: &[u8],
        random: &mut Random<'_>,
    ) -> Result<Begun, Fault> {
        let answer = match (self, group) {
            (Self::Exchange, Some(group)) => {
                return Ok(Begun::Raising(Box::new(group.raise(theirs, random)?)));
            }
            (Self::Exchange, None) => return Err(Fault::Drop),
            (Self::Group(group, _), _) => {
                return Ok(Begun::Raising(Box::new(group.raise(theirs, random)?)));
            }
            (Self::Nist(curve), _) => agree::nist(curve, theirs, random),
            (Self::Sntrup, _) => agree::sntrup(theirs, random),
            (Self::X25519, _) => agree::x25519(theirs, random),
        };
        answer.map(Begun::Answer)
    }

    /// Whether it is answered in no time.
    pub(super) fn is_cheap(self) -> bool {
        matches!(self, Self::Nist(Curve::P256) | Self::X25519)
    }

    /// How it writes a public value where the exchange hash wants it.
    pub(super) fn value(self, value: &[u8]) -> Vec<u8> {
        match self {
            Self::Exchange | Self::Group(..) => Writer::default().mpint(value).done(),
            Self::Nist(_) | Self::Sntrup | Self::X25519 => Writer::default().string(value).done(),
        }
    }
}

#[cfg(test)]
mod tests;
