//! Writes an answer as the server it plays would: which fields, in which order, in which case.

use std::borrow::Cow;
use std::io::Write as _;

use jiff::fmt::rfc2822::DateTimePrinter;

use super::flavor::Flavor;
use super::head::Version;
use super::message::Connection;
use super::page::{self, PADDING, Problem, Signature};
use crate::logic::time::Timestamp;

/// The year 1970 in ticks of Windows, tenths of microseconds since 1601.
const FILE_TIME_OF_1970: u64 = 116_444_736_000_000_000;

/// What is answered, before any server's habits.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// Status.
    pub(super) status: u16,
    /// Content type; empty for none.
    pub(super) kind: Cow<'static, str>,
    /// Content.
    pub(super) body: Cow<'static, [u8]>,
    /// The file it comes from.
    pub(super) file: Option<File>,
    /// Whether parts of it can be asked for.
    pub(super) ranges: bool,
    /// Fields of its own.
    pub(super) extra: Vec<(&'static str, Cow<'static, str>)>,
    /// How its end is told.
    pub(super) framing: Framing,
    /// Whether the connection ends without a word about it.
    pub(super) abrupt: bool,
}

impl Answer {
    /// Bytes that are held of it.
    pub(super) fn held(&self) -> usize {
        if let Cow::Owned(body) = &self.body { body.capacity() } else { 0 }
    }
}

/// How the end of an answer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// By a chunk of nothing.
    Chunked,
    /// By its length.
    Length,
    /// By the end of the connection, or because there is no body.
    Nothing,
}

/// A file of the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct File {
    /// When it was written, in microseconds since 1970.
    pub(super) written: u64,
    /// How many bytes it has.
    pub(super) size: usize,
}

/// How an answer goes out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sending<'a> {
    /// Who sends it.
    pub(super) signature: Signature<'a>,
    /// What the visitor speaks.
    pub(super) version: Version,
    /// What follows.
    pub(super) connection: Connection,
    /// Whether the visitor asked for the head alone.
    pub(super) head_only: bool,
    /// Whether the visitor's browser hides short pages.
    pub(super) padded: bool,
    /// How many requests may follow.
    pub(super) left: u32,
    /// The time now.
    pub(super) now: Timestamp,
}

impl File {
    /// What this server calls this version of the file.
    pub(super) fn tag(&self, flavor: Flavor) -> String {
        let Self { written, size } = *self;
        match flavor {
            Flavor::Apache => format!("\"{size:x}-{written:x}\""),
            Flavor::Iis => {
                let ticks = (written * 10 + FILE_TIME_OF_1970).to_le_bytes();
                let digits: String = ticks.iter().map(|byte| format!("{byte:x}")).collect();
                format!("\"{digits}:0\"")
            }
            Flavor::Lighttpd => format!("\"{}\"", (written ^ size as u64) & 0xffff_ffff),
            Flavor::Nginx | Flavor::Plain => {
                let seconds = written / 1_000_000;
                format!("\"{seconds:x}-{size:x}\"")
            }
        }
    }
}

impl Answer {
    /// A body that no file stands behind.
    pub(super) fn of(status: u16, kind: &'static str, body: impl Into<Cow<'static, [u8]>>) -> Self {
        Self {
            status,
            kind: kind.into(),
            body: body.into(),
            file: None,
            ranges: false,
            extra: Vec::new(),
            framing: Framing::Length,
            abrupt: false,
        }
    }

    /// The page of an error.
    pub(super) fn error(signature: Signature<'_>, status: u16, detail: &str) -> Self {
        let (body, kind) = page::error(signature, Problem { status, detail });
        Self::of(status, kind, body)
    }

