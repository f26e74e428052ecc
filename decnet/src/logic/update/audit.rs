//! The audit log: one line for each attempt, each carrying the digest of the line before.
//!
//! A line is JSON. Whoever changes, removes or swaps one breaks the chain from there on. The first
//! line of a log that was begun anew carries the digest of the last line of the old one.

use serde::{Deserialize, Serialize};

use super::event::{AttemptId, Kind};
use super::outcome::Outcome;
use crate::logic::release::{Component, Digest};
use crate::logic::time::Timestamp;

/// Most bytes of a line.
const MAX_LINE: usize = 8 * 1024;

/// What is said of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Which attempt.
    pub attempt: AttemptId,
    /// Whose release.
    pub component: Component,
    /// What was attempted; `None` when that much was not known.
    pub kind: Option<Kind>,
    /// To which release.
    pub to: Option<Digest>,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Where a log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chain {
    /// How many lines there are.
    pub count: u64,
    /// Of the last line; of nothing before the first.
    pub head: Digest,
}

impl Default for Chain {
    fn default() -> Self {
        Self { count: 0, head: Digest::of(b"") }
    }
}

/// A line, in the order in which it is written.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    number: u64,
    before: Digest,
    at: Timestamp,
    #[serde(flatten)]
    record: Record,
}

impl Chain {
    /// The next line, with its end, and where the log ends then.
    pub fn line(&self, record: &Record, at: Timestamp) -> (Vec<u8>, Self) {
        let number = self.count.saturating_add(1);
        let line = Line { number, before: self.head, at, record: record.clone() };
        let mut bytes = serde_json::to_vec(&line).expect("every part has a form in JSON");
        bytes.push(b'\n');
        let head = Digest::of(&bytes);
        (bytes, Self { count: number, head })
    }
}

/// What a log holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Where it ends.
    pub chain: Chain,
    /// How many bytes belong to the chain; what is after them does not.
    pub whole: usize,
    /// What the last line says.
    pub last: Option<Record>,
}

impl Log {
    /// Reads a log from its beginning, which may be that of a later part; `each` is shown every
    /// line.
    pub fn read(bytes: &[u8], mut each: impl FnMut(&Record)) -> Self {
        let mut log = Self { chain: Chain::default(), whole: 0, last: None };
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(parsed) = log.next(line) else { break };
            log.chain = Chain { count: parsed.number, head: Digest::of(line) };
            log.whole += line.len();
            each(&parsed.record);
            log.last = Some(parsed.record);
        }
        log
    }

    fn next(&self, line: &[u8]) -> Option<Line> {
        let fits = line.len() <= MAX_LINE && line.ends_with(b"\n");
        let parsed: Line = fits.then(|| serde_json::from_slice(line).ok())??;
        let follows =
            parsed.number == self.chain.count.saturating_add(1) && parsed.before == self.chain.head;
        (self.last.is_none() || follows).then_some(parsed)
    }
}
