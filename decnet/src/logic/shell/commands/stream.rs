//! Commands that pass bytes on: `cat`, `head`, `tail`, `tee`, `dd`.

use super::Command;
use crate::logic::files::Fault;
use crate::logic::shell::run::{Call, Done, Stop, Want, Way};

/// Most bytes that `dd`, `yes` and endless devices give.
const MAX_BYTES: usize = 1024 * 1024;

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "cat" => cat,
        "dd" => dd,
        "head" => head,
        "less" | "more" | "pager" | "view" => cat,
        "nl" => nl,
        "rev" => rev,
        "tac" => tac,
        "tail" => tail,
        "tee" => tee,
        "yes" => yes,
        _ => return None,
    })
}

fn cat(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("AbeEnstTuv", &[("number", 'n'), ("show-all", 'A')])?;
    let mut paths = options.operands.clone();
    if paths.is_empty() {
        paths.push("-".to_owned());
    }
    let bare = call.args.is_empty() && call.reads_terminal() && call.shows();
    if bare {
        return Err(Stop::Need(Want::Repeat));
    }
    let (mut status, mut number) = (0, 0);
    for path in paths {
        call.world.step()?;
        match call.read(&path)? {
            Ok(content) if options.has('n') => {
                for line in content.split_inclusive(|byte| *byte == b'\n') {
                    number += 1;
                    call.out(format!("{number:>6}\t"));
                    call.write(line);
                }
            }
            Ok(content) if options.has('A') || options.has('v') => {
                let ends = if options.has('A') { Ends::Shown } else { Ends::Kept };
                let shown = visible(&content, ends);
                call.out(shown);
            }
            Ok(content) => {
                call.write(&content);
                if cut_off(call, &path, content.len()) {
                    status = call.fail(format!("{path}: Input/output error"));
                }
            }
            Err(fault) => status = call.fail(format!("{path}: {fault}")),
        }
    }
    Ok(status)
}

/// Whether a visitor's file is longer than what was kept of it.
fn cut_off(call: &mut Call<'_, '_, '_>, path: &str, read: usize) -> bool {
    let path = call.path(path);
    let files = call.files();
    let Ok(stat) = files.stat(&path) else { return false };
    stat.size > read as u64 && read < MAX_BYTES && !files.is_of_base(&path)
}

/// Whether `cat` shows the ends of lines, and tabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    Kept,
    Shown,
}

fn visible(content: &[u8], ends: Ends) -> String {
    content.iter().fold(String::new(), |mut text, byte| {
        match byte {
            b'\n' if ends == Ends::Shown => text.push_str("$\n"),
            b'\t' if ends == Ends::Shown => text.push_str("^I"),
            b'\n' | b'\t' | 0x20..0x7f => text.push(char::from(*byte)),
            0..0x20 => text.extend(['^', char::from(byte + 64)]),
            0x7f => text.push_str("^?"),
            _ => text += &format!("M-{}", visible(&[byte & 0x7f], Ends::Shown)),
        }
        text
    })
}

/// A count such as `5`, `+5`, `-5`, `1k`: its sign and its value.
fn count(text: &str) -> Option<(char, usize)> {
    let sign = text.chars().next().filter(|c| matches!(c, '+' | '-')).unwrap_or(' ');
    let text = text.trim_start_matches(['+', '-']);
    let digits = text.trim_end_matches(['k', 'K', 'M', 'G', 'b', 'B', 'w', 'c']);
    let unit = match text.get(digits.len()..)?.chars().next() {
        None | Some('c') => 1,
        Some('w') => 2,
        Some('b') => 512,
        Some('k' | 'K') => 1024,
        Some('M') => 1024 * 1024,
        Some(_) => 1024 * 1024 * 1024,
    };
    Some((sign, digits.parse::<usize>().ok()?.saturating_mul(unit)))
}

/// What `head` and `tail` count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Bytes,
    Lines,
}

