//! The root of trust: whose signatures count, and how it passes from one set of keys to the next.

use serde::{Deserialize, Serialize};

use super::key::{PublicKey, Purpose, SecretKey, Signature, signers};
use super::manifest::Label;
use crate::logic::time::Timestamp;

/// Written into every root, so that nothing else is taken for one.
const SCHEMA: &str = "decnet.root/1";
/// Most bytes of a root with its signatures.
const MAX_ROOT: usize = 32 * 1024;
/// Most keys in a ring.
const MAX_KEYS: usize = 16;
/// Most signatures under a root: all keys of an old and of a new ring.
const MAX_SIGNATURES: usize = 2 * MAX_KEYS;

/// Some keys, and how many of them it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keyring {
    /// How many must sign.
    pub threshold: usize,
    /// Which keys; at most 16, none twice.
    pub keys: Vec<PublicKey>,
}

impl Keyring {
    fn holds_together(&self) -> bool {
        let mut sorted = self.keys.clone();
        sorted.sort();
        sorted.dedup();
        sorted.len() == self.keys.len()
            && self.keys.len() <= MAX_KEYS
            && (1..=self.keys.len()).contains(&self.threshold)
    }

    /// How many of the keys have signed; `Err` with that number when they are too few.
    pub(super) fn check(
        &self,
        purpose: Purpose,
        payload: &[u8],
        signatures: &[Signature],
    ) -> Result<usize, usize> {
        let signed = signers(&self.keys, purpose, payload, signatures).len();
        if signed >= self.threshold { Ok(signed) } else { Err(signed) }
    }
}

/// Whose signatures count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Root {
    /// `decnet.root/1`.
    pub schema: String,
    /// Which fleet it is of.
    pub fleet: Label,
    /// Which root of the fleet: the first is 1, each next one is one more.
    pub version: u64,
    /// Releases of another epoch count for nothing. A new one voids all release numbers there were,
    /// which is the way out when a stolen key has signed the highest.
    pub epoch: u64,
    /// No release is taken after it.
    pub expires: Timestamp,
    /// Who may sign the next root.
    pub root: Keyring,
    /// Who may sign releases.
    pub release: Keyring,
}

impl Root {
    /// A root from its parts.
    ///
    /// # Errors
    ///
    /// [`RootError::Unsound`].
    pub fn new(
        fleet: Label,
        (version, epoch): (u64, u64),
        expires: Timestamp,
        (root, release): (Keyring, Keyring),
    ) -> Result<Self, RootError> {
        let new = Self { schema: SCHEMA.into(), fleet, version, epoch, expires, root, release };
        new.check()?;
        Ok(new)
    }

    fn check(&self) -> Result<(), RootError> {
        if self.schema != SCHEMA {
            return Err(RootError::Schema);
        }
        let sound = self.version > 0
            && self.epoch > 0
            && self.root.holds_together()
            && self.release.holds_together();
        if sound { Ok(()) } else { Err(RootError::Unsound) }
    }

    /// What is signed.
    fn payload(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("every part of it has a form in JSON")
    }
}

/// A root that cannot be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RootError {
    /// Its epoch is below the one before.
    #[error("its epoch {found} is below {now}")]
    Epoch {
        /// That of the root which is trusted.
        now: u64,
        /// Its own.
        found: u64,
    },
    /// It is of another fleet.
    #[error("it is of the fleet `{found}`, and this is `{wanted}`")]
    Fleet {
        /// That of the root which is trusted.
        wanted: Label,
        /// Its own.
        found: Label,
    },
    /// It is larger than any root.
    #[error("it has more than {MAX_ROOT} bytes")]
    Large,
    /// It has more signatures than keys there can be.
    #[error("it has more than {MAX_SIGNATURES} signatures")]
    ManySignatures,
    /// Its own keys have not signed it.
    #[error("{found} of its own {wanted} keys have signed it")]
    NewThreshold {
        /// How many have.
        found: usize,
        /// How many must.
        wanted: usize,
    },
    /// The keys of the root before have not signed it.
    #[error("{found} of {wanted} keys of the root before have signed it")]
    OldThreshold {
        /// How many have.
        found: usize,
        /// How many must.
        wanted: usize,
    },
    /// It is of another kind.
    #[error("it is not `{SCHEMA}`")]
    Schema,
    /// It is no root at all.
    #[error("it is no root: {0}")]
    Text(String),
    /// A ring is empty, too large, has a key twice or asks for more than it has, or a number is 0.
    #[error(
        "its rings do not hold together: 1 to {MAX_KEYS} keys, none twice, a threshold from 1 to \
         their number, and a version and epoch from 1 on"
    )]
    Unsound,
    /// It is not the next one.
    #[error("it is version {found}, and {wanted} is the next")]
    Version {
        /// The one after that which is trusted.
        wanted: u64,
        /// Its own.
        found: u64,
    },
}

