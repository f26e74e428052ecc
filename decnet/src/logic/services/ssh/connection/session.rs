//! A program in a channel: what was asked for before it starts, and what it is.

use super::super::draw::Draw;
use super::super::pour::{Pour, Poured};
use super::super::scp::Scp;
use super::super::sftp::Sftp;
use super::channel::Tty;
use crate::logic::event::{Data, Kind, text};
use crate::logic::services::{Context, Reply, Report};
use crate::logic::shell::Console;

/// Most environment variables that are kept, and their length.
const MAX_ENV: usize = 32;
const MAX_ENV_TEXT: usize = 1024;

/// A session channel.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) terminal: Option<Terminal>,
    pub(super) program: Program,
    /// Who logged in, once a program is started.
    pub(super) user: String,
    env: Vec<(String, String)>,
}

/// A terminal that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Terminal {
    /// What it calls itself, such as `xterm-256color`.
    pub(super) kind: String,
    pub(super) columns: u16,
    pub(super) rows: u16,
}

/// What runs.
#[derive(Debug, Default)]
pub(super) enum Program {
    /// A shell, or a command that it runs.
    Console(Box<Console>),
    /// A file that `cat` sends.
    Draw(Box<Draw>),
    /// A command that is done; this is how it ended.
    Ended(u8),
    /// A file that is sent to `cat`.
    Pour(Box<Pour>),
    /// A copy in the old way.
    Scp(Box<Scp>),
    /// A file transfer.
    Sftp(Box<Sftp>),
    /// Nothing yet.
    #[default]
    None,
}

impl Terminal {
    /// A terminal of this size, as far as sizes make sense.
    pub(super) fn new(kind: &[u8], columns: u32, rows: u32) -> Self {
        let side = |size: u32, usual: u16| match u16::try_from(size).unwrap_or(u16::MAX) {
            0 => usual,
            size => size.min(1000),
        };
        let kind = text(kind.get(..MAX_ENV_TEXT).unwrap_or(kind));
        Self { kind, columns: side(columns, 80), rows: side(rows, 24) }
    }
}

impl Session {
    /// Whether a program was started.
    pub(super) fn is_started(&self) -> bool {
        !matches!(self.program, Program::None)
    }

    /// Whether it is a file transfer with several files at a time.
    pub(super) fn is_transfer(&self) -> bool {
        matches!(self.program, Program::Sftp(_))
    }

    /// Whether it has a terminal.
    pub(super) fn tty(&self) -> Tty {
        if self.terminal.is_some() { Tty::Some } else { Tty::None }
    }

    /// Bytes that are held for its program.
    pub(super) fn held(&self) -> usize {
        match &self.program {
            Program::Console(console) => console.held(),
            Program::Pour(pour) => pour.held(),
            Program::Scp(scp) => scp.held(),
            Program::Sftp(sftp) => sftp.held(),
            Program::Draw(_) | Program::Ended(_) | Program::None => 0,
        }
    }

    /// Keeps an environment variable.
    pub(super) fn set(&mut self, name: &[u8], value: &[u8]) {
        if self.env.len() < MAX_ENV {
            let cut = |bytes: &[u8]| text(bytes.get(..MAX_ENV_TEXT).unwrap_or(bytes));
            self.env.push((cut(name), cut(value)));
        }
    }

    /// Reports the environment that the visitor brought, when a program starts.
    pub(super) fn report_env(&mut self, reply: &mut Reply) {
        let env = std::mem::take(&mut self.env);
        if !env.is_empty() {
            reply.report(Report::new(Kind::Payload).data(Data::new().with("env", env)));
        }
    }

    /// Gives the program input, or none to let it go on with what it has. It prints some `room`
    /// bytes at most. The status, when it ended.
    pub(super) fn input(
        &mut self,
        bytes: &[u8],
        room: usize,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) -> Option<u8> {
        match &mut self.program {
            Program::Console(console) if !bytes.is_empty() => console.input(bytes, context, reply),
            Program::Console(_) | Program::Ended(_) | Program::None => None,
            Program::Draw(draw) => draw.send(room, context, reply),
            Program::Pour(pour) => {
                pour.input(bytes, context, reply);
                None
            }
            Program::Scp(scp) => scp.input(bytes, room, context, reply),
            Program::Sftp(sftp) => sftp.input(bytes, room, context, reply),
        }
    }

    /// The visitor has no more input. The status, when the program ended with it.
    pub(super) fn end_of_input(
        &mut self,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) -> Option<u8> {
        if let Program::Console(console) = &mut self.program {
            return console.end_of_input(context, reply);
        }
        if let Program::Pour(pour) = &mut self.program {
            let Poured { status, command } = pour.end(context, reply);
            let Some(command) = command else { return Some(status) };
            let mut console = Console::new(&self.user, 80, 24).on_pipes();
            let status = console.exec(command.as_bytes(), context, reply);
            let status = status.or_else(|| console.end_of_input(context, reply));
            self.program = Program::Console(Box::new(console));
            return status;
        }
        self.end(context, reply);
        match &self.program {
            Program::Scp(scp) => Some(scp.status()),
            Program::Sftp(_) => Some(0),
            Program::Console(_)
            | Program::Draw(_)
            | Program::Ended(_)
            | Program::None
            | Program::Pour(_) => None,
        }
    }

    /// The channel is gone, or at least its input.
    pub(super) fn end(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        match &mut self.program {
            // What was to follow does not, for nobody is there.
            Program::Pour(pour) => drop(pour.end(context, reply)),
            Program::Scp(scp) => scp.end(context, reply),
            Program::Sftp(sftp) => sftp.end(context, reply),
            Program::Console(console) => console.end(context, reply),
            Program::Draw(_) | Program::Ended(_) | Program::None => {}
        }
    }

    /// The time has passed that the program asked to wait. The status, when it ended.
    pub(super) fn wake(&mut self, context: &mut Context<'_>, reply: &mut Reply) -> Option<u8> {
        match &mut self.program {
            Program::Console(console) => console.wake(context, reply),
            Program::Ended(status) => Some(*status),
            Program::Draw(_)
            | Program::None
            | Program::Pour(_)
            | Program::Scp(_)
            | Program::Sftp(_) => None,
        }
    }
}
