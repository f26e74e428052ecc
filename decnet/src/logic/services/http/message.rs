//! What a head means: how long the body is, whether the connection stays, which path is asked for.

use super::head::{Head, Version};

/// How long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// In chunks, of which the last is empty.
    Chunked,
    /// So many bytes.
    Known(u64),
}

/// What follows an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connection {
    /// The end.
    Close,
    /// The next request, as the version has it.
    Keep,
    /// The next request, as the visitor asked for.
    KeepAsked,
}

impl Connection {
    /// What `head` asks for.
    pub(super) fn of(head: &Head<'_>) -> Self {
        let word = |word: &str| {
            let mut words = head.all("connection").flat_map(|text| text.split(|c| *c == b','));
            words.any(|text| text.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
        };
        let version = head.version().unwrap_or(Version::Nine);
        if version == Version::Nine || word("close") {
            Self::Close
        } else if word("keep-alive") {
            Self::KeepAsked
        } else if version == Version::Eleven {
            Self::Keep
        } else {
            Self::Close
        }
    }
}

/// A number of nothing but digits.
pub(super) fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Whether `text` is a token (RFC 9110 section 5.6.2).
pub(super) fn is_token(text: &[u8]) -> bool {
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(token)
}

/// The host and port in a target that is a whole URL.
pub(super) fn authority(target: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = target.split_at(target.iter().position(|byte| *byte == b':')?);
    let rest = rest.strip_prefix(b"://")?;
    if !scheme.eq_ignore_ascii_case(b"http") && !scheme.eq_ignore_ascii_case(b"https") {
        return None;
    }
    rest.split(|byte| matches!(byte, b'/' | b'?')).next()
}

/// The path in a target, without scheme, host and query.
pub(super) fn path_part(target: &[u8]) -> &[u8] {
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    if path.first() == Some(&b'/') {
        return path;
    }
    let Some(at) = path.windows(3).position(|three| three == b"://") else { return path };
    let rest = path.get(at + 3..).unwrap_or_default();
    match rest.iter().position(|byte| *byte == b'/') {
        Some(slash) => rest.get(slash..).unwrap_or_default(),
        None => b"/",
    }
}

/// The query in a target.
pub(super) fn query_part(target: &[u8]) -> &[u8] {
    let at = target.iter().position(|byte| *byte == b'?');
    at.and_then(|at| target.get(at + 1..)).unwrap_or_default()
}

/// Text with its `%XX` replaced; `None` when one is not of that form.
pub(super) fn percent_decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        if *byte == b'%' {
            decoded.push(hexadecimal(*bytes.next()?)? << 4 | hexadecimal(*bytes.next()?)?);
        } else {
            decoded.push(*byte);
        }
    }
    Some(decoded)
}

/// The value of a hexadecimal digit.
pub(super) fn hexadecimal(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

/// A path with its `.`, `..` and doubled slashes resolved; `None` when it leads out of the site.
pub(super) fn without_dots(path: &[u8]) -> Option<Vec<u8>> {
    let mut parts: Vec<&[u8]> = Vec::new();
    let mut slash = true;
    for part in path.split(|byte| *byte == b'/') {
        slash = matches!(part, b"" | b"." | b"..");
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    let mut clean = Vec::with_capacity(path.len());
    for part in &parts {
        clean.push(b'/');
        clean.extend_from_slice(part);
    }
    if slash || parts.is_empty() {
        clean.push(b'/');
    }
    Some(clean)
}
