//! One command at work.

use std::net::SocketAddr;

use super::client::Client;
use super::error::{Done, Error, NO_ROOM, NOT_FLOAT, NOT_INTEGER, SYNTAX};
use super::keys::{Entry, Keys};
use super::out::Out;
use super::request;
use super::table::Command;
use super::value::{Kind, Value};
use super::version::Version;
use crate::logic::decky::Identity;
use crate::logic::services::Report;
use crate::logic::time::Timestamp;

/// What one command may cost; a union of a thousand large sets would take for ever.
const MAX_WORK: usize = 400_000;

/// What does not change while a client's commands are carried out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    /// The decky.
    pub(super) decky: &'a Identity,
    /// The time now.
    pub(super) now: Timestamp,
    /// The version as text.
    pub(super) version_name: &'a str,
    /// The version.
    pub(super) version: Version,
    /// Password that clients must give.
    pub(super) password: Option<&'a str>,
    /// Our end.
    pub(super) local: SocketAddr,
    /// The client's.
    pub(super) peer: SocketAddr,
}

/// A command with all that it works on.
pub(super) struct Call<'a> {
    /// Its words, the name first.
    pub(super) words: &'a [&'a [u8]],
    /// What it is.
    pub(super) command: &'static Command,
    pub(super) around: Around<'a>,
    pub(super) keys: &'a mut Keys,
    pub(super) client: &'a mut Client,
    pub(super) out: &'a mut Out,
    pub(super) random: &'a mut dyn FnMut(&mut [u8]),
    /// What is to be reported beside the command itself.
    pub(super) told: &'a mut Vec<Report>,
}

impl<'a> Call<'a> {
    /// The word at a place; empty when there is none.
    pub(super) fn word(&self, at: usize) -> &'a [u8] {
        self.words.get(at).copied().unwrap_or_default()
    }

    /// The words from a place on.
    pub(super) fn from(&self, at: usize) -> &'a [&'a [u8]] {
        self.words.get(at..).unwrap_or_default()
    }

    /// Whether the word at a place is this one, in whatever case.
    pub(super) fn is(&self, at: usize, word: &str) -> bool {
        self.word(at).eq_ignore_ascii_case(word.as_bytes())
    }

    /// The word at a place as text in lower case, to be compared.
    pub(super) fn lower(&self, at: usize) -> String {
        String::from_utf8_lossy(self.word(at)).to_ascii_lowercase()
    }

    /// The word at a place as a whole number.
    pub(super) fn int(&self, at: usize) -> Result<i64, Error> {
        request::number(self.word(at)).ok_or(NOT_INTEGER)
    }

    /// The word at a place as a number.
    pub(super) fn float(&self, at: usize) -> Result<f64, Error> {
        float(self.word(at)).ok_or(NOT_FLOAT)
    }

    /// The number of a database at a place.
    pub(super) fn now(&self) -> u64 {
        self.around.now.millis()
    }

    /// The value of a key as this type.
    pub(super) fn read<K: Kind>(&mut self, key: &[u8]) -> Result<Option<&K>, Error> {
        self.work(key)?;
        let now = self.now();
        self.keys.read(self.client.database, key, now)
    }

    /// The entry of a key.
    pub(super) fn entry(&mut self, key: &[u8]) -> Option<&Entry> {
        let now = self.now();
        self.keys.entry(self.client.database, key, now)
    }

    /// Counts what it takes to go through the value of a key, and refuses what takes too long.
    fn work(&mut self, key: &[u8]) -> Done {
        let entry = self.keys.database(self.client.database).get(key);
        self.client.work += 1 + entry.map_or(0, |entry| entry.value.cost() / 64);
        if self.client.work > MAX_WORK { Err(NO_ROOM) } else { Ok(()) }
    }

    /// Whether a key is there.
    pub(super) fn has(&mut self, key: &[u8]) -> bool {
        self.entry(key).is_some()
    }

    /// Changes the value of a key.
    pub(super) fn change<K: Kind, R>(
        &mut self,
        key: &[u8],
        act: impl FnOnce(&mut K) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.work(key)?;
        let now = self.now();
        self.keys.change(self.client.database, key, now, act)
    }

    /// Sets a key, whatever it held, without an end.
    pub(super) fn put(&mut self, key: &[u8], value: Value) -> Done {
        if value.is_gone() {
            self.remove(key);
            return Ok(());
        }
        self.keys.put(self.client.database, key, Entry { value, expires: None })
    }

    /// Removes a key; whether it was there.
    pub(super) fn remove(&mut self, key: &[u8]) -> bool {
        let there = self.has(key);
        self.keys.remove(self.client.database, key);
        there
    }

    /// A random number below `most`.
    pub(super) fn dice(&mut self, most: usize) -> usize {
        let mut bytes = [0; 4];
        (self.random)(&mut bytes);
        let number = usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(0);
        number % most.max(1)
    }

    /// Answers a list of byte strings.
    pub(super) fn list<T: AsRef<[u8]>>(&mut self, items: &[T]) {
        self.out.array(items.len());
        items.iter().for_each(|item| self.out.bulk(item));
    }
}

/// A number as the server reads it.
pub(super) fn float(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    if text.is_empty() || !text.chars().all(plain) {
        return None;
    }
    text.parse::<f64>().ok().filter(|number| !number.is_nan())
}

/// From and to of a range over `length` things, as indices that may count from the end.
pub(super) fn range(from: i64, to: i64, length: usize) -> std::ops::Range<usize> {
    let size = i64::try_from(length).unwrap_or(i64::MAX);
    let absolute = |index: i64| if index < 0 { index.saturating_add(size) } else { index };
    let from = usize::try_from(absolute(from).max(0)).unwrap_or(usize::MAX).min(length);
    let to = absolute(to).saturating_add(1).clamp(0, size);
    let to = usize::try_from(to).unwrap_or(0);
    from..to.max(from)
}

/// Nothing but these words may stand there.
pub(super) fn unless_syntax(fits: bool) -> Done {
    if fits { Ok(()) } else { Err(SYNTAX) }
}
