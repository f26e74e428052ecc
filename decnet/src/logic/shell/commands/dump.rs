//! Looking at bytes: `od`, `hexdump`, `xxd`, `strings`, `file`.

use super::Command;
use crate::logic::files::Kind;
use crate::logic::shell::run::{Call, Done};
use crate::logic::shell::text::{decode, encode};

/// Most bytes that a dump shows.
const MAX_BYTES: usize = 64 * 1024;

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "file" => file,
        "hd" | "hexdump" => hexdump,
        "od" => od,
        "strings" => strings,
        "xxd" => xxd,
        _ => return None,
    })
}

fn content(
    call: &mut Call<'_, '_, '_>,
    paths: &[String],
) -> Result<(Vec<u8>, u8), super::super::run::Stop> {
    let (read, status) = call.read_each(paths)?;
    let mut bytes: Vec<u8> = read.into_iter().flat_map(|(_, content)| content).collect();
    bytes.truncate(MAX_BYTES);
    call.world.spend_bytes(bytes.len().saturating_mul(4));
    Ok((bytes, status))
}

fn printable(bytes: &[u8]) -> String {
    let plain = |byte: &u8| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' };
    bytes.iter().map(plain).collect()
}

fn hexdump(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("Cvbcdoxn:s:e:", &[("canonical", 'C')])?;
    let (mut bytes, status) = content(call, &options.operands)?;
    bytes.truncate(options.value('n').and_then(|text| text.parse().ok()).unwrap_or(MAX_BYTES));
    let canonical = options.has('C') || call.name == "hd";
    for (index, row) in bytes.chunks(16).enumerate() {
        let line = if canonical {
            let hex: String = row
                .iter()
                .enumerate()
                .map(|(at, byte)| format!("{}{byte:02x}", if at == 8 { "  " } else { " " }))
                .collect();
            format!("{:08x} {hex:<49}  |{}|", index * 16, printable(row))
        } else {
            format!("{:07x} {}", index * 16, words(row))
        };
        call.say(line);
    }
    if !bytes.is_empty() {
        let width = if canonical { 8 } else { 7 };
        call.say(format!("{:0width$x}", bytes.len()));
    }
    Ok(status)
}

/// Two bytes each, the low one last.
fn words(row: &[u8]) -> String {
    let word = |pair: &[u8]| {
        let [low, high] = [pair.first().copied().unwrap_or(0), pair.get(1).copied().unwrap_or(0)];
        format!("{:04x}", u16::from_le_bytes([low, high]))
    };
    row.chunks(2).map(word).collect::<Vec<_>>().join(" ")
}

fn od(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("A:t:N:j:w:vbcdox", &[])?;
    let (mut bytes, status) = content(call, &options.operands)?;
    bytes.truncate(options.value('N').and_then(|text| text.parse().ok()).unwrap_or(MAX_BYTES));
    let kind = options.value('t').unwrap_or(if options.has('c') { "c" } else { "o2" }).to_owned();
    let bare = options.value('A') == Some("n");
    for (index, row) in bytes.chunks(16).enumerate() {
        let cells: String = match kind.chars().next() {
            Some('x') if kind.contains('1') => {
                row.iter().map(|byte| format!(" {byte:02x}")).collect()
            }
            Some('x') => format!(" {}", words(row)),
            Some('c') => row.iter().map(|byte| character(*byte)).collect(),
            Some('u' | 'd') => row.iter().map(|byte| format!(" {byte:>3}")).collect(),
            _ => row
                .chunks(2)
                .map(|pair| {
                    let [low, high] =
                        [pair.first().copied().unwrap_or(0), pair.get(1).copied().unwrap_or(0)];
                    format!(" {:06o}", u16::from_le_bytes([low, high]))
                })
                .collect(),
        };
        call.say(if bare { cells } else { format!("{:07o}{cells}", index * 16) });
    }
    if !bare {
        call.say(format!("{:07o}", bytes.len()));
    }
    Ok(status)
}

fn character(byte: u8) -> String {
    match byte {
        0 => "  \\0".to_owned(),
        b'\n' => "  \\n".to_owned(),
        b'\t' => "  \\t".to_owned(),
        b'\r' => "  \\r".to_owned(),
        0x20..0x7f => format!("   {}", char::from(byte)),
        _ => format!(" {byte:03o}"),
    }
}

