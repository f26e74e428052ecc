//! One line on a terminal, for those who ask for a name or a password before there is a shell.

use super::editor::{Editor, Entry};
use super::keys::Keys;
use super::{Asked, Question};

/// A line that is being typed, with the same line discipline as a [`super::Console`].
#[derive(Debug, Default)]
pub struct Line {
    keys: Keys,
    editor: Editor,
}

/// Whether a line is shown as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// As a name.
    Shown,
    /// As a password: only the end of the line.
    Hidden,
}

/// How a line ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineEnd {
    /// With `^D` before anything was typed.
    End,
    /// With `^C`.
    Interrupt,
    /// As lines do.
    Line(String),
}

impl Line {
    /// Begins a line; what is typed from now on belongs to it.
    pub fn begin(&mut self, sight: Sight) {
        let kind = match sight {
            Sight::Hidden => Asked::Secret,
            Sight::Shown => Asked::Text,
        };
        self.editor.begin(&Question { prompt: String::new(), kind }, Vec::new());
    }

    /// Takes a byte, and writes to `screen` what the terminal shows of it.
    pub fn take(&mut self, byte: u8, screen: &mut Vec<u8>) -> Option<LineEnd> {
        match self.editor.press(self.keys.take(byte)?, screen) {
            Entry::Open => None,
            Entry::End => Some(LineEnd::End),
            Entry::Interrupt => Some(LineEnd::Interrupt),
            Entry::Line(line) => Some(LineEnd::Line(line)),
        }
    }
}
