//! Words: quotes, and what `$`, a backtick and `~` begin.

use std::sync::Arc;

use super::parser::{Fault, Parser, is_end, is_name};
use super::{Action, Parameter, Part, Quote, Word};
use crate::logic::shell::text::{ansi_c, encode};

/// Where a word ends, and what is special in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Up to an unquoted `}`, or to this character as well.
    Brace(Option<char>),
    /// A here-document: quotes are nothing special.
    Document,
    /// Up to the closing `"`.
    Double,
    /// Up to a blank or an operator.
    Word,
}

impl Mode {
    fn quote(self) -> Quote {
        if matches!(self, Self::Document | Self::Double) { Quote::Quoted } else { Quote::Bare }
    }

    fn ends(self, c: char) -> bool {
        match self {
            Self::Brace(other) => c == '}' || Some(c) == other,
            Self::Document => false,
            Self::Double => c == '"',
            Self::Word => is_end(c),
        }
    }
}

impl Parser {
    /// The word that is next.
    pub(super) fn word(&mut self) -> Result<Word, Fault> {
        let mut parts = Vec::new();
        if self.peek() == Some('~') {
            self.at += 1;
            let rest = self.chars.get(self.at..).unwrap_or_default();
            let user: String = rest.iter().copied().take_while(|c| is_name(*c)).collect();
            self.at += user.len();
            parts.push(Part::Tilde(user));
        }
        parts.extend(self.parts(Mode::Word)?);
        Ok(Word(parts))
    }

    /// The parts of a word up to its end, which stays.
    pub(super) fn parts(&mut self, mode: Mode) -> Result<Vec<Part>, Fault> {
        let mut parts = Vec::new();
        loop {
            let Some(c) = self.peek() else {
                return match mode {
                    Mode::Brace(_) => Err(Fault::Incomplete),
                    Mode::Double => Err(Fault::Quote('"')),
                    Mode::Document | Mode::Word => Ok(parts),
                };
            };
            if mode.ends(c) {
                return Ok(parts);
            }
            match c {
                '\\' => self.backslash(mode, &mut parts)?,
                '$' => {
                    self.at += 1;
                    parts.push(self.dollar(mode)?);
                }
                '`' => parts.push(self.backtick(mode.quote())?),
                '\'' if matches!(mode, Mode::Word | Mode::Brace(_)) => {
                    parts.push(self.single()?);
                }
                '"' if mode != Mode::Document => {
                    self.at += 1;
                    // The empty text keeps `""` from vanishing.
                    parts.push(Part::Text(String::new(), Quote::Quoted));
                    parts.extend(self.deeper(|parser| parser.parts(Mode::Double))?);
                    self.at += 1;
                }
                _ => {
                    self.at += 1;
                    push(&mut parts, c, mode.quote());
                }
            }
        }
    }

    fn backslash(&mut self, mode: Mode, parts: &mut Vec<Part>) -> Result<(), Fault> {
        let Some(next) = self.peek_at(1) else {
            if mode == Mode::Document {
                self.at += 1;
                push(parts, '\\', Quote::Quoted);
                return Ok(());
            }
            return Err(Fault::Incomplete);
        };
        self.at += 2;
        let special = match mode {
            Mode::Brace(_) | Mode::Word => true,
            Mode::Document => matches!(next, '$' | '`' | '\\' | '\n'),
            Mode::Double => matches!(next, '$' | '`' | '\\' | '"' | '\n'),
        };
        if special && next == '\n' {
            return Ok(());
        }
        if !special {
            push(parts, '\\', Quote::Quoted);
        }
        push(parts, next, Quote::Quoted);
        Ok(())
    }

    /// Text up to the closing `'`.
    fn single(&mut self) -> Result<Part, Fault> {
        self.at += 1;
        let rest = self.chars.get(self.at..).unwrap_or_default();
        let Some(length) = rest.iter().position(|c| *c == '\'') else {
            return Err(Fault::Quote('\''));
        };
        let text = rest.iter().take(length).collect();
        self.at += length + 1;
        Ok(Part::Text(text, Quote::Quoted))
    }

