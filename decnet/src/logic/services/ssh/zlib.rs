//! `zlib@openssh.com`: payloads compressed from the login on (OpenSSH, PROTOCOL section 1.2).
//!
//! One stream each way for the time of a key exchange, flushed after every message. A payload that
//! unfolds to more than [`MAX_UNFOLDED`] bytes ends the connection.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

use super::fault::Fault;

/// Most bytes of one payload.
const MAX_UNFOLDED: usize = 64 * 1024;

/// The sending half; passes payloads on as they are before the login.
pub(super) struct Deflate(Option<Compress>);

/// The receiving half; passes payloads on as they are before the login.
pub(super) struct Inflate(Option<Decompress>);

impl std::fmt::Debug for Deflate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Deflate(..)")
    }
}

impl std::fmt::Debug for Inflate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inflate(..)")
    }
}

/// Whether the login is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    AtLogin,
    Now,
}

impl Deflate {
    /// A new stream.
    pub(super) fn new(begin: Begin) -> Self {
        Self((begin == Begin::Now).then(|| Compress::new(Compression::default(), true)))
    }

    /// The payload as it is sent.
    pub(super) fn squeeze(&mut self, payload: &[u8]) -> Vec<u8> {
        let Some(stream) = &mut self.0 else { return payload.to_vec() };
        let mut out = Vec::with_capacity(payload.len() / 2 + 64);
        let before = stream.total_in();
        loop {
            let done = usize::try_from(stream.total_in() - before).unwrap_or(usize::MAX);
            let rest = payload.get(done..).unwrap_or_default();
            let result = stream.compress_vec(rest, &mut out, FlushCompress::Sync);
            // Room that is left over is the sign that all was flushed.
            if result.is_err() || out.len() < out.capacity() {
                return out;
            }
            out.reserve(out.len().max(64));
        }
    }
}

impl Inflate {
    /// A new stream.
    pub(super) fn new(begin: Begin) -> Self {
        Self((begin == Begin::Now).then(|| Decompress::new(true)))
    }

    /// The payload as it was before it was sent.
    ///
    /// # Errors
    ///
    /// It is no part of the stream, or unfolds to too much.
    pub(super) fn unfold(&mut self, payload: &[u8]) -> Result<Vec<u8>, Fault> {
        let Some(stream) = &mut self.0 else { return Ok(payload.to_vec()) };
        let mut out = Vec::with_capacity(payload.len().saturating_mul(4).clamp(256, MAX_UNFOLDED));
        let begin = stream.total_in();
        loop {
            let before = (stream.total_in(), out.len());
            let done = usize::try_from(stream.total_in() - begin).unwrap_or(usize::MAX);
            let rest = payload.get(done..).unwrap_or_default();
            let result = stream.decompress_vec(rest, &mut out, FlushDecompress::Sync);
            result.or(Err(Fault::Drop))?;
            if out.len() > MAX_UNFOLDED {
                return Err(Fault::Drop);
            }
            // It may have more although there was room: it is done when nothing moves any more.
            if out.len() == out.capacity() {
                out.reserve(out.len());
            } else if before == (stream.total_in(), out.len()) {
                return if out.is_empty() { Err(Fault::Drop) } else { Ok(out) };
            }
        }
    }
}

#[cfg(test)]
mod tests;
