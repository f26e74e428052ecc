//! The line that is being typed.

use super::keys::Key;
use super::{Asked, Question};
use crate::logic::event::RawDigest;

/// Longest line, in characters.
const MAX_LINE: usize = 256 * 1024;

/// A line in the making, and where the cursor stands.
#[derive(Debug)]
pub(super) struct Editor {
    line: Vec<char>,
    cursor: usize,
    kind: Asked,
    prompt: String,
    history: Vec<String>,
    /// Which line of the history is shown.
    at: Option<usize>,
    /// What was typed before the history was looked at.
    draft: Vec<char>,
    /// What there was no room for.
    pub(super) lost: RawDigest,
}

impl Default for Editor {
    fn default() -> Self {
        Self {
            line: Vec::new(),
            cursor: 0,
            kind: Asked::Text,
            prompt: String::new(),
            history: Vec::new(),
            at: None,
            draft: Vec::new(),
            lost: RawDigest::default(),
        }
    }
}

/// What a key has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    End,
    Interrupt,
    Line(String),
    /// The line goes on.
    Open,
}

impl Editor {
    /// Begins an empty line.
    pub(super) fn begin(&mut self, question: &Question, history: Vec<String>) {
        let prompt = question.prompt.rsplit('\n').next().unwrap_or_default().to_owned();
        let lost = std::mem::take(&mut self.lost);
        *self = Self { kind: question.kind, prompt, history, lost, ..Self::default() };
    }

    /// Bytes that are held of what was typed.
    pub(super) fn held(&self) -> usize {
        (self.line.capacity() + self.draft.capacity()) * size_of::<char>()
    }

    /// What was typed so far, which is forgotten.
    pub(super) fn take(&mut self) -> String {
        self.cursor = 0;
        std::mem::take(&mut self.line).into_iter().collect()
    }

    /// The part of the line that the cursor stands behind.
    pub(super) fn before_cursor(&self) -> String {
        self.line.iter().take(self.cursor).collect()
    }

    /// Takes a key, and writes to `screen` what the terminal shows of it.
    pub(super) fn press(&mut self, key: Key, screen: &mut Vec<u8>) -> Entry {
        match key {
            Key::Enter => {
                if self.kind != Asked::Unseen {
                    screen.extend(b"\r\n");
                }
                return Entry::Line(self.take());
            }
            Key::Interrupt => {
                screen.extend(b"^C");
                self.take();
                return Entry::Interrupt;
            }
            Key::EndOfInput if self.line.is_empty() => return Entry::End,
            Key::EndOfInput | Key::Delete => self.remove(self.cursor, self.cursor + 1, screen),
            Key::Char(c) => self.insert(c.encode_utf8(&mut [0; 4]), screen),
            Key::Tab => self.insert("\t", screen),
            Key::Backspace => {
                self.remove(self.cursor.saturating_sub(1), self.cursor, screen);
            }
            Key::KillBefore => self.remove(0, self.cursor, screen),
            Key::KillBehind => self.remove(self.cursor, self.line.len(), screen),
            Key::KillWord => self.remove(self.word_start(), self.cursor, screen),
            Key::Left => self.go(self.cursor.saturating_sub(1), screen),
            Key::Right => self.go((self.cursor + 1).min(self.line.len()), screen),
            Key::Home => self.go(0, screen),
            Key::End => self.go(self.line.len(), screen),
            Key::Up => self.older(screen),
            Key::Down => self.newer(screen),
            Key::Clear => {
                screen.extend(b"\x1b[H\x1b[2J");
                screen.extend(self.prompt.as_bytes());
                self.redraw(screen);
            }
        }
        Entry::Open
    }

    /// Puts text where the cursor stands.
    pub(super) fn insert(&mut self, text: &str, screen: &mut Vec<u8>) {
        let added: Vec<char> = text.chars().collect();
        if self.line.len() + added.len() > MAX_LINE {
            screen.push(7);
            self.lost.update(text.as_bytes());
            return;
        }
        let behind: String = self.line.iter().skip(self.cursor).collect();
        let count = added.len();
        self.line.splice(self.cursor..self.cursor, added);
        self.cursor += count;
        if self.is_shown() {
            screen.extend(text.as_bytes());
            screen.extend(behind.as_bytes());
            self.back(behind.chars().count(), screen);
        }
    }

    /// Shows the line again behind its prompt.
    pub(super) fn redraw(&self, screen: &mut Vec<u8>) {
        let text: String = self.line.iter().collect();
        if self.is_shown() {
            screen.extend(text.as_bytes());
            self.back(self.line.len().saturating_sub(self.cursor), screen);
        }
    }

    fn is_shown(&self) -> bool {
        !matches!(self.kind, Asked::Secret | Asked::Unseen)
    }

    fn back(&self, count: usize, screen: &mut Vec<u8>) {
        screen.extend(std::iter::repeat_n(8, count));
    }

    fn remove(&mut self, from: usize, to: usize, screen: &mut Vec<u8>) {
        let to = to.min(self.line.len());
        if from >= to {
            return;
        }
        let before = self.cursor;
        self.line.drain(from..to);
        self.cursor = from.min(self.line.len());
        if !self.is_shown() {
            return;
        }
        self.back(before.saturating_sub(from), screen);
        let behind: String = self.line.iter().skip(self.cursor).collect();
        screen.extend(behind.as_bytes());
        screen.extend(std::iter::repeat_n(b' ', to - from));
        self.back(behind.chars().count() + (to - from), screen);
    }

    fn word_start(&self) -> usize {
        let before = self.line.get(..self.cursor).unwrap_or_default();
        let word = before.iter().rposition(|c| *c != ' ').map_or(0, |at| at + 1);
        before.iter().take(word).rposition(|c| *c == ' ').map_or(0, |at| at + 1)
    }

    fn go(&mut self, to: usize, screen: &mut Vec<u8>) {
        if self.is_shown() {
            self.back(self.cursor.saturating_sub(to), screen);
            let passed: String = self.line.iter().take(to).skip(self.cursor).collect();
            screen.extend(passed.as_bytes());
        }
        self.cursor = to;
    }

    fn older(&mut self, screen: &mut Vec<u8>) {
        let at = self.at.unwrap_or(self.history.len()).checked_sub(1);
        let Some((at, line)) = at.and_then(|at| Some((at, self.history.get(at)?.clone()))) else {
            return;
        };
        if self.at.is_none() {
            self.draft.clone_from(&self.line);
        }
        self.at = Some(at);
        self.replace(line.chars().collect(), screen);
    }

    fn newer(&mut self, screen: &mut Vec<u8>) {
        let Some(at) = self.at else { return };
        let line = match self.history.get(at + 1) {
            Some(line) => {
                self.at = Some(at + 1);
                line.chars().collect()
            }
            None => {
                self.at = None;
                std::mem::take(&mut self.draft)
            }
        };
        self.replace(line, screen);
    }

    fn replace(&mut self, line: Vec<char>, screen: &mut Vec<u8>) {
        self.go(self.line.len(), screen);
        self.remove(0, self.line.len(), screen);
        let text: String = line.into_iter().collect();
        self.insert(&text, screen);
    }
}
