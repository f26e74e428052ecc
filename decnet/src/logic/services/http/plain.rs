//! What the other servers take for a request: IIS behind `http.sys`, lighttpd, a printer.

use super::flavor::Flavor;
use super::head::{Extent, Fault, FieldSpan, Head, Line, RequestLine, Version, trimmed};
use super::message::{self, Length};

/// Longest line; `http.sys` keeps a whole head within twice of it.
pub(super) const MAX_LINE: usize = 16 * 1024;

/// Largest body (`maxAllowedContentLength` of IIS).
const MAX_BODY: u64 = 30_000_000;

/// Longest method that `http.sys` reads.
const MAX_METHOD: usize = 64;

/// Reads a request line; what cannot become a method is refused at once.
pub(super) fn request_line(
    flavor: Flavor,
    line: &[u8],
    extent: Extent,
) -> Result<Option<RequestLine>, Fault> {
    if line == b"\r" && extent == Extent::Part {
        return Ok(None);
    }
    let end = line.iter().position(|byte| *byte == b' ' || *byte == b'\r' || *byte == b'\n');
    let method = line.get(..end.unwrap_or(line.len())).unwrap_or_default();
    let known = !method.is_empty() || line.is_empty();
    if !known || method.len() > MAX_METHOD || !method.iter().all(|c| message::is_token(&[*c])) {
        return Err(Fault::Method);
    }
    if line.len() > MAX_LINE {
        return Err(Fault::TargetLong);
    }
    if extent == Extent::Part {
        return Ok(None);
    }
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut parts = line.splitn(3, |byte| *byte == b' ').skip(1);
    let target = parts.next().filter(|target| !target.is_empty()).ok_or(Fault::Request)?;
    let version = match parts.next() {
        None if method != b"GET" || flavor == Flavor::Iis => return Err(Fault::Request),
        None => Version::Nine,
        Some(b"HTTP/1.0") => Version::Ten,
        Some([b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1'..=b'9']) => Version::Eleven,
        Some([b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9']) => {
            return Err(Fault::Version);
        }
        Some(_) => return Err(Fault::Request),
    };
    let control = |byte: &u8| *byte < b' ' || *byte == 0x7f;
    let star = target == b"*" && method == b"OPTIONS";
    let names = matches!(target, [b'/', ..]) || star || message::authority(target).is_some();
    if target.iter().any(control) || !names && method != b"CONNECT" {
        return Err(Fault::Target);
    }
    let from = method.len() + 1;
    let found = RequestLine { method: 0..method.len(), target: from..from + target.len(), version };
    Ok(Some(found))
}

/// Reads a header line with its line feed.
pub(super) fn field(line: &[u8]) -> Result<Line, Fault> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let end = line.iter().position(|byte| *byte == b':').ok_or(Fault::Field)?;
    let value = line.get(end + 1..).unwrap_or_default();
    let name = line.get(..end).unwrap_or_default();
    if !message::is_token(name) || value.contains(&0) || value.contains(&b'\r') {
        return Err(Fault::Field);
    }
    Ok(Line::Field(FieldSpan { name: 0..end, value: trimmed(value, end + 1) }))
}

/// What the fields say of the body, or why they are refused.
pub(super) fn length(flavor: Flavor, head: &Head<'_>) -> Result<Length, Fault> {
    let mut hosts = head.all("host");
    let host = hosts.next();
    let missing = host.is_none() && head.version() == Some(Version::Eleven);
    let bad = |host: &[u8]| host.iter().any(|c| *c <= b' ' || b"/\\@?#<>\"".contains(c));
    if missing || hosts.next().is_some() || host.is_some_and(bad) {
        return Err(Fault::Host);
    }
    if let Some(encoding) = head.field("transfer-encoding") {
        let chunked = encoding.eq_ignore_ascii_case(b"chunked");
        return if chunked { Ok(Length::Chunked) } else { Err(Fault::TransferEncoding) };
    }
    match head.field("content-length").map(message::number) {
        Some(None) => Err(Fault::Length),
        Some(Some(length)) if length > MAX_BODY => Err(Fault::Entity),
        Some(Some(length)) => Ok(Length::Known(length)),
        None if flavor != Flavor::Plain && matches!(head.method(), b"POST" | b"PUT") => {
            Err(Fault::LengthMissing)
        }
        None => Ok(Length::Known(0)),
    }
}

/// The path that a target names, decoded and without dots.
pub(super) fn path(target: &[u8]) -> Result<Vec<u8>, Fault> {
    let decoded = message::percent_decoded(message::path_part(target)).ok_or(Fault::Target)?;
    if decoded.contains(&0) {
        return Err(Fault::Target);
    }
    Ok(message::without_dots(&decoded).unwrap_or_else(|| b"/".to_vec()))
}
