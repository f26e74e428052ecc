//! The face, judged from outside: how it ended, what it may not say, and what it murmurs.
//!
//! Apart, because here it is taken for what it may be: the process of a visitor who has got in.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::logic::event::Data;

/// Signal of a process that made a call which its filter does not allow (signal(7)).
const SIGSYS: i32 = 31;

/// Things that a face may say in a second: far more than one processor can serve.
const MOST: u32 = 500_000;
/// The same in one message: a face sends it when it has a few hundred.
const MOST_AT_ONCE: u32 = 4_096;

/// Lines of a face's own messages that are shown; what follows is counted.
const LINES: usize = 64;
/// Longest line that is shown, in bytes, escaped.
const LINE: usize = 256;

/// How a face ended that was to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaceEnd {
    /// By itself, with this exit code.
    Exited(i32),
    /// By this signal.
    Killed(i32),
    /// It closed its channel, or said something there, and was killed.
    Spoke,
    /// It did not take what it was told, and was killed.
    Stuck,
    /// The agent wanted it.
    Told,
}

/// What a face said that no face says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// File descriptors.
    Descriptors,
    /// Something about a service that the decky has not.
    Foreign,
    /// What cannot be read.
    Malformed,
    /// More than a message may hold.
    Oversized,
    /// More than a face can have to say.
    TooMuch,
    /// It kept the sockets of a decky that it was told to let go of.
    Withheld,
}

impl Fault {
    fn reason(self) -> (&'static str, &'static str) {
        match self {
            Self::Descriptors => ("descriptors", "it sent file descriptors, which no face does"),
            Self::Foreign => ("foreign", "it spoke of a service that the decky has not"),
            Self::Malformed => ("malformed", "it sent a message that cannot be read"),
            Self::Oversized => ("oversized", "it sent a message that is longer than any may be"),
            Self::TooMuch => ("too-much", "it sent more messages than there can be visits"),
            Self::Withheld => ("withheld", "it kept a decky that it was told to let go of"),
        }
    }
}

/// What an event says of the end of a face, `fault` being why it was wanted.
pub fn obituary(how: FaceEnd, fault: Option<Fault>) -> Data {
    let (reason, why) = match (fault, how) {
        (Some(fault), _) => fault.reason(),
        (None, FaceEnd::Killed(SIGSYS)) => (
            "violation",
            "it made a system call that serving does not take; the kernel's audit log has its number",
        ),
        (None, FaceEnd::Exited(_)) => ("exited", "it ended by itself"),
        (None, FaceEnd::Killed(_)) => ("killed", "a signal ended it"),
        (None, FaceEnd::Spoke) => ("spoke", "it spoke to the keeper, which no face does"),
        (None, FaceEnd::Stuck) => ("stuck", "it did not take what it was told"),
        (None, FaceEnd::Told) => ("told", "it was to be replaced"),
    };
    let data = Data::new().with("reason", reason).with("why", why);
    match how {
        FaceEnd::Exited(code) => data.with("code", u64::from(code.unsigned_abs())),
        FaceEnd::Killed(signal) => data.with("signal", u64::from(signal.unsigned_abs())),
        FaceEnd::Spoke | FaceEnd::Stuck | FaceEnd::Told => data,
    }
}

/// How much a face has said of late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    second: u64,
    said: u32,
}

impl Pace {
    /// Takes note of a message with `count` things, in this `second`.
    ///
    /// # Errors
    ///
    /// [`Fault::TooMuch`] when that is more than a face can have to say.
    pub fn take(&mut self, count: u32, second: u64) -> Result<(), Fault> {
        if self.second != second {
            *self = Self { second, said: 0 };
        }
        self.said = self.said.saturating_add(count);
        if self.said > MOST || count > MOST_AT_ONCE { Err(Fault::TooMuch) } else { Ok(()) }
    }
}

/// Messages of a face for people, as lines that can be nothing but that.
#[derive(Clone, Debug, Default)]
pub struct Murmurs {
    open: String,
    shown: usize,
    hidden: u64,
}

impl Murmurs {
    /// Takes what has come, and returns the lines that are to be shown.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for byte in bytes {
            match byte {
                b'\n' => lines.extend(self.close()),
                _ if self.open.len() >= LINE => {}
                b' '..=b'~' if *byte != b'\\' => self.open.push(char::from(*byte)),
                _ => write!(self.open, "\\x{byte:02x}").unwrap_or_default(),
            }
        }
        lines
    }

    /// The end of a line: what was in it, if there is still room for another.
    fn close(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.open);
        if line.is_empty() {
            return None;
        }
        if self.shown >= LINES {
            self.hidden += 1;
            return None;
        }
        self.shown += 1;
        Some(line)
    }

    /// What is left when the face has ended: its last line, and how many were not shown.
    pub fn end(mut self) -> (Option<String>, u64) {
        let last = self.close();
        (last, self.hidden)
    }
}

#[cfg(test)]
mod tests;