    /// The same with a field of its own.
    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.extra.push((name, value.into()));
        self
    }

    /// Writes the answer.
    pub(super) fn write(&self, sending: &Sending<'_>, out: &mut Vec<u8>) {
        let padding = if sending.padded && self.status >= 400 { PADDING.len() * 6 } else { 0 };
        let length = self.body.len() + padding;
        out.reserve(length + 512);
        if sending.version > Version::Nine {
            self.write_head(sending, length, out);
        }
        if sending.head_only {
            return;
        }
        if self.framing == Framing::Chunked {
            field(out, format_args!("{length:x}\r\n"));
        }
        out.extend_from_slice(&self.body);
        for _line in 0..padding / PADDING.len() {
            out.extend_from_slice(PADDING.as_bytes());
        }
        if self.framing == Framing::Chunked {
            out.extend_from_slice(b"\r\n0\r\n\r\n");
        }
    }

    fn write_head(&self, sending: &Sending<'_>, length: usize, out: &mut Vec<u8>) {
        let flavor = sending.signature.flavor;
        let reason = page::reason(flavor, self.status);
        let minor = u8::from(flavor != Flavor::Lighttpd || sending.version == Version::Eleven);
        out.extend_from_slice(if minor == 1 { b"HTTP/1.1 " } else { b"HTTP/1.0 " });
        decimal(out, usize::from(self.status));
        out.push(b' ');
        text(out, reason, "");
        match flavor {
            Flavor::Apache => self.apache(sending, length, out),
            Flavor::Iis => self.iis(sending, length, out),
            Flavor::Lighttpd => self.lighttpd(sending, length, out),
            Flavor::Nginx => self.nginx(sending, length, out),
            Flavor::Plain => self.plain(sending, length, out),
        }
        out.extend_from_slice(b"\r\n");
    }

    fn nginx(&self, sending: &Sending<'_>, length: usize, out: &mut Vec<u8>) {
        text(out, "Server: ", sending.signature.server);
        date(out, "Date: ", sending.now.0 / 1000);
        self.put_kind(out);
        self.put_length(length, out);
        self.put_written(out);
        self.put_chunked(out);
        let kept = sending.connection != Connection::Close;
        text(out, "Connection: ", if kept { "keep-alive" } else { "close" });
        self.put_tag(Flavor::Nginx, out);
        self.put_extra(out);
        if self.ranges {
            text(out, "Accept-Ranges: ", "bytes");
        }
    }

    fn apache(&self, sending: &Sending<'_>, length: usize, out: &mut Vec<u8>) {
        date(out, "Date: ", sending.now.0 / 1000);
        text(out, "Server: ", sending.signature.server);
        let (late, early): (Vec<_>, Vec<_>) =
            self.extra.iter().partition(|(name, _)| matches!(*name, "Content-Range" | "Vary"));
        early.iter().for_each(|(name, value)| pair(out, name, value));
        self.put_written(out);
        self.put_tag(Flavor::Apache, out);
        if self.file.is_some() {
            text(out, "Accept-Ranges: ", "bytes");
        }
        if !sending.head_only || self.status < 400 {
            self.put_length(length, out);
        }
        late.iter().for_each(|(name, value)| pair(out, name, value));
        match sending.connection {
            _ if self.abrupt => {}
            Connection::Close => text(out, "Connection: ", "close"),
            Connection::Keep => {}
            Connection::KeepAsked => {
                field(out, format_args!("Keep-Alive: timeout=5, max={}\r\n", sending.left));
                text(out, "Connection: ", "Keep-Alive");
            }
        }
        self.put_chunked(out);
        self.put_kind(out);
    }

    fn iis(&self, sending: &Sending<'_>, length: usize, out: &mut Vec<u8>) {
        let refused = self.kind.ends_with("us-ascii");
        let (late, early): (Vec<_>, Vec<_>) =
            self.extra.iter().partition(|(name, _)| !matches!(*name, "Allow" | "Cache-Control"));
        early.iter().for_each(|(name, value)| pair(out, name, value));
        self.put_kind(out);
        self.put_written(out);
        if self.file.is_some() {
            text(out, "Accept-Ranges: ", "bytes");
        }
        self.put_tag(Flavor::Iis, out);
        let server = if refused { "Microsoft-HTTPAPI/2.0" } else { sending.signature.server };
        text(out, "Server: ", server);
        late.iter().for_each(|(name, value)| pair(out, name, value));
        date(out, "Date: ", sending.now.0 / 1000);
        match sending.connection {
            Connection::Close => text(out, "Connection: ", "close"),
            Connection::KeepAsked if sending.version == Version::Ten => {
                text(out, "Connection: ", "keep-alive");
            }
            _ => {}
        }
        self.put_length(length, out);
    }

    fn lighttpd(&self, sending: &Sending<'_>, length: usize, out: &mut Vec<u8>) {
        self.put_kind(out);
        self.put_tag(Flavor::Lighttpd, out);
        self.put_written(out);
        let (late, early): (Vec<_>, Vec<_>) =
            self.extra.iter().partition(|(name, _)| *name == "Content-Range");
        early.iter().for_each(|(name, value)| pair(out, name, value));
        self.put_length(length, out);
        if self.ranges && sending.version == Version::Eleven {
            text(out, "Accept-Ranges: ", "bytes");
        }
        late.iter().for_each(|(name, value)| pair(out, name, value));
        match sending.connection {
            Connection::Close => text(out, "Connection: ", "close"),
            Connection::KeepAsked if sending.version == Version::Ten => {
                text(out, "Connection: ", "keep-alive");
            }
            _ => {}
        }
        date(out, "Date: ", sending.now.0 / 1000);
        text(out, "Server: ", sending.signature.server);
    }

    fn plain(&self, sending: &Sending<'_>, length: usize, out: &mut Vec<u8>) {
        text(out, "Server: ", sending.signature.server);
        self.put_kind(out);
        self.put_length(length, out);
        self.put_extra(out);
        text(out, "Cache-Control: ", "must-revalidate, max-age=0");
        text(out, "Pragma: ", "no-cache");
        if sending.connection == Connection::Close {
            text(out, "Connection: ", "close");
        }
    }

    fn put_kind(&self, out: &mut Vec<u8>) {
        if !self.kind.is_empty() {
            text(out, "Content-Type: ", &self.kind);
        }
    }

    fn put_length(&self, length: usize, out: &mut Vec<u8>) {
        if self.framing == Framing::Length {
            out.extend_from_slice(b"Content-Length: ");
            decimal(out, length);
            out.extend_from_slice(b"\r\n");
        }
    }

    fn put_chunked(&self, out: &mut Vec<u8>) {
        if self.framing == Framing::Chunked {
            text(out, "Transfer-Encoding: ", "chunked");
        }
    }

    fn put_written(&self, out: &mut Vec<u8>) {
        if let Some(file) = self.file {
            date(out, "Last-Modified: ", file.written);
        }
    }

    fn put_tag(&self, flavor: Flavor, out: &mut Vec<u8>) {
        if let Some(file) = self.file {
            text(out, "ETag: ", &file.tag(flavor));
        }
    }

    fn put_extra(&self, out: &mut Vec<u8>) {
        self.extra.iter().for_each(|(name, value)| pair(out, name, value));
    }
}

