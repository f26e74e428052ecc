//! What is reported of a command.

use super::call::Around;
use super::request::Words;
use crate::logic::event::{Data, Kind, Raw};
use crate::logic::services::{Reply, Report};

/// Longest command line that a report keeps.
const MAX_LINE: usize = 1024;

/// Most of a word that it keeps, so that those behind it have room.
const MAX_SHOWN: usize = 512;

/// Longest word that is told in the line alone.
const LONG: usize = 256;

/// How often one and the same command is reported before its repetitions are only counted.
const OFTEN: u64 = 8;

/// Reports commands; a flood of one and the same becomes one report with a count.
#[derive(Debug, Default)]
pub(super) struct Reporter {
    line: String,
    seen: u64,
}

impl Reporter {
    /// Reports a command.
    pub(super) fn command(&mut self, words: &mut Words, reply: &mut Reply) {
        let parts = words.all();
        let line = line(&parts);
        if line == self.line {
            self.seen += 1;
            if self.seen > OFTEN {
                return;
            }
        } else {
            self.flush(reply);
            self.line.clone_from(&line);
            self.seen = 1;
        }
        let longest = parts.iter().skip(1).max_by_key(|part| part.len()).copied();
        let longest = longest.filter(|part| part.len() > LONG || !is_plain(part));
        // What the line has not is in the bytes: one word, or where it lacks others too, all.
        let rest = parts.iter().map(|part| part.len()).sum::<usize>();
        let rest = rest - longest.map_or(0, <[u8]>::len);
        let kept =
            if rest > LONG { Some(Raw::of(&parts.join(&b' '))) } else { longest.map(Raw::of) };
        let mut data = Data::new().with("command", line).with("bytes", words.total);
        if words.lost {
            data.put("sha256", words.sha256());
        }
        reply.pieces.append(&mut words.pieces);
        let report = Report::new(Kind::CmdInput).data(data);
        reply.report(match words.big() {
            Some(big) => big.finish(report),
            None => Report { raw: kept, ..report },
        });
    }

    /// Reports what came and was no command, or did not come to its end.
    pub(super) fn malformed(
        &mut self,
        bytes: &[u8],
        words: &mut Words,
        why: &str,
        reply: &mut Reply,
    ) {
        self.flush(reply);
        let big = words.big();
        let mut data = Data::new();
        let parts = words.all();
        if !parts.is_empty() {
            data.put("command", line(&parts));
        }
        data.put("malformed", why.to_owned());
        data.put("bytes", words.total + bytes.len() as u64);
        let report = Report::new(Kind::CmdInput);
        let raw = || Raw::of(&[parts.join(b" ".as_slice()).as_slice(), bytes].concat());
        let raw = big.is_none().then(raw);
        if words.lost {
            data.put("sha256", words.sha256());
        }
        reply.pieces.append(&mut words.pieces);
        reply.report(match (big, raw) {
            (Some(big), _) => big.finish(report.data(data)),
            (None, raw) => Report { raw, ..report.data(data) },
        });
    }

    /// Reports how often the last command was repeated beyond what was reported.
    pub(super) fn flush(&mut self, reply: &mut Reply) {
        let more = self.seen.saturating_sub(OFTEN);
        let line = std::mem::take(&mut self.line);
        self.seen = 0;
        if more > 0 {
            let data = Data::new().with("command", line).with("repeated", more);
            reply.report(Report::new(Kind::CmdInput).data(data));
        }
    }
}

/// A command as one would type it.
fn line(parts: &[&[u8]]) -> String {
    let mut line = String::new();
    for part in parts {
        if !line.is_empty() {
            line.push(' ');
        }
        if line.len() >= MAX_LINE {
            line.push_str("...");
            break;
        }
        let shown = part.get(..(MAX_LINE - line.len()).min(MAX_SHOWN)).unwrap_or(part);
        let bare = !shown.is_empty()
            && shown.iter().all(|c| c.is_ascii_graphic() && !b"\"'\\".contains(c));
        if bare {
            line.extend(shown.iter().map(|byte| char::from(*byte)));
        } else {
            quote(shown, &mut line);
        }
        if shown.len() < part.len() {
            line.push_str("...");
        }
    }
    line
}

/// Bytes as `redis-cli` shows them; text in other scripts stays text.
fn quote(bytes: &[u8], line: &mut String) {
    line.push('"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => line.extend(['\\', c]),
                '\n' => line.push_str("\\n"),
                '\r' => line.push_str("\\r"),
                '\t' => line.push_str("\\t"),
                c if c.is_control() => line.push_str(&format!("\\x{:02x}", u32::from(c))),
                c => line.push(c),
            }
        }
        for byte in chunk.invalid() {
            line.push_str(&format!("\\x{byte:02x}"));
        }
    }
    line.push('"');
}

/// Whether bytes are text without control characters, apart from line ends and tabs.
fn is_plain(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes);
    text.is_ok_and(|text| !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')))
}

/// The line that `MONITOR` has for a command.
pub(super) fn monitored(around: &Around<'_>, database: usize, parts: &[&[u8]]) -> String {
    let micros = around.now.0 / 1000;
    let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
    let mut line = format!("{seconds}.{rest:06} [{database} {}]", around.peer);
    for part in parts {
        line.push(' ');
        quote(part.get(..MAX_LINE).unwrap_or(part), &mut line);
    }
    line
}
