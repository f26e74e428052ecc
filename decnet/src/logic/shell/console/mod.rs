//! A terminal: keys in, screen out. What stands behind it is asked for its next move and given
//! lines.

mod editor;
mod keys;
mod line;
mod pipe;

use std::collections::VecDeque;
use std::time::Duration;

use super::printer::Menu;
use super::run::Step;
use super::unix::Unix;
use super::windows::Prompt;
use crate::logic::event::{Data, Kind};
use crate::logic::persona::Family;
use crate::logic::services::{Context, Reply, Report};
use editor::{Editor, Entry};
use keys::{Key, Keys};
pub use line::{Line, LineEnd, Sight};

/// Bytes without the end of a line that are given on.
const MAX_AHEAD: usize = 64 * 1024;
/// Most bytes that are typed ahead: more than come before whoever runs this stops to read.
const MOST_AHEAD: usize = 1024 * 1024;
/// Bytes shown, and lines reported, in one go; then whatever was typed ahead waits for its turn.
const FULL: usize = 32 * 1024;
const MANY: usize = 64;

/// An interactive login on a terminal: line discipline and shell.
#[derive(Debug)]
pub struct Console {
    user: String,
    columns: u16,
    kind: String,
    door: Door,
    echo: Echo,
    medium: Medium,
    interior: Option<Interior>,
    keys: Keys,
    editor: Editor,
    /// What is still to be shown.
    timeline: VecDeque<Step>,
    /// What was typed and not yet looked at.
    ahead: VecDeque<u8>,
    /// Whether the runner has been asked to wait.
    waiting: bool,
    /// Whether the present question has been shown.
    asked: bool,
}

/// Which program let the visitor in: they greet in a different order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Login,
    Sshd,
}

/// Who shows what is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Echo {
    Here,
    There,
}

/// What connects the visitor with what stands behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    /// Lines as they are; no more come when the input has ended.
    Pipes(Input),
    Terminal,
}

/// Whether more may come through a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    Ended,
    Open,
}

/// What stands behind the terminal.
#[derive(Debug)]
enum Interior {
    Printer(Menu),
    Unix(Box<Unix>),
    Windows(Prompt),
}

/// The next move of what stands behind the terminal.
#[derive(Debug)]
pub(super) enum Next {
    Ask(Question),
    Ended(u8),
    Show(Vec<Step>),
}

/// What is asked of the visitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) prompt: String,
    pub(super) kind: Asked,
}

/// How an answer is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// With history and completion.
    Command,
    /// Unseen but for the end of its line.
    Secret,
    /// As it is.
    Text,
    /// Not shown here: the terminal has shown it already.
    Unseen,
}

/// What the visitor answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// `^D`.
    End,
    /// `^C`.
    Interrupt,
    Line(String),
    /// What came before the end of a pipe, or was too long to be waited for: no line end follows.
    Piece(String),
}

impl Console {
    /// Bytes that it holds: what was typed ahead, and what is still to be shown.
    pub fn held(&self) -> usize {
        let shown: usize = self.timeline.iter().map(Step::held).sum();
        let inside = if let Some(Interior::Unix(unix)) = &self.interior { unix.held() } else { 0 };
        size_of::<Self>() + self.ahead.capacity() + self.editor.held() + inside + shown
    }

    /// A login of `user` on a terminal of this size, in characters.
    pub fn new(user: &str, columns: u16, _rows: u16) -> Self {
        Self {
            user: user.to_owned(),
            columns,
            kind: String::new(),
            door: Door::Sshd,
            echo: Echo::Here,
            medium: Medium::Terminal,
            interior: None,
            keys: Keys::default(),
            editor: Editor::default(),
            timeline: VecDeque::new(),
            ahead: VecDeque::new(),
            waiting: false,
            asked: false,
        }
    }

    /// The same with the name of the terminal's kind, such as `xterm-256color`. Without one it is
    /// treated as knowing no escapes.
    #[must_use]
    pub fn on_terminal(self, kind: &str) -> Self {
        Self { kind: kind.chars().take(64).collect(), ..self }
    }

    /// The same as `login` lets in, after telnet, and not `sshd`.
    #[must_use]
    pub fn after_login(self) -> Self {
        Self { door: Door::Login, ..self }
    }

    /// The same on a terminal that shows by itself what is typed.
    #[must_use]
    pub fn without_echo(self) -> Self {
        Self { echo: Echo::There, ..self }
    }

    /// Greets and prompts.
    pub fn open(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        let interior = match context.decky.persona.family {
            Family::Bsd | Family::Linux => {
                let mut unix = Unix::new(&self.user, &self.kind, self.medium, context);
                unix.resize(self.columns);
                Interior::Unix(Box::new(unix))
            }
            Family::Printer => Interior::Printer(Menu::new(&self.user)),
            Family::WindowsClient | Family::WindowsServer => {
                Interior::Windows(Prompt::new(&self.user, context))
            }
        };
        self.interior = Some(interior);
        if !self.is_plain() {
            let greeting = super::greeting::greeting(&self.user, self.door, context);
            self.show(reply, greeting.as_bytes());
        }
        self.advance(context, reply);
    }

    /// Takes what was typed. Gives the exit status when the shell has ended.
    pub fn input(
        &mut self,
        bytes: &[u8],
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) -> Option<u8> {
        let room = MOST_AHEAD.saturating_sub(self.ahead.len()).min(bytes.len());
        let (some, rest) = bytes.split_at(room);
        self.ahead.extend(some);
        self.editor.lost.update(rest);
        if self.waiting {
            if bytes.contains(&3) && self.medium == Medium::Terminal {
                self.timeline.clear();
            }
            return None;
        }
        self.advance(context, reply)
    }

