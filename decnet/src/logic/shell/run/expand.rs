//! From words to arguments: braces, `~`, `$`, splitting, file names, quotes.

use super::super::account;
use super::super::language::{Action, List, Part, Quote, Word};
use super::super::text::encode;
use super::braces::braces;
use super::pattern::{is_pattern, literal, matches, unescape};
use super::{Shell, Sink, Source, Stop, Streams, World, arithmetic};
use crate::logic::files::{Owner, absolute};

/// Most arguments of a command.
const MAX_ARGUMENTS: usize = 4096;
/// Most bytes of all arguments, and of one word.
const MAX_BYTES: usize = 256 * 1024;
/// Longest pattern of file names, per directory.
const MAX_PATTERN: usize = 255;

/// An argument in the making.
#[derive(Default)]
struct Field {
    /// With `\` before whatever is quoted and would be special.
    pattern: String,
    /// Whether there is something, be it empty quotes.
    present: bool,
}

impl World<'_, '_> {
    /// The arguments that words become.
    pub(super) fn expand(
        &mut self,
        shell: &mut Shell,
        words: &[Word],
    ) -> Result<Vec<String>, Stop> {
        let (mut arguments, mut bytes) = (Vec::new(), 0_usize);
        for word in words {
            self.step()?;
            for word in brace_words(word) {
                for field in self.fields(shell, &word)? {
                    for argument in self.file_names(shell, &field) {
                        bytes += argument.len();
                        if arguments.len() >= MAX_ARGUMENTS || bytes > MAX_BYTES {
                            return Err(Stop::Spent);
                        }
                        arguments.push(argument);
                    }
                }
            }
        }
        self.spend_bytes(bytes);
        Ok(arguments)
    }

    /// The one text that a word becomes, not split and not matched with file names.
    pub(super) fn expand_text(&mut self, shell: &mut Shell, word: &Word) -> Result<String, Stop> {
        Ok(unescape(&self.expand_pattern(shell, word)?))
    }

    /// The same as a pattern, where what was quoted means itself.
    pub(super) fn expand_pattern(
        &mut self,
        shell: &mut Shell,
        word: &Word,
    ) -> Result<String, Stop> {
        let mut pattern = String::new();
        for part in &word.0 {
            let (text, quote) = self.part(shell, part)?;
            match quote {
                Quote::Bare => pattern.push_str(&text),
                Quote::Quoted => pattern.push_str(&literal(&text)),
            }
            if pattern.len() > MAX_BYTES {
                return Err(Stop::Spent);
            }
        }
        Ok(pattern)
    }

    /// The fields that a word falls into.
    fn fields(&mut self, shell: &mut Shell, word: &Word) -> Result<Vec<String>, Stop> {
        let (mut done, mut field) = (Vec::new(), Field::default());
        for part in &word.0 {
            if let Some(all) = all_arguments(shell, part) {
                for (index, argument) in all.iter().enumerate() {
                    if index > 0 {
                        done.push(std::mem::take(&mut field).pattern);
                    }
                    field.pattern.push_str(&literal(argument));
                    field.present = true;
                }
                continue;
            }
            let (text, quote) = self.part(shell, part)?;
            match (part, quote) {
                (_, Quote::Quoted) => {
                    field.pattern.push_str(&literal(&text));
                    field.present = true;
                }
                (Part::Text(..) | Part::Tilde(_), Quote::Bare) => {
                    field.pattern.push_str(&text);
                    field.present = true;
                }
                (_, Quote::Bare) => {
                    split(&text, shell.value("IFS"), &mut field, &mut done);
                }
            }
        }
        if field.present {
            done.push(field.pattern);
        }
        Ok(done)
    }

    /// The text of a part, and whether it is quoted.
    fn part(&mut self, shell: &mut Shell, part: &Part) -> Result<(String, Quote), Stop> {
        let made = self.made(shell, part)?;
        self.spend_bytes(made.0.len());
        self.step()?;
        Ok(made)
    }

    fn made(&mut self, shell: &mut Shell, part: &Part) -> Result<(String, Quote), Stop> {
        Ok(match part {
            Part::Arithmetic(word, quote) => {
                let text = self.expand_text(shell, word)?;
                (self.sum(shell, &text)?.to_string(), *quote)
            }
            Part::Command(list, quote) => (self.substitute(shell, list)?, *quote),
            Part::Parameter(parameter, quote) => (self.parameter(shell, parameter)?, *quote),
            Part::Text(text, quote) => (text.clone(), *quote),
            Part::Tilde(user) => (self.home(shell, user), Quote::Bare),
        })
    }

