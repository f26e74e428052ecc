//! Serves a file: whole, in parts, or not at all because the visitor has it already.

use std::borrow::Cow;

use jiff::fmt::rfc2822::DateTimeParser;

use super::answer::{Answer, File, Framing, http_date};
use super::flavor::Flavor;
use super::head::Head;
use super::page::Signature;
use crate::logic::time::Timestamp;

/// Most parts of a file that are sent in one answer.
const MAX_PARTS: usize = 32;

/// A part of a file: from, and up to but without.
type Part = (usize, usize);

/// What a `Range` field asks for.
enum Wanted {
    /// Parts.
    Parts(Vec<Part>),
    /// Parts that the file does not have.
    Unsatisfiable,
    /// The whole.
    Whole,
}

/// Answers with a file, as the fields ask for it.
pub(super) fn serve(
    who: Signature<'_>,
    head: &Head<'_>,
    now: Timestamp,
    mut whole: Answer,
    written: u64,
) -> Answer {
    let file = File { written, size: whole.body.len() };
    whole.file = Some(file);
    whole.ranges = true;
    if who.flavor == Flavor::Plain {
        whole.file = None;
        return whole;
    }
    let conditions = Conditions { head, file, flavor: who.flavor, now };
    if who.flavor != Flavor::Lighttpd && conditions.fail() {
        return precondition_failed(who, file);
    }
    if conditions.unchanged() {
        return not_modified(who.flavor, file);
    }
    let wanted = match head.field("range") {
        Some(text) if conditions.range_holds() => wanted(who.flavor, text, file.size),
        _ => Wanted::Whole,
    };
    match wanted {
        Wanted::Whole => with_vary(who.flavor, whole),
        Wanted::Unsatisfiable => unsatisfiable(who, file.size),
        Wanted::Parts(parts) => partial(who.flavor, now, whole, &parts),
    }
}

fn with_vary(flavor: Flavor, answer: Answer) -> Answer {
    if flavor == Flavor::Apache { answer.with("Vary", "Accept-Encoding") } else { answer }
}

fn precondition_failed(who: Signature<'_>, file: File) -> Answer {
    let mut answer = Answer::error(who, 412, "");
    match who.flavor {
        Flavor::Apache => {
            answer = Answer::of(412, "text/html", b"".as_slice());
            answer.file = Some(file);
        }
        Flavor::Nginx => answer.abrupt = true,
        _ => {}
    }
    answer
}

fn not_modified(flavor: Flavor, file: File) -> Answer {
    let kind = if flavor == Flavor::Lighttpd { "text/html" } else { "" };
    let mut answer = Answer::of(304, kind, b"".as_slice());
    answer.framing = Framing::Nothing;
    answer.ranges = flavor == Flavor::Apache;
    answer.file = Some(file);
    answer
}

fn unsatisfiable(who: Signature<'_>, size: usize) -> Answer {
    let detail = match who.flavor {
        Flavor::Apache => {
            "None of the range-specifier values in the Range\nrequest-header field overlap the current extent\nof the selected resource."
        }
        _ => "",
    };
    let mut answer = Answer::error(who, 416, detail);
    match who.flavor {
        Flavor::Apache => answer.framing = Framing::Chunked,
        Flavor::Lighttpd => {}
        _ => return answer.with("Content-Range", format!("bytes */{size}")),
    }
    answer
}

fn partial(flavor: Flavor, now: Timestamp, whole: Answer, parts: &[Part]) -> Answer {
    let size = whole.body.len();
    let cut = |(from, to): Part| whole.body.get(from..to).unwrap_or_default();
    let span = |(from, to): Part| format!("bytes {from}-{}/{size}", to.saturating_sub(1));
    let mut answer = Answer {
        status: 206,
        ranges: matches!(flavor, Flavor::Iis | Flavor::Lighttpd),
        ..whole.clone()
    };
    answer = with_vary(flavor, answer);
    if let [part] = parts {
        answer.body = cut(*part).to_vec().into();
        return answer.with("Content-Range", span(*part));
    }
    let (boundary, kind, range) = match flavor {
        Flavor::Apache => (format!("{:016x}", now.0 / 1000), "Content-type", "Content-range"),
        _ => (format!("{:020}", now.0 / 1_000_000_000 % 9973), "Content-Type", "Content-Range"),
    };
    let mut body = Vec::new();
    for part in parts {
        let head = format!(
            "\r\n--{boundary}\r\n{kind}: {}\r\n{range}: {}\r\n\r\n",
            whole.kind,
            span(*part)
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(cut(*part));
    }
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    answer.kind = Cow::Owned(format!("multipart/byteranges; boundary={boundary}"));
    answer.body = body.into();
    answer
}

/// What the visitor knows of a file, and the file.
struct Conditions<'a> {
    head: &'a Head<'a>,
    file: File,
    flavor: Flavor,
    now: Timestamp,
}

