//! The control connection's bytes as lines, without what telnet puts in between (RFC 959 section
//! 4.1.3, RFC 854).

use super::words::Server;

/// Longest line, as vsftpd has it.
const MAX_LINE: usize = 4096;
/// Most bytes that wait while something else is going on.
const MAX_WAITING: usize = 64 * 1024;

const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
/// The first byte that is a command behind [`IAC`].
const FIRST_COMMAND: u8 = 240;

/// What came and was not taken yet.
#[derive(Debug, Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    taken: usize,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A whole line, without its end.
    Line(Vec<u8>),
    /// Nothing whole.
    Nothing,
    /// A line that is too long, or has no end.
    TooLong,
}

impl Lines {
    /// Bytes that are held.
    pub(super) fn held(&self) -> usize {
        self.bytes.capacity()
    }

    /// Adds what came; false when too much waits.
    #[must_use]
    pub(super) fn put(&mut self, bytes: &[u8]) -> bool {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
        self.bytes.len() <= MAX_WAITING
    }

    /// Takes the next line.
    pub(super) fn take(&mut self) -> Next {
        let rest = self.bytes.get(self.taken..).unwrap_or_default();
        let Some(length) = memchr::memchr(b'\n', rest) else {
            return if rest.len() > MAX_LINE { Next::TooLong } else { Next::Nothing };
        };
        self.taken += length + 1;
        if length > MAX_LINE {
            return Next::TooLong;
        }
        let line = rest.get(..length).unwrap_or_default();
        Next::Line(line.strip_suffix(b"\r").unwrap_or(line).to_vec())
    }

    /// Whether a line that asks to abort is the next.
    pub(super) fn aborts(&self) -> bool {
        let rest = self.bytes.get(self.taken..).unwrap_or_default();
        let skipped = rest.iter().take_while(|byte| **byte >= FIRST_COMMAND).count();
        let rest = rest.get(skipped..).unwrap_or_default();
        let verb = rest.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case(b"ABOR"));
        verb && memchr::memchr(b'\n', rest).is_some()
    }
}

/// A line without telnet's commands, as `server` takes them off; `answer` takes what it answers.
pub(super) fn plain(line: &[u8], server: Server, answer: &mut Vec<u8>) -> Vec<u8> {
    let mut plain = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != IAC {
            plain.push(*first);
            continue;
        }
        match behind.split_first() {
            Some((&IAC, behind)) => {
                plain.push(IAC);
                rest = behind;
            }
            // vsftpd knows no options: what is left makes no command.
            Some((WILL..=DONT, _)) if server == Server::Vsftpd => plain.push(IAC),
            Some((&command @ WILL..=DONT, behind)) => {
                let Some((option, behind)) = behind.split_first() else { break };
                rest = behind;
                match command {
                    WILL | WONT if server == Server::Bsd => answer.extend([IAC, DONT, *option]),
                    DO | DONT if server == Server::Bsd => answer.extend([IAC, WONT, *option]),
                    _ => {}
                }
            }
            Some((&(FIRST_COMMAND..), behind)) => rest = behind,
            // The command was urgent, and the kernel has taken it off.
            _ => {}
        }
    }
    plain
}