/// A root with the signatures under it, as it lies in `root.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedRoot {
    /// What is signed.
    pub signed: Root,
    /// Who signed it; sorted, none twice.
    pub signatures: Vec<Signature>,
}

impl SignedRoot {
    /// Reads one. Nothing is said of who signed it.
    ///
    /// # Errors
    ///
    /// [`RootError`] when it is too large, no root, or does not hold together.
    pub fn parse(bytes: &[u8]) -> Result<Self, RootError> {
        if bytes.len() > MAX_ROOT {
            return Err(RootError::Large);
        }
        let root: Self =
            serde_json::from_slice(bytes).map_err(|error| RootError::Text(error.to_string()))?;
        root.check()?;
        Ok(root)
    }

    /// What can be known without knowing whom to trust.
    ///
    /// # Errors
    ///
    /// [`RootError`].
    pub(super) fn check(&self) -> Result<(), RootError> {
        if self.signatures.len() > MAX_SIGNATURES {
            return Err(RootError::ManySignatures);
        }
        self.signed.check()
    }

    /// As it is written.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("it has a form in JSON");
        bytes.push(b'\n');
        bytes
    }

    /// Adds a signature; one of the same key is replaced.
    pub fn sign(&mut self, key: &SecretKey) {
        let signature = key.sign(Purpose::Root, &self.signed.payload());
        self.signatures.retain(|other| other.key != signature.key);
        self.signatures.push(signature);
        self.signatures.sort();
    }

    /// How many of a ring have signed, or that they are too few.
    fn signed_by(&self, ring: &Keyring) -> Result<usize, usize> {
        ring.check(Purpose::Root, &self.signed.payload(), &self.signatures)
    }
}

/// The root that is trusted now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust(SignedRoot);

impl Trust {
    /// Begins with a root that somebody put here by hand. It must have signed itself: one that
    /// cannot would strand its fleet at the next rotation.
    ///
    /// # Errors
    ///
    /// [`RootError`].
    pub fn first(root: SignedRoot) -> Result<Self, RootError> {
        root.check()?;
        let ring = &root.signed.root;
        root.signed_by(ring)
            .map_err(|found| RootError::NewThreshold { found, wanted: ring.threshold })?;
        Ok(Self(root))
    }

    /// The root.
    pub fn root(&self) -> &Root {
        &self.0.signed
    }

    /// The root with its signatures, to be kept.
    pub fn signed(&self) -> &SignedRoot {
        &self.0
    }

    /// Trusts the next root, if this one and it itself say so.
    ///
    /// # Errors
    ///
    /// [`RootError`].
    pub fn advance(&self, next: &SignedRoot) -> Result<Self, RootError> {
        next.check()?;
        let (now, new) = (self.root(), &next.signed);
        if new.fleet != now.fleet {
            return Err(RootError::Fleet { wanted: now.fleet.clone(), found: new.fleet.clone() });
        }
        if now.version.checked_add(1) != Some(new.version) {
            let wanted = now.version.saturating_add(1);
            return Err(RootError::Version { wanted, found: new.version });
        }
        if new.epoch < now.epoch {
            return Err(RootError::Epoch { now: now.epoch, found: new.epoch });
        }
        let wanted = now.root.threshold;
        next.signed_by(&now.root).map_err(|found| RootError::OldThreshold { found, wanted })?;
        let wanted = new.root.threshold;
        next.signed_by(&new.root).map_err(|found| RootError::NewThreshold { found, wanted })?;
        Ok(Self(next.clone()))
    }

    /// Goes through the roots one by one; those that it is past are passed over. When one of them
    /// has expired that is no fault, as long as the last has not.
    ///
    /// # Errors
    ///
    /// [`RootError`] of the first that does not follow.
    pub fn walk(mut self, roots: &[SignedRoot]) -> Result<Self, RootError> {
        for next in roots {
            if next.signed.version > self.root().version {
                self = self.advance(next)?;
            }
        }
        Ok(self)
    }
}
