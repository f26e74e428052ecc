//! What a file holds: pieces that copies share until one of them is written to.
//!
//! It is apart because a file of 16 MiB arrives in a thousand parts, is looked at while it does, and
//! goes to whoever keeps it piece by piece: none of that may copy all of it.

use std::fmt;
use std::sync::Arc;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes of a piece.
pub const PIECE: usize = 32 * 1024;

/// The bytes of a file.
///
/// **Shape**: pieces of [`PIECE`] bytes each, the last one of fewer.
#[derive(Clone, Default)]
pub struct Content {
    pieces: Vec<Arc<Vec<u8>>>,
    len: usize,
    /// SHA-256 of all of it, in hexadecimal, where somebody knows it.
    digest: Option<Arc<str>>,
}

impl Content {
    /// How many bytes they are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// SHA-256 of all of it in hexadecimal, where it was noted.
    pub fn digest(&self) -> Option<&Arc<str>> {
        self.digest.as_ref()
    }

    /// Takes note of its digest, which is right until the next byte is written.
    pub fn note_digest(&mut self, digest: Arc<str>) {
        self.digest = Some(digest);
    }

    /// The piece of this number.
    pub fn piece(&self, number: usize) -> Option<&[u8]> {
        self.pieces.get(number).map(|piece| piece.as_slice())
    }

    /// All of it.
    pub fn to_vec(&self) -> Vec<u8> {
        self.read(0, self.len)
    }

    /// At most `limit` bytes from `offset` on.
    pub fn read(&self, offset: usize, limit: usize) -> Vec<u8> {
        let end = offset.saturating_add(limit).min(self.len);
        let mut bytes = Vec::with_capacity(end.saturating_sub(offset));
        let mut at = offset;
        while at < end {
            let Some(piece) = self.pieces.get(at / PIECE) else { break };
            let begin = at % PIECE;
            let until = (begin + (end - at)).min(piece.len());
            bytes.extend_from_slice(piece.get(begin..until).unwrap_or_default());
            at += until.saturating_sub(begin).max(1);
        }
        bytes
    }

    /// Puts bytes at `offset`; what lies between the end and there becomes zeros.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.digest = None;
        self.grow(offset.saturating_add(bytes.len()));
        let (mut at, mut rest) = (offset, bytes);
        while let Some(piece) = self.pieces.get_mut(at / PIECE).filter(|_| !rest.is_empty()) {
            let begin = at % PIECE;
            let (some, after) = rest.split_at(rest.len().min(PIECE - begin));
            if let Some(place) = Arc::make_mut(piece).get_mut(begin..begin + some.len()) {
                place.copy_from_slice(some);
            }
            at += some.len();
            rest = after;
        }
    }

    /// Forgets what comes after the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        if len >= self.len {
            return;
        }
        self.digest = None;
        self.len = len;
        self.pieces.truncate(len.div_ceil(PIECE));
        if let Some(last) = self.pieces.last_mut().filter(|_| !len.is_multiple_of(PIECE)) {
            Arc::make_mut(last).truncate(len % PIECE);
        }
    }

    /// Fills up with zeros.
    fn grow(&mut self, len: usize) {
        while self.len < len {
            if self.len.is_multiple_of(PIECE) {
                self.pieces.push(Arc::default());
            }
            let Some(last) = self.pieces.last_mut() else { return };
            let last = Arc::make_mut(last);
            let more = (PIECE - last.len()).min(len - self.len);
            last.resize(last.len() + more, 0);
            self.len += more;
        }
    }
}

impl From<&[u8]> for Content {
    fn from(bytes: &[u8]) -> Self {
        let pieces = bytes.chunks(PIECE).map(|piece| Arc::new(piece.to_vec())).collect();
        Self { pieces, len: bytes.len(), digest: None }
    }
}

impl PartialEq for Content {
    /// As bytes: who knows the digest makes no difference.
    fn eq(&self, other: &Self) -> bool {
        self.pieces == other.pieces
    }
}

impl Eq for Content {}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = self.piece(0).unwrap_or_default();
        let head = String::from_utf8_lossy(head.get(..64).unwrap_or(head));
        write!(f, "Content({} bytes, {head:?})", self.len)
    }
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&self.to_vec())
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_bytes(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Content, E> {
        Ok(bytes.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Content, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element()? {
            if bytes.len() >= super::MAX_FILE {
                return Err(A::Error::custom("too many bytes for a file"));
            }
            bytes.push(byte);
        }
        Ok(bytes.as_slice().into())
    }
}

#[cfg(test)]
mod tests;