/// A point in time as HTTP writes it; empty for one that it cannot write.
pub(super) fn http_date(micros: u64) -> String {
    let text = moment(micros).map(|time| DateTimePrinter::new().timestamp_to_rfc9110_string(&time));
    text.and_then(Result::ok).unwrap_or_default()
}

fn date(out: &mut Vec<u8>, name: &str, micros: u64) {
    out.extend_from_slice(name.as_bytes());
    if let Some(time) = moment(micros) {
        // A time outside the years that can be written is left out.
        let _written = DateTimePrinter::new().print_timestamp_rfc9110(&time, &mut *out);
    }
    out.extend_from_slice(b"\r\n");
}

fn moment(micros: u64) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_microsecond(i64::try_from(micros).ok()?).ok()
}

fn text(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn pair(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    text(out, ": ", value);
}

/// A number without the detour over formatting, which costs more than all the rest of a head.
fn decimal(out: &mut Vec<u8>, mut number: usize) {
    let from = out.len();
    loop {
        out.push(b'0' + u8::try_from(number % 10).unwrap_or_default());
        number /= 10;
        if number == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(from..) {
        digits.reverse();
    }
}

fn field(out: &mut Vec<u8>, what: std::fmt::Arguments<'_>) {
    out.write_fmt(what).expect("a vector takes whatever is written");
}
