//! One command line, and a shell without a terminal.

use std::collections::VecDeque;

use super::record::Grown;
use super::{Level, Paste, Task, Unix, enter};
use crate::logic::services::{Context, Reply};
use crate::logic::shell::console::{Medium, Next};
use crate::logic::shell::run::{Manner, Shell};
use crate::logic::shell::text::encode;

impl Unix {
    /// A shell that runs one command line and ends.
    pub(in crate::logic::shell) fn command(
        user: &str,
        medium: Medium,
        command: &[u8],
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) -> Self {
        let account = enter(user, context);
        let name = if account.shell.ends_with("bash") { "bash" } else { "sh" };
        let shell = Shell::new(account, name, Manner::Script);
        let mut unix = Self::of(user, shell, medium, Task::Command);
        unix.whole(&encode(command), context, reply);
        unix
    }

    /// One with this shell, which has done nothing yet.
    pub(super) fn of(user: &str, shell: Shell, medium: Medium, task: Task) -> Self {
        Self {
            user: user.to_owned(),
            levels: vec![Level { shell, queue: VecDeque::new() }],
            unfinished: String::new(),
            delimiter: None,
            waiting: None,
            growing: Vec::new(),
            line: String::new(),
            urls: Vec::new(),
            reported_at: None,
            untold: false,
            status: 0,
            paste: Paste::Plain,
            medium,
            task,
        }
    }

    /// The command line has been run.
    pub(super) fn done(&mut self, context: &mut Context<'_>, reply: &mut Reply) -> Next {
        self.tell(reply);
        self.report_growing(Grown::All, context, reply);
        Next::Ended(self.levels.last().map_or(0, |level| level.shell.status))
    }

    /// Shows text at once.
    pub(super) fn say(&self, text: &str, reply: &mut Reply) {
        let bytes = crate::logic::shell::text::decode(text);
        match self.medium {
            Medium::Pipes(_) => reply.send(bytes),
            Medium::Terminal => {
                let ended = |byte: &u8| if *byte == b'\n' { b"\r\n".to_vec() } else { vec![*byte] };
                reply.send(bytes.iter().flat_map(ended).collect::<Vec<u8>>());
            }
        }
    }
}
