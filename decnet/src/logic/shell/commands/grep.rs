//! `grep` and its relatives.

use regex_lite::{Regex, RegexBuilder};

use super::Command;
use crate::logic::files::Kind;
use crate::logic::shell::run::{Call, Done, Options};
use crate::logic::shell::text::encode;

/// Most bytes that a compiled pattern takes.
const MAX_PATTERN: usize = 16 * 1024;
/// Most bytes of a file that are searched.
const MAX_CONTENT: usize = 256 * 1024;
/// Longest line that is searched, in bytes.
const MAX_LINE: usize = 8 * 1024;
/// Most files that `grep -r` reads.
const MAX_FILES: usize = 400;

pub(super) fn find(name: &str) -> Option<Command> {
    matches!(name, "egrep" | "fgrep" | "grep" | "rgrep" | "zgrep").then_some(grep)
}

/// How a pattern is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `\(`, `\|` and `\+` are special, without the `\` they are not.
    Basic,
    /// As everywhere else.
    Extended,
    /// Nothing is special.
    Fixed,
}

/// Whether `A` is found by `a`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Ignored,
    Kept,
}

/// A pattern in the words of the library; `None` when it is none, or too large.
pub(super) fn pattern(text: &str, dialect: Dialect, case: Case) -> Option<Regex> {
    let text = match dialect {
        Dialect::Basic => from_basic(text),
        Dialect::Extended => text.to_owned(),
        Dialect::Fixed => regex_lite::escape(text),
    };
    let mut builder = RegexBuilder::new(&text);
    builder
        .size_limit(MAX_PATTERN)
        .nest_limit(32)
        .case_insensitive(case == Case::Ignored)
        .build()
        .ok()
}

/// Swaps what is special with and without a `\`.
fn from_basic(text: &str) -> String {
    let mut turned = String::with_capacity(text.len() + 8);
    let mut chars = text.chars().peekable();
    let mut in_class = false;
    while let Some(c) = chars.next() {
        match c {
            ']' => in_class = false,
            '[' => in_class = true,
            _ => {}
        }
        match (c, chars.peek()) {
            (_, _) if in_class => turned.push(c),
            ('\\', Some('(' | ')' | '{' | '}' | '|' | '+' | '?')) => turned.extend(chars.next()),
            ('\\', Some('<' | '>')) => {
                chars.next();
                turned.push_str("\\b");
            }
            ('\\', _) => {
                turned.push(c);
                turned.extend(chars.next());
            }
            ('(' | ')' | '{' | '}' | '|' | '+' | '?', _) => turned.extend(['\\', c]),
            ('*', _) if turned.is_empty() => turned.push_str("\\*"),
            _ => turned.push(c),
        }
    }
    turned
}

fn grep(call: &mut Call<'_, '_, '_>) -> Done {
    let long = [
        ("color", '?'),
        ("colour", '?'),
        ("count", 'c'),
        ("extended-regexp", 'E'),
        ("fixed-strings", 'F'),
        ("ignore-case", 'i'),
        ("invert-match", 'v'),
        ("line-number", 'n'),
        ("no-messages", 's'),
        ("only-matching", 'o'),
        ("quiet", 'q'),
        ("recursive", 'r'),
        ("text", 'a'),
        ("word-regexp", 'w'),
    ];
    let options = call.options("aEFGPHhIiLlnoqrRsvwxzcbe:f:A:B:C:m:", &long)?;
    let mut operands = options.operands.clone();
    let mut patterns: Vec<String> = options.values('e').map(str::to_owned).collect();
    if patterns.is_empty() {
        if operands.is_empty() {
            call.complain(
                "Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for \
                more information.",
            );
            return Ok(2);
        }
        patterns.extend(operands.remove(0).lines().map(str::to_owned));
    }
    let Some(patterns) = compile(call, &patterns, &options) else {
        call.fail("Invalid regular expression");
        return Ok(2);
    };
    let deep = options.has('r') || options.has('R') || call.name == "rgrep";
    if deep {
        operands = below(call, &operands);
    }
    let named = (operands.len() > 1 || deep || options.has('H')) && !options.has('h');
    let (mut found, mut status) = (false, 0);
    for path in if operands.is_empty() { vec!["-".to_owned()] } else { operands } {
        call.world.step()?;
        let prefix = if named { format!("{path}:") } else { String::new() };
        match call.read(&path)? {
            Ok(content) => found |= search(call, &path, &content, &patterns, &options, &prefix),
            Err(_) if options.has('s') || deep => {}
            Err(fault) => {
                call.fail(format!("{path}: {fault}"));
                status = 2;
            }
        }
    }
    Ok(if found { 0 } else { status.max(1) })
}

