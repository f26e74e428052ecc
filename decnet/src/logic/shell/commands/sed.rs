//! `sed`, as far as one-liners go: `s`, `d`, `p`, `q`, `a`, `i`, `c` and addresses.

use regex_lite::Regex;

use super::Command;
use super::grep::{Case, Dialect, pattern};
use crate::logic::shell::run::{Call, Done, Way};
use crate::logic::shell::text::{ansi_c, encode};

/// Most commands of one script.
const MAX_COMMANDS: usize = 64;

pub(super) fn find(name: &str) -> Option<Command> {
    (name == "sed").then_some(sed)
}

/// A command with the lines it is for.
struct Edit {
    from: Option<Address>,
    to: Option<Address>,
    negated: bool,
    act: Act,
}

enum Address {
    Last,
    Line(usize),
    Match(Regex),
}

enum Act {
    Append(String),
    Change(String),
    Delete,
    Insert(String),
    Print,
    Quit,
    Substitute { pattern: Regex, with: String, all: bool, print: bool },
}

fn sed(call: &mut Call<'_, '_, '_>) -> Done {
    // `-i.bak` has its value attached, and only then.
    for arg in &mut call.args {
        if arg.starts_with("-i") && arg != "-i" {
            "-i".clone_into(arg);
        }
    }
    let long = [("in-place", 'i'), ("quiet", 'n'), ("expression", 'e'), ("regexp-extended", 'E')];
    let options = call.options("inrEsuze:f:", &long)?;
    let mut operands = options.operands.clone();
    let mut scripts: Vec<String> = options.values('e').map(str::to_owned).collect();
    if scripts.is_empty() {
        if operands.is_empty() {
            call.complain(
                "Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...",
            );
            return Ok(1);
        }
        scripts.push(operands.remove(0));
    }
    let extended = options.has('E') || options.has('r');
    let dialect = if extended { Dialect::Extended } else { Dialect::Basic };
    let script = scripts.join("\n");
    let Some(edits) = parse(&script, dialect) else {
        let first = script.chars().next().unwrap_or(' ');
        call.complain(format!("sed: -e expression #1, char 1: unknown command: `{first}'"));
        return Ok(1);
    };
    let prints = if options.has('n') { Prints::Asked } else { Prints::All };
    let mut status = 0;
    if operands.is_empty() {
        operands.push("-".to_owned());
    }
    for path in operands {
        let content = match call.read(&path)? {
            Ok(content) => content,
            Err(fault) => {
                status = call.fail(format!("can't read {path}: {fault}")).max(2);
                continue;
            }
        };
        call.world.spend_bytes(content.len().saturating_mul(edits.len() * 4));
        call.world.step()?;
        let done = apply(&encode(&content), &edits, prints);
        if !options.has('i') {
            call.out(done);
        } else if let Err(fault) =
            call.store(&path, &crate::logic::shell::text::decode(&done), Way::Whole)
        {
            status = call.fail(format!("couldn't open file {path}: {fault}")).max(4);
        }
    }
    Ok(status)
}

/// Which lines are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prints {
    All,
    /// Those that `p` asks for.
    Asked,
}

fn apply(text: &str, edits: &[Edit], prints: Prints) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut done = String::with_capacity(text.len());
    let mut inside = vec![false; edits.len()];
    'lines: for (index, line) in lines.iter().enumerate() {
        let mut line = (*line).to_owned();
        let mut behind = String::new();
        let last = index + 1 == lines.len();
        for (edit, inside) in edits.iter().zip(&mut inside) {
            if edit.covers((index + 1, lines.len()), &line, inside) == edit.negated {
                continue;
            }
            match &edit.act {
                Act::Append(text) => behind += &format!("{text}\n"),
                Act::Change(text) => {
                    done += &format!("{text}\n");
                    continue 'lines;
                }
                Act::Delete => continue 'lines,
                Act::Insert(text) => done += &format!("{text}\n"),
                Act::Print => done += &format!("{line}\n"),
                Act::Quit => {
                    if prints == Prints::All {
                        done += &format!("{line}\n");
                    }
                    return done;
                }
                Act::Substitute { pattern, with, all, print } => {
                    let changed = if *all {
                        pattern.replace_all(&line, with.as_str())
                    } else {
                        pattern.replace(&line, with.as_str())
                    };
                    if *print && changed != line {
                        done += &format!("{changed}\n");
                    }
                    line = changed.into_owned();
                }
            }
        }
        if prints == Prints::All {
            done += &line;
            // The last line may have come without an end.
            if !last || text.ends_with('\n') {
                done.push('\n');
            }
        }
        done += &behind;
    }
    done
}

