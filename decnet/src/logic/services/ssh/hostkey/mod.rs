//! The host keys of a decky: derived from its secret, so that no two deckies share one and each
//! keeps its own over restarts, without a file.

mod rsa;

use ed25519_dalek::Signer as _;
use p256::ecdsa;

use super::kex::Hash;
use super::profile::Profile;
use super::wire::{Writer, names};
use crate::logic::decky::Secret;
use rsa::{RsaKey, Search};

/// A way to sign that can be negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// `ecdsa-sha2-nistp256`
    Ecdsa,
    /// `ssh-ed25519`
    Ed25519,
    /// `ssh-rsa`, `rsa-sha2-256`, `rsa-sha2-512`
    Rsa(Hash),
}

/// A host key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyType {
    Ecdsa,
    Ed25519,
    Rsa,
}

/// The host keys that were needed so far, kept for the next connection.
#[derive(Debug, Default)]
pub struct Keys {
    small: Option<Box<Small>>,
    rsa: Search,
}

/// Those that cost nothing to make.
#[derive(Debug)]
struct Small {
    ed25519: ed25519_dalek::SigningKey,
    ecdsa: ecdsa::SigningKey,
}

/// A key that is still being made: ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pending;

impl Algorithm {
    /// The algorithm that is called so.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "ecdsa-sha2-nistp256" => Self::Ecdsa,
            "rsa-sha2-256" => Self::Rsa(Hash::Sha256),
            "rsa-sha2-512" => Self::Rsa(Hash::Sha512),
            "ssh-ed25519" => Self::Ed25519,
            "ssh-rsa" => Self::Rsa(Hash::Sha1),
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ecdsa => "ecdsa-sha2-nistp256",
            Self::Ed25519 => "ssh-ed25519",
            Self::Rsa(Hash::Sha512) => "rsa-sha2-512",
            Self::Rsa(Hash::Sha256) => "rsa-sha2-256",
            Self::Rsa(_) => "ssh-rsa",
        }
    }

    /// Whether it signs in no time.
    pub(super) fn is_cheap(self) -> bool {
        !matches!(self, Self::Rsa(_))
    }

    fn key_type(self) -> KeyType {
        match self {
            Self::Ecdsa => KeyType::Ecdsa,
            Self::Ed25519 => KeyType::Ed25519,
            Self::Rsa(_) => KeyType::Rsa,
        }
    }
}

impl Keys {
    /// The public key that `algorithm` signs with, as it travels.
    ///
    /// # Errors
    ///
    /// It is RSA and not ready: each call works on it for some milliseconds.
    pub(super) fn public(
        &mut self,
        algorithm: Algorithm,
        profile: &Profile,
        secret: &Secret,
    ) -> Result<Vec<u8>, Pending> {
        self.blob(algorithm.key_type(), profile, secret)
    }

    /// All public keys, in the order in which the profile's server has them.
    ///
    /// # Errors
    ///
    /// As of [`Self::public`].
    pub(super) fn all(
        &mut self,
        profile: &Profile,
        secret: &Secret,
    ) -> Result<Vec<Vec<u8>>, Pending> {
        let mut types: Vec<KeyType> = names(profile.host_keys)
            .filter_map(Algorithm::named)
            .map(Algorithm::key_type)
            .collect();
        types.dedup();
        types.into_iter().map(|key_type| self.blob(key_type, profile, secret)).collect()
    }

    /// The signature of `message`, as it travels.
    ///
    /// # Errors
    ///
    /// As of [`Self::public`].
    pub(super) fn sign(
        &mut self,
        algorithm: Algorithm,
        message: &[u8],
        profile: &Profile,
        secret: &Secret,
    ) -> Result<Vec<u8>, Pending> {
        let signature = match algorithm {
            Algorithm::Ecdsa => {
                let signature: ecdsa::Signature = self.small(secret).ecdsa.sign(message);
                let (r, s) = signature.split_bytes();
                Writer::default().mpint(&r).mpint(&s).done()
            }
            Algorithm::Ed25519 => self.small(secret).ed25519.sign(message).to_vec(),
            Algorithm::Rsa(hash) => self.rsa(profile, secret)?.sign(hash, message),
        };
        Ok(Writer::default().string(algorithm.name()).string(signature).done())
    }

    fn blob(
        &mut self,
        key_type: KeyType,
        profile: &Profile,
        secret: &Secret,
    ) -> Result<Vec<u8>, Pending> {
        Ok(match key_type {
            KeyType::Ecdsa => {
                let point = self.small(secret).ecdsa.verifying_key().to_sec1_point(false);
                let kind = Writer::default().string("ecdsa-sha2-nistp256").string("nistp256");
                kind.string(point.as_bytes()).done()
            }
            KeyType::Ed25519 => {
                let key = self.small(secret).ed25519.verifying_key();
                Writer::default().string("ssh-ed25519").string(key.as_bytes()).done()
            }
            KeyType::Rsa => self.rsa(profile, secret)?.public(),
        })
    }

    fn small(&mut self, secret: &Secret) -> &Small {
        self.small.get_or_insert_with(|| {
            let ed25519 = ed25519_dalek::SigningKey::from_bytes(&secret.derive("ssh.ed25519").0);
            Box::new(Small { ed25519, ecdsa: ecdsa_key(secret) })
        })
    }

    fn rsa(&mut self, profile: &Profile, secret: &Secret) -> Result<&RsaKey, Pending> {
        let seed = || secret.derive("ssh.rsa").0;
        self.rsa.step(profile.rsa_bits, seed).ok_or(Pending)
    }
}

/// The first of the derived numbers that is a key; all but one in 2^32 are.
fn ecdsa_key(secret: &Secret) -> ecdsa::SigningKey {
    let numbers = (0_u32..).map(|nth| secret.derive(&format!("ssh.ecdsa.{nth}")).0);
    let mut keys = numbers.filter_map(|bytes| ecdsa::SigningKey::from_slice(&bytes).ok());
    keys.next().expect("not every number is out of range")
}

#[cfg(test)]
mod tests;
