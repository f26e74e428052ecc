//! The bytes a visitor sent, as far as they are kept.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Most bytes that an event keeps; the digest and the length are of all of them.
pub const MAX_RAW: usize = 4096;

/// Most bytes that are kept whole beside the events.
pub const MAX_WHOLE: usize = 16 * 1024 * 1024;

/// A digest in hexadecimal, as events have it.
pub fn sha256_text(hash: Sha256) -> String {
    let hash = hash.finalize();
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0');
    let mut text = String::with_capacity(2 * hash.len());
    text.extend(hash.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    text
}

/// Bytes as an event carries them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Raw {
    /// SHA-256 of all bytes, in hexadecimal.
    pub sha256: String,
    /// Length of all bytes.
    pub len: u64,
    /// The first [`MAX_RAW`] of them, base64.
    pub b64: String,
    /// All of them, where those are not all: on their way to where they are kept, and not a part of
    /// the event.
    #[serde(skip)]
    pub whole: Option<Arc<[u8]>>,
}

impl PartialEq for Raw {
    /// As events: what is on its way beside them makes no difference.
    fn eq(&self, other: &Self) -> bool {
        (&self.sha256, self.len, &self.b64) == (&other.sha256, other.len, &other.b64)
    }
}

impl Eq for Raw {}

impl Raw {
    /// Keeps `bytes`, whole if they are not too many.
    pub fn of(bytes: &[u8]) -> Self {
        let mut digest = RawDigest::default();
        digest.update(bytes);
        let whole = (MAX_RAW + 1..=MAX_WHOLE).contains(&bytes.len()).then(|| bytes.into());
        Self { whole, ..digest.finish() }
    }
}

/// Bytes that come piece by piece, of which only the first are held.
#[derive(Clone, Debug, Default)]
pub struct RawDigest {
    hash: Sha256,
    len: u64,
    head: Vec<u8>,
}

impl RawDigest {
    /// Adds a piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.hash.update(piece);
        self.len += piece.len() as u64;
        let room = MAX_RAW.saturating_sub(self.head.len());
        self.head.extend_from_slice(piece.get(..room).unwrap_or(piece));
    }

    /// The first of them, at most [`MAX_RAW`].
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// How many bytes came so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether none came.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes as an event carries them.
    pub fn finish(self) -> Raw {
        let sha256 = sha256_text(self.hash);
        Raw { sha256, len: self.len, b64: STANDARD.encode(&self.head), whole: None }
    }
}
