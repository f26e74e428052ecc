//! Why a parcel is refused.

use super::NotPacked;
use crate::logic::release::{Digest, EnvelopeError, FilePath, ManifestError, Refusal};

/// Why a parcel is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParcelError {
    /// A chunk builds on more of a file than there is.
    #[error("a chunk of `{0}` builds on what is not in the file of that path")]
    Beyond(FilePath),
    /// A chunk's head is none.
    #[error("a chunk of `{0}` has a head that says what none may")]
    ChunkHead(FilePath),
    /// Files are cut into chunks of a size that none have.
    #[error("it cuts files into chunks of 2^{0} bytes, which is too little or too much")]
    ChunkSize(u8),
    /// A chunk does not become as many bytes as it should.
    #[error("a chunk of `{path}` cannot be unpacked to its size")]
    Damaged {
        /// Of which file.
        path: FilePath,
        /// What zstd says.
        #[source]
        source: NotPacked,
    },
    /// The bytes of a file are not those that were signed.
    #[error("the bytes of `{0}` are not those of the release")]
    Digest(FilePath),
    /// The signatures are none.
    #[error("its signatures cannot be read")]
    Envelope(#[source] EnvelopeError),
    /// A file of the head is larger than any.
    #[error("its head has {0} and {1} bytes, which is more than any has")]
    HeadTooLarge(u32, u32),
    /// A file comes in a way that there is none of.
    #[error("`{path}` comes in way {kind}, which is unknown")]
    Kind {
        /// Which.
        path: FilePath,
        /// What is said.
        kind: u8,
    },
    /// It does not begin as one.
    #[error("it is no parcel")]
    Magic,
    /// The manifest is none.
    #[error("its release.json is refused")]
    Manifest(#[source] ManifestError),
    /// A file builds on one that is not in the other release.
    #[error("`{path}` builds on a file that release {base:?} has not")]
    Missing {
        /// Which.
        path: FilePath,
        /// The release that the parcel builds on.
        base: Digest,
    },
    /// A file builds on another release, and none is named.
    #[error("`{0}` builds on another release, and the parcel names none")]
    NoBase(FilePath),
    /// The release may not be installed here.
    #[error("the release is refused")]
    Refused(#[source] Refusal),
    /// There is something after the end.
    #[error("there is something after its end")]
    Trailing,
    /// It ends in the midst.
    #[error("it ends in the midst of `{0}`")]
    Truncated(String),
}
