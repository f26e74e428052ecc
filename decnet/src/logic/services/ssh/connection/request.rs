//! Requests to a channel: a terminal, an environment, a program.

use super::super::draw::Draw;
use super::super::fault::Fault;
use super::super::link::Link;
use super::super::pour::Pour;
use super::super::profile::Extras;
use super::super::scp::Scp;
use super::super::sftp::Sftp;
use super::super::wire::Reader;
use super::Connection;
use super::channel::{Exit, Purpose};
use super::session::{Program, Terminal};
use crate::logic::event::text;
use crate::logic::services::Report;
use crate::logic::services::account::Account;
use crate::logic::shell::Console;

/// What a request came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// Nothing can be done about it.
    Failure,
    /// Done, or at least not refused.
    Success,
    /// A program is to be started.
    Start(Start),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    Exec,
    Sftp,
    Shell,
}

impl Connection {
    /// A `SSH_MSG_CHANNEL_REQUEST`.
    pub(super) fn request(
        &mut self,
        mut reader: Reader<'_>,
        link: &mut Link<'_, '_>,
    ) -> Result<(), Fault> {
        let at = reader.u32()?;
        let kind = reader.text()?;
        let wants_answer = reader.flag()?;
        let Some(channel) = self.channel(at) else {
            let why = format!("server_input_channel_req: unknown channel {at}");
            return Err(Fault::Disconnect(why));
        };
        let Purpose::Session(session) = &channel.purpose else {
            if wants_answer {
                channel.answer(false, link);
            }
            return Ok(());
        };
        let is_started = session.is_started();
        let enough = self.transfers_enough();
        let (answer, command) = if is_started {
            (self.later(at, kind, reader, link)?, &[] as &[u8])
        } else {
            self.early(at, kind, reader)?
        };
        if let Answer::Start(start) = answer
            && !(enough && start == Start::Sftp)
        {
            self.start(at, start, command, wants_answer, link);
            return Ok(());
        }
        if wants_answer && let Some(channel) = self.channel(at) {
            channel.answer(answer == Answer::Success, link);
        }
        Ok(())
    }

