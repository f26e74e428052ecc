//! `ls` and `dir`.

use super::Command;
use crate::logic::files::{Access, Fault, Kind, Stat};
use crate::logic::shell::account::{self, Account};
use crate::logic::shell::run::{Call, Done, Options};
use crate::logic::time::Timestamp;

/// Most directories that one `ls -R` shows.
const MAX_DIRECTORIES: usize = 200;
/// About half a year, beyond which `ls` shows the year: in seconds.
const HALF_YEAR: u64 = 15_778_476;

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "dir" | "ls" | "vdir" => ls,
        _ => return None,
    })
}

type Entry = (String, Stat);

fn ls(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options(
        "aAbBcCdfFghHiIlLmnNopqQrRsStuUvxXZ1GhTw:I:",
        &[
            ("all", 'a'),
            ("almost-all", 'A'),
            ("color", 'C'),
            ("directory", 'd'),
            ("full-time", 'l'),
            ("group-directories-first", '?'),
            ("human-readable", 'h'),
            ("recursive", 'R'),
            ("reverse", 'r'),
            ("time-style", '?'),
        ],
    )?;
    let mut operands = options.operands.clone();
    if operands.is_empty() {
        operands.push(".".to_owned());
    }
    let (mut plain, mut directories, mut status) = (Vec::new(), Vec::new(), 0);
    for operand in operands {
        let path = call.path(&operand);
        let long = options.has('l') && !operand.ends_with('/');
        let files = call.files();
        let found = if long { files.stat_link(&path) } else { files.stat(&path) };
        match found.or_else(|_| files.stat_link(&path)) {
            Ok(stat) if stat.kind == Kind::Directory && !options.has('d') => {
                directories.push((operand, path));
            }
            Ok(stat) => plain.push((operand, stat)),
            Err(fault) => {
                call.fail(format!("cannot access '{operand}': {fault}"));
                status = 2;
            }
        }
    }
    if !plain.is_empty() {
        sort(&mut plain, &options);
        show(call, &plain, &options, None);
    }
    let headed = options.has('R') || directories.len() + plain.len() > 1;
    let first = plain.is_empty();
    Ok(show_directories(call, directories, &options, headed, first)?.max(status))
}

fn show_directories(
    call: &mut Call<'_, '_, '_>,
    mut pending: Vec<(String, String)>,
    options: &Options,
    headed: bool,
    mut first: bool,
) -> Done {
    let mut status = 0;
    let mut shown = 0;
    pending.reverse();
    while let Some((name, path)) = pending.pop() {
        shown += 1;
        if shown > MAX_DIRECTORIES {
            break;
        }
        call.world.step()?;
        let mut entries = match entries(call, &path, options) {
            Ok(entries) => entries,
            Err(fault) => {
                call.fail(format!("cannot open directory '{name}': {fault}"));
                status = 2;
                continue;
            }
        };
        call.world.spend(entries.len() / 8);
        if headed {
            call.say(format!("{}{name}:", if first { "" } else { "\n" }));
        }
        first = false;
        sort(&mut entries, options);
        show(call, &entries, options, Some(&path));
        if options.has('R') {
            let below = entries.iter().rev().filter(|(name, stat)| {
                stat.kind == Kind::Directory && !matches!(name.as_str(), "." | "..")
            });
            let join = |base: &str, name: &str| format!("{}/{name}", base.trim_end_matches('/'));
            pending.extend(below.map(|(child, _)| (join(&name, child), join(&path, child))));
        }
    }
    Ok(status)
}

/// The entries of a directory that are to be shown.
fn entries(
    call: &mut Call<'_, '_, '_>,
    path: &str,
    options: &Options,
) -> Result<Vec<Entry>, Fault> {
    let files = call.files();
    let mut entries = files.list(path)?;
    if !options.has('a') && !options.has('A') {
        entries.retain(|(name, _)| !name.starts_with('.'));
    }
    if options.has('a') {
        for name in [".", ".."] {
            let stat = files.stat(&format!("{path}/{name}"))?;
            entries.push((name.to_owned(), stat));
        }
    }
    Ok(entries)
}

