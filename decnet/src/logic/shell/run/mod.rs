//! Runs the tree of a command line: the state of a shell, and what one line may use up.
//!
//! A line is run to its end at once. What it shows and how long it takes becomes a timeline of
//! [`Step`]s, which a terminal plays back. A command that wants more from the keyboard stops the
//! run with [`Stop::Need`]; it is run again from its beginning with what was typed since.

mod arithmetic;
mod braces;
mod call;
mod expand;
mod interpret;
mod launch;
mod parameter;
mod pattern;
mod redirect;
mod simple;
mod state;
mod world;

use std::time::Duration;

pub(super) use call::{Call, Options};
pub(super) use launch::explain;
pub(super) use pattern::matches;
pub(super) use state::{Manner, Shell};
pub(super) use world::{Typed, Way, World, Written};

/// Most bytes that a line shows.
pub(super) const MAX_OUTPUT: usize = 256 * 1024;
/// Steps that a line may take: a command, an iteration or 512 bytes are one.
pub(super) const MAX_STEPS: u32 = 6_000;
/// Deepest nesting of lists, functions and scripts.
const MAX_DEPTH: u8 = 40;

/// What a terminal plays back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Shows these bytes; `\n` ends a line.
    Show(Vec<u8>),
    /// Waits.
    Wait(Duration),
}

impl Step {
    /// Bytes that it holds.
    pub(super) fn held(&self) -> usize {
        size_of::<Self>() + if let Self::Show(bytes) = self { bytes.capacity() } else { 0 }
    }
}

/// Why a run stopped before its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// So many loops are left.
    Break(u32),
    /// The next iteration of the loop so many out.
    Continue(u32),
    /// Another shell takes the terminal; this one goes on when that has ended.
    Enter(Box<Shell>),
    /// The shell ends.
    Exit(u8),
    /// More must be typed first.
    Need(Want),
    /// The function or script ends.
    Return(u8),
    /// All that a line may use is used up.
    Spent,
    /// The command ends, and only that.
    Status(u8),
}

/// What must be typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// Lines up to the end of input.
    All,
    /// A line.
    Line,
    /// Lines up to the end of input, each of which is only shown again.
    Repeat,
    /// A line that is not shown, after this prompt.
    Secret(String),
}

/// How a command ended: its status, or that the run stops.
pub(super) type Done = Result<u8, Stop>;

/// Where a command's input comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Nowhere.
    Empty,
    /// One of [`World`]'s inputs.
    Input(usize),
    /// The keyboard.
    Terminal,
}

/// Where a command's output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sink {
    /// One of [`World`]'s buffers.
    Buffer(usize),
    /// Nowhere.
    Null,
    /// The screen.
    Terminal,
}

/// What a command reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Streams {
    pub(super) input: Source,
    pub(super) output: Sink,
    pub(super) errors: Sink,
}

#[cfg(test)]
mod tests;
