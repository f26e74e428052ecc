//! What `$name` and `${name…}` become.

use super::super::language::{Action, Greed, Parameter};
use super::pattern::{find, is_pattern, matches};
use super::{Shell, Stop, World};

/// Most bytes of what a replacement makes.
const MAX_BYTES: usize = 256 * 1024;
/// Longest text of which a piece is taken off, in bytes.
const MAX_TRIMMED: usize = 1024;

impl World<'_, '_> {
    /// The value of a parameter after what is done to it.
    pub(super) fn parameter(
        &mut self,
        shell: &mut Shell,
        parameter: &Parameter,
    ) -> Result<String, Stop> {
        let name = parameter.name.as_str();
        let value = self.variable(shell, name);
        let text = value.clone().unwrap_or_default();
        Ok(match &parameter.action {
            Action::Plain => text,
            Action::Length if matches!(name, "@" | "*") => shell.arguments.len().to_string(),
            Action::Length if name.ends_with("[@]") || name.ends_with("[*]") => {
                text.split_whitespace().count().to_string()
            }
            Action::Length => text.chars().count().to_string(),
            Action::Otherwise { operator, empty_too, word } => {
                let present = value.is_some_and(|value| !(value.is_empty() && *empty_too));
                match (operator, present) {
                    ('+', true) => self.expand_text(shell, word)?,
                    ('+', false) => String::new(),
                    (_, true) => text,
                    ('=', false) => {
                        let value = self.expand_text(shell, word)?;
                        shell.set(name, &value);
                        value
                    }
                    (_, false) => self.expand_text(shell, word)?,
                }
            }
            Action::Replace { all, pattern, with } => {
                let pattern = self.expand_pattern(shell, pattern)?;
                let with = self.expand_text(shell, with)?;
                self.replace(&text, &pattern, &with, if *all { usize::MAX } else { 1 })?
            }
            Action::Slice { offset, length } => {
                let offset = self.expand_text(shell, offset)?;
                let offset = self.sum(shell, &offset)?;
                let length = match length {
                    Some(length) => {
                        let length = self.expand_text(shell, length)?;
                        Some(self.sum(shell, &length)?)
                    }
                    None => None,
                };
                slice(&text, offset, length)
            }
            Action::Trim { operator, greed, pattern } => {
                let pattern = self.expand_pattern(shell, pattern)?;
                self.spend_bytes(text.len().saturating_mul(pattern.len()));
                trim(&text, &pattern, *operator, *greed)
            }
        })
    }

    fn replace(
        &mut self,
        text: &str,
        pattern: &str,
        with: &str,
        most: usize,
    ) -> Result<String, Stop> {
        let (mut done, mut rest, mut replaced) = (String::new(), text, 0);
        while let Some((from, to)) = find(pattern, rest) {
            self.spend(if is_pattern(pattern) { 100 } else { 1 });
            self.step()?;
            done.push_str(rest.get(..from).unwrap_or_default());
            done.push_str(with);
            rest = rest.get(to..).unwrap_or_default();
            replaced += 1;
            if replaced >= most || done.len() > MAX_BYTES {
                break;
            }
        }
        Ok(done + rest)
    }

    /// The value of a variable, be it one of those that the shell makes.
    fn variable(&mut self, shell: &Shell, name: &str) -> Option<String> {
        let number = |number: u64| Some(number.to_string());
        match name {
            "?" => number(shell.status.into()),
            "$" => number(super::super::process::pid(self, 0).into()),
            "#" => number(shell.arguments.len() as u64),
            "@" | "*" => Some(shell.arguments.join(" ")),
            "-" => Some(if shell.is_interactive() { "himBHs" } else { "hBc" }.to_owned()),
            "0" => Some(shell.name.clone()),
            "EUID" | "UID" => number(shell.account.uid.into()),
            "HOSTNAME" => Some(self.context.decky.hostname.clone()),
            "PPID" => number((super::super::process::pid(self, 0) - 8).into()),
            "RANDOM" => {
                let mut bytes = [0; 2];
                (self.context.random)(&mut bytes);
                number(u64::from(u16::from_le_bytes(bytes) & 0x7fff))
            }
            "BASH_VERSION" if shell.name.ends_with("bash") => Some("5.2.15(1)-release".to_owned()),
            "BASH" if shell.name.ends_with("bash") => Some("/bin/bash".to_owned()),
            "HOSTTYPE" => Some("x86_64".to_owned()),
            "OSTYPE" => Some("linux-gnu".to_owned()),
            _ if name.ends_with(']') => element(shell, name),
            _ => match name.parse::<usize>() {
                Ok(index) => shell.arguments.get(index.wrapping_sub(1)).cloned(),
                Err(_) => shell.value(name).map(str::to_owned),
            },
        }
    }
}

/// An element of an array, which is kept as one text with blanks between.
fn element(shell: &Shell, name: &str) -> Option<String> {
    let (array, index) = name.trim_end_matches(']').split_once('[')?;
    let value = shell.value(array)?;
    if matches!(index, "@" | "*") {
        return Some(value.to_owned());
    }
    let index = match index.parse::<usize>() {
        Ok(index) => index,
        Err(_) => shell.value(index.trim_start_matches('$'))?.parse().ok()?,
    };
    value.split_whitespace().nth(index).map(str::to_owned)
}

fn slice(text: &str, offset: i64, length: Option<i64>) -> String {
    let count = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let from = if offset < 0 { count.saturating_add(offset).max(0) } else { offset.min(count) };
    let to = match length {
        None => count,
        Some(length) if length < 0 => count.saturating_add(length),
        Some(length) => from.saturating_add(length).min(count),
    };
    let (from, to) = (usize::try_from(from).unwrap_or(0), usize::try_from(to).unwrap_or(0));
    text.chars().take(to).skip(from).collect()
}

fn trim(text: &str, pattern: &str, operator: char, greed: Greed) -> String {
    // Each place is tried, so a long text would take too long.
    if text.len() > MAX_TRIMMED {
        return text.to_owned();
    }
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let front = operator == '#';
    let covers = |at: &usize| {
        let part = if front { text.get(..*at) } else { text.get(*at..) };
        part.is_some_and(|part| matches(pattern, part))
    };
    // The shortest piece first, at the front as at the end, unless the longest is wanted.
    let found = if front == (greed == Greed::Longest) {
        places.iter().rev().copied().find(covers)
    } else {
        places.iter().copied().find(covers)
    };
    let rest = found.and_then(|at| if front { text.get(at..) } else { text.get(..at) });
    rest.unwrap_or(text).to_owned()
}
