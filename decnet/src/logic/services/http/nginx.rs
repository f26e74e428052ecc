//! What nginx 1.22 takes for a request.
//!
//! It reads the request line character by character and refuses at the first that has no place,
//! without waiting for the end of the line: so a TLS hello is answered at once. Known by trying.

use std::ops::Range;

use super::head::{Extent, Fault, FieldSpan, Head, Line, RequestLine, Version, trimmed};
use super::message::{self, Length};

/// Largest body that is announced and still taken, in bytes.
pub(super) const MAX_BODY: u64 = 1024 * 1024;

const FIRST_BUFFER: usize = 1024;
const LARGE_BUFFER: usize = 8192;
const LARGE_BUFFERS: u8 = 4;

/// The buffers a head may fill: one small, then four large; no line goes over two.
#[derive(Debug)]
pub(super) struct Room {
    left: usize,
    large: u8,
}

impl Default for Room {
    fn default() -> Self {
        Self { left: FIRST_BUFFER, large: 0 }
    }
}

impl Room {
    /// Whether a line of this length has a place; taken for good when the line has ended.
    pub(super) fn takes(&mut self, length: usize, extent: Extent) -> bool {
        let (left, large) = match self.left.checked_sub(length) {
            Some(left) => (left, self.large),
            None => (LARGE_BUFFER.saturating_sub(length), self.large + 1),
        };
        let fits = length <= LARGE_BUFFER && large <= LARGE_BUFFERS;
        if fits && extent == Extent::Whole {
            *self = Self { left, large };
        }
        fits
    }
}

/// Reads as much of a request line as there is.
pub(super) fn request_line(
    line: &[u8],
    extent: Extent,
    room: &mut Room,
) -> Result<Option<RequestLine>, Fault> {
    let known = line.get(..LARGE_BUFFER).unwrap_or(line);
    let mut scan = Scan { line: known, at: 0 };
    let found = scan.request();
    let extent = if found.is_ok() { extent } else { Extent::Part };
    let fits = room.takes(line.len(), extent);
    match found {
        Ok(request) if fits => Ok(Some(request)),
        Err(Stop::Wrong(fault)) => Err(fault),
        _ if fits => Ok(None),
        _ => Err(Fault::TargetLong),
    }
}

enum Stop {
    /// The line goes on.
    More,
    /// It cannot be right.
    Wrong(Fault),
}