    /// A request before a program runs. A command comes with it.
    fn early<'a>(
        &mut self,
        at: u32,
        kind: &[u8],
        mut reader: Reader<'a>,
    ) -> Result<(Answer, &'a [u8]), Fault> {
        let extras = self.profile.extras;
        let Some(Purpose::Session(session)) = self.channel(at).map(|channel| &mut channel.purpose)
        else {
            return Ok((Answer::Failure, &[]));
        };
        let answer = match kind {
            b"pty-req" => {
                let kind = reader.text()?;
                let size = Terminal::new(kind, reader.u32()?, reader.u32()?);
                let (_width, _height, _modes) = (reader.u32()?, reader.u32()?, reader.string()?);
                reader.end()?;
                if session.terminal.is_some() {
                    let why = "Protocol error: you already have a pty.";
                    return Err(Fault::Disconnect(why.to_owned()));
                }
                session.terminal = Some(size);
                Answer::Success
            }
            b"env" => {
                let (name, value) = (reader.text()?, reader.text()?);
                reader.end()?;
                session.set(name, value);
                let is_locale = name == b"LANG" || name.starts_with(b"LC_");
                if is_locale && extras == Extras::Debian {
                    Answer::Success
                } else {
                    Answer::Failure
                }
            }
            b"x11-req" => {
                reader.flag()?;
                let (_protocol, _cookie, _screen) = (reader.text()?, reader.text()?, reader.u32()?);
                reader.end()?;
                if extras == Extras::Debian { Answer::Success } else { Answer::Failure }
            }
            b"auth-agent-req@openssh.com" => {
                reader.end()?;
                Answer::Success
            }
            b"window-change" => resized(&mut session.terminal, reader)?,
            b"shell" => {
                reader.end()?;
                Answer::Start(Start::Shell)
            }
            b"subsystem" => {
                let name = reader.text()?;
                reader.end()?;
                if name == b"sftp" { Answer::Start(Start::Sftp) } else { Answer::Failure }
            }
            b"exec" => {
                let command = reader.text()?;
                reader.end()?;
                return Ok((Answer::Start(Start::Exec), command));
            }
            _ => Answer::Failure,
        };
        Ok((answer, &[]))
    }

    /// A request to a program that runs.
    fn later(
        &mut self,
        at: u32,
        kind: &[u8],
        mut reader: Reader<'_>,
        link: &mut Link<'_, '_>,
    ) -> Result<Answer, Fault> {
        let Some(channel) = self.channel(at) else { return Ok(Answer::Failure) };
        let Purpose::Session(session) = &mut channel.purpose else { return Ok(Answer::Failure) };
        match kind {
            b"window-change" => {
                let answer = resized(&mut session.terminal, reader)?;
                if let (Program::Console(console), Some(size)) =
                    (&mut session.program, &session.terminal)
                {
                    console.resize(size.columns, size.rows);
                }
                Ok(answer)
            }
            b"signal" => {
                let name = reader.text()?;
                reader.end()?;
                let tty = session.tty();
                let deadly = ["HUP", "KILL", "TERM"].into_iter().find(|it| it.as_bytes() == name);
                if let Some(name) = deadly {
                    channel.exit(Exit::Signal(name), tty, link);
                } else if name == b"INT" {
                    self.input(at, b"\x03", link)?;
                }
                Ok(Answer::Success)
            }
            _ => Ok(Answer::Failure),
        }
    }

    /// Starts a program.
    fn start(
        &mut self,
        at: u32,
        start: Start,
        command: &[u8],
        wants_answer: bool,
        link: &mut Link<'_, '_>,
    ) {
        let user = self.user.clone();
        let Some(channel) = self.channel(at) else { return };
        channel.open_window(link);
        if wants_answer {
            channel.answer(true, link);
        }
        let Purpose::Session(session) = &mut channel.purpose else { return };
        session.report_env(link.reply);
        let tty = session.tty();
        let account = Account::of(&user, link.context);
        let piped = matches!(start, Start::Exec) && session.terminal.is_none();
        let poured = if piped { Pour::of(command, &account, link.context) } else { None };
        let drawn = if piped { Draw::of(command, &account, link.context) } else { None };
        session.user.clone_from(&user);
        let (status, output) = match start {
            Start::Shell => {
                let mut console = console(&user, session.terminal.as_ref());
                let ((), output) = link.run(|context, reply| console.open(context, reply));
                session.program = Program::Console(Box::new(console));
                (None, output)
            }
            Start::Sftp => {
                link.reply.report(command_report(b"sftp-server"));
                session.program = Program::Sftp(Box::new(Sftp::new(account)));
                (None, Vec::new())
            }
            Start::Exec if poured.is_some() => {
                link.reply.report(shell_report(command, &user));
                session.program =
                    poured.map_or(Program::None, |pour| Program::Pour(Box::new(pour)));
                (None, Vec::new())
            }
            Start::Exec if drawn.is_some() => {
                link.reply.report(shell_report(command, &user));
                let Some(mut draw) = drawn else { return };
                let room = channel.room();
                let Purpose::Session(session) = &mut channel.purpose else { return };
                let (status, output) = link.run(|context, reply| draw.send(room, context, reply));
                session.program = Program::Draw(Box::new(draw));
                (status, output)
            }
            Start::Exec => match Scp::of(command, &account) {
                Some(scp) => {
                    link.reply.report(command_report(command));
                    let ((), output) = link.run(|_, reply| scp.open(reply));
                    session.program = Program::Scp(Box::new(scp));
                    (None, output)
                }
                None => {
                    let mut console = console(&user, session.terminal.as_ref());
                    let (status, output) =
                        link.run(|context, reply| console.exec(command, context, reply));
                    session.program = Program::Console(Box::new(console));
                    (status, output)
                }
            },
        };
        self.after(usize::try_from(at).unwrap_or(usize::MAX), status, &output, tty, link);
    }
}

/// A `window-change`, which OpenSSH never refuses.
fn resized(terminal: &mut Option<Terminal>, mut reader: Reader<'_>) -> Result<Answer, Fault> {
    let (columns, rows) = (reader.u32()?, reader.u32()?);
    let (_width, _height) = (reader.u32()?, reader.u32()?);
    reader.end()?;
    if let Some(terminal) = terminal {
        *terminal = Terminal::new(terminal.kind.as_bytes(), columns, rows);
    }
    Ok(Answer::Success)
}

/// A shell on the terminal that was asked for, or on pipes.
fn console(user: &str, terminal: Option<&Terminal>) -> Console {
    match terminal {
        Some(Terminal { kind, columns, rows }) => {
            Console::new(user, *columns, *rows).on_terminal(kind)
        }
        None => Console::new(user, 80, 24).on_pipes(),
    }
}

/// The report of a command that a shell would run.
fn shell_report(command: &[u8], user: &str) -> Report {
    let mut report = command_report(command);
    report.data.put("user", text(user.as_bytes()));
    report
}

/// The report of a program that is no shell.
fn command_report(command: &[u8]) -> Report {
    Report::command(command)
}
