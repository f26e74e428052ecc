//! Whether a release may be installed here: signatures first, then everything that they vouch for.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::digest::{Digest, shown};
use super::future;
use super::key::{Purpose, SecretKey, Signature};
use super::manifest::{Arch, Component, Label, Release};
use super::root::{RootError, SignedRoot, Trust};
use crate::logic::kernel;
use crate::logic::time::Timestamp;

/// Written into every envelope.
const SCHEMA: &str = "decnet.signatures/1";
/// Most bytes of an envelope.
pub(super) const MAX_ENVELOPE: usize = 256 * 1024;
/// Most signatures under a release.
const MAX_SIGNATURES: usize = 32;
/// Most roots in an envelope: so often the keys may change between two updates of a node.
const MAX_ROOTS: usize = 8;

/// `signatures.json`: who signed a release, and the roots that came after a node's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// `decnet.signatures/1`.
    pub schema: String,
    /// Roots from which a node learns of new keys, one after the other.
    pub roots: Vec<SignedRoot>,
    /// Under the manifest; sorted, none twice.
    pub signatures: Vec<Signature>,
}

impl Default for Envelope {
    fn default() -> Self {
        Self { schema: SCHEMA.into(), roots: Vec::new(), signatures: Vec::new() }
    }
}

/// An envelope that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// It has more signatures or roots than any.
    #[error(
        "it has more than {MAX_SIGNATURES} signatures, {MAX_ROOTS} roots or {MAX_ENVELOPE} bytes"
    )]
    Large,
    /// It is of another kind.
    #[error("it is not `{SCHEMA}`")]
    Schema,
    /// It is no envelope at all.
    #[error("it is no signatures.json: {0}")]
    Text(String),
}

impl Envelope {
    /// Reads one. Nothing is said of whether the signatures are good.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        if bytes.len() > MAX_ENVELOPE {
            return Err(EnvelopeError::Large);
        }
        let envelope: Self = serde_json::from_slice(bytes)
            .map_err(|error| EnvelopeError::Text(shown(&error.to_string())))?;
        if envelope.schema != SCHEMA {
            return Err(EnvelopeError::Schema);
        }
        if envelope.signatures.len() > MAX_SIGNATURES || envelope.roots.len() > MAX_ROOTS {
            return Err(EnvelopeError::Large);
        }
        Ok(envelope)
    }

    /// As it is written.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("it has a form in JSON");
        bytes.push(b'\n');
        bytes
    }

    /// Adds a signature; one of the same key is replaced.
    pub fn sign(&mut self, release: &Release, key: &SecretKey) {
        let signature = key.sign(Purpose::Release, release.bytes());
        self.signatures.retain(|other| other.key != signature.key);
        self.signatures.push(signature);
        self.signatures.sort();
    }
}

/// What a journal keeps of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Which.
    pub digest: Digest,
    /// What people call it.
    pub version: Label,
    /// The epoch of its keys.
    pub epoch: u64,
    /// Which release of the epoch.
    pub number: u64,
    /// A machine that has had releases up to this number may go back to this one.
    pub downgrade_from: Option<u64>,
    /// When it was made.
    pub created: Timestamp,
}

impl Identity {
    /// That of a release.
    pub fn of(release: &Release) -> Self {
        let manifest = release.manifest();
        Self {
            digest: release.digest(),
            version: manifest.version.clone(),
            epoch: manifest.epoch,
            number: manifest.number,
            downgrade_from: manifest.downgrade_from,
            created: manifest.created,
        }
    }
}

/// The highest release that has proved itself on a machine: nothing older is installed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Floor {
    /// Its epoch, 0 before the first.
    pub epoch: u64,
    /// Its number in the epoch.
    pub number: u64,
    /// Which it is.
    pub digest: Option<Digest>,
    /// The latest time at which a release of the epoch was made: it cannot be earlier now.
    pub created: Timestamp,
}

impl Floor {
    /// Whether a release may be installed above this.
    ///
    /// # Errors
    ///
    /// [`Refusal::Old`], [`Refusal::NumberTaken`].
    pub fn admits(&self, release: &Identity) -> Result<(), Refusal> {
        let old = Refusal::Old { number: release.number, floor: self.number };
        match release.epoch.cmp(&self.epoch) {
            Ordering::Less => return Err(old),
            Ordering::Greater => return Ok(()),
            Ordering::Equal => {}
        }
        match release.number.cmp(&self.number) {
            Ordering::Greater => Ok(()),
            Ordering::Equal if self.digest == Some(release.digest) => Ok(()),
            Ordering::Equal => Err(Refusal::NumberTaken(release.number)),
            Ordering::Less if release.downgrade_from >= Some(self.number) => Ok(()),
            Ordering::Less => Err(old),
        }
    }

    /// The floor after a release has proved itself. It never sinks: after a downgrade, too, the
    /// releases between are not to be had.
    #[must_use]
    pub fn raised(self, release: &Identity) -> Self {
        let Identity { epoch, number, created, .. } = *release;
        let fresh = Self { epoch, number, digest: Some(release.digest), created };
        match epoch.cmp(&self.epoch) {
            Ordering::Less => self,
            Ordering::Greater => fresh,
            Ordering::Equal => {
                let highest = if number > self.number { fresh } else { self };
                Self { created: created.max(self.created), ..highest }
            }
        }
    }
}

/// What a release must fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Its processor.
    pub arch: Arch,
    /// Its kernel.
    pub kernel: kernel::Version,
    /// What is to run from the release.
    pub component: Component,
}

/// Everything that decides whether a release may be installed.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Whose signatures count.
    pub trust: Trust,
    /// What has been here.
    pub floor: Floor,
    /// What it must fit.
    pub machine: Machine,
    /// What the clock says. It may be wrong.
    pub now: Timestamp,
}

