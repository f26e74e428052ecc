//! Here-documents.

use super::parser::{Fault, Parser, is_end};
use super::word::Mode;
use super::{Part, Quote, Word};

/// What happens to tabs at the beginning of a document's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tabs {
    Kept,
    /// As after `<<-`.
    Stripped,
}

/// Most here-documents in one text: each is looked for from the beginning of its line.
const MAX_DOCUMENTS: u8 = 32;

impl Parser {
    /// The document whose delimiter is next. Its text lies behind the end of this line.
    pub(super) fn document(&mut self, tabs: Tabs) -> Result<Word, Fault> {
        self.skip_blanks();
        let (delimiter, quote) = self.delimiter()?;
        self.documents += 1;
        if self.documents > MAX_DOCUMENTS {
            return Err(Fault::Unexpected(delimiter));
        }
        let begin = self.resume.unwrap_or_else(|| self.line_end() + 1);
        let rest: String = self.chars.get(begin..).unwrap_or_default().iter().collect();
        let (mut text, mut length) = (String::new(), 0);
        let mut found = false;
        for line in rest.split_inclusive('\n') {
            length += line.chars().count();
            let body = if tabs == Tabs::Stripped { line.trim_start_matches('\t') } else { line };
            if body.trim_end_matches(['\n', '\r']) == delimiter {
                found = true;
                break;
            }
            text.push_str(body);
        }
        if !found {
            return Err(Fault::Document(delimiter));
        }
        self.resume = Some(begin + length);
        if quote == Quote::Quoted {
            return Ok(Word(vec![Part::Text(text, Quote::Quoted)]));
        }
        self.deeper(|parser| Self::new(&text, parser.depth).parts(Mode::Document).map(Word))
    }

    /// The delimiter, and whether any of it was quoted.
    fn delimiter(&mut self) -> Result<(String, Quote), Fault> {
        let (mut text, mut quote) = (String::new(), Quote::Bare);
        let mut inside = None;
        while let Some(c) = self.peek() {
            match (c, inside) {
                (_, Some(mark)) if c == mark => inside = None,
                ('\'' | '"', None) => {
                    inside = Some(c);
                    quote = Quote::Quoted;
                }
                ('\\', None) => quote = Quote::Quoted,
                (_, None) if is_end(c) => break,
                _ => text.push(c),
            }
            self.at += 1;
        }
        if text.is_empty() && quote == Quote::Bare {
            Err(self.unexpected())
        } else {
            Ok((text, quote))
        }
    }

    /// Where this line ends, quotes taken into account.
    fn line_end(&self) -> usize {
        let mut inside = None;
        let mut at = self.at;
        while let Some(c) = self.chars.get(at).copied() {
            match (c, inside) {
                ('\n', None) => break,
                ('\\', _) => at += 1,
                (_, Some(mark)) if c == mark => inside = None,
                ('\'' | '"', None) => inside = Some(c),
                _ => {}
            }
            at += 1;
        }
        at
    }
}