    /// What stands behind a `$`.
    fn dollar(&mut self, mode: Mode) -> Result<Part, Fault> {
        let quote = mode.quote();
        match self.peek() {
            // Without its two brackets at the end it is a command that begins with a subshell.
            Some('(') if self.peek_at(1) == Some('(') => match self.arithmetic_end(2)? {
                Some(end) => self.arithmetic(end, quote),
                None => self.command(quote),
            },
            Some('(') => self.command(quote),
            Some('{') => {
                self.at += 1;
                self.deeper(|parser| parser.parameter(quote))
            }
            Some('\'') if quote == Quote::Bare => self.ansi(),
            Some('"') if quote == Quote::Bare => Ok(Part::Text(String::new(), Quote::Quoted)),
            Some(c) if is_name(c) && !c.is_ascii_digit() => {
                let rest = self.chars.get(self.at..).unwrap_or_default();
                let name: String = rest.iter().copied().take_while(|c| is_name(*c)).collect();
                self.at += name.len();
                Ok(plain(name, quote))
            }
            Some(c) if c.is_ascii_digit() || "?$!#@*-".contains(c) => {
                self.at += 1;
                Ok(plain(c.to_string(), quote))
            }
            _ => Ok(Part::Text("$".to_owned(), quote)),
        }
    }

    fn command(&mut self, quote: Quote) -> Result<Part, Fault> {
        self.at += 1;
        // Here-documents inside lie inside.
        let outer = self.resume.take();
        let list = self.deeper(Self::list)?;
        self.skip_lines();
        if !self.take(")") {
            return Err(self.unexpected());
        }
        self.resume = outer;
        Ok(Part::Command(Arc::new(list), quote))
    }

    /// Where the `))` stands that ends what begins in so many characters.
    pub(super) fn arithmetic_end(&self, ahead: usize) -> Result<Option<usize>, Fault> {
        let mut open = 0_u32;
        let mut at = self.at + ahead;
        loop {
            match self.chars.get(at) {
                None => return Err(Fault::Incomplete),
                Some('(') => open += 1,
                Some(')') if open > 0 => open -= 1,
                Some(')') => return Ok(Some(at).filter(|_| self.chars.get(at + 1) == Some(&')'))),
                Some(_) => {}
            }
            at += 1;
        }
    }

    /// `((…))` whose `))` stands at `end`.
    pub(super) fn arithmetic(&mut self, end: usize, quote: Quote) -> Result<Part, Fault> {
        let text: String = self.chars.get(self.at + 2..end).unwrap_or_default().iter().collect();
        self.at = end + 2;
        let word =
            self.deeper(|parser| Self::new(&text, parser.depth).parts(Mode::Document).map(Word))?;
        Ok(Part::Arithmetic(word, quote))
    }

    fn backtick(&mut self, quote: Quote) -> Result<Part, Fault> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let Some(c) = self.peek() else { return Err(Fault::Quote('`')) };
            self.at += 1;
            match (c, self.peek()) {
                ('`', _) => break,
                ('\\', Some(next @ ('`' | '\\' | '$'))) => {
                    self.at += 1;
                    text.push(next);
                }
                _ => text.push(c),
            }
        }
        let list = self.deeper(|parser| {
            let mut inner = Self::new(&text, parser.depth);
            let list = inner.list()?;
            if inner.peek().is_some() { Err(inner.unexpected()) } else { Ok(list) }
        })?;
        Ok(Part::Command(Arc::new(list), quote))
    }

    /// `'…'` behind a `$`: with the escapes of C.
    fn ansi(&mut self) -> Result<Part, Fault> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let Some(c) = self.peek() else { return Err(Fault::Incomplete) };
            self.at += 1;
            match c {
                '\'' => break,
                '\\' => {
                    text.push(c);
                    text.extend(self.peek());
                    self.at += 1;
                }
                _ => text.push(c),
            }
        }
        Ok(Part::Text(encode(&ansi_c(&text)), Quote::Quoted))
    }
}

fn plain(name: String, quote: Quote) -> Part {
    Part::Parameter(Box::new(Parameter { name, action: Action::Plain }), quote)
}

fn push(parts: &mut Vec<Part>, c: char, quote: Quote) {
    match parts.last_mut() {
        Some(Part::Text(text, last)) if *last == quote => text.push(c),
        _ => parts.push(Part::Text(c.to_string(), quote)),
    }
}
