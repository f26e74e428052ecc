//! What a release is, who may say so, and how it travels.
//!
//! ```text
//! a release      bin/decnet, share/…, and release.json, which names every file with its digest
//! its digest     SHA-256 of the bytes of release.json, of which there is one way to write them
//! a bundle       tar: signatures.json, release.json, then the files in the order of release.json
//! a parcel       the same for a node that has another release: what differs, compressed
//! the root       root.json: whose signatures count, and how many it takes
//! ```
//!
//! It is apart from `update`, which installs releases, because whoever signs needs this half alone.
//! **Invariant**: a [`Release`] holds together; an [`Accepted`] one is signed by enough keys, meant
//! for this machine, and not older than what the machine has had.

pub mod bundle;
mod digest;
mod future;
mod gate;
mod key;
mod lineage;
mod manifest;
pub mod parcel;
mod path;
mod root;

pub use digest::{Digest, NotADigest, NotAPrefix, Prefix};
pub use future::{Ahead, ahead};
pub use gate::{Accepted, Envelope, EnvelopeError, Floor, Gate, Identity, Machine, Refusal};
pub use key::{NotAKey, PublicKey, Purpose, SecretKey, Signature};
pub use lineage::Lineage;
pub use manifest::{Arch, Component, File, Label, Manifest, ManifestError, Mode, Release};
pub use path::{FilePath, PathError};
pub use root::{Keyring, Root, RootError, SignedRoot, Trust};

/// The manifest's name in a release and in a bundle.
pub const MANIFEST: &str = "release.json";
/// The signatures' name in a bundle.
pub const SIGNATURES: &str = "signatures.json";

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