impl Edit {
    /// Whether it is for the line of this number out of so many.
    fn covers(&self, (number, of): (usize, usize), line: &str, inside: &mut bool) -> bool {
        let is = |address: &Address| match address {
            Address::Last => number == of,
            Address::Line(wanted) => *wanted == number,
            Address::Match(pattern) => pattern.is_match(line),
        };
        match (&self.from, &self.to) {
            (None, _) => true,
            (Some(from), None) => is(from),
            (Some(from), Some(to)) => {
                let covered = *inside || is(from);
                let past = matches!(to, Address::Line(end) if *end <= number);
                *inside = covered && !past && (!is(to) || !*inside);
                covered
            }
        }
    }
}

fn parse(script: &str, dialect: Dialect) -> Option<Vec<Edit>> {
    let mut edits = Vec::new();
    let mut rest = script;
    loop {
        rest = rest.trim_start_matches([' ', ';', '\n', '\t']);
        if rest.is_empty() {
            return Some(edits);
        }
        if edits.len() >= MAX_COMMANDS {
            return None;
        }
        let (from, after) = address(rest, dialect)?;
        let (to, after) = match after.strip_prefix(',') {
            Some(after) if from.is_some() => address(after, dialect)?,
            _ => (None, after),
        };
        let after = after.trim_start();
        let negated = after.starts_with('!');
        let (act, after) = act(after.trim_start_matches(['!', ' ']), dialect)?;
        edits.push(Edit { from, to, negated, act });
        rest = after;
    }
}

fn address(text: &str, dialect: Dialect) -> Option<(Option<Address>, &str)> {
    if let Some(rest) = text.strip_prefix('$') {
        return Some((Some(Address::Last), rest));
    }
    if let Some(rest) = text.strip_prefix('/') {
        let (body, rest) = until(rest, '/')?;
        return Some((Some(Address::Match(pattern(&body, dialect, Case::Kept)?)), rest));
    }
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(digits);
    Some((digits.parse().ok().map(Address::Line), rest))
}

fn act(text: &str, dialect: Dialect) -> Option<(Act, &str)> {
    let mut chars = text.chars();
    let command = chars.next()?;
    let rest = chars.as_str();
    Some(match command {
        'd' => (Act::Delete, rest),
        'p' => (Act::Print, rest),
        'q' => (Act::Quit, rest),
        'a' | 'i' | 'c' => {
            let (line, rest) = rest.split_once('\n').unwrap_or((rest, ""));
            let line = line.trim_start().trim_start_matches('\\').trim_start().to_owned();
            let act = match command {
                'a' => Act::Append(line),
                'i' => Act::Insert(line),
                _ => Act::Change(line),
            };
            (act, rest)
        }
        's' => substitute(rest, dialect)?,
        _ => return None,
    })
}

fn substitute(text: &str, dialect: Dialect) -> Option<(Act, &str)> {
    let mark = text.chars().next().filter(|c| !c.is_alphanumeric() && *c != '\\')?;
    let rest = text.get(mark.len_utf8()..)?;
    let (body, rest) = until(rest, mark)?;
    let (with, rest) = until(rest, mark)?;
    let flags = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    let (flags, rest) = rest.split_at(flags);
    let case = if flags.contains(['i', 'I']) { Case::Ignored } else { Case::Kept };
    let pattern = pattern(&body, dialect, case)?;
    let act = Act::Substitute {
        pattern,
        with: replacement(&with),
        all: flags.contains('g'),
        print: flags.contains('p'),
    };
    Some((act, rest))
}

/// Text up to an unescaped mark, and what is behind it.
fn until(text: &str, mark: char) -> Option<(String, &str)> {
    let mut body = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            c if c == mark => return Some((body, chars.as_str())),
            '\\' => {
                let next = chars.next()?;
                if next != mark {
                    body.push('\\');
                }
                body.push(next);
            }
            c => body.push(c),
        }
    }
}

/// A replacement in the words of the library: `&` and `\1` are groups, `$` is nothing.
fn replacement(text: &str) -> String {
    let mut turned = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '&' => turned.push_str("${0}"),
            '$' => turned.push_str("$$"),
            '\\' => match chars.next() {
                Some(digit) if digit.is_ascii_digit() => turned += &format!("${{{digit}}}"),
                Some(c @ ('n' | 't')) => {
                    turned += &String::from_utf8_lossy(&ansi_c(&format!("\\{c}")));
                }
                other => turned.extend(other),
            },
            _ => turned.push(c),
        }
    }
    turned
}
