//! Text that may hold bytes which are none.
//!
//! The shell works on `String`s, yet what visitors write are bytes: a byte that is no UTF-8 is
//! carried as one character of the private use area, and becomes the byte again on its way out.

/// Carries byte 0x80 + n as this character + n.
const CARRIER: u32 = 0xf780;

/// Bytes as the shell carries them.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if (CARRIER..CARRIER + 0x80).contains(&u32::from(c)) {
                // What looks like a carrier is carried itself, or it would come out as one byte.
                text.extend(c.encode_utf8(&mut [0; 4]).bytes().filter_map(carrier));
            } else {
                text.push(c);
            }
        }
        text.extend(chunk.invalid().iter().filter_map(|byte| carrier(*byte)));
    }
    text
}

/// The bytes that a text stands for.
pub(super) fn decode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match u32::from(c).checked_sub(CARRIER).and_then(|byte| u8::try_from(byte).ok()) {
            Some(byte) if byte < 0x80 => bytes.push(byte + 0x80),
            _ => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

fn carrier(byte: u8) -> Option<char> {
    char::from_u32(CARRIER + u32::from(byte.checked_sub(0x80)?))
}

/// The escapes of `$'…'` and of `printf`'s format resolved.
pub(super) fn ansi_c(text: &str) -> Vec<u8> {
    escapes(text, Octal::WithoutZero).0
}

/// How `\` and digits are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Octal {
    /// `\0` and up to three digits, as `echo -e` has it.
    AfterZero,
    /// Up to three digits, as C has it.
    WithoutZero,
}

/// Whether `\c` was met, after which `echo` says no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    Cut,
    Whole,
}

/// The escapes of a text resolved.
pub(super) fn escapes(text: &str, octal: Octal) -> (Vec<u8>, Rest) {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend(decode(before));
        let mut chars = after.chars();
        let Some(c) = chars.next() else {
            bytes.push(b'\\');
            return (bytes, Rest::Whole);
        };
        rest = chars.as_str();
        let plain = match c {
            'a' => 7,
            'b' => 8,
            'e' | 'E' => 0x1b,
            'f' => 0x0c,
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            'v' => 0x0b,
            '\\' => b'\\',
            '\'' | '"' | '?' if octal == Octal::WithoutZero => u8::try_from(c).unwrap_or(b'?'),
            'c' => return (bytes, Rest::Cut),
            'x' => {
                rest = number(&mut bytes, rest, (16, 2), "\\x");
                continue;
            }
            '0' if octal == Octal::AfterZero => {
                let digits = rest.starts_with(|c: char| c.is_digit(8));
                rest = if digits { number(&mut bytes, rest, (8, 3), "\\0") } else { rest };
                if !digits {
                    bytes.push(0);
                }
                continue;
            }
            '0'..='7' if octal == Octal::WithoutZero => {
                rest = number(&mut bytes, after, (8, 3), "\\");
                continue;
            }
            'u' => {
                rest = unicode(&mut bytes, rest);
                continue;
            }
            _ => {
                bytes.push(b'\\');
                bytes.extend(decode(c.encode_utf8(&mut [0; 4])));
                continue;
            }
        };
        bytes.push(plain);
    }
    bytes.extend(decode(rest));
    (bytes, Rest::Whole)
}

/// Reads a byte of so many digits at most; `otherwise` is written when there is none.
fn number<'a>(
    bytes: &mut Vec<u8>,
    text: &'a str,
    (radix, most): (u32, usize),
    otherwise: &str,
) -> &'a str {
    let (digits, rest) = digits(text, radix, most);
    match u32::from_str_radix(digits, radix) {
        Ok(value) => bytes.push(value.to_le_bytes()[0]),
        Err(_) => bytes.extend_from_slice(otherwise.as_bytes()),
    }
    rest
}

fn unicode<'a>(bytes: &mut Vec<u8>, text: &'a str) -> &'a str {
    let (digits, rest) = digits(text, 16, 4);
    let c = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
    match c {
        Some(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        None => bytes.extend_from_slice(b"\\u"),
    }
    rest
}

fn digits(text: &str, radix: u32, most: usize) -> (&str, &str) {
    let count = text.chars().take(most).take_while(|c| c.is_digit(radix)).count();
    text.split_at(count)
}

#[cfg(test)]
mod tests;
