//! Reads the head of a request: the request line and the header fields.
//!
//! What is well-formed differs from server to server, down to when a mistake is noticed. So the
//! [`Reader`] here only knows lines and limits, and asks the rules of the server it plays
//! ([`super::nginx`], [`super::apache`], [`super::plain`]) about each. Nothing is copied: a head
//! is a set of ranges over the bytes as they came.

use std::ops::Range;

use super::flavor::Flavor;
use super::{apache, nginx, plain};

/// Most header fields that are looked at.
pub(super) const MAX_FIELDS: usize = 512;

/// Most bytes of one head, whatever the server would take.
pub(super) const MAX_HEAD: usize = 64 * 1024;

/// Why a request is refused before anybody looks at what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A body that is not chunked as it says.
    Chunk,
    /// A body longer than the server takes.
    Entity,
    /// An `Expect` other than `100-continue`.
    Expect,
    /// A header field that is too long.
    FieldLong,
    /// A header field that is none.
    Field,
    /// Too many header fields.
    Fields,
    /// A `Host` that is missing, doubled or none.
    Host,
    /// A body whose length is not said.
    LengthMissing,
    /// A length or an encoding of the body that makes no sense.
    Length,
    /// A method made of other characters than methods are.
    Method,
    /// A request line that is none.
    Request,
    /// HTTP/0.9 with another method than GET.
    Simple,
    /// A target that is no path.
    Target,
    /// A request line that is too long.
    TargetLong,
    /// A transfer encoding that the server does not know.
    TransferEncoding,
    /// A version of HTTP that the server does not speak.
    Version,
}

impl Fault {
    /// How a report calls it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Chunk => "chunk",
            Self::Entity => "body too large",
            Self::Expect => "expect",
            Self::Field => "header",
            Self::FieldLong => "header too long",
            Self::Fields => "too many headers",
            Self::Host => "host",
            Self::Length => "content length",
            Self::LengthMissing => "no content length",
            Self::Method => "method",
            Self::Request => "request line",
            Self::Simple => "method of HTTP/0.9",
            Self::Target => "target",
            Self::TargetLong => "target too long",
            Self::TransferEncoding => "transfer encoding",
            Self::Version => "version",
        }
    }
}

/// Which HTTP a request speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    /// HTTP/0.9: a method and a path, no header, no status.
    Nine,
    /// HTTP/1.0.
    Ten,
    /// HTTP/1.1 and what calls itself newer.
    Eleven,
}

/// A request line, as ranges over the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestLine {
    /// Method.
    pub(super) method: Range<usize>,
    /// Target as it came.
    pub(super) target: Range<usize>,
    /// Version.
    pub(super) version: Version,
}

/// A header field, as ranges over the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FieldSpan {
    /// Name.
    pub(super) name: Range<usize>,
    /// Value without the space around it.
    pub(super) value: Range<usize>,
}

/// How much of a line is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Its beginning.
    Part,
    /// All of it, its line feed included.
    Whole,
}

/// What a rule says about a header line.
pub(super) enum Line {
    /// A field.
    Field(FieldSpan),
    /// The rest of the field before it; its range.
    Folded(Range<usize>),
    /// Nothing that the server heeds.
    Ignored,
}

/// How far a head has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It is wrong.
    Bad(Fault),
    /// It is so many bytes long.
    Done(usize),
    /// More is needed.
    More,
}

/// A head as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// Where the current line begins.
    line: usize,
    /// Up to where there is no line end.
    looked: usize,
    /// Lines passed over before the request line.
    blank: usize,
    request: Option<RequestLine>,
    fields: Vec<FieldSpan>,
    room: nginx::Room,
}

impl Reader {
    /// Looks at `bytes`, which begin with the head and hold what the last call held and more.
    pub(super) fn read(&mut self, flavor: Flavor, bytes: &[u8]) -> Progress {
        match self.advance(flavor, bytes) {
            Ok(Some(length)) => Progress::Done(length),
            Ok(None) => Progress::More,
            Err(fault) => Progress::Bad(fault),
        }
    }

    /// Bytes that are held beside those of the head.
    pub(super) fn held(&self) -> usize {
        self.fields.capacity() * size_of::<FieldSpan>()
    }

    /// Whether not a byte of a request has come, apart from blank lines.
    pub(super) fn is_idle(&self, bytes: &[u8]) -> bool {
        self.request.is_none() && bytes.get(self.line..).is_none_or(<[u8]>::is_empty)
    }

    /// Forgets the blank lines before the request line; how many bytes these are, if any.
    pub(super) fn pass_blank(&mut self) -> Option<usize> {
        let count = self.line;
        if self.request.is_some() || count == 0 {
            return None;
        }
        self.looked = self.looked.saturating_sub(count);
        self.line = 0;
        Some(count)
    }

    /// The head, once it is done; of one that is wrong, what was right.
    pub(super) fn head<'a>(&'a self, bytes: &'a [u8]) -> Head<'a> {
        Head { bytes, request: self.request.as_ref(), fields: &self.fields }
    }