struct Scan<'a> {
    line: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn request(&mut self) -> Result<RequestLine, Stop> {
        let method = self.method()?;
        self.spaces();
        let (target, simple) = self.target()?;
        if simple || self.spaces_to_end()? {
            if self.line.get(method.clone()) != Some(b"GET") {
                return Err(Stop::Wrong(Fault::Simple));
            }
            return Ok(RequestLine { method, target, version: Version::Nine });
        }
        let version = self.version()?;
        Ok(RequestLine { method, target, version })
    }

    fn next(&mut self) -> Result<u8, Stop> {
        let byte = self.line.get(self.at).copied().ok_or(Stop::More)?;
        self.at += 1;
        Ok(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    fn spaces(&mut self) {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    fn method(&mut self) -> Result<Range<usize>, Stop> {
        while matches!(self.peek(), Some(b'\r' | b'\n')) {
            self.at += 1;
        }
        let from = self.at;
        loop {
            match self.next()? {
                b'A'..=b'Z' | b'_' | b'-' => {}
                b' ' if self.at > from + 1 => return Ok(from..self.at - 1),
                _ => return Err(Stop::Wrong(Fault::Method)),
            }
        }
    }

    /// The target, and whether the line ended right behind it.
    fn target(&mut self) -> Result<(Range<usize>, bool), Stop> {
        let from = self.at;
        match self.peek().ok_or(Stop::More)? {
            b'/' => {}
            c if c.is_ascii_alphabetic() => {
                if self.authority()? {
                    return Ok((from..self.at, false));
                }
            }
            _ => return Err(Stop::Wrong(Fault::Request)),
        }
        loop {
            match self.next()? {
                b' ' => {
                    self.at -= 1;
                    return Ok((from..self.at, false));
                }
                b'\n' => return Ok((from..self.at - 1, true)),
                b'\r' => {
                    let end = self.at - 1;
                    return self.line_feed().map(|()| (from..end, true));
                }
                0..0x20 | 0x7f => return Err(Stop::Wrong(Fault::Request)),
                _ => {}
            }
        }
    }

    /// Scheme, host and port; true when no path follows.
    fn authority(&mut self) -> Result<bool, Stop> {
        loop {
            match self.next()? {
                b':' => break,
                c if c.is_ascii_alphanumeric() || matches!(c, b'+' | b'-' | b'.') => {}
                _ => return Err(Stop::Wrong(Fault::Request)),
            }
        }
        for _slash in 0..2 {
            if self.next()? != b'/' {
                return Err(Stop::Wrong(Fault::Request));
            }
        }
        let literal = self.peek() == Some(b'[');
        let mut port = false;
        loop {
            let byte = self.next()?;
            match byte {
                b'/' | b'?' | b' ' => {
                    self.at -= 1;
                    return Ok(byte == b' ');
                }
                b':' => port = true,
                b'[' | b']' if literal && !port => {}
                c if c.is_ascii_digit() => {}
                c if !port && (c.is_ascii_alphabetic() || matches!(c, b'-' | b'.')) => {}
                _ => return Err(Stop::Wrong(Fault::Request)),
            }
        }
    }

    /// Spaces behind the target; true when the line ends there.
    fn spaces_to_end(&mut self) -> Result<bool, Stop> {
        self.spaces();
        match self.next()? {
            b'H' => Ok(false),
            b'\n' => Ok(true),
            b'\r' => self.line_feed().map(|()| true),
            _ => Err(Stop::Wrong(Fault::Request)),
        }
    }

    fn version(&mut self) -> Result<Version, Stop> {
        for wanted in b"TTP/" {
            if self.next()? != *wanted {
                return Err(Stop::Wrong(Fault::Request));
            }
        }
        match self.next()? {
            b'1' => {}
            b'2'..=b'9' => return Err(Stop::Wrong(Fault::Version)),
            _ => return Err(Stop::Wrong(Fault::Request)),
        }
        match self.next()? {
            b'.' => {}
            b'0'..=b'9' => return Err(Stop::Wrong(Fault::Version)),
            _ => return Err(Stop::Wrong(Fault::Request)),
        }
        let mut minor = u32::from(self.digit()?);
        loop {
            match self.next()? {
                b'\n' => break,
                b'\r' => {
                    self.line_feed()?;
                    break;
                }
                b' ' => {
                    self.spaces();
                    if !matches!(self.peek(), None | Some(b'\r' | b'\n')) {
                        return Err(Stop::Wrong(Fault::Request));
                    }
                }
                digit @ b'0'..=b'9' if minor <= 99 => minor = minor * 10 + u32::from(digit - b'0'),
                _ => return Err(Stop::Wrong(Fault::Request)),
            }
        }
        Ok(if minor == 0 { Version::Ten } else { Version::Eleven })
    }

    fn digit(&mut self) -> Result<u8, Stop> {
        match self.next()? {
            digit @ b'0'..=b'9' => Ok(digit - b'0'),
            _ => Err(Stop::Wrong(Fault::Request)),
        }
    }

    fn line_feed(&mut self) -> Result<(), Stop> {
        if self.next()? == b'\n' { Ok(()) } else { Err(Stop::Wrong(Fault::Request)) }
    }
}

/// Reads a header line with its line feed.
pub(super) fn field(line: &[u8]) -> Result<Line, Fault> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let end = line.iter().position(|byte| *byte == b':' || *byte == b'\r').unwrap_or(line.len());
    let name = line.get(..end).unwrap_or_default();
    if name.is_empty() || name.iter().any(|byte| *byte <= b' ' || *byte == 0x7f) {
        return Err(Fault::Field);
    }
    let value = line.get(end + 1..).unwrap_or_default();
    let carriage = line.iter().skip(end).position(|byte| *byte == b'\r');
    let returns = carriage.is_some_and(|at| line.iter().skip(end + at).any(|c| *c != b'\r'));
    if returns || value.contains(&0) {
        return Err(Fault::Field);
    }
    // A line without a colon is dropped, and so is a name of other than letters, digits and `-`.
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    if end == line.len() || !name.iter().all(plain) {
        return Ok(Line::Ignored);
    }
    Ok(Line::Field(FieldSpan { name: 0..end, value: trimmed(value, end + 1) }))
}

/// Fields that may come once.
const ONCE: [&str; 9] = [
    "host",
    "content-length",
    "transfer-encoding",
    "if-modified-since",
    "if-unmodified-since",
    "if-match",
    "if-none-match",
    "if-range",
    "authorization",
];

/// Refuses a doubled field and a wrong `Host` as soon as they come.
pub(super) fn heed(bytes: &[u8], before: &[FieldSpan], field: &FieldSpan) -> Result<(), Fault> {
    let text = |range: &Range<usize>| bytes.get(range.clone()).unwrap_or_default();
    let name = text(&field.name);
    let Some(once) = ONCE.iter().find(|once| name.eq_ignore_ascii_case(once.as_bytes())) else {
        return Ok(());
    };
    if before.iter().any(|other| text(&other.name).eq_ignore_ascii_case(name)) {
        return Err(Fault::Field);
    }
    if *once == "host" && !is_host(text(&field.value)) { Err(Fault::Host) } else { Ok(()) }
}

fn is_host(host: &[u8]) -> bool {
    let bad = |byte: &u8| *byte <= b' ' || matches!(byte, b'/' | 0x7f);
    let mut pairs = host.windows(2);
    let end = match host.first() {
        Some(b'[') => host.iter().position(|byte| *byte == b']').map_or(host.len(), |at| at + 1),
        _ => host.iter().position(|byte| *byte == b':').unwrap_or(host.len()),
    };
    let name = host.get(..end).unwrap_or_default();
    let name = name.strip_suffix(b".").unwrap_or(name);
    !name.is_empty() && !host.iter().any(bad) && !pairs.any(|pair| pair == b"..")
}

/// What the fields say of the body, or why they are refused.
pub(super) fn length(head: &Head<'_>) -> Result<Length, Fault> {
    let version = head.version().unwrap_or(Version::Nine);
    if version == Version::Eleven && head.field("host").is_none() {
        return Err(Fault::Host);
    }
    let length = match head.field("content-length") {
        Some(text) => Some(message::number(text).ok_or(Fault::Length)?),
        None => None,
    };
    if let Some(encoding) = head.field("transfer-encoding") {
        if version < Version::Eleven {
            return Err(Fault::Length);
        }
        if !encoding.eq_ignore_ascii_case(b"chunked") {
            return Err(Fault::TransferEncoding);
        }
        return if length.is_some() { Err(Fault::Length) } else { Ok(Length::Chunked) };
    }
    match length {
        Some(length) if length > MAX_BODY => Err(Fault::Entity),
        Some(length) => Ok(Length::Known(length)),
        None => Ok(Length::Known(0)),
    }
}

/// The path that a target names, decoded and without dots.
pub(super) fn path(target: &[u8]) -> Result<Vec<u8>, Fault> {
    let path = message::path_part(target);
    let path = path.split(|byte| *byte == b'#').next().unwrap_or_default();
    let decoded = message::percent_decoded(path).ok_or(Fault::Target)?;
    if decoded.contains(&0) {
        return Err(Fault::Target);
    }
    message::without_dots(&decoded).ok_or(Fault::Target)
}
