//! Reads commands: inline as typed, or as arrays of byte strings, as clients send them.
//!
//! Limits and wording are those of Redis 7. What is longer than [`MAX_WORD`] or [`MAX_WORDS`] is
//! read to its end and counted, and not kept.

use std::ops::Range;

use memchr::{memchr, memchr2};

use sha2::{Digest as _, Sha256};

use crate::logic::event::sha256_text;
use crate::logic::services::Piece;
use crate::logic::services::capture::Capture;

/// Most bytes of one word that are kept.
pub(super) const MAX_WORD: usize = 64 * 1024;

/// Most bytes of all words of a command that are kept.
pub(super) const MAX_BYTES: usize = 256 * 1024;

/// Most words of a command that are kept.
pub(super) const MAX_WORDS: usize = 4096;

/// Longest line.
const MAX_LINE: usize = 64 * 1024;

/// Longest byte string that a server takes.
const MAX_BULK: i64 = 512 * 1024 * 1024;

/// What a client who has not logged in may send.
const MAX_STRANGER_WORDS: i64 = 10;
const MAX_STRANGER_BULK: i64 = 16 * 1024;

/// Whether a client has logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has, or need not.
    Known,
    /// Not yet.
    Stranger,
}

/// A command as it came.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    bytes: Vec<u8>,
    words: Vec<Range<usize>>,
    /// Whether more came than is kept.
    pub(super) lost: bool,
    /// How many bytes came in all words.
    pub(super) total: u64,
    big: Option<Capture>,
    /// Its bytes on their way.
    pub(super) pieces: Vec<Piece>,
    /// Of all words, one after another.
    digest: Sha256,
    /// Whether what comes belongs to it.
    in_big: bool,
}

impl Words {
    /// The words that are kept.
    pub(super) fn all(&self) -> Vec<&[u8]> {
        let word = |range: &Range<usize>| self.bytes.get(range.clone()).unwrap_or_default();
        self.words.iter().map(word).collect()
    }

    /// How many bytes are held.
    pub(super) fn held(&self) -> usize {
        self.bytes.len() + self.words.len() * size_of::<Range<usize>>()
    }

    /// The first word that was too long to be kept.
    pub(super) fn big(&mut self) -> Option<Capture> {
        self.big.take()
    }

    /// The digest of the bytes of all words, one after another.
    pub(super) fn sha256(&self) -> String {
        sha256_text(self.digest.clone())
    }

    fn begin(&mut self, length: u64, captures: &mut u32) {
        let full = self.words.len() >= MAX_WORDS;
        // A whole line typed by hand has room.
        let long = length > MAX_WORD as u64 && !self.words.is_empty();
        self.in_big = long && self.big.is_none();
        if self.in_big {
            *captures = captures.wrapping_add(1) & (u32::MAX >> 1);
            self.big = Some(Capture::new(*captures));
        }
        self.lost |= long || full || self.bytes.len() as u64 + length > MAX_BYTES as u64;
        if !self.lost {
            self.words.push(self.bytes.len()..self.bytes.len());
        }
    }

    fn push(&mut self, piece: &[u8]) {
        self.total += piece.len() as u64;
        self.digest.update(piece);
        if !self.lost {
            self.bytes.extend_from_slice(piece);
            if let Some(last) = self.words.last_mut() {
                last.end = self.bytes.len();
            }
        } else if let (true, Some(big)) = (self.in_big, &mut self.big) {
            big.update(piece, &mut self.pieces);
        }
    }
}

/// How far a command has come.
#[derive(Debug)]
pub(super) enum Progress {
    /// It is none; why, in the server's words.
    Bad(Vec<u8>),
    /// It is complete.
    Done,
    /// More is needed.
    More,
}

/// Reads one command after another.
#[derive(Debug, Default)]
pub(super) struct Request {
    /// The command that is being read.
    pub(super) words: Words,
    place: Place,
    /// Words that were captured so far.
    captures: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Words still to come, and bytes of this one, its line end included.
    Data(i64, u64),
    /// Words still to come.
    Head(i64),
    /// Nothing has come.
    #[default]
    Start,
}

impl Request {
    /// Whether nothing of a command has come.
    pub(super) fn is_idle(&self) -> bool {
        self.place == Place::Start
    }

