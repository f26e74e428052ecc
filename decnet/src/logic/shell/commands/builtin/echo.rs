//! `echo` and `printf`: with them bots write their programs byte by byte.

use super::fail;
use crate::logic::shell::run::{Call, Done};
use crate::logic::shell::text::{Octal, Rest, ansi_c, decode, escapes};

/// Widest field of `printf`.
const MAX_WIDTH: usize = 4096;

pub(super) fn echo(call: &mut Call<'_, '_, '_>) -> Done {
    let (mut newline, mut escape) = (true, call.shell.name.ends_with("dash"));
    let mut first = 0;
    for arg in &call.args {
        let flags = arg.strip_prefix('-').unwrap_or_default();
        if flags.is_empty() || !flags.chars().all(|flag| matches!(flag, 'n' | 'e' | 'E')) {
            break;
        }
        for flag in flags.chars() {
            match flag {
                'n' => newline = false,
                'e' => escape = true,
                _ => escape = false,
            }
        }
        first += 1;
    }
    let text = call.args.get(first..).unwrap_or_default().join(" ");
    let mut bytes = if escape {
        let (bytes, rest) = escapes(&text, Octal::AfterZero);
        newline &= rest == Rest::Whole;
        bytes
    } else {
        decode(&text)
    };
    if newline {
        bytes.push(b'\n');
    }
    call.write(&bytes);
    Ok(0)
}

pub(super) fn printf(call: &mut Call<'_, '_, '_>) -> Done {
    let mut args = std::mem::take(&mut call.args).into_iter().peekable();
    if args.peek().is_some_and(|arg| arg == "--") {
        args.next();
    }
    let variable = (args.peek().is_some_and(|arg| arg == "-v")).then(|| args.nth(1)).flatten();
    let Some(format) = args.next() else {
        return fail(call, "usage: printf [-v var] format [arguments]").map(|_| 2);
    };
    let mut bytes = Vec::new();
    loop {
        call.world.step()?;
        let before = args.len();
        if fill(&format, &mut args, &mut bytes) == Rest::Cut {
            break;
        }
        // The format is used again as long as it takes arguments and there are any.
        if args.len() == 0 || args.len() == before {
            break;
        }
    }
    match variable {
        Some(name) => {
            let text = crate::logic::shell::text::encode(&bytes);
            call.shell.set(&name, &text);
        }
        None => call.write(&bytes),
    }
    Ok(0)
}

/// A `%` of a format.
struct Field {
    left: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
    kind: char,
}

/// Goes through a format once.
fn fill(format: &str, args: &mut impl Iterator<Item = String>, bytes: &mut Vec<u8>) -> Rest {
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        let (before, after) = rest.split_at(at);
        bytes.extend(ansi_c(before));
        let after = after.get(1..).unwrap_or_default();
        if let Some(behind) = after.strip_prefix('%') {
            bytes.push(b'%');
            rest = behind;
            continue;
        }
        let Some((field, behind)) = field(after, args) else {
            bytes.push(b'%');
            rest = after;
            continue;
        };
        let arg = args.next().unwrap_or_default();
        let (text, cut) = show(&field, &arg);
        pad(bytes, &field, &text);
        if cut == Rest::Cut {
            return cut;
        }
        rest = behind;
    }
    bytes.extend(ansi_c(rest));
    Rest::Whole
}

fn field<'a>(text: &'a str, args: &mut impl Iterator<Item = String>) -> Option<(Field, &'a str)> {
    let flags = text.find(|c| !"-+ 0#".contains(c))?;
    let (flags, rest) = text.split_at(flags);
    let (width, rest) = size(rest, args);
    let (precision, rest) = match rest.strip_prefix('.') {
        Some(rest) => {
            let (precision, rest) = size(rest, args);
            (Some(precision), rest)
        }
        None => (None, rest),
    };
    let rest = rest.trim_start_matches(['l', 'h', 'z']);
    let kind = rest.chars().next().filter(|kind| "sdiuxXobcqfeg".contains(*kind))?;
    let (left, zero) = (flags.contains('-'), flags.contains('0'));
    Some((Field { left, zero, width, precision, kind }, rest.get(1..)?))
}

fn size<'a>(text: &'a str, args: &mut impl Iterator<Item = String>) -> (usize, &'a str) {
    if let Some(rest) = text.strip_prefix('*') {
        let width = args.next().and_then(|arg| arg.parse().ok()).unwrap_or(0);
        return (MAX_WIDTH.min(width), rest);
    }
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(digits);
    (digits.parse().unwrap_or(0).min(MAX_WIDTH), rest)
}

fn show(field: &Field, arg: &str) -> (Vec<u8>, Rest) {
    let cut = |text: String| match field.precision {
        Some(most) => text.chars().take(most).collect(),
        None => text,
    };
    let bytes = match field.kind {
        'b' => return escapes(arg, Octal::AfterZero),
        'c' => decode(&arg.chars().take(1).collect::<String>()),
        'd' | 'i' | 'u' => number(arg).to_string().into_bytes(),
        'e' | 'f' | 'g' => {
            let value: f64 = arg.parse().unwrap_or(0.0);
            format!("{value:.*}", field.precision.unwrap_or(6).min(60)).into_bytes()
        }
        'o' => format!("{:o}", number(arg)).into_bytes(),
        'q' => format!("'{}'", arg.replace('\'', "'\\''")).into_bytes(),
        'x' => format!("{:x}", number(arg)).into_bytes(),
        'X' => format!("{:X}", number(arg)).into_bytes(),
        _ => decode(&cut(arg.to_owned())),
    };
    (bytes, Rest::Whole)
}

/// A number as the shell reads it: decimal, `0x…`, `0…` or `'c`.
fn number(text: &str) -> i64 {
    let text = text.trim();
    if let Some(quoted) = text.strip_prefix(['\'', '"']) {
        return quoted.chars().next().map_or(0, |c| u32::from(c).into());
    }
    match (text.strip_prefix("0x"), text.strip_prefix('0')) {
        (Some(hex), _) => i64::from_str_radix(hex, 16),
        (None, Some(octal)) if !octal.is_empty() => i64::from_str_radix(octal, 8),
        _ => text.parse(),
    }
    .unwrap_or(0)
}

fn pad(bytes: &mut Vec<u8>, field: &Field, text: &[u8]) {
    let fill = field.width.saturating_sub(text.len());
    let with = if field.zero && !field.left && "diuxXo".contains(field.kind) { b'0' } else { b' ' };
    if !field.left {
        bytes.extend(std::iter::repeat_n(with, fill));
    }
    bytes.extend_from_slice(text);
    if field.left {
        bytes.extend(std::iter::repeat_n(b' ', fill));
    }
}
