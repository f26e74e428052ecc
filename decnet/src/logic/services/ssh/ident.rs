//! The identification string of a visitor (RFC 4253 section 4.2), read as OpenSSH reads it.
//!
//! OpenSSH takes it byte by byte and decides at the first that cannot be right, so that what came
//! behind that byte stays unread, and its kernel then answers the close with a reset. dropbear
//! looks at less, and ignores carriage returns wherever they are.

use super::packet::Input;
use super::profile::Maker;

/// Longest line that OpenSSH takes, without its end.
const MAX_LINE: usize = 8192;

/// Longest line of dropbear, which takes what is beyond for packets.
const MAX_DROPBEAR: usize = 255;

/// What the first line was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ident {
    /// A client of version 2, with its whole line.
    Client(Vec<u8>),
    /// No identification string.
    Invalid(Unread),
    /// Not yet at its end.
    More,
    /// Another major version.
    Other(Unread),
    /// A scanner that OpenSSH knows by name and answers by hanging up.
    Scanner(Unread),
}

/// Whether bytes came behind those that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// None.
    Nothing,
    /// Some, whatever they were.
    Some,
}

/// The line as far as it has come.
#[derive(Debug)]
pub(super) struct Line {
    maker: Maker,
    text: Vec<u8>,
    ending: bool,
}

impl Line {
    /// A line that is read as this maker's server reads it.
    pub(super) fn new(maker: Maker) -> Self {
        Self { maker, text: Vec::new(), ending: false }
    }

    /// Reads on.
    pub(super) fn read(&mut self, input: &mut Input) -> Ident {
        let mut taken = 0;
        let found = input.bytes().iter().find_map(|byte| {
            taken += 1;
            match self.maker {
                Maker::Dropbear => self.dropbear(*byte),
                Maker::OpenSsh => self.openssh(*byte),
            }
        });
        let unread = if taken < input.len() { Unread::Some } else { Unread::Nothing };
        input.skip(taken);
        match found {
            None => Ident::More,
            Some(Found::Junk) => Ident::Invalid(unread),
            Some(Found::Line) => {
                let line = std::mem::take(&mut self.text);
                match self.maker {
                    Maker::Dropbear if is_two(&line) => Ident::Client(line),
                    Maker::Dropbear => Ident::Invalid(unread),
                    Maker::OpenSsh => judge(line, unread),
                }
            }
        }
    }

    fn openssh(&mut self, byte: u8) -> Option<Found> {
        match byte {
            b'\r' => self.ending = true,
            b'\n' => return Some(Found::Line),
            0 => return Some(Found::Junk),
            _ if self.ending || self.text.len() == MAX_LINE => return Some(Found::Junk),
            _ => self.text.push(byte),
        }
        None
    }

    fn dropbear(&mut self, byte: u8) -> Option<Found> {
        match byte {
            b'\r' => {}
            b'\n' => return Some(Found::Line),
            _ => self.text.push(byte),
        }
        if self.text.len() == MAX_DROPBEAR { Some(Found::Line) } else { None }
    }
}

/// What dropbear takes for version 2.
fn is_two(line: &[u8]) -> bool {
    line.starts_with(b"SSH-2.") || line.starts_with(b"SSH-1.99-")
}

enum Found {
    Junk,
    Line,
}

fn judge(line: Vec<u8>, unread: Unread) -> Ident {
    let Some((major, minor, software)) = parts(&line) else { return Ident::Invalid(unread) };
    if major != 2 && (major, minor) != (1, 99) {
        return Ident::Other(unread);
    }
    let mapper = b"SSH_Version_Mapper";
    if software.starts_with(b"Probe-") || software.windows(mapper.len()).any(|w| w == mapper) {
        return Ident::Scanner(unread);
    }
    Ident::Client(line)
}

/// `SSH-<major>.<minor>-<software>`, as `sscanf` with `%d` takes it apart.
fn parts(line: &[u8]) -> Option<(i32, i32, &[u8])> {
    let rest = line.strip_prefix(b"SSH-")?;
    let (major, rest) = number(rest)?;
    let (minor, rest) = number(rest.strip_prefix(b".")?)?;
    let software = rest.strip_prefix(b"-")?;
    if software.is_empty() { None } else { Some((major, minor, software)) }
}

/// A `%d`: space and a sign may come first, and what is too big wraps as it does in glibc.
fn number(text: &[u8]) -> Option<(i32, &[u8])> {
    let text = text.trim_ascii_start();
    let (negative, text) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    let digits = text.iter().take_while(|c| c.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(digits)?;
    if digits.is_empty() {
        return None;
    }
    let size = digits.iter().fold(0_i64, |n, digit| {
        n.saturating_mul(10).saturating_add(i64::from(digit.wrapping_sub(b'0')))
    });
    let value = if negative { size.saturating_neg() } else { size };
    let low = value.to_be_bytes().last_chunk().copied()?;
    Some((i32::from_be_bytes(low), rest))
}

#[cfg(test)]
mod tests;
