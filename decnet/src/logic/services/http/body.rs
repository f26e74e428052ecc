//! Takes a body out of the bytes as they come, in chunks or of a known length.

use super::message::{Length, hexadecimal};

/// Most bytes of chunk extensions and trailers.
const MAX_EXTRA: usize = 8192;

/// Most hexadecimal digits of a chunk's size.
const MAX_DIGITS: u8 = 15;

/// How much of a body is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// Chunks.
    Chunks(Chunk),
    /// So many bytes.
    Rest(u64),
}

/// Where in a chunked body the next byte belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    /// To the data, of which so much is to come.
    Data(u64),
    /// Behind the data: the end of its line.
    DataEnd,
    /// Nowhere.
    Done,
    /// To the size, of which the value and the digits have come.
    Size(u64, u8),
    /// Behind the size: extensions, of which so much has come.
    SizeEnd(u64, usize),
    /// To the trailers: how much has come of all of them and of this line.
    Trailer(usize, usize),
}

/// A chunk that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadChunk;

impl Body {
    /// A body of which nothing has come.
    pub(super) fn new(length: Length) -> Self {
        match length {
            Length::Chunked => Self::Chunks(Chunk::Size(0, 0)),
            Length::Known(length) => Self::Rest(length),
        }
    }

    /// Whether all of it has come.
    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Rest(0) | Self::Chunks(Chunk::Done))
    }

    /// Takes what belongs to the body from `bytes`, gives the content to `put`, and answers how
    /// many bytes that were.
    ///
    /// # Errors
    ///
    /// [`BadChunk`] when they are not chunks; the content before it has been put.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        put: &mut dyn FnMut(&[u8]),
    ) -> Result<usize, BadChunk> {
        let chunk = match self {
            Self::Rest(left) => {
                let count = fitting(*left, bytes);
                put(bytes.get(..count).unwrap_or_default());
                *left = left.saturating_sub(count as u64);
                return Ok(count);
            }
            Self::Chunks(chunk) => chunk,
        };
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            match chunk {
                Chunk::Done => break,
                Chunk::Data(left) => {
                    let count = fitting(*left, rest);
                    put(rest.get(..count).unwrap_or_default());
                    taken += count;
                    let left = left.saturating_sub(count as u64);
                    *chunk = if left == 0 { Chunk::DataEnd } else { Chunk::Data(left) };
                }
                _ => {
                    *chunk = chunk.next(rest.first().copied().unwrap_or_default())?;
                    taken += 1;
                }
            }
        }
        Ok(taken)
    }
}

impl Chunk {
    fn next(self, byte: u8) -> Result<Self, BadChunk> {
        Ok(match (self, byte) {
            (Self::Size(0, 1..), b'\n') => Self::Trailer(0, 0),
            (Self::Size(size, 1..), b'\n') => Self::Data(size),
            (Self::Size(size, 1..), b'\r' | b';' | b' ' | b'\t') => Self::SizeEnd(size, 0),
            (Self::Size(size, digits), digit) if digits < MAX_DIGITS => {
                let value = hexadecimal(digit).ok_or(BadChunk)?;
                Self::Size(size << 4 | u64::from(value), digits + 1)
            }
            (Self::SizeEnd(0, _), b'\n') => Self::Trailer(0, 0),
            (Self::SizeEnd(size, _), b'\n') => Self::Data(size),
            (Self::SizeEnd(size, seen), _) if seen < MAX_EXTRA => Self::SizeEnd(size, seen + 1),
            (Self::DataEnd, b'\r') => Self::DataEnd,
            (Self::DataEnd, b'\n') => Self::Size(0, 0),
            (Self::Trailer(_, 0), b'\n') => Self::Done,
            (Self::Trailer(seen, _), b'\n') => Self::Trailer(seen + 1, 0),
            (Self::Trailer(seen, line), b'\r') => Self::Trailer(seen, line),
            (Self::Trailer(seen, line), _) if seen < MAX_EXTRA => Self::Trailer(seen + 1, line + 1),
            _ => return Err(BadChunk),
        })
    }
}

fn fitting(left: u64, bytes: &[u8]) -> usize {
    usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()))
}
