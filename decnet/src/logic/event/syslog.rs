//! An event as an RFC 5424 line, and any such line back into its parts.
//!
//! ```text
//! <134>1 2026-11-23T08:00:00.123456Z files-01 ssh 00f1… auth.attempt [relay@55555 k="v" …] text
//! ```
//! PRI is local0 with the severity of the kind, HOSTNAME the decky's name (else the node's),
//! APP-NAME the service (else `decnet`), PROCID the session, MSGID the kind. The structured data
//! holds everything else; the message repeats the main of it for people.
//!
//! Control characters in values are written `\n`, `\r`, `\t` or `\xHH`, and whatever else turns or
//! hides text ([`shown::is_plain`]) `\u{HEX}`. RFC 5424 lets any other
//! reader take these as they stand, and since a backslash itself is always doubled, [`parse`]
//! takes them back without doubt. So a newline or a `]` from a visitor never ends a line or a list.

use std::fmt::Write as _;

use super::Event;
use super::fields::{each, summary};
use crate::logic::shown;
use crate::logic::time::Timestamp;

/// The structured-data name of the predecessor, which downstream rules expect.
pub const DEFAULT_SD_ID: &str = "relay@55555";

/// Longest line that [`parse`] reads, and [`line`] writes, in bytes.
pub const MAX_LINE: usize = 64 * 1024;

/// Most bytes of one value as it is written; what is longer is cut.
pub const MAX_VALUE: usize = 16 * 1024;

/// Most bytes of the message behind the structured data.
const MAX_MESSAGE: usize = 1024;

/// Bytes of `\u{10ffff}`.
const LONGEST_ESCAPE: usize = 10;

const LOCAL0: u8 = 16;
const MAX_HOSTNAME: usize = 255;
const MAX_APP_NAME: usize = 48;
const MAX_PARAMETER_NAME: usize = 32;

/// Writes `event` as one line of UTF-8, without a line end.
pub fn line(event: &Event, sd_id: &str) -> String {
    let host = event.decky.as_ref().map_or(event.node.as_ref(), |decky| decky.name.as_str());
    let service = event.service.as_deref().unwrap_or("decnet");
    let session = event.session.map_or_else(|| "-".to_owned(), |session| session.to_string());
    let mut line = format!(
        "<{}>1 {} {} {} {session} {} [{sd_id}",
        LOCAL0 * 8 + event.event.severity(),
        microseconds(event.ts),
        printable(host, MAX_HOSTNAME),
        printable(service, MAX_APP_NAME),
        event.event,
    );
    each(event, &mut |key, value| {
        let name = parameter_name(key);
        // Beside the value: a space, `="` and `"`, and later the message.
        let taken = line.len() + name.len() + MAX_MESSAGE + 8;
        let Some(room) = MAX_LINE.checked_sub(taken) else { return };
        line.push(' ');
        line.push_str(&name);
        line.push_str("=\"");
        escape(value, room.min(MAX_VALUE), &mut line);
        line.push('"');
    });
    line.push_str("] ");
    let end = line.len() + MAX_MESSAGE;
    for c in summary(event).chars() {
        if line.len() + c.len_utf8() > end {
            break;
        }
        line.push(if shown::is_plain(c) { c } else { ' ' });
    }
    line
}

/// RFC 5424 allows six digits of a second.
fn microseconds(time: Timestamp) -> String {
    let mut text = time.to_string();
    let end = text.len().saturating_sub(4);
    text.truncate(end);
    text.push('Z');
    text
}

/// A header field: printable ASCII without spaces, not empty, cut at `most`.
fn printable(text: &str, most: usize) -> String {
    let clean: String = text.chars().filter(char::is_ascii_graphic).take(most).collect();
    if clean.is_empty() { "-".to_owned() } else { clean }
}

fn parameter_name(key: &str) -> String {
    let fits = |c: &char| c.is_ascii_graphic() && !matches!(c, '=' | ']' | '"');
    key.chars().filter(fits).take(MAX_PARAMETER_NAME).collect()
}