fn compile(call: &Call<'_, '_, '_>, texts: &[String], options: &Options) -> Option<Vec<Regex>> {
    let dialect = match call.name.as_str() {
        "fgrep" => Dialect::Fixed,
        _ if options.has('F') => Dialect::Fixed,
        "egrep" => Dialect::Extended,
        _ if options.has('E') || options.has('P') => Dialect::Extended,
        _ => Dialect::Basic,
    };
    let case = if options.has('i') { Case::Ignored } else { Case::Kept };
    let around = |text: &String| match (options.has('x'), options.has('w')) {
        (true, _) => pattern(&format!("^(?:{})$", plain(text, dialect)), Dialect::Extended, case),
        (_, true) => {
            pattern(&format!("\\b(?:{})\\b", plain(text, dialect)), Dialect::Extended, case)
        }
        _ => pattern(text, dialect, case),
    };
    texts.iter().take(64).map(around).collect()
}

fn plain(text: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Basic => from_basic(text),
        Dialect::Extended => text.to_owned(),
        Dialect::Fixed => regex_lite::escape(text),
    }
}

/// Every file below these places.
fn below(call: &mut Call<'_, '_, '_>, operands: &[String]) -> Vec<String> {
    let mut pending: Vec<String> = operands.iter().rev().cloned().collect();
    if pending.is_empty() {
        pending.push(".".to_owned());
    }
    let mut paths = Vec::new();
    while let Some(path) = pending.pop() {
        if paths.len() >= MAX_FILES || call.world.step().is_err() {
            break;
        }
        let at = call.path(&path);
        let files = call.files();
        match files.stat_link(&at).map(|stat| stat.kind) {
            Ok(Kind::Directory) => {
                let entries = files.list(&at).unwrap_or_default();
                let path = path.trim_end_matches('/');
                pending.extend(entries.iter().rev().map(|(name, _)| format!("{path}/{name}")));
            }
            // What is long and means nothing has no line worth finding.
            Ok(Kind::File) if !files.is_program(&at) => paths.push(path),
            _ => {}
        }
    }
    paths
}

/// Searches one file, and says whether something was found.
fn search(
    call: &mut Call<'_, '_, '_>,
    path: &str,
    content: &[u8],
    patterns: &[Regex],
    options: &Options,
    prefix: &str,
) -> bool {
    let binary = content.contains(&0) && !options.has('a');
    let content = content.get(..MAX_CONTENT).unwrap_or(content);
    let text = encode(content);
    call.world.spend_bytes(content.len().saturating_mul(patterns.len() * 4));
    let most = options.value('m').and_then(|text| text.parse().ok()).unwrap_or(usize::MAX);
    let around =
        |flag| options.value(flag).and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
    let (before, after) = (around('B').max(around('C')), around('A').max(around('C')));
    let lines: Vec<&str> = text.lines().collect();
    let hit = |line: &&str| {
        let short = line.len() <= MAX_LINE;
        (short && patterns.iter().any(|pattern| pattern.is_match(line))) != options.has('v')
    };
    let hits: Vec<usize> =
        (0..lines.len()).filter(|at| lines.get(*at).is_some_and(hit)).take(most).collect();
    if options.has('q') {
    } else if options.has('c') {
        call.say(format!("{prefix}{}", hits.len()));
    } else if options.has('l') {
        if !hits.is_empty() {
            call.say(path);
        }
    } else if binary && !hits.is_empty() {
        call.say(format!("grep: {path}: binary file matches"));
    } else if options.has('o') {
        for line in hits.iter().filter_map(|at| lines.get(*at)) {
            for part in patterns.iter().flat_map(|pattern| pattern.find_iter(line)) {
                call.say(format!("{prefix}{}", part.as_str()));
            }
        }
    } else {
        let near = |at: &usize| {
            hits.iter().any(|hit| (hit.saturating_sub(before)..=hit + after).contains(at))
        };
        let shown = if before + after == 0 {
            hits.clone()
        } else {
            (0..lines.len()).filter(near).collect()
        };
        for at in shown {
            let number = if options.has('n') { format!("{}:", at + 1) } else { String::new() };
            call.say(format!("{prefix}{number}{}", lines.get(at).unwrap_or(&"")));
        }
    }
    !hits.is_empty()
}