    /// Reads on in `bytes`; how many are done with, and how far that went.
    pub(super) fn read(&mut self, bytes: &[u8], standing: Standing) -> (usize, Progress) {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            if rest.is_empty() {
                return (at, Progress::More);
            }
            let (count, progress) = match self.place {
                Place::Start if rest.first() == Some(&b'*') => self.count(rest, standing),
                Place::Start => self.inline(rest),
                Place::Head(left) => self.head(rest, left, standing),
                Place::Data(left, length) => self.data(rest, left, length),
            };
            at += count;
            match progress {
                Some(progress) => return (at, progress),
                None if count == 0 => return (at, Progress::More),
                None => {}
            }
        }
    }

    fn inline(&mut self, rest: &[u8]) -> (usize, Option<Progress>) {
        let Some(end) = line_feed(rest) else {
            return (0, too_long(rest, "too big inline request"));
        };
        let line = rest.get(..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some(words) = split(line) else {
            return (rest.len(), bad("unbalanced quotes in request"));
        };
        for word in &words {
            self.words.begin(word.len() as u64, &mut self.captures);
            self.words.push(word);
        }
        (end + 1, (!words.is_empty()).then_some(Progress::Done))
    }

    fn count(&mut self, rest: &[u8], standing: Standing) -> (usize, Option<Progress>) {
        let Some((text, end)) = head(rest) else {
            return (0, too_long(rest, "too big mbulk count string"));
        };
        match number(text) {
            Some(count) if count > i64::from(i32::MAX) => (end, bad("invalid multibulk length")),
            Some(count) if count > MAX_STRANGER_WORDS && standing == Standing::Stranger => {
                (end, bad("unauthenticated multibulk length"))
            }
            Some(count) => {
                self.place = if count > 0 { Place::Head(count) } else { Place::Start };
                (end, None)
            }
            None => (end, bad("invalid multibulk length")),
        }
    }

    fn head(&mut self, rest: &[u8], left: i64, standing: Standing) -> (usize, Option<Progress>) {
        let Some((text, end)) = head(rest) else {
            return (0, too_long(rest, "too big bulk count string"));
        };
        match rest.first() {
            Some(b'$') => {}
            other => {
                let found = other.copied().unwrap_or_default();
                let why = [b"ERR Protocol error: expected '$', got '".as_slice(), &[found], b"'"];
                return (end, Some(Progress::Bad(why.concat())));
            }
        }
        match number(text) {
            Some(length @ 0..=MAX_BULK)
                if standing == Standing::Known || length <= MAX_STRANGER_BULK =>
            {
                let length = length.unsigned_abs();
                self.words.begin(length, &mut self.captures);
                self.place = Place::Data(left, length + 2);
                (end, None)
            }
            Some(0..=MAX_BULK) => (end, bad("unauthenticated bulk length")),
            _ => (end, bad("invalid bulk length")),
        }
    }

    /// The bytes of a word, and two more, whatever they are.
    fn data(&mut self, rest: &[u8], left: i64, length: u64) -> (usize, Option<Progress>) {
        let count = usize::try_from(length).map_or(rest.len(), |length| length.min(rest.len()));
        let content = usize::try_from(length.saturating_sub(2)).map_or(count, |l| l.min(count));
        self.words.push(rest.get(..content).unwrap_or_default());
        let length = length.saturating_sub(count as u64);
        if length > 0 {
            self.place = Place::Data(left, length);
            return (count, None);
        }
        if left > 1 {
            self.place = Place::Head(left - 1);
            return (count, None);
        }
        self.place = Place::Start;
        (count, Some(Progress::Done))
    }
}

fn bad(why: &str) -> Option<Progress> {
    Some(Progress::Bad(format!("ERR Protocol error: {why}").into_bytes()))
}

fn too_long(rest: &[u8], why: &str) -> Option<Progress> {
    if rest.len() > MAX_LINE { bad(why) } else { None }
}

/// The end of a line; like the server, which looks with C's functions, not behind a null.
fn line_feed(rest: &[u8]) -> Option<usize> {
    let at = memchr2(b'\n', 0, rest)?;
    (rest.get(at) == Some(&b'\n')).then_some(at)
}

/// What stands behind the first character of a line, and where the next line begins.
fn head(rest: &[u8]) -> Option<(&[u8], usize)> {
    let at = memchr2(b'\r', 0, rest)?;
    let ended = rest.get(at) == Some(&b'\r') && rest.len() > at + 1;
    ended.then(|| (rest.get(1..at).unwrap_or_default(), at + 2))
}

/// A whole number in the one form that it has.
pub(super) fn number(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let plain = match digits {
        [] => false,
        [b'0'] => text.len() == 1,
        [b'0', ..] => false,
        digits => digits.iter().all(u8::is_ascii_digit),
    };
    if plain { std::str::from_utf8(text).ok()?.parse().ok() } else { None }
}

/// The words of a line, quoted as in a shell; `None` when a quote does not end.
fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line;
    // A null ends the line: to the server it is C's.
    if let Some(end) = memchr(0, rest) {
        rest = rest.get(..end).unwrap_or_default();
    }
    loop {
        let blank = rest.iter().take_while(|c| is_space(**c)).count();
        rest = rest.get(blank..).unwrap_or_default();
        if rest.is_empty() {
            return Some(words);
        }
        let (word, count) = word(rest)?;
        words.push(word);
        rest = rest.get(count..).unwrap_or_default();
    }
}

fn is_space(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// The first word, and how many bytes it takes.
fn word(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut word = Vec::new();
    let mut at = 0;
    let mut quote = None;
    let byte = |at: usize| text.get(at).copied();
    loop {
        match (quote, byte(at)) {
            (None, None) => return Some((word, at)),
            (None, Some(c)) if is_space(c) => return Some((word, at)),
            (None, Some(c @ (b'"' | b'\''))) => {
                quote = Some(c);
                at += 1;
            }
            (Some(_), None) => return None,
            (Some(open), Some(c)) if c == open => {
                // Behind a closing quote must be the end of the word.
                let ends = byte(at + 1).is_none_or(is_space);
                return ends.then_some((word, at + 1));
            }
            (Some(b'"'), Some(b'\\')) => {
                let (c, count) = escape(text.get(at + 1..).unwrap_or_default())?;
                word.push(c);
                at += 1 + count;
            }
            (Some(b'\''), Some(b'\\')) if byte(at + 1) == Some(b'\'') => {
                word.push(b'\'');
                at += 2;
            }
            (_, Some(c)) => {
                word.push(c);
                at += 1;
            }
        }
    }
}

/// What stands for a character behind a backslash, and how many bytes it takes.
fn escape(text: &[u8]) -> Option<(u8, usize)> {
    let digit = |c: &u8| char::from(*c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    if let [b'x', high, low, ..] = text
        && let (Some(high), Some(low)) = (digit(high), digit(low))
    {
        return Some((high << 4 | low, 3));
    }
    let c = match text.first()? {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        c => *c,
    };
    Some((c, 1))
}
