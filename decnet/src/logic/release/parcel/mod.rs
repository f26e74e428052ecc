//! A release as it is sent to a node that has another one: what the two share is not sent again.
//!
//! ```text
//! 16 bytes  "decnet.parcel/1\n"
//!  1        files are cut into chunks of two to the power of this; 10 to 22
//! 32        the digest of the release that it builds on, zeros for none
//!  4  4     how long signatures.json and release.json are, which follow
//! then for each file, in the order of release.json
//!  1        0: a file of the release that it builds on has the same bytes
//!           1: the file's chunks follow, as many as its size takes
//! and for each chunk
//!  1        1: by itself    2: as it differs from a part of the file of the same path in the
//!  8  4        release that it builds on: where the part begins, how long it is (by itself: 0, 0)
//!  4        how many bytes follow: one frame of zstd, with that part for a prefix
//! ```
//!
//! Integers are little endian. The end is where the last file ends. Nothing in it names a path: what
//! comes is always the next file of the signed list. **Invariant**: no length of it makes anybody
//! keep more than the head (1.25 MiB), a frame, a part and a chunk (4, 8 and 4 MiB).

mod chunk;
mod fault;
mod reader;

pub use chunk::{LEVEL, NotPacked, compress, decompress};
pub use fault::ParcelError;
pub use reader::{Piece, Reader};

use super::{Digest, Envelope, Release};

/// What a parcel begins with, and no bundle does.
pub const MAGIC: [u8; 16] = *b"decnet.parcel/1\n";

/// Smallest and largest chunk that a file may be cut into, as powers of two.
const CHUNK_LOG: std::ops::RangeInclusive<u8> = 10..=22;
/// Most bytes of the other release that a chunk may build on.
pub const MAX_PART: u32 = 8 * 1024 * 1024;
/// Bytes before the head.
const PREAMBLE: usize = MAGIC.len() + 1 + 32 + 4 + 4;
/// Bytes before a chunk's own.
const CHUNK_HEAD: usize = 1 + 8 + 4 + 4;

/// How large the chunks are that files are cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkSize(u8);

impl ChunkSize {
    /// The largest.
    pub const LARGEST: Self = Self(*CHUNK_LOG.end());

    /// Two to the power of `log` bytes. **Valid range**: 10 to 22.
    pub fn new(log: u8) -> Option<Self> {
        CHUNK_LOG.contains(&log).then_some(Self(log))
    }

    /// In bytes.
    pub fn bytes(self) -> usize {
        1 << self.0
    }
}

/// What a chunk is made of beside its own bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A part of the file of the same path in the release that the parcel builds on.
    Part {
        /// Where in the file it begins.
        from: u64,
        /// How long it is.
        length: u32,
    },
    /// Nothing.
    Whole,
}

/// What is written before the first file.
pub fn head(
    chunk: ChunkSize,
    base: Option<Digest>,
    (release, envelope): (&Release, &Envelope),
) -> Vec<u8> {
    let signatures = envelope.bytes();
    let mut bytes = MAGIC.to_vec();
    bytes.push(chunk.0);
    bytes.extend(base.map_or([0; 32], |digest| digest.0));
    for length in [signatures.len(), release.bytes().len()] {
        bytes.extend(u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    }
    bytes.extend(signatures);
    bytes.extend(release.bytes());
    bytes
}

/// What is written for a file whose bytes are those of one in the release that the parcel builds on.
pub const SAME: u8 = 0;
/// What is written for a file before its chunks.
pub const CHUNKS: u8 = 1;
/// A chunk by itself.
const WHOLE: u8 = 1;
/// A chunk as it differs from a part of another file.
const PART: u8 = 2;

/// What is written before a chunk's frame of so many bytes.
pub fn chunk_head(source: Source, packed: u32) -> [u8; 17] {
    let (kind, from, length) = match source {
        Source::Part { from, length } => (PART, from, length),
        Source::Whole => (WHOLE, 0, 0),
    };
    let mut bytes = [0; CHUNK_HEAD];
    let all = [kind].into_iter().chain(from.to_le_bytes()).chain(length.to_le_bytes());
    for (to, byte) in bytes.iter_mut().zip(all.chain(packed.to_le_bytes())) {
        *to = byte;
    }
    bytes
}