    fn advance(&mut self, flavor: Flavor, bytes: &[u8]) -> Result<Option<usize>, Fault> {
        loop {
            let end = self.line_end(bytes);
            let line = bytes.get(self.line..end.unwrap_or(bytes.len())).unwrap_or_default();
            if self.request.is_none() {
                if self.skip_blank(flavor, line, end)? {
                    continue;
                }
                if self.request_line(flavor, line, end)? {
                    return Ok(end);
                }
            } else if self.field_line(flavor, bytes, line, end)? {
                return Ok(end);
            }
            let Some(end) = end else {
                return if bytes.len() > MAX_HEAD { Err(Fault::FieldLong) } else { Ok(None) };
            };
            self.line = end;
        }
    }

    /// The end of the current line behind its line feed.
    fn line_end(&mut self, bytes: &[u8]) -> Option<usize> {
        let from = self.looked.max(self.line);
        let rest = bytes.get(from..).unwrap_or_default();
        let found = rest.iter().position(|byte| *byte == b'\n').map(|at| from + at + 1);
        self.looked = found.unwrap_or(bytes.len());
        found
    }

    /// Passes over an empty line before the request line.
    fn skip_blank(
        &mut self,
        flavor: Flavor,
        line: &[u8],
        end: Option<usize>,
    ) -> Result<bool, Fault> {
        let (true, Some(end)) = (flavor.is_blank(line), end) else { return Ok(false) };
        self.line = end;
        self.blank += 1;
        if self.blank > flavor.most_blank_lines() { Err(Fault::Request) } else { Ok(true) }
    }

    /// Judges the request line; true when it is all there is, as in HTTP/0.9.
    fn request_line(
        &mut self,
        flavor: Flavor,
        line: &[u8],
        end: Option<usize>,
    ) -> Result<bool, Fault> {
        let extent = extent(end);
        let found = match flavor {
            Flavor::Apache => apache::request_line(line, extent)?,
            Flavor::Iis | Flavor::Lighttpd | Flavor::Plain => {
                plain::request_line(flavor, line, extent)?
            }
            Flavor::Nginx => nginx::request_line(line, extent, &mut self.room)?,
        };
        let Some(mut found) = found else { return Ok(false) };
        for range in [&mut found.method, &mut found.target] {
            *range = range.start + self.line..range.end + self.line;
        }
        let alone = found.version == Version::Nine;
        self.request = Some(found);
        Ok(alone)
    }

    /// Judges a header line; true when it is the empty one at the end.
    fn field_line(
        &mut self,
        flavor: Flavor,
        bytes: &[u8],
        line: &[u8],
        end: Option<usize>,
    ) -> Result<bool, Fault> {
        flavor.field_fits(line, extent(end), &mut self.room)?;
        if end.is_none() {
            return Ok(false);
        }
        if flavor.ends_head(line) {
            return Ok(true);
        }
        let found = match flavor {
            Flavor::Apache => apache::field(line, &self.fields)?,
            Flavor::Iis | Flavor::Lighttpd | Flavor::Plain => plain::field(line)?,
            Flavor::Nginx => nginx::field(line)?,
        };
        let at = self.line;
        match found {
            Line::Field(span) => {
                let span = FieldSpan {
                    name: span.name.start + at..span.name.end + at,
                    value: span.value.start + at..span.value.end + at,
                };
                flavor.heed(bytes, &self.fields, &span)?;
                self.fields.push(span);
            }
            Line::Folded(range) => {
                if let Some(last) = self.fields.last_mut() {
                    last.value.end = range.end + at;
                }
            }
            Line::Ignored => {}
        }
        if self.fields.len() > flavor.most_fields() { Err(Fault::Fields) } else { Ok(false) }
    }
}

/// The head of a request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Head<'a> {
    bytes: &'a [u8],
    request: Option<&'a RequestLine>,
    fields: &'a [FieldSpan],
}

impl<'a> Head<'a> {
    /// Method; empty when the request line was wrong.
    pub(super) fn method(&self) -> &'a [u8] {
        self.request.map_or(b"", |line| at(self.bytes, &line.method))
    }

    /// Target as it came.
    pub(super) fn target(&self) -> &'a [u8] {
        self.request.map_or(b"", |line| at(self.bytes, &line.target))
    }

    /// Version, when the request line was right.
    pub(super) fn version(&self) -> Option<Version> {
        self.request.map(|line| line.version)
    }

    /// Name and value of each field, in order.
    pub(super) fn fields(&self) -> impl ExactSizeIterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let bytes = self.bytes;
        self.fields.iter().map(move |span| (at(bytes, &span.name), at(bytes, &span.value)))
    }

    /// The value of the first field of this name.
    pub(super) fn field(&self, name: &str) -> Option<&'a [u8]> {
        let mut fields = self.fields();
        fields.find(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// The values of all fields of this name.
    pub(super) fn all(&self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let named = |(key, _): &(&[u8], &[u8])| key.eq_ignore_ascii_case(name.as_bytes());
        self.fields().filter(move |field| named(field)).map(|(_, value)| value)
    }
}

fn extent(end: Option<usize>) -> Extent {
    if end.is_some() { Extent::Whole } else { Extent::Part }
}

fn at<'a>(bytes: &'a [u8], range: &Range<usize>) -> &'a [u8] {
    bytes.get(range.clone()).unwrap_or_default()
}

/// The range of `value` without spaces and tabs around it; `from` is where it begins.
pub(super) fn trimmed(value: &[u8], from: usize) -> Range<usize> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let lead = value.iter().take_while(|byte| blank(byte)).count();
    let tail = value.iter().skip(lead).rev().take_while(|byte| blank(byte)).count();
    from + lead..from + value.len() - tail
}
