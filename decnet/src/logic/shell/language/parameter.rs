//! What stands in `${…}`.

use super::parser::{Fault, Parser, is_name};
use super::word::Mode;
use super::{Action, Greed, Parameter, Part, Quote, Word};

impl Parser {
    /// A parameter, the `${` being passed.
    pub(super) fn parameter(&mut self, quote: Quote) -> Result<Part, Fault> {
        let length = self.peek() == Some('#') && self.peek_at(1) != Some('}');
        if length {
            self.at += 1;
        }
        // `${!name}` is rare enough to be read as `$name`.
        if self.peek() == Some('!') && self.peek_at(1).is_some_and(is_name) {
            self.at += 1;
        }
        let mut name = self.parameter_name()?;
        if self.peek() == Some('[') {
            let rest = self.chars.get(self.at..).unwrap_or_default();
            let Some(length) = rest.iter().position(|c| *c == ']') else {
                return Err(Fault::Incomplete);
            };
            name.extend(rest.iter().take(length + 1));
            self.at += length + 1;
        }
        let action = if length { Action::Length } else { self.action()? };
        match self.peek() {
            Some('}') => self.at += 1,
            None => return Err(Fault::Incomplete),
            Some(_) => return Err(self.unexpected()),
        }
        Ok(Part::Parameter(Box::new(Parameter { name, action }), quote))
    }

    fn parameter_name(&mut self) -> Result<String, Fault> {
        let rest = self.chars.get(self.at..).unwrap_or_default();
        let name: String = rest.iter().copied().take_while(|c| is_name(*c)).collect();
        if !name.is_empty() {
            self.at += name.len();
            return Ok(name);
        }
        match self.peek() {
            Some(c) if "?$!#@*-".contains(c) => {
                self.at += 1;
                Ok(c.to_string())
            }
            None => Err(Fault::Incomplete),
            Some(_) => Err(self.unexpected()),
        }
    }

    fn action(&mut self) -> Result<Action, Fault> {
        let Some(c) = self.peek() else { return Err(Fault::Incomplete) };
        let next = self.peek_at(1);
        match c {
            '-' | '=' | '+' | '?' => {
                self.at += 1;
                let word = self.inside(None)?;
                Ok(Action::Otherwise { operator: c, empty_too: false, word })
            }
            ':' if matches!(next, Some('-' | '=' | '+' | '?')) => {
                self.at += 2;
                let (operator, word) = (next.unwrap_or('-'), self.inside(None)?);
                Ok(Action::Otherwise { operator, empty_too: true, word })
            }
            ':' => {
                self.at += 1;
                let offset = self.inside(Some(':'))?;
                let length = if self.take(":") { Some(self.inside(None)?) } else { None };
                Ok(Action::Slice { offset, length })
            }
            '#' | '%' => {
                self.at += 1;
                let doubled = self.peek() == Some(c);
                self.at += usize::from(doubled);
                let greed = if doubled { Greed::Longest } else { Greed::Shortest };
                Ok(Action::Trim { operator: c, greed, pattern: self.inside(None)? })
            }
            '/' => {
                self.at += 1;
                let all = self.take("/");
                let pattern = self.inside(Some('/'))?;
                let with = if self.take("/") { self.inside(None)? } else { Word::default() };
                Ok(Action::Replace { all, pattern, with })
            }
            _ => Ok(Action::Plain),
        }
    }

    fn inside(&mut self, end: Option<char>) -> Result<Word, Fault> {
        self.deeper(|parser| parser.parts(Mode::Brace(end)).map(Word))
    }
}
