//! Lists, pipelines and simple commands.

use super::{
    Body, Item, Link, List, MAX_DEPTH, Part, Place, Quote, Redirect, Sense, Stage, Stream, Target,
    Word,
};

/// Why a text is no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::logic::shell) enum Fault {
    /// It may become one with this line, the end of a here-document.
    Document(String),
    /// It may become one with more lines.
    Incomplete,
    /// It may become one with a line that has this character, the end of a quotation.
    Quote(char),
    /// This is out of place.
    Unexpected(String),
}

/// Reads a whole text.
///
/// # Errors
///
/// [`Fault::Document`], [`Fault::Incomplete`] and [`Fault::Quote`] when it ends too early, [`Fault::Unexpected`]
/// with the token that is out of place.
pub(in crate::logic::shell) fn parse(text: &str) -> Result<List, Fault> {
    let mut parser = Parser::new(text, 0);
    let list = parser.list()?;
    if parser.peek().is_some() { Err(parser.unexpected()) } else { Ok(list) }
}

/// Where in a text we are.
pub(super) struct Parser {
    pub(super) chars: Vec<char>,
    pub(super) at: usize,
    pub(super) depth: u8,
    /// Where the line after the here-documents of this line begins.
    pub(super) resume: Option<usize>,
    /// Here-documents so far.
    pub(super) documents: u8,
}

/// Words that end a list when they stand where a command would.
const ENDS: [&str; 8] = ["then", "do", "done", "fi", "else", "elif", "esac", "}"];