/// What `head` and `tail` are asked for, and of which files.
struct Part {
    sign: char,
    count: usize,
    unit: Unit,
    quiet: bool,
    paths: Vec<String>,
}

fn part(call: &mut Call<'_, '_, '_>) -> Result<Part, Stop> {
    // `-5` is short for `-n 5`.
    for arg in &mut call.args {
        let digits = arg.strip_prefix('-').unwrap_or_default();
        if !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()) {
            *arg = format!("-n{digits}");
        }
    }
    let long = [("lines", 'n'), ("bytes", 'c'), ("quiet", 'q'), ("follow", 'f')];
    let options = call.options("n:c:qvfFs:z", &long)?;
    let (unit, flag) = if options.has('c') { (Unit::Bytes, 'c') } else { (Unit::Lines, 'n') };
    let text = options.value(flag).unwrap_or("10").to_owned();
    let Some((sign, count)) = count(&text) else {
        return Err(Stop::Status(call.fail(format!("invalid number of lines: ‘{text}’"))));
    };
    Ok(Part { sign, count, unit, quiet: options.has('q'), paths: options.operands })
}

fn head(call: &mut Call<'_, '_, '_>) -> Done {
    cut(call, |content, part| {
        let pieces = pieces(content, part.unit);
        let most =
            if part.sign == '-' { pieces.len().saturating_sub(part.count) } else { part.count };
        pieces.into_iter().take(most).collect::<Vec<_>>().concat()
    })
}

fn tail(call: &mut Call<'_, '_, '_>) -> Done {
    cut(call, |content, part| {
        let pieces = pieces(content, part.unit);
        let skip = if part.sign == '+' {
            part.count.saturating_sub(1)
        } else {
            pieces.len().saturating_sub(part.count)
        };
        pieces.into_iter().skip(skip).collect::<Vec<_>>().concat()
    })
}

fn pieces(content: &[u8], unit: Unit) -> Vec<&[u8]> {
    match unit {
        Unit::Bytes => content.chunks(1).collect(),
        Unit::Lines => content.split_inclusive(|byte| *byte == b'\n').collect(),
    }
}

fn cut(call: &mut Call<'_, '_, '_>, pick: impl Fn(&[u8], &Part) -> Vec<u8>) -> Done {
    let part = part(call)?;
    let mut paths = part.paths.clone();
    if paths.is_empty() {
        paths.push("-".to_owned());
    }
    let (headed, mut status) = (paths.len() > 1 && !part.quiet, 0);
    for (index, path) in paths.iter().enumerate() {
        call.world.step()?;
        match call.read(path)? {
            Ok(content) => {
                if headed {
                    let gap = if index > 0 { "\n" } else { "" };
                    call.say(format!("{gap}==> {path} <=="));
                }
                let bytes = pick(&content, &part);
                call.write(&bytes);
            }
            Err(fault @ Fault::IsADirectory) => {
                status = call.fail(format!("error reading '{path}': {fault}"));
            }
            Err(fault) => {
                status = call.fail(format!("cannot open '{path}' for reading: {fault}"));
            }
        }
    }
    Ok(status)
}

fn tee(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("aip", &[("append", 'a')])?;
    let way = if options.has('a') { Way::Added } else { Way::Whole };
    let bytes = call.input()?;
    call.write(&bytes);
    let mut status = 0;
    for path in &options.operands {
        call.world.step()?;
        if let Err(fault) = call.store(path, &bytes, way) {
            status = call.fail(format!("{path}: {fault}"));
        }
    }
    Ok(status)
}