fn sort(entries: &mut [Entry], options: &Options) {
    // As the locale en_US sorts: letters first, then case and dots.
    let key = |name: &str| {
        let plain: String = name.chars().filter(|c| c.is_alphanumeric()).collect();
        (!matches!(name, "." | ".."), plain.to_lowercase(), name.to_owned())
    };
    entries.sort_by_cached_key(|(name, _)| key(name));
    if options.has('t') {
        entries.sort_by_key(|(_, stat)| std::cmp::Reverse(stat.mtime));
    }
    if options.has('S') {
        entries.sort_by_key(|(_, stat)| std::cmp::Reverse(stat.size));
    }
    if options.has('r') {
        entries.reverse();
    }
}

fn show(
    call: &mut Call<'_, '_, '_>,
    entries: &[Entry],
    options: &Options,
    directory: Option<&str>,
) {
    let colours = match options.value('C') {
        Some("always") => true,
        Some("auto") => call.shows(),
        _ => false,
    };
    if options.has('l') || options.has('n') || options.has('o') || options.has('g') {
        if directory.is_some() {
            let blocks: u64 = entries.iter().map(|(_, stat)| blocks(stat)).sum();
            let total = if options.has('h') { human(blocks * 1024) } else { blocks.to_string() };
            call.say(format!("total {total}"));
        }
        let lines = long_lines(call, entries, options, directory, colours);
        call.out(lines);
        return;
    }
    let mark = |stat: &Stat| if options.has('F') { suffix(stat) } else { "" };
    let names: Vec<String> =
        entries.iter().map(|(name, stat)| painted(name, stat, colours) + mark(stat)).collect();
    let text = if call.shows() && !options.has('1') {
        let width = call.shell.value("COLUMNS").and_then(|text| text.parse().ok()).unwrap_or(80);
        in_columns(&names, width)
    } else {
        names.iter().map(|name| format!("{name}\n")).collect()
    };
    call.out(text);
}

/// Names in as many columns as fit, filled downwards.
fn in_columns(names: &[String], width: usize) -> String {
    let lengths: Vec<usize> = names.iter().map(|name| visible(name)).collect();
    let column =
        |rows: usize| lengths.chunks(rows).map(|part| part.iter().max().map_or(0, |w| w + 2));
    let fits = |rows: &usize| column(*rows).sum::<usize>().saturating_sub(2) < width;
    let rows = (1..=names.len().max(1)).find(fits).unwrap_or(names.len().max(1));
    let widths: Vec<usize> = column(rows).collect();
    let mut text = String::new();
    for row in 0..rows.min(names.len()) {
        let cells: Vec<_> = names.iter().skip(row).step_by(rows).zip(&widths).collect();
        for (index, (name, width)) in cells.iter().enumerate() {
            text.push_str(name);
            if index + 1 < cells.len() {
                let fill = width.saturating_sub(visible(name));
                text.extend(std::iter::repeat_n(' ', fill));
            }
        }
        text.push('\n');
    }
    text
}

fn long_lines(
    call: &mut Call<'_, '_, '_>,
    entries: &[Entry],
    options: &Options,
    directory: Option<&str>,
    colours: bool,
) -> String {
    let now = call.world.now();
    let cwd = call.shell.cwd.clone();
    let files = call.files();
    let (accounts, groups) = (account::all(&files), account::groups(&files));
    let numeric = options.has('n');
    let rows: Vec<[String; 7]> = entries
        .iter()
        .map(|(name, stat)| {
            let path = crate::logic::files::absolute(directory.unwrap_or(&cwd), name);
            let user = if numeric { stat.uid.to_string() } else { owner(&accounts, stat.uid) };
            let group =
                if numeric { stat.gid.to_string() } else { account::group_name(&groups, stat.gid) };
            [
                mode(stat),
                links(&files, &path, stat).to_string(),
                user,
                group,
                if options.has('h') { human(stat.size) } else { stat.size.to_string() },
                when(stat.mtime, now),
                display(name, stat, options, colours),
            ]
        })
        .collect();
    let width = |column: usize| {
        let lengths = rows.iter().filter_map(|row| row.get(column)).map(String::len);
        lengths.max().unwrap_or(0)
    };
    let [links, users, groups, sizes] = [width(1), width(2), width(3), width(4)];
    rows.iter()
        .map(|[mode, link, user, group, size, when, name]| {
            format!(
                "{mode} {link:>links$} {user:<users$} {group:<groups$} {size:>sizes$} {when} \
                {name}\n"
            )
        })
        .collect()
}

