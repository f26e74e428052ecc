//! The data types of SSH messages (RFC 4251 section 5): read from a visitor, written to one.
//!
//! Reading never goes past the end and never allocates; writing cannot fail.

/// A message that ends too early, goes on too long or holds what its place does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed message")]
pub(super) struct Malformed;

/// What is left to read of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads `bytes` from their begin.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    /// A `byte`.
    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.rest.split_first().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*first)
    }

    /// A `boolean`: everything but 0 is true.
    pub(super) fn flag(&mut self) -> Result<bool, Malformed> {
        Ok(self.u8()? != 0)
    }

    /// A `uint32`.
    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Malformed)?;
        self.rest = rest;
        Ok(u32::from_be_bytes(*taken))
    }

    /// A `string`, of any bytes.
    pub(super) fn string(&mut self) -> Result<&'a [u8], Malformed> {
        let count = self.u32()?;
        self.take(usize::try_from(count).or(Err(Malformed))?)
    }

    /// A `string` that OpenSSH hands to C: a zero byte is allowed as its last, and cut off.
    pub(super) fn text(&mut self) -> Result<&'a [u8], Malformed> {
        let string = self.string()?;
        let text = string.strip_suffix(&[0]).unwrap_or(string);
        if text.contains(&0) { Err(Malformed) } else { Ok(text) }
    }

    /// A `mpint` that is not negative, without leading zeros.
    pub(super) fn mpint(&mut self) -> Result<&'a [u8], Malformed> {
        let string = self.string()?;
        if string.first().is_some_and(|first| first & 0x80 != 0) {
            return Err(Malformed);
        }
        Ok(trimmed(string))
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}

/// A message, or a part of one, as it is written. Strings of ours are short of 4 GiB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// The message with this number, nothing in it yet.
    pub(super) fn message(number: u8) -> Self {
        Self { bytes: vec![number] }
    }

    /// Adds a `byte`.
    pub(super) fn u8(mut self, value: u8) -> Self {
        self.bytes.push(value);
        self
    }

    /// Adds a `boolean`.
    pub(super) fn flag(self, value: bool) -> Self {
        self.u8(u8::from(value))
    }

    /// Adds a `uint32`.
    pub(super) fn u32(self, value: u32) -> Self {
        self.raw(value.to_be_bytes())
    }

    /// Adds a `string`.
    pub(super) fn string(self, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        self.u32(u32::try_from(value.len()).unwrap_or(u32::MAX)).raw(value)
    }

    /// Adds a `mpint` that is not negative, given with its highest byte first.
    pub(super) fn mpint(self, value: &[u8]) -> Self {
        let value = trimmed(value);
        if value.first().is_some_and(|first| first & 0x80 != 0) {
            let padded: Vec<u8> = std::iter::once(0).chain(value.iter().copied()).collect();
            return self.string(padded);
        }
        self.string(value)
    }

    /// Adds bytes as they are.
    pub(super) fn raw(mut self, value: impl AsRef<[u8]>) -> Self {
        self.bytes.extend_from_slice(value.as_ref());
        self
    }

    /// What was written.
    pub(super) fn done(self) -> Vec<u8> {
        self.bytes
    }
}

impl AsRef<[u8]> for Writer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A name-list's names.
pub(super) fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').filter(|name| !name.is_empty())
}

fn trimmed(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests;
