//! A shell whose lines come through a pipe, as `ssh host < script` has it, and one that runs a single
//! command line: no greeting, no prompt, no echo, but on Windows, whose prompt cares little for what
//! it talks to.

use super::super::unix::Unix;
use super::{Answer, Asked, Console, Input, Interior, MAX_AHEAD, Medium, Question};
use crate::logic::persona::Family;
use crate::logic::services::{Context, Reply};
use crate::logic::shell::text::encode;
use crate::logic::shell::{printer, windows};

impl Console {
    /// The same through pipes instead of a terminal.
    #[must_use]
    pub fn on_pipes(self) -> Self {
        Self { medium: Medium::Pipes(Input::Open), ..self }
    }

    /// Runs one command line instead of a shell. What it reads is what is typed from now on. Gives
    /// the exit status when it has ended; when it took time, `reply.wait` says how much, and its
    /// end should be told after that.
    pub fn exec(
        &mut self,
        command: &[u8],
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) -> Option<u8> {
        match context.decky.persona.family {
            Family::Bsd | Family::Linux => {
                let unix = Unix::command(&self.user, self.medium, command, context, reply);
                self.interior = Some(Interior::Unix(Box::new(unix)));
                self.advance(context, reply)
            }
            Family::Printer => Some(printer::exec(&self.user, command, reply)),
            Family::WindowsClient | Family::WindowsServer => {
                Some(windows::exec(&self.user, command, context, reply))
            }
        }
    }

    /// Nothing more will be typed. Gives the exit status when the shell has ended.
    pub fn end_of_input(&mut self, context: &mut Context<'_>, reply: &mut Reply) -> Option<u8> {
        if self.medium == Medium::Terminal {
            return None;
        }
        self.medium = Medium::Pipes(Input::Ended);
        if self.waiting { None } else { self.advance(context, reply) }
    }

    /// Whether bytes go out as they are.
    pub(super) fn is_plain(&self) -> bool {
        let unix = matches!(self.interior, Some(Interior::Unix(_)));
        unix && self.medium != Medium::Terminal
    }

    /// Whether the end of what is typed is the end of what stands behind, which is not asked.
    pub(super) fn ends_with_input(&self) -> bool {
        self.medium != Medium::Terminal && !self.is_plain()
    }

    /// Takes the next line from the pipe.
    pub(super) fn read(
        &mut self,
        question: &Question,
        input: Input,
        reply: &mut Reply,
    ) -> Option<Answer> {
        if !self.asked && (!self.is_plain() || question.kind == Asked::Secret) {
            self.show(reply, question.prompt.as_bytes());
        }
        self.asked = true;
        let answer = match self.ahead.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                let line: Vec<u8> = self.ahead.drain(..=end).collect();
                let line = line.strip_suffix(b"\n").unwrap_or(&line);
                let plain = self.is_plain();
                let line = if plain { line } else { line.strip_suffix(b"\r").unwrap_or(line) };
                Answer::Line(encode(line))
            }
            None if input == Input::Ended && self.ahead.is_empty() => Answer::End,
            None if input == Input::Ended || self.ahead.len() >= MAX_AHEAD => {
                let rest: Vec<u8> = self.ahead.drain(..).collect();
                if self.is_plain() {
                    Answer::Piece(encode(&rest))
                } else {
                    Answer::Line(encode(&rest))
                }
            }
            None => return None,
        };
        if let (Answer::Line(line), false) = (&answer, self.is_plain()) {
            self.show(reply, format!("{line}\n").as_bytes());
        }
        Some(answer)
    }
}
