//! The bytes that have arrived and were not yet understood.

/// A queue of bytes, read from the front.
#[derive(Debug, Default)]
pub(in super::super) struct Input {
    bytes: Vec<u8>,
    start: usize,
}

impl Input {
    /// Adds what has arrived.
    pub(in super::super) fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// What is there.
    pub(in super::super) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// The first `count` bytes, once they are there.
    pub(super) fn head(&mut self, count: usize) -> Option<&mut [u8]> {
        let end = self.start.checked_add(count)?;
        self.bytes.get_mut(self.start..end)
    }

    /// How many are there.
    pub(in super::super) fn len(&self) -> usize {
        self.bytes.len().saturating_sub(self.start)
    }

    /// Whether none is there.
    pub(in super::super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets the first `count` bytes.
    pub(in super::super) fn skip(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.bytes.len());
        if self.start == self.bytes.len() {
            // An idle connection holds no buffer.
            self.bytes = Vec::new();
            self.start = 0;
        }
    }
}
