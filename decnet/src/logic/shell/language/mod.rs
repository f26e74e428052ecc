//! The shell's language: text in, a tree out. Nothing is run or looked up here.
//!
//! As much of POSIX sh and bash as one-liners and small scripts use. Depth is bounded by
//! [`MAX_DEPTH`], size by the length of the text.

mod compound;
mod document;
mod parameter;
mod parser;
mod word;

use std::sync::Arc;

pub(super) use parser::{Fault, parse};

/// Deepest nesting of commands in commands.
const MAX_DEPTH: u8 = 24;

/// Commands one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct List(pub(super) Vec<Item>);

/// A pipeline of a list.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    /// When it is run.
    pub(super) link: Link,
    /// Whether the shell goes on without waiting for it.
    pub(super) place: Place,
    /// What the status becomes.
    pub(super) sense: Sense,
    pub(super) stages: Vec<Stage>,
}

/// When a pipeline is run, after the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Always,
    /// After `&&`.
    And,
    /// After `||`.
    Or,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Background,
    Foreground,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sense {
    Kept,
    /// After `!`.
    Turned,
}

/// A command with its redirections.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stage {
    pub(super) body: Body,
    pub(super) redirects: Vec<Redirect>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Body {
    Case {
        word: Word,
        arms: Vec<(Vec<Word>, List)>,
    },
    For {
        name: String,
        words: Option<Vec<Word>>,
        body: List,
    },
    Function {
        name: String,
        body: Arc<List>,
    },
    Group(List),
    If {
        arms: Vec<(List, List)>,
        otherwise: List,
    },
    Simple {
        assignments: Vec<(String, Word)>,
        words: Vec<Word>,
    },
    Subshell(List),
    /// With the sense turned it is `until`.
    While {
        sense: Sense,
        condition: List,
        body: List,
    },
}

/// `2>file` and its like.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Redirect {
    pub(super) from: Stream,
    pub(super) to: Target,
}

/// Which stream is redirected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    /// Output and errors.
    Both,
    Errors,
    Input,
    /// A descriptor above 2: redirected to no effect.
    Other,
    Output,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Target {
    Append(Word),
    /// `&-`.
    Close,
    /// `&1`.
    Copy(Stream),
    /// A here-document or a here-string.
    Document(Word),
    Read(Word),
    Write(Word),
}

/// What becomes one or more arguments.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Word(pub(super) Vec<Part>);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    Arithmetic(Word, Quote),
    Command(Arc<List>, Quote),
    Parameter(Box<Parameter>, Quote),
    Text(String, Quote),
    /// `~` or `~user` at the beginning.
    Tilde(String),
}

/// Whether a part stands in quotes, and so is neither split nor matched with file names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quote {
    Bare,
    Quoted,
}

/// `$name` or `${name…}`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) action: Action,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    Length,
    /// `-`, `=`, `+` or `?`; whether an empty value counts as none.
    Otherwise {
        operator: char,
        empty_too: bool,
        word: Word,
    },
    Plain,
    Replace {
        all: bool,
        pattern: Word,
        with: Word,
    },
    Slice {
        offset: Word,
        length: Option<Word>,
    },
    /// `#` or `%`.
    Trim {
        operator: char,
        greed: Greed,
        pattern: Word,
    },
}

/// How much of a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Greed {
    Longest,
    Shortest,
}

impl Word {
    /// The text of a word that is one bare text and nothing else.
    pub(super) fn literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Part::Text(text, Quote::Bare)] => Some(text),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