/// A release that may be installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Which.
    pub identity: Identity,
    /// The root that vouches for it; newer than the gate's when the envelope brought one.
    pub trust: Trust,
    /// How many keys have signed it.
    pub signers: usize,
}

/// Why a release may not be installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// It is built for another processor.
    #[error("it is for {}, and this machine is {}", found.as_str(), wanted.as_str())]
    Arch {
        /// This machine's.
        wanted: Arch,
        /// Its own.
        found: Arch,
    },
    /// It is not for what is to run from it.
    #[error("it is not for the {}", .0.as_str())]
    Component(Component),
    /// It counts for another epoch of keys.
    #[error("it is of epoch {found}, and the keys are of epoch {wanted}")]
    Epoch {
        /// The root's.
        wanted: u64,
        /// Its own.
        found: u64,
    },
    /// It is past its time.
    #[error("it has expired on {0}: push a newer one, or set the clock right")]
    Expired(Timestamp),
    /// It is of another fleet.
    #[error("it is for the fleet `{found}`, and this is `{wanted}`")]
    Fleet {
        /// The root's.
        wanted: Label,
        /// Its own.
        found: Label,
    },
    /// It says that it was made later than it is now.
    #[error(
        "it says that it was made on {created}, and the clock of this machine says {clock}: set \
         that right, or build another where the clock is right"
    )]
    Future {
        /// When it says that it was made.
        created: Timestamp,
        /// This machine's clock.
        clock: Timestamp,
    },
    /// The kernel is too old for it.
    #[error("it needs Linux {wanted}, and this is {found}")]
    Kernel {
        /// The oldest it runs on.
        wanted: kernel::Version,
        /// This machine's.
        found: kernel::Version,
    },
    /// Its number is a time that is still to come: no later one could follow it.
    #[error(
        "its number {number} is a time ({time}), and the clock of this machine says {clock}: set \
         that right, or give it a number of now"
    )]
    NumberAhead {
        /// Its number.
        number: u64,
        /// The same as a time.
        time: Timestamp,
        /// This machine's clock.
        clock: Timestamp,
    },
    /// Another release with this number has been here.
    #[error("another release has been here with its number {0}")]
    NumberTaken(u64),
    /// Something newer has been here.
    #[error("its number {number} is below {floor}, which has been here")]
    Old {
        /// Its own.
        number: u64,
        /// The highest that has proved itself.
        floor: u64,
    },
    /// A root in the envelope does not follow from ours.
    #[error("a root in its envelope cannot be trusted: {0}")]
    Root(String),
    /// The root is past its time.
    #[error("the root of trust has expired on {0}: it takes a newer root")]
    RootExpired(Timestamp),
    /// Too few have signed it.
    #[error("{found} of {wanted} keys that it takes have signed it")]
    Threshold {
        /// How many have.
        found: usize,
        /// How many must.
        wanted: usize,
    },
}

impl From<RootError> for Refusal {
    fn from(error: RootError) -> Self {
        Self::Root(error.to_string())
    }
}

impl Gate {
    /// Decides.
    ///
    /// # Errors
    ///
    /// [`Refusal`], of the signatures before anything else.
    pub fn check(&self, envelope: &Envelope, release: &Release) -> Result<Accepted, Refusal> {
        let accepted = self.check_but_future(envelope, release)?;
        let identity = &accepted.identity;
        future::check(identity, self.now, self.known(identity.epoch))?;
        Ok(accepted)
    }

    /// Decides as if a release may be of any time to come.
    ///
    /// # Errors
    ///
    /// [`Refusal`], as of [`Self::check`].
    pub fn check_but_future(
        &self,
        envelope: &Envelope,
        release: &Release,
    ) -> Result<Accepted, Refusal> {
        let trust = self.trust.clone().walk(&envelope.roots)?;
        let root = trust.root();
        let wanted = root.release.threshold;
        let signers = root
            .release
            .check(Purpose::Release, release.bytes(), &envelope.signatures)
            .map_err(|found| Refusal::Threshold { found, wanted })?;
        let manifest = release.manifest();
        if manifest.fleet != root.fleet {
            let (wanted, found) = (root.fleet.clone(), manifest.fleet.clone());
            return Err(Refusal::Fleet { wanted, found });
        }
        if manifest.epoch != root.epoch {
            return Err(Refusal::Epoch { wanted: root.epoch, found: manifest.epoch });
        }
        self.fits(release)?;
        let identity = Identity::of(release);
        self.floor.admits(&identity)?;
        // A clock that was set back does not bring back what has expired. What keys of another
        // epoch said of the time counts for nothing.
        let now = self.now.max(self.known(manifest.epoch));
        if now > root.expires {
            return Err(Refusal::RootExpired(root.expires));
        }
        if now > manifest.expires {
            return Err(Refusal::Expired(manifest.expires));
        }
        Ok(Accepted { identity, trust, signers })
    }

    /// A time that has passed for sure, by what keys of an epoch said.
    fn known(&self, epoch: u64) -> Timestamp {
        if epoch == self.floor.epoch { self.floor.created } else { Timestamp(0) }
    }

    fn fits(&self, release: &Release) -> Result<(), Refusal> {
        let (manifest, machine) = (release.manifest(), self.machine);
        if !manifest.components.contains(&machine.component) {
            return Err(Refusal::Component(machine.component));
        }
        if manifest.arch != machine.arch {
            return Err(Refusal::Arch { wanted: machine.arch, found: manifest.arch });
        }
        if manifest.min_kernel > machine.kernel {
            let (wanted, found) = (manifest.min_kernel, machine.kernel);
            return Err(Refusal::Kernel { wanted, found });
        }
        Ok(())
    }
}