fn display(name: &str, stat: &Stat, options: &Options, colours: bool) -> String {
    let name = painted(name, stat, colours);
    match &stat.kind {
        Kind::Link(target) => format!("{name} -> {target}"),
        _ if options.has('F') => name + suffix(stat),
        _ => name,
    }
}

/// A name in the colour that `dircolors` gives to what it names.
fn painted(name: &str, stat: &Stat, colours: bool) -> String {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let colour = match stat.kind {
        _ if !colours => "",
        Kind::Device => "40;33;01",
        Kind::Directory if stat.mode & 0o1002 == 0o1002 => "30;42",
        Kind::Directory => "01;34",
        Kind::Link(_) => "01;36",
        Kind::File if stat.mode & 0o4000 != 0 => "37;41",
        Kind::File if stat.mode & 0o111 != 0 => "01;32",
        Kind::File if matches!(ending, "gz" | "tar" | "tgz" | "zip" | "xz" | "deb") => "01;31",
        Kind::File => "",
    };
    if colour.is_empty() { name.to_owned() } else { format!("\u{1b}[{colour}m{name}\u{1b}[0m") }
}

/// Characters that a name takes on the screen, its colours left out.
fn visible(name: &str) -> usize {
    match name.split_once('m').filter(|_| name.starts_with('\u{1b}')) {
        Some((_, rest)) => rest.replace("\u{1b}[0m", "").chars().count(),
        None => name.chars().count(),
    }
}

fn owner(accounts: &[Account], uid: u32) -> String {
    account::user_name(accounts, uid)
}

fn suffix(stat: &Stat) -> &'static str {
    match stat.kind {
        Kind::Directory => "/",
        Kind::Link(_) => "@",
        Kind::File if stat.mode & 0o111 != 0 => "*",
        Kind::Device | Kind::File => "",
    }
}

/// Names that lead to it: for a directory its own, `.`, and `..` of each in it.
fn links(files: &Access<'_>, path: &str, stat: &Stat) -> usize {
    if stat.kind != Kind::Directory {
        return 1;
    }
    let entries = files.list(path).unwrap_or_default();
    2 + entries.iter().filter(|(_, stat)| stat.kind == Kind::Directory).count()
}

/// Blocks of 1 KiB that it takes on the disk.
pub(super) fn blocks(stat: &Stat) -> u64 {
    match stat.kind {
        Kind::Directory | Kind::File => stat.size.div_ceil(4096) * 4,
        Kind::Device | Kind::Link(_) => 0,
    }
}

/// `drwxr-xr-x`.
pub(in crate::logic) fn mode(stat: &Stat) -> String {
    let kind = match stat.kind {
        Kind::Device => 'c',
        Kind::Directory => 'd',
        Kind::File => '-',
        Kind::Link(_) => 'l',
    };
    let mut text = String::from(kind);
    let special = [(0o4000, 's', 'S'), (0o2000, 's', 'S'), (0o1000, 't', 'T')];
    for (index, (bit, with, without)) in special.into_iter().enumerate() {
        let bits = stat.mode >> (6 - 3 * index) & 7;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (stat.mode & bit != 0, bits & 1 != 0) {
            (true, true) => with,
            (true, false) => without,
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

/// A size with one digit and its unit, rounded up.
pub(super) fn human(bytes: u64) -> String {
    let mut unit = 1024_u64;
    for letter in ['K', 'M', 'G', 'T'] {
        let tenths = (bytes * 10).div_ceil(unit);
        if bytes < 1024 {
            return bytes.to_string();
        }
        if tenths < 100 {
            return format!("{}.{}{letter}", tenths / 10, tenths % 10);
        }
        if bytes.div_ceil(unit) < 1024 {
            return format!("{}{letter}", bytes.div_ceil(unit));
        }
        unit = unit.saturating_mul(1024);
    }
    format!("{}P", bytes / unit)
}

/// The time as `ls -l` shows it: of long ago with the year.
pub(in crate::logic) fn when(mtime: Timestamp, now: Timestamp) -> String {
    let recent = mtime <= now && now.since(mtime).as_secs() < HALF_YEAR;
    mtime.format(if recent { "%b %e %H:%M" } else { "%b %e  %Y" })
}