    /// Goes on after a wait that `reply.wait` asked for. Gives the exit status when the shell has
    /// ended.
    pub fn wake(&mut self, context: &mut Context<'_>, reply: &mut Reply) -> Option<u8> {
        self.waiting = false;
        self.advance(context, reply)
    }

    /// The connection is gone: reports what was begun and not finished.
    pub fn end(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        let lost = std::mem::take(&mut self.editor.lost);
        if !lost.is_empty() {
            let data = Data::new().with("typed_for", "nothing").with("bytes", lost.len());
            reply.report(Report::new(Kind::Payload).data(data).raw(lost.finish()));
        }
        let line = self.editor.take();
        if let Some(Interior::Unix(unix)) = &mut self.interior {
            unix.end(&line, context, reply);
        }
    }

    /// The terminal has another size now.
    pub fn resize(&mut self, columns: u16, _rows: u16) {
        self.columns = columns;
        if let Some(Interior::Unix(unix)) = &mut self.interior {
            unix.resize(columns);
        }
    }

    /// Shows what is to be shown, then asks or runs, until there is nothing more to do.
    fn advance(&mut self, context: &mut Context<'_>, reply: &mut Reply) -> Option<u8> {
        loop {
            while let Some(step) = self.timeline.pop_front() {
                match step {
                    Step::Show(bytes) => self.show(reply, &bytes),
                    Step::Wait(span) => {
                        self.wait(span, reply);
                        return None;
                    }
                }
            }
            if reply.bytes.len() >= FULL || reply.reports.len() >= MANY {
                // Others have their turn, and this visitor reads what there is.
                self.wait(Duration::ZERO, reply);
                return None;
            }
            match self.next(context, reply) {
                Next::Ended(status) => return Some(status),
                Next::Show(steps) => self.timeline.extend(steps),
                Next::Ask(question) => {
                    let answer = self.ask(&question, context, reply)?;
                    self.asked = false;
                    if answer == Answer::End && self.ends_with_input() {
                        return Some(0);
                    }
                    self.answer(answer, context, reply);
                }
            }
        }
    }

    /// Sends bytes as a terminal driver does: a line ends with `\r\n`.
    fn show(&self, reply: &mut Reply, bytes: &[u8]) {
        if self.is_plain() {
            return reply.send(bytes);
        }
        for byte in bytes {
            if *byte == b'\n' {
                reply.bytes.push(b'\r');
            }
            reply.bytes.push(*byte);
        }
    }

    fn wait(&mut self, span: Duration, reply: &mut Reply) {
        self.waiting = true;
        reply.wait = Some(span);
    }

    fn next(&mut self, context: &mut Context<'_>, reply: &mut Reply) -> Next {
        match &mut self.interior {
            None => Next::Ended(0),
            Some(Interior::Printer(menu)) => menu.next(),
            Some(Interior::Unix(unix)) => unix.next(context, reply),
            Some(Interior::Windows(prompt)) => prompt.next(),
        }
    }

    fn answer(&mut self, answer: Answer, context: &mut Context<'_>, reply: &mut Reply) {
        match &mut self.interior {
            None => {}
            Some(Interior::Printer(menu)) => menu.answer(answer, reply),
            Some(Interior::Unix(unix)) => unix.answer(answer, context, reply),
            Some(Interior::Windows(prompt)) => prompt.answer(answer, context, reply),
        }
    }

    /// Shows the question once, and reads on until it is answered.
    fn ask(
        &mut self,
        question: &Question,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) -> Option<Answer> {
        if let Medium::Pipes(input) = self.medium {
            return self.read(question, input, reply);
        }
        if !self.asked {
            self.asked = true;
            let history = match &self.interior {
                Some(Interior::Unix(unix)) if question.kind == Asked::Command => unix.history(),
                _ => Vec::new(),
            };
            let mut question = question.clone();
            if self.echo == Echo::There {
                question.kind = Asked::Unseen;
            }
            self.editor.begin(&question, history);
            self.show(reply, question.prompt.as_bytes());
        }
        while let Some(byte) = self.ahead.pop_front() {
            let Some(key) = self.keys.take(byte) else { continue };
            if key == Key::Tab && question.kind == Asked::Command {
                self.complete(question, context, reply);
                continue;
            }
            match self.editor.press(key, &mut reply.bytes) {
                Entry::Open => {}
                Entry::End => return Some(Answer::End),
                Entry::Interrupt => return Some(Answer::Interrupt),
                Entry::Line(line) => return Some(Answer::Line(line)),
            }
        }
        None
    }

    /// Completes the word before the cursor, or lists what it may become.
    fn complete(&mut self, question: &Question, context: &mut Context<'_>, reply: &mut Reply) {
        let Some(Interior::Unix(unix)) = &self.interior else { return };
        let (added, choices) = unix.complete(&self.editor.before_cursor(), context);
        if !added.is_empty() {
            self.editor.insert(&added, &mut reply.bytes);
        } else if choices.is_empty() {
            reply.send(b"\x07");
        } else {
            let list = choices.join("  ");
            self.show(reply, format!("\n{list}\n{}", question.prompt).as_bytes());
            self.editor.redraw(&mut reply.bytes);
        }
    }
}

#[cfg(test)]
mod tests;
