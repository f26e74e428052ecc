//! What Apache httpd 2.4 takes for a request.
//!
//! It reads whole lines, and with `HttpProtocolOptions Strict`, its default, refuses whatever RFC
//! 9112 does not allow: a bare line feed, two spaces, a control character. Known by trying.

use super::head::{Extent, Fault, FieldSpan, Head, Line, RequestLine, Version, trimmed};
use super::message::{self, Length};

/// Longest line, without its end.
pub(super) const MAX_LINE: usize = 8190;

/// Most header fields.
pub(super) const MAX_FIELDS: usize = 100;

/// Longest name of a file; what is longer may not be looked at.
pub(super) const MAX_NAME: usize = 255;

/// Largest body it reads (`LimitRequestBody`).
pub(super) const MAX_BODY: u64 = 1024 * 1024 * 1024;

/// Methods that it knows, of which it serves a file for the first four.
const METHODS: [&str; 26] = [
    "GET",
    "HEAD",
    "POST",
    "OPTIONS",
    "PUT",
    "DELETE",
    "CONNECT",
    "TRACE",
    "PATCH",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "VERSION-CONTROL",
    "CHECKOUT",
    "UNCHECKOUT",
    "CHECKIN",
    "UPDATE",
    "LABEL",
    "REPORT",
    "MKWORKSPACE",
    "MKACTIVITY",
    "MERGE",
];

/// Whether it knows the method.
pub(super) fn knows(method: &[u8]) -> bool {
    METHODS.iter().any(|known| known.as_bytes() == method)
}

/// Reads a request line once it is complete.
pub(super) fn request_line(line: &[u8], extent: Extent) -> Result<Option<RequestLine>, Fault> {
    if line.len() > MAX_LINE + 2 {
        return Err(Fault::TargetLong);
    }
    if extent == Extent::Part {
        return Ok(None);
    }
    let line = line.strip_suffix(b"\r\n").ok_or(Fault::Request)?;
    let mut parts = line.splitn(3, |byte| *byte == b' ');
    let method = parts.next().filter(|method| message::is_token(method)).ok_or(Fault::Request)?;
    let target = parts.next().filter(|target| !target.is_empty()).ok_or(Fault::Request)?;
    let visible = |byte: &u8| *byte > b' ' && *byte != 0x7f;
    if !target.iter().all(visible) {
        return Err(Fault::Request);
    }
    let version = match parts.next() {
        None if method == b"GET" => Version::Nine,
        None => return Err(Fault::Simple),
        Some([b'H', b'T', b'T', b'P', b'/', major @ b'1'..=b'9', b'.', minor @ b'0'..=b'9']) => {
            if (*major, *minor) == (b'1', b'0') { Version::Ten } else { Version::Eleven }
        }
        Some(_) => return Err(Fault::Request),
    };
    let end = method.len() + 1 + target.len();
    let found = RequestLine { method: 0..method.len(), target: method.len() + 1..end, version };
    if makes_sense(method, target) { Ok(Some(found)) } else { Err(Fault::Target) }
}

/// Whether the target is a path, `*` for OPTIONS, `host:port` for CONNECT, or an `http` URL.
fn makes_sense(method: &[u8], target: &[u8]) -> bool {
    if method == b"CONNECT" {
        let mut ends = target.rsplitn(2, |byte| *byte == b':');
        let port = ends.next().unwrap_or_default();
        let host = ends.next().unwrap_or_default();
        return !host.is_empty() && !port.is_empty() && port.iter().all(u8::is_ascii_digit);
    }
    if target.contains(&b'#') {
        return false;
    }
    match target {
        b"*" => method == b"OPTIONS",
        [b'/', ..] => true,
        // Which URL it is, it asks later.
        _ => memchr::memmem::find(target, b"://").is_some(),
    }
}

/// Reads a header line with its end.
pub(super) fn field(line: &[u8], before: &[FieldSpan]) -> Result<Line, Fault> {
    let line = line.strip_suffix(b"\r\n").ok_or(Fault::Field)?;
    let control = |byte: &u8| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f;
    if line.iter().any(control) {
        return Err(Fault::Field);
    }
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return if before.is_empty() { Err(Fault::Field) } else { Ok(Line::Folded(0..line.len())) };
    }
    let end = line.iter().position(|byte| *byte == b':').ok_or(Fault::Field)?;
    let name = line.get(..end).unwrap_or_default();
    if !message::is_token(name) {
        return Err(Fault::Field);
    }
    let value = line.get(end + 1..).unwrap_or_default();
    Ok(Line::Field(FieldSpan { name: 0..end, value: trimmed(value, end + 1) }))
}

/// What the fields say of the body, or why they are refused.
pub(super) fn length(head: &Head<'_>) -> Result<Length, Fault> {
    let mut hosts = head.all("host");
    let host = hosts.next();
    let missing = host.is_none() && head.version() == Some(Version::Eleven);
    if missing || hosts.next().is_some() || !host.is_none_or(is_host) {
        return Err(Fault::Host);
    }
    let absolute = !head.target().starts_with(b"/") && head.target().contains(&b'/');
    if absolute && message::authority(head.target()).is_none_or(|host| host.contains(&b'@')) {
        return Err(Fault::Target);
    }
    if head.field("expect").is_some_and(|text| !text.eq_ignore_ascii_case(b"100-continue")) {
        return Err(Fault::Expect);
    }
    let mut encodings = head.all("transfer-encoding").peekable();
    if encodings.peek().is_some() {
        let last = encodings.last().unwrap_or_default();
        let last = last.rsplit(|byte| *byte == b',').next().unwrap_or_default();
        let chunked = last.trim_ascii().eq_ignore_ascii_case(b"chunked");
        return if chunked { Ok(Length::Chunked) } else { Err(Fault::Length) };
    }
    let mut lengths = head.all("content-length");
    let length = lengths.next().map_or(Some(0), message::number);
    match (length, lengths.next()) {
        (Some(length), None) if length > MAX_BODY => Err(Fault::Entity),
        (Some(length), None) => Ok(Length::Known(length)),
        _ => Err(Fault::Length),
    }
}

fn is_host(host: &[u8]) -> bool {
    if let Some(literal) = host.strip_prefix(b"[") {
        let mut parts = literal.splitn(2, |byte| *byte == b']');
        let inside = parts.next().unwrap_or_default();
        let hexadecimal = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
        return inside.iter().all(hexadecimal) && parts.next().is_some_and(is_port);
    }
    let end = host.iter().position(|byte| *byte == b':').unwrap_or(host.len());
    let (name, port) = host.split_at(end);
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(byte);
    let mut pairs = name.windows(2);
    !name.is_empty() && name.iter().all(plain) && !pairs.any(|two| two == b"..") && is_port(port)
}

fn is_port(port: &[u8]) -> bool {
    match port.strip_prefix(b":") {
        Some(digits) => (1..=5).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit),
        None => port.is_empty(),
    }
}

/// The path that a target names, decoded and without dots.
///
/// **Errors**: [`Fault::Target`] for one that leads out of the site or is ill-encoded. `None` is
/// one that no file can have: an encoded slash or null.
pub(super) fn path(target: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
    let path = message::path_part(target);
    let decoded = message::percent_decoded(path).ok_or(Fault::Target)?;
    let coded = decoded.iter().filter(|byte| **byte == b'/').count()
        != path.iter().filter(|byte| **byte == b'/').count();
    if coded || decoded.contains(&0) {
        return Ok(None);
    }
    message::without_dots(&decoded).map(Some).ok_or(Fault::Target)
}