fn xxd(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("pril:c:s:g:u", &[])?;
    let (mut bytes, status) = content(call, options.operands.get(..1).unwrap_or_default())?;
    if options.has('r') {
        let text = encode(&bytes);
        let digits: Vec<u32> = text
            .lines()
            .map(|line| {
                line.split_once(": ")
                    .map_or(line, |(_, rest)| rest.split("  ").next().unwrap_or(""))
            })
            .flat_map(|line| line.chars().filter_map(|c| c.to_digit(16)).collect::<Vec<_>>())
            .collect();
        let pairs = digits.chunks_exact(2).filter_map(|pair| match pair {
            [high, low] => u8::try_from(high * 16 + low).ok(),
            _ => None,
        });
        let back: Vec<u8> = pairs.collect();
        call.write(&back);
        return Ok(status);
    }
    bytes.truncate(options.value('l').and_then(|text| text.parse().ok()).unwrap_or(MAX_BYTES));
    if options.has('p') {
        for row in bytes.chunks(30) {
            let hex: String = row.iter().map(|byte| format!("{byte:02x}")).collect();
            call.say(hex);
        }
        return Ok(status);
    }
    for (index, row) in bytes.chunks(16).enumerate() {
        let pair = |pair: &[u8]| pair.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let hex = row.chunks(2).map(pair).collect::<Vec<_>>().join(" ");
        call.say(format!("{:08x}: {hex:<39}  {}", index * 16, printable(row)));
    }
    Ok(status)
}

fn strings(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("an:t:e:", &[])?;
    let least = options.value('n').and_then(|text| text.parse().ok()).unwrap_or(4);
    let (bytes, status) = content(call, &options.operands)?;
    for run in bytes.split(|byte| !(0x20..0x7f).contains(byte) && *byte != b'\t') {
        if run.len() >= least {
            call.write(run);
            call.write(b"\n");
        }
    }
    Ok(status)
}

fn file(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("bizLks", &[("brief", 'b'), ("mime-type", 'i')])?;
    for operand in &options.operands {
        let path = call.path(operand);
        let files = call.files();
        let what = match files.stat_link(&path) {
            Err(_) => format!("cannot open `{operand}' (No such file or directory)"),
            Ok(stat) => match stat.kind {
                Kind::Directory => "directory".to_owned(),
                Kind::Link(target) => format!("symbolic link to {target}"),
                Kind::Device => "character special (1/3)".to_owned(),
                Kind::File => magic(&files.read_at(&path, 0, 1024).unwrap_or_default()),
            },
        };
        let head = if options.has('b') { String::new() } else { format!("{operand}: ") };
        call.say(format!("{head}{what}"));
    }
    Ok(0)
}

fn magic(head: &[u8]) -> String {
    let text = encode(head);
    if head.is_empty() {
        return "empty".to_owned();
    }
    if head.starts_with(b"\x7fELF") {
        return match head.get(18) {
            Some(0x3e) => {
                "ELF 64-bit LSB pie executable, x86-64, version 1 (SYSV), dynamically \
                           linked, interpreter /lib64/ld-linux-x86-64.so.2, for GNU/Linux 3.2.0, \
                           stripped"
            }
            Some(40) => {
                "ELF 32-bit LSB executable, ARM, EABI4 version 1 (SYSV), statically \
                linked, stripped"
            }
            Some(8) => {
                "ELF 32-bit MSB executable, MIPS, MIPS-I version 1 (SYSV), statically \
                linked, stripped"
            }
            _ => {
                "ELF 32-bit LSB executable, Intel 80386, version 1 (SYSV), statically linked, \
                stripped"
            }
        }
        .to_owned();
    }
    if let Some(rest) = text.strip_prefix("#!") {
        let interpreter = rest.lines().next().unwrap_or_default().trim();
        let kind = if interpreter.ends_with("sh") { "shell" } else { "" };
        return match kind {
            "shell" if interpreter == "/bin/sh" => {
                "POSIX shell script, ASCII text executable".to_owned()
            }
            "shell" => "Bourne-Again shell script, ASCII text executable".to_owned(),
            _ => format!("a {interpreter} script, ASCII text executable"),
        };
    }
    if head.starts_with(&[0x1f, 0x8b]) {
        return "gzip compressed data, from Unix".to_owned();
    }
    match (decode(&text).is_ascii(), head.contains(&0)) {
        (true, false) => "ASCII text".to_owned(),
        (false, false) if std::str::from_utf8(head).is_ok() => {
            "Unicode text, UTF-8 text".to_owned()
        }
        _ => "data".to_owned(),
    }
}
