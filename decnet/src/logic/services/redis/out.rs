//! Writes answers in RESP2 and RESP3.

use super::error::Error;

/// Most bytes of answers to one batch of commands; a real server cuts off who reads too slowly.
pub(super) const MAX_OUT: usize = 4 * 1024 * 1024;

/// Where answers go.
#[derive(Debug, Default)]
pub(super) struct Out {
    pub(super) bytes: Vec<u8>,
    /// Whether the client speaks RESP3.
    pub(super) third: bool,
    /// Whether there was more to say than is kept.
    pub(super) overflow: bool,
}

impl Out {
    fn line(&mut self, kind: u8, text: &[u8]) {
        if self.bytes.len() > MAX_OUT {
            self.overflow = true;
            return;
        }
        self.bytes.push(kind);
        self.bytes.extend_from_slice(text);
        self.bytes.extend_from_slice(b"\r\n");
    }

    fn count(&mut self, kind: u8, count: usize) {
        self.line(kind, count.to_string().as_bytes());
    }

    /// `+OK`.
    pub(super) fn ok(&mut self) {
        self.status("OK");
    }

    /// A word.
    pub(super) fn status(&mut self, word: &str) {
        self.line(b'+', word.as_bytes());
    }

    /// An error; its line ends become spaces.
    pub(super) fn error(&mut self, error: &Error) {
        let text: Vec<u8> = error.0.bytes().map(plain).collect();
        self.line(b'-', &text);
    }

    /// An error that is no text.
    pub(super) fn error_bytes(&mut self, text: &[u8]) {
        let text: Vec<u8> = text.iter().copied().map(plain).collect();
        self.line(b'-', &text);
    }

    /// A whole number.
    pub(super) fn int(&mut self, number: i64) {
        self.line(b':', number.to_string().as_bytes());
    }

    /// How many there are.
    pub(super) fn len(&mut self, count: usize) {
        self.line(b':', count.to_string().as_bytes());
    }

    /// Yes or no as a number.
    pub(super) fn flag(&mut self, yes: bool) {
        self.int(yes.into());
    }

    /// Bytes.
    pub(super) fn bulk(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.count(b'$', bytes.len());
        if !self.overflow {
            self.bytes.extend_from_slice(bytes);
            self.bytes.extend_from_slice(b"\r\n");
        }
    }

    /// Bytes, or nothing.
    pub(super) fn maybe(&mut self, bytes: Option<impl AsRef<[u8]>>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.null(),
        }
    }

    /// Nothing, where bytes might be.
    pub(super) fn null(&mut self) {
        if self.third { self.line(b'_', b"") } else { self.line(b'$', b"-1") }
    }

    /// Nothing, where a list might be.
    pub(super) fn null_array(&mut self) {
        if self.third { self.line(b'_', b"") } else { self.line(b'*', b"-1") }
    }

    /// A file, which has no line end behind.
    pub(super) fn file(&mut self, bytes: &[u8]) {
        self.count(b'$', bytes.len());
        if !self.overflow {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// So many answers follow.
    pub(super) fn array(&mut self, count: usize) {
        self.count(b'*', count);
    }

    /// So many names and values follow, each by each.
    pub(super) fn map(&mut self, count: usize) {
        if self.third { self.count(b'%', count) } else { self.count(b'*', count * 2) }
    }

    /// So many members follow.
    pub(super) fn set(&mut self, count: usize) {
        self.count(if self.third { b'~' } else { b'*' }, count);
    }

    /// So many answers follow that nobody asked for.
    pub(super) fn push(&mut self, count: usize) {
        self.count(if self.third { b'>' } else { b'*' }, count);
    }

    /// A number that may have a fraction.
    pub(super) fn double(&mut self, number: f64) {
        let text = double(number);
        if self.third { self.line(b',', text.as_bytes()) } else { self.bulk(text) }
    }

    /// Text for people.
    pub(super) fn text(&mut self, text: &str) {
        if self.third {
            self.count(b'=', text.len() + 4);
            self.bytes.extend_from_slice(b"txt:");
            self.bytes.extend_from_slice(text.as_bytes());
            self.bytes.extend_from_slice(b"\r\n");
        } else {
            self.bulk(text);
        }
    }
}

fn plain(byte: u8) -> u8 {
    if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }
}

/// A number as C's `%.17g` writes it.
pub(super) fn double(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "inf".to_owned() } else { "-inf".to_owned() };
    }
    if number == 0.0 {
        return "0".to_owned();
    }
    let scientific = format!("{number:.16e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..17).contains(&exponent) {
        let decimals = usize::try_from(16 - exponent).unwrap_or(0);
        return trimmed(&format!("{number:.decimals$}")).to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trimmed(digits), exponent.unsigned_abs())
}

fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}
