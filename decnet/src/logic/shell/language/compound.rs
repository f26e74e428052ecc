//! Commands made of commands: `if`, `for`, `while`, `case`, groups and functions.

use std::sync::Arc;

use super::parser::{Fault, Parser, is_name};
use super::{Body, Item, Link, List, Part, Place, Quote, Sense, Stage, Word};

impl Parser {
    /// A compound command, when one is next.
    pub(super) fn compound(&mut self) -> Result<Option<Body>, Fault> {
        if self.looking_at("((")
            && let Some(end) = self.arithmetic_end(2)?
        {
            return self.arithmetic_command(end).map(Some);
        }
        if self.take("(") {
            let list = self.list()?;
            return if self.take(")") {
                Ok(Some(Body::Subshell(list)))
            } else {
                Err(self.unexpected())
            };
        }
        let words = ["if", "for", "while", "until", "case", "{", "function"];
        let Some(word) = self.reserved(&words) else { return self.function() };
        self.at += word.len();
        match word {
            "if" => self.conditional(),
            "for" => self.iteration(),
            "case" => self.choice(),
            "{" => {
                let list = self.list()?;
                self.expect("}")?;
                Ok(Body::Group(list))
            }
            "function" => {
                self.skip_blanks();
                let name = self.name()?;
                self.skip_blanks();
                self.take("()");
                self.definition(name)
            }
            _ => {
                let condition = self.list()?;
                let sense = if word == "until" { Sense::Turned } else { Sense::Kept };
                Ok(Body::While { sense, condition, body: self.block()? })
            }
        }
        .map(Some)
    }

    fn conditional(&mut self) -> Result<Body, Fault> {
        let mut arms = Vec::new();
        loop {
            let condition = self.list()?;
            self.expect("then")?;
            arms.push((condition, self.list()?));
            match self.reserved(&["elif", "else", "fi"]) {
                Some("elif") => self.at += 4,
                Some("else") => {
                    self.at += 4;
                    let otherwise = self.list()?;
                    self.expect("fi")?;
                    return Ok(Body::If { arms, otherwise });
                }
                _ => {
                    self.expect("fi")?;
                    return Ok(Body::If { arms, otherwise: List::default() });
                }
            }
        }
    }

    fn iteration(&mut self) -> Result<Body, Fault> {
        self.skip_blanks();
        if self.looking_at("((")
            && let Some(end) = self.arithmetic_end(2)?
        {
            return self.counting(end);
        }
        let name = self.name()?;
        self.skip_lines();
        let mut words = None;
        if self.reserved(&["in"]).is_some() {
            self.at += 2;
            words = Some(self.words()?);
        }
        self.skip_blanks();
        self.take(";");
        Ok(Body::For { name, words, body: self.block()? })
    }

    /// `for ((a; b; c))`: the same as `a; while ((b)); do …; ((c)); done`.
    fn counting(&mut self, end: usize) -> Result<Body, Fault> {
        let text: String = self.chars.get(self.at + 2..end).unwrap_or_default().iter().collect();
        self.at = end + 2;
        let mut parts = text.splitn(3, ';').map(str::trim);
        let [first, condition, step] = [(); 3].map(|()| parts.next().unwrap_or_default());
        let condition = if condition.is_empty() { "1" } else { condition };
        let mut each = |text: &str| {
            let text = format!("(({text}))");
            self.deeper(|parser| Self::new(&text, parser.depth).list())
        };
        let (mut all, condition, step) = (each(first)?, each(condition)?, each(step)?);
        self.skip_blanks();
        self.take(";");
        let mut body = self.block()?;
        body.0.extend(step.0);
        let stage = Stage {
            body: Body::While { sense: Sense::Kept, condition, body },
            redirects: Vec::new(),
        };
        all.0.push(Item {
            link: Link::Always,
            place: Place::Foreground,
            sense: Sense::Kept,
            stages: vec![stage],
        });
        Ok(Body::Group(all))
    }

    fn choice(&mut self) -> Result<Body, Fault> {
        self.skip_blanks();
        let word = self.word()?;
        self.expect("in")?;
        let mut arms = Vec::new();
        loop {
            self.skip_lines();
            if self.reserved(&["esac"]).is_some() {
                self.at += 4;
                return Ok(Body::Case { word, arms });
            }
            self.take("(");
            let mut patterns = Vec::new();
            loop {
                self.skip_blanks();
                patterns.push(self.pattern()?);
                self.skip_blanks();
                if !self.take("|") {
                    break;
                }
            }
            if !self.take(")") {
                return Err(self.unexpected());
            }
            arms.push((patterns, self.list()?));
            self.take(";;");
        }
    }

    fn pattern(&mut self) -> Result<Word, Fault> {
        let word = self.word()?;
        if word.0.is_empty() { Err(self.unexpected()) } else { Ok(word) }
    }

    /// `do … done`.
    fn block(&mut self) -> Result<List, Fault> {
        self.expect("do")?;
        let body = self.list()?;
        self.expect("done")?;
        Ok(body)
    }

    /// Words up to the end of the line or a `;`.
    fn words(&mut self) -> Result<Vec<Word>, Fault> {
        let mut words = Vec::new();
        loop {
            self.skip_blanks();
            match self.peek() {
                None | Some('\n' | ';') => return Ok(words),
                _ => {
                    let before = self.at;
                    words.push(self.word()?);
                    if self.at == before {
                        return Err(self.unexpected());
                    }
                }
            }
        }
    }

    /// `name() …`, when that is next.
    fn function(&mut self) -> Result<Option<Body>, Fault> {
        let rest = self.chars.get(self.at..).unwrap_or_default();
        let name: String =
            rest.iter().copied().take_while(|c| is_name(*c) || "-.:+@,".contains(*c)).collect();
        let mut ahead = name.chars().count();
        while matches!(self.peek_at(ahead), Some(' ' | '\t')) {
            ahead += 1;
        }
        let brackets = self.peek_at(ahead) == Some('(') && self.peek_at(ahead + 1) == Some(')');
        if name.is_empty() || !brackets {
            return Ok(None);
        }
        self.at += ahead + 2;
        self.definition(name).map(Some)
    }

    fn definition(&mut self, name: String) -> Result<Body, Fault> {
        self.skip_lines();
        match self.deeper(Self::compound)? {
            Some(Body::Group(body) | Body::Subshell(body)) => {
                Ok(Body::Function { name, body: Arc::new(body) })
            }
            _ => Err(self.unexpected()),
        }
    }

    fn name(&mut self) -> Result<String, Fault> {
        let rest = self.chars.get(self.at..).unwrap_or_default();
        let name: String = rest.iter().copied().take_while(|c| is_name(*c)).collect();
        if name.is_empty() {
            return Err(self.unexpected());
        }
        self.at += name.len();
        Ok(name)
    }

    /// `((…))`: true when the number is not zero, so the same as `[ $((…)) -ne 0 ]`.
    fn arithmetic_command(&mut self, end: usize) -> Result<Body, Fault> {
        let part = self.arithmetic(end, Quote::Quoted)?;
        let text = |text: &str| Word(vec![Part::Text(text.to_owned(), Quote::Bare)]);
        let words = vec![text("test"), Word(vec![part]), text("-ne"), text("0")];
        Ok(Body::Simple { assignments: Vec::new(), words })
    }
}