fn dd(call: &mut Call<'_, '_, '_>) -> Done {
    let (mut from, mut to) = (None, None);
    let (mut block, mut blocks, mut skip) = (512, None, 0);
    let args = std::mem::take(&mut call.args);
    for arg in &args {
        let (key, value) = arg.split_once('=').unwrap_or((arg, ""));
        let number = count(value).map(|(_, number)| number);
        match (key, number) {
            ("if", _) => from = Some(value.to_owned()),
            ("of", _) => to = Some(value.to_owned()),
            ("bs" | "ibs", Some(number)) => block = number.max(1),
            ("count", Some(number)) => blocks = Some(number),
            ("skip", Some(number)) => skip = number,
            ("conv" | "obs" | "seek" | "status" | "iflag" | "oflag", _) => {}
            _ => return Ok(call.fail(format!("unrecognized operand ‘{arg}’"))),
        }
    }
    let limit = blocks.map_or(MAX_BYTES, |blocks| blocks.saturating_mul(block)).min(MAX_BYTES);
    let offset = skip.saturating_mul(block);
    let bytes = match &from {
        None if call.reads_terminal() && blocks.is_some() => {
            call.line(Want::Line)?.map(|line| (line + "\n").into_bytes()).unwrap_or_default()
        }
        None => call.input()?,
        Some(path) => {
            let at = call.path(path);
            match call.files().read_at(&at, offset as u64, limit) {
                Ok(bytes) => bytes,
                Err(fault) => return Ok(call.fail(format!("failed to open '{path}': {fault}"))),
            }
        }
    };
    let bytes = bytes.get(..limit).unwrap_or(&bytes);
    call.world.spend_bytes(bytes.len());
    match to {
        Some(path) => {
            if let Err(fault) = call.store(&path, bytes, Way::Whole) {
                return Ok(call.fail(format!("failed to open '{path}': {fault}")));
            }
        }
        None => call.write(bytes),
    }
    let quiet = args.iter().any(|arg| arg == "status=none");
    if !quiet {
        tell(call, bytes.len(), block);
    }
    Ok(0)
}

/// What `dd` says at its end.
fn tell(call: &mut Call<'_, '_, '_>, bytes: usize, block: usize) {
    let (full, partial) = (bytes / block, usize::from(!bytes.is_multiple_of(block)));
    let seconds = 0.000_12 + f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / 4e8;
    let rate = f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / seconds;
    let rate = if rate > 1e6 {
        format!("{:.1} MB/s", rate / 1e6)
    } else {
        format!("{:.0} kB/s", rate / 1e3)
    };
    call.complain(format!("{full}+{partial} records in\n{full}+{partial} records out"));
    call.complain(format!("{bytes} bytes copied, {seconds:.9} s, {rate}"));
}

fn nl(call: &mut Call<'_, '_, '_>) -> Done {
    let paths = std::mem::take(&mut call.args);
    let (read, status) = call.read_each(&paths)?;
    let mut number = 0;
    for (_, content) in read {
        for line in content.split_inclusive(|byte| *byte == b'\n') {
            number += 1;
            call.out(format!("{number:>6}\t"));
            call.write(line);
        }
    }
    Ok(status)
}

fn tac(call: &mut Call<'_, '_, '_>) -> Done {
    let paths = std::mem::take(&mut call.args);
    let (read, status) = call.read_each(&paths)?;
    for (_, content) in read {
        let lines: Vec<&[u8]> = content.split_inclusive(|byte| *byte == b'\n').collect();
        let turned: Vec<u8> = lines.into_iter().rev().flatten().copied().collect();
        call.write(&turned);
    }
    Ok(status)
}

fn rev(call: &mut Call<'_, '_, '_>) -> Done {
    let paths = std::mem::take(&mut call.args);
    let (read, status) = call.read_each(&paths)?;
    for (_, content) in read {
        let text = crate::logic::shell::text::encode(&content);
        let turned: String =
            text.lines().map(|line| line.chars().rev().collect::<String>() + "\n").collect();
        call.out(turned);
    }
    Ok(status)
}

fn yes(call: &mut Call<'_, '_, '_>) -> Done {
    let word = if call.args.is_empty() { "y".to_owned() } else { call.args.join(" ") };
    let line = word + "\n";
    // A reader at the other end of a pipe stops reading long before this.
    let times = 16 * 1024 / line.len().max(1) + 1;
    call.out(line.repeat(times));
    if call.shows() { Err(Stop::Spent) } else { Ok(0) }
}