    /// The value of an arithmetic expression, which may set variables.
    pub(super) fn sum(&mut self, shell: &mut Shell, text: &str) -> Result<i64, Stop> {
        self.spend_bytes(text.len());
        self.step()?;
        let value = arithmetic::value(text, &mut |name, set| {
            if let Some(value) = set {
                shell.set(name, &value.to_string());
            }
            let text = match name.parse::<usize>() {
                Ok(index) => shell.arguments.get(index.wrapping_sub(1)).map(String::as_str),
                Err(_) => shell.value(name),
            };
            text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
        });
        if value.is_none() {
            let text: String = text.chars().take(200).collect();
            let name = shell.complaint();
            let line = format!("{name}: {text}: syntax error: operand expected\n");
            self.write(Sink::Terminal, line.as_bytes());
        }
        Ok(value.unwrap_or(0))
    }

    /// What a command writes, without the ends of lines behind it.
    fn substitute(&mut self, shell: &mut Shell, list: &List) -> Result<String, Stop> {
        self.step()?;
        let output = self.buffer();
        let streams = Streams { input: Source::Empty, output, errors: Sink::Terminal };
        shell.status = self.subshell(shell, list, streams)?;
        let mut text = encode(&self.drain(output));
        text.truncate(text.trim_end_matches('\n').len());
        text.retain(|c| c != '\0');
        Ok(text)
    }

    fn home(&mut self, shell: &Shell, user: &str) -> String {
        if user.is_empty() {
            return shell.value("HOME").unwrap_or(&shell.account.home).to_owned();
        }
        let account = account::find(&self.files(Owner::ROOT), user);
        account.map_or_else(|| format!("~{user}"), |account| account.home)
    }

    /// The file names that a field matches, or the field without its `\`s.
    fn file_names(&mut self, shell: &Shell, field: &str) -> Vec<String> {
        if is_pattern(field) {
            let names = self.glob(shell, field);
            if !names.is_empty() {
                return names;
            }
        }
        vec![unescape(field)]
    }

    fn glob(&mut self, shell: &Shell, field: &str) -> Vec<String> {
        let mut found = vec![String::new()];
        for (index, part) in field.split('/').enumerate() {
            let mut next = Vec::new();
            for before in &found {
                let before = if index == 0 { String::new() } else { format!("{before}/") };
                if !is_pattern(part) {
                    next.push(before + &unescape(part));
                } else if part.len() <= MAX_PATTERN {
                    next.extend(self.glob_in(shell, &before, part));
                }
                if next.len() > MAX_ARGUMENTS || self.step().is_err() {
                    return Vec::new();
                }
            }
            found = next;
        }
        let files = self.files(shell.owner());
        found.retain(|path| files.stat_link(&absolute(&shell.cwd, path)).is_ok());
        found
    }

    /// The names in one directory that a pattern matches, with what is before them.
    fn glob_in(&mut self, shell: &Shell, before: &str, part: &str) -> Vec<String> {
        let directory = absolute(&shell.cwd, if before.is_empty() { "." } else { before });
        let names = self.files(shell.owner()).list(&directory).unwrap_or_default();
        self.spend(1 + names.len().saturating_mul(part.len()) / 64);
        names
            .into_iter()
            .map(|(name, _)| name)
            .filter(|name| !name.starts_with('.') || part.starts_with('.'))
            .filter(|name| matches(part, name))
            .map(|name| format!("{before}{name}"))
            .collect()
    }
}

/// The arguments of the shell, when a part is `"$@"`.
fn all_arguments(shell: &Shell, part: &Part) -> Option<Vec<String>> {
    let Part::Parameter(parameter, Quote::Quoted) = part else { return None };
    if parameter.action != Action::Plain {
        return None;
    }
    if let Some(array) = parameter.name.strip_suffix("[@]") {
        let value = shell.value(array).unwrap_or_default();
        return Some(value.split_whitespace().map(str::to_owned).collect());
    }
    (parameter.name == "@").then(|| shell.arguments.clone())
}

/// The words that a word with braces stands for.
fn brace_words(word: &Word) -> Vec<Word> {
    // Braces around quotes and `$`s are rare: only the words that are one text are looked at.
    match word.literal().filter(|text| text.contains('{')) {
        Some(text) => {
            let word = |text| Word(vec![Part::Text(text, Quote::Bare)]);
            braces(text).into_iter().map(word).collect()
        }
        None => vec![word.clone()],
    }
}

/// Divides what a `$` became at blanks.
fn split(text: &str, separators: Option<&str>, field: &mut Field, done: &mut Vec<String>) {
    let separators = separators.unwrap_or(" \t\n");
    for c in text.chars() {
        if separators.contains(c) {
            if field.present {
                done.push(std::mem::take(field).pattern);
            }
            continue;
        }
        if c == '\\' {
            field.pattern.push(c);
        }
        field.pattern.push(c);
        field.present = true;
    }
}