impl Parser {
    pub(super) fn new(text: &str, depth: u8) -> Self {
        Self { chars: text.chars().collect(), at: 0, depth, resume: None, documents: 0 }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at.saturating_add(ahead)).copied()
    }

    pub(super) fn looking_at(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(ahead, c)| self.peek_at(ahead) == Some(c))
    }

    /// Passes over `text` when it is next.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let found = self.looking_at(text);
        if found {
            self.at += text.chars().count();
        }
        found
    }

    /// Passes over blanks, joined lines and comments, but not over the end of the line.
    pub(super) fn skip_blanks(&mut self) {
        loop {
            match self.peek() {
                Some(' ' | '\t' | '\r') => self.at += 1,
                Some('\\') if self.peek_at(1) == Some('\n') => self.at += 2,
                Some('#') => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    /// Passes over blanks and ends of lines.
    pub(super) fn skip_lines(&mut self) {
        loop {
            self.skip_blanks();
            if self.peek() != Some('\n') {
                return;
            }
            self.end_line();
        }
    }

    fn end_line(&mut self) {
        // Never back: the end of this line was found by a simpler reading of its quotes.
        self.at = self.resume.take().unwrap_or(0).max(self.at + 1);
    }

    /// The token here, as a fault.
    pub(super) fn unexpected(&self) -> Fault {
        let Some(first) = self.peek() else { return Fault::Incomplete };
        let operators = [";;", "&&", "||", "<<", ">>"];
        if let Some(known) = operators.into_iter().find(|known| self.looking_at(known)) {
            return Fault::Unexpected(known.to_owned());
        }
        let word = |c: &char| !is_end(*c);
        let rest = self.chars.get(self.at..).unwrap_or_default();
        let text: String = rest.iter().copied().take_while(word).take(60).collect();
        match first {
            '\n' => Fault::Unexpected("newline".to_owned()),
            _ if text.is_empty() => Fault::Unexpected(first.to_string()),
            _ => Fault::Unexpected(text),
        }
    }

    /// Runs `read` one level deeper.
    pub(super) fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        if self.depth >= MAX_DEPTH {
            return Err(self.unexpected());
        }
        self.depth += 1;
        let done = read(self);
        self.depth -= 1;
        done
    }

    /// The reserved word here, when `words` has it.
    pub(super) fn reserved(&self, words: &[&'static str]) -> Option<&'static str> {
        let free = |c: Option<char>| c.is_none_or(is_end);
        let ends = |word: &&&str| self.looking_at(word) && free(self.peek_at(word.len()));
        words.iter().find(ends).copied()
    }

    /// Passes over a reserved word that must be here.
    pub(super) fn expect(&mut self, word: &'static str) -> Result<(), Fault> {
        self.skip_lines();
        if self.reserved(&[word]).is_none() {
            return Err(self.unexpected());
        }
        self.at += word.len();
        Ok(())
    }

    /// Commands up to the end of the text, a `)`, a `;;` or a word that ends a list.
    pub(super) fn list(&mut self) -> Result<List, Fault> {
        let mut items = Vec::new();
        let mut link = Link::Always;
        loop {
            self.skip_lines();
            if self.is_at_end() {
                break;
            }
            let mut item = self.pipeline(link)?;
            self.skip_blanks();
            link = if self.take("&&") {
                Link::And
            } else if self.take("||") {
                Link::Or
            } else {
                Link::Always
            };
            if link == Link::Always && !self.looking_at(";;") {
                if self.take("&") {
                    item.place = Place::Background;
                } else {
                    self.take(";");
                }
            }
            items.push(item);
            if link != Link::Always {
                self.skip_lines();
                if self.is_at_end() {
                    return Err(self.unexpected());
                }
            }
        }
        Ok(List(items))
    }

    fn is_at_end(&self) -> bool {
        matches!(self.peek(), None | Some(')'))
            || self.looking_at(";;")
            || self.reserved(&ENDS).is_some()
    }

    fn pipeline(&mut self, link: Link) -> Result<Item, Fault> {
        let mut sense = Sense::Kept;
        while self.reserved(&["!"]).is_some() {
            self.at += 1;
            self.skip_blanks();
            sense = Sense::Turned;
        }
        if self.reserved(&["time"]).is_some() {
            self.at += 4;
            self.skip_blanks();
        }
        let mut stages = vec![self.stage()?];
        loop {
            self.skip_blanks();
            if self.looking_at("||") || !self.looking_at("|") {
                break;
            }
            self.at += 1;
            let with_errors = self.take("&");
            if let Some(stage) = stages.last_mut().filter(|_| with_errors) {
                stage
                    .redirects
                    .push(Redirect { from: Stream::Errors, to: Target::Copy(Stream::Output) });
            }
            self.skip_lines();
            stages.push(self.stage()?);
        }
        Ok(Item { link, place: Place::Foreground, sense, stages })
    }

    fn stage(&mut self) -> Result<Stage, Fault> {
        if let Some(body) = self.deeper(Self::compound)? {
            let mut redirects = Vec::new();
            loop {
                self.skip_blanks();
                match self.redirect()? {
                    Some(redirect) => redirects.push(redirect),
                    None => return Ok(Stage { body, redirects }),
                }
            }
        }
        self.simple()
    }

    fn simple(&mut self) -> Result<Stage, Fault> {
        let (mut assignments, mut words, mut redirects) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            self.skip_blanks();
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
                continue;
            }
            if self.peek().is_none_or(|c| c == '\n' || is_meta(c)) {
                break;
            }
            if words.is_empty()
                && let Some(assignment) = self.assignment()?
            {
                assignments.push(assignment);
                continue;
            }
            words.push(self.word()?);
        }
        if words.is_empty() && assignments.is_empty() && redirects.is_empty() {
            return Err(self.unexpected());
        }
        Ok(Stage { body: Body::Simple { assignments, words }, redirects })
    }

    fn assignment(&mut self) -> Result<Option<(String, Word)>, Fault> {
        let rest = self.chars.get(self.at..).unwrap_or_default();
        let name: String = rest.iter().copied().take_while(|c| is_name(*c)).collect();
        let starts_well = name.starts_with(|c: char| !c.is_ascii_digit());
        if !starts_well || self.peek_at(name.len()) != Some('=') {
            return Ok(None);
        }
        self.at += name.len() + 1;
        if self.take("(") {
            return Ok(Some((name, self.array()?)));
        }
        let ends = self.peek().is_none_or(is_end);
        let value = if ends { Word::default() } else { self.word()? };
        Ok(Some((name, value)))
    }

    /// The elements of an array, the `(` being passed: one word with blanks between.
    fn array(&mut self) -> Result<Word, Fault> {
        let mut parts = Vec::new();
        loop {
            self.skip_lines();
            if self.take(")") {
                return Ok(Word(parts));
            }
            let word = self.word()?;
            if word.0.is_empty() {
                return Err(self.unexpected());
            }
            if !parts.is_empty() {
                parts.push(Part::Text(" ".to_owned(), Quote::Quoted));
            }
            parts.extend(word.0);
        }
    }

    /// A redirection, when one is next.
    fn redirect(&mut self) -> Result<Option<Redirect>, Fault> {
        let digit = self.peek().filter(char::is_ascii_digit);
        let ahead = usize::from(digit.is_some());
        if !matches!(self.peek_at(ahead), Some('<' | '>')) {
            if self.take("&>>") {
                let to = Target::Append(self.target()?);
                return Ok(Some(Redirect { from: Stream::Both, to }));
            }
            if self.take("&>") {
                let to = Target::Write(self.target()?);
                return Ok(Some(Redirect { from: Stream::Both, to }));
            }
            return Ok(None);
        }
        self.at += ahead;
        let reads = self.peek() == Some('<');
        let from = match digit {
            None if reads => Stream::Input,
            None => Stream::Output,
            Some(digit) => stream(digit),
        };
        let to = if self.take("<<<") {
            Target::Document(self.target()?)
        } else if self.take("<<-") {
            Target::Document(self.document(super::document::Tabs::Stripped)?)
        } else if self.take("<<") {
            Target::Document(self.document(super::document::Tabs::Kept)?)
        } else if self.take(">>") {
            Target::Append(self.target()?)
        } else if self.take(">&") || self.take("<&") {
            return self.copy(from).map(Some);
        } else if self.take("<") {
            Target::Read(self.target()?)
        } else {
            self.at += 1;
            self.take("|");
            Target::Write(self.target()?)
        };
        Ok(Some(Redirect { from, to }))
    }

    /// What stands behind `>&`: a descriptor, `-`, or a file for both.
    fn copy(&mut self, from: Stream) -> Result<Redirect, Fault> {
        let word = self.target()?;
        let to = match word.literal() {
            Some("-") => Target::Close,
            Some(text) => match text.parse::<u8>() {
                Ok(number) => Target::Copy(stream(char::from(b'0'.saturating_add(number)))),
                Err(_) => return Ok(Redirect { from: Stream::Both, to: Target::Write(word) }),
            },
            None => return Ok(Redirect { from: Stream::Both, to: Target::Write(word) }),
        };
        Ok(Redirect { from, to })
    }

    fn target(&mut self) -> Result<Word, Fault> {
        self.skip_blanks();
        if self.peek().is_none_or(|c| c == '\n' || is_meta(c)) {
            // A line that ends here is a fault at once: no further line can mend it.
            let fault = self.unexpected();
            let newline = Fault::Unexpected("newline".to_owned());
            return Err(if fault == Fault::Incomplete { newline } else { fault });
        }
        self.word()
    }
}

fn stream(digit: char) -> Stream {
    match digit {
        '0' => Stream::Input,
        '1' => Stream::Output,
        '2' => Stream::Errors,
        _ => Stream::Other,
    }
}

/// Characters that end a word.
pub(super) fn is_meta(c: char) -> bool {
    matches!(c, ';' | '&' | '|' | '(' | ')' | '<' | '>')
}

/// Characters that end a word: operators, and what divides words. Other blanks of Unicode do not.
pub(super) fn is_end(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r') || is_meta(c)
}

/// Characters of a variable's name.
pub(super) fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