impl Conditions<'_> {
    /// Whether the visitor wants it only if it were another.
    fn fail(&self) -> bool {
        let seconds = self.file.written / 1_000_000;
        let matches = self.head.field("if-match").map(|tags| self.has_tag(tags));
        let since = self.head.field("if-unmodified-since").and_then(seconds_of);
        let newer = match self.flavor {
            // A date that it cannot read, and 1970 is one, it does not heed.
            Flavor::Apache => since.is_some_and(|since| since != 0 && seconds > since),
            _ => since.is_some_and(|since| seconds > since),
        };
        matches == Some(false) || newer
    }

    /// Whether the visitor has it already.
    fn unchanged(&self) -> bool {
        let known = self.head.field("if-none-match").map(|tags| self.has_tag(tags));
        let since = self.head.field("if-modified-since").map(|text| self.is_since(text));
        match (known, since) {
            (None, None) => false,
            (Some(known), None) => known,
            (None, Some(since)) => since,
            (Some(known), Some(since)) => known && (since || self.flavor == Flavor::Apache),
        }
    }

    fn is_since(&self, text: &[u8]) -> bool {
        let Some(since) = seconds_of(text) else { return false };
        let written = self.file.written / 1_000_000;
        match self.flavor {
            Flavor::Nginx => since == written,
            _ => since >= written && since <= self.now.0 / 1_000_000_000,
        }
    }

    /// Whether the part is of the file that the visitor means.
    fn range_holds(&self) -> bool {
        let Some(text) = self.head.field("if-range") else { return true };
        if text.ends_with(b"\"") {
            return text == self.tag().as_bytes();
        }
        seconds_of(text) == Some(self.file.written / 1_000_000)
    }

    fn has_tag(&self, tags: &[u8]) -> bool {
        let tag = self.tag();
        let mut tags = tags.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        tags.any(|text| {
            let text = text.strip_prefix(b"W/").unwrap_or(text);
            text == b"*" || text == tag.as_bytes()
        })
    }

    fn tag(&self) -> String {
        self.file.tag(self.flavor)
    }
}

fn seconds_of(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let time = DateTimeParser::new().parse_timestamp(text).ok()?;
    let seconds = u64::try_from(time.as_second()).ok()?;
    // Only the one form: any other that the parser reads is none for HTTP.
    (http_date(seconds.checked_mul(1_000_000)?) == text).then_some(seconds)
}

fn wanted(flavor: Flavor, text: &[u8], size: usize) -> Wanted {
    let Some(list) = text.strip_prefix(b"bytes=") else { return Wanted::Whole };
    let strict = matches!(flavor, Flavor::Nginx | Flavor::Lighttpd);
    let mut parts = Vec::new();
    let mut total: usize = 0;
    for one in list.split(|byte| *byte == b',') {
        match part(one.trim_ascii(), size, strict) {
            Some((from, to)) if from < to => {
                total = total.saturating_add(to - from);
                parts.push((from, to));
            }
            Some((0, _)) if strict => return Wanted::Whole,
            Some(_) => {}
            None if strict => return Wanted::Unsatisfiable,
            None => return Wanted::Whole,
        }
        if parts.len() > MAX_PARTS {
            return Wanted::Whole;
        }
    }
    match parts.len() {
        0 => Wanted::Unsatisfiable,
        _ if total > size => Wanted::Whole,
        _ => Wanted::Parts(parts),
    }
}

/// A part as it is asked for; an empty one is not in the file, `None` makes no sense.
fn part(text: &[u8], size: usize, strict: bool) -> Option<Part> {
    let text = std::str::from_utf8(text).ok()?;
    let (from, to) = text.split_once('-')?;
    let (from, to) = (from.trim(), to.trim());
    if from.is_empty() {
        let count: u64 = number(to)?;
        let count = usize::try_from(count).unwrap_or(size).min(size);
        return Some((size - count, size));
    }
    let from = usize::try_from(number(from)?).unwrap_or(usize::MAX);
    if to.is_empty() {
        return Some((from, size.max(from)));
    }
    let to = usize::try_from(number(to)?).unwrap_or(usize::MAX);
    if to < from {
        return if strict { Some((from, from)) } else { None };
    }
    Some((from, to.saturating_add(1).min(size).max(from)))
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    // Beyond what a signed offset holds is an error to the servers.
    text.parse().ok().filter(|number| digits && i64::try_from(*number).is_ok())
}