/// Writes a value, or as much of it as takes `room` bytes.
fn escape(value: &str, room: usize, out: &mut String) {
    let end = out.len() + room;
    for c in value.chars() {
        let room = if shown::is_plain(c) || c.is_ascii() { 4 } else { LONGEST_ESCAPE };
        if out.len() + room > end {
            break;
        }
        match c {
            '"' | '\\' | ']' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_ascii_control() => {
                // A String never fails to be written to.
                let _written = write!(out, "\\x{:02x}", u32::from(c));
            }
            c if !shown::is_plain(c) => {
                let _written = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
}

/// The parts of an RFC 5424 line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Facility times eight plus severity, 0 to 191.
    pub priority: u8,
    /// When; absent for `-`.
    pub time: Option<Timestamp>,
    /// HOSTNAME.
    pub host: String,
    /// APP-NAME.
    pub app: String,
    /// PROCID.
    pub process: String,
    /// MSGID.
    pub message_id: String,
    /// The structured data, name and parameters of each element.
    pub elements: Vec<(String, Vec<(String, String)>)>,
    /// The rest, without a byte order mark.
    pub message: String,
}

/// Why a line is not RFC 5424.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLine {
    /// The header lacks a field, or one is malformed; its name.
    #[error("malformed header field {0}")]
    Header(&'static str),
    /// Structured data that does not end, or is not of the form `[id name="value"]`.
    #[error("malformed structured data")]
    StructuredData,
    /// Longer than [`MAX_LINE`].
    #[error("longer than {MAX_LINE} bytes")]
    TooLong,
}

/// Reads one line.
///
/// # Errors
///
/// [`BadLine`] says which part is not as RFC 5424 section 6 has it.
pub fn parse(line: &str) -> Result<Line, BadLine> {
    if line.len() > MAX_LINE {
        return Err(BadLine::TooLong);
    }
    let rest = line.strip_prefix('<').ok_or(BadLine::Header("PRI"))?;
    let (priority, rest) = rest.split_once('>').ok_or(BadLine::Header("PRI"))?;
    let plain = priority.bytes().all(|c| c.is_ascii_digit());
    let priority = match priority.parse::<u8>() {
        Ok(priority) if plain && priority <= 191 => priority,
        _ => return Err(BadLine::Header("PRI")),
    };
    let (version, rest) = word(rest, "VERSION")?;
    if version != "1" {
        return Err(BadLine::Header("VERSION"));
    }
    let (time, rest) = word(rest, "TIMESTAMP")?;
    let time = match time {
        "-" => None,
        time => Some(time.parse().or(Err(BadLine::Header("TIMESTAMP")))?),
    };
    let (host, rest) = word(rest, "HOSTNAME")?;
    let (app, rest) = word(rest, "APP-NAME")?;
    let (process, rest) = word(rest, "PROCID")?;
    let (message_id, rest) = word(rest, "MSGID")?;
    let (elements, rest) = structured_data(rest)?;
    let message = rest.strip_prefix(' ').unwrap_or(rest);
    Ok(Line {
        priority,
        time,
        host: host.to_owned(),
        app: app.to_owned(),
        process: process.to_owned(),
        message_id: message_id.to_owned(),
        elements,
        message: message.strip_prefix('\u{feff}').unwrap_or(message).to_owned(),
    })
}

fn word<'a>(text: &'a str, name: &'static str) -> Result<(&'a str, &'a str), BadLine> {
    match text.split_once(' ') {
        Some((word, rest)) if !word.is_empty() => Ok((word, rest)),
        _ => Err(BadLine::Header(name)),
    }
}

type Elements = Vec<(String, Vec<(String, String)>)>;

fn structured_data(text: &str) -> Result<(Elements, &str), BadLine> {
    if let Some(rest) = text.strip_prefix('-') {
        return Ok((Vec::new(), rest));
    }
    let mut elements = Vec::new();
    let mut rest = text;
    while let Some(inside) = rest.strip_prefix('[') {
        let end = inside.find([' ', ']']).ok_or(BadLine::StructuredData)?;
        let (id, mut after) = inside.split_at(end);
        let mut parameters = Vec::new();
        while let Some(next) = after.strip_prefix(' ') {
            let (key, value) = next.split_once("=\"").ok_or(BadLine::StructuredData)?;
            let (value, tail) = quoted(value)?;
            parameters.push((key.to_owned(), value));
            after = tail;
        }
        rest = after.strip_prefix(']').ok_or(BadLine::StructuredData)?;
        elements.push((id.to_owned(), parameters));
    }
    if elements.is_empty() || !(rest.is_empty() || rest.starts_with(' ')) {
        return Err(BadLine::StructuredData);
    }
    Ok((elements, rest))
}

/// Reads to the closing quote, and returns what follows it.
fn quoted(text: &str) -> Result<(String, &str), BadLine> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, text.get(at + 1..).unwrap_or_default())),
            '\\' => match chars.next() {
                Some((_, c @ ('"' | '\\' | ']'))) => value.push(c),
                Some((_, 'n')) => value.push('\n'),
                Some((_, 'r')) => value.push('\r'),
                Some((_, 't')) => value.push('\t'),
                Some((at, 'x')) => match text.get(at + 1..at + 3).and_then(control) {
                    Some(c) => {
                        value.push(c);
                        chars.nth(1);
                    }
                    None => value.push_str("\\x"),
                },
                Some((at, 'u')) => match text.get(at + 1..).and_then(hidden) {
                    Some((c, length)) => {
                        value.push(c);
                        chars.nth(length - 1);
                    }
                    None => value.push_str("\\u"),
                },
                Some((_, c)) => value.extend(['\\', c]),
                None => return Err(BadLine::StructuredData),
            },
            c => value.push(c),
        }
    }
    Err(BadLine::StructuredData)
}

/// The control character with this number in hexadecimal.
fn control(digits: &str) -> Option<char> {
    let plain = digits.bytes().all(|c| c.is_ascii_hexdigit());
    let number = u8::from_str_radix(digits, 16).ok().filter(|_| plain)?;
    number.is_ascii_control().then_some(number.into())
}

/// The character that is not plain and stands as `{HEX}` at the beginning, and how many bytes that
/// takes.
fn hidden(text: &str) -> Option<(char, usize)> {
    let (digits, _) =
        text.strip_prefix('{')?.split_once('}').filter(|(digits, _)| digits.len() <= 6)?;
    let plain = digits.bytes().all(|c| c.is_ascii_hexdigit());
    let number = u32::from_str_radix(digits, 16).ok().filter(|_| plain)?;
    let c = char::from_u32(number).filter(|c| !c.is_ascii() && !shown::is_plain(*c))?;
    Some((c, digits.len() + 2))
}

#[cfg(test)]
mod tests;
