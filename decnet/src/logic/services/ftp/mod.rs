//! FTP: logins, the files of the decky, and transfers over a connection of their own (RFC 959,
//! RFC 2389, RFC 2428, RFC 3659).
//!
//! From outside in: `lines` takes the control connection apart, `command` answers what needs no
//! data connection, `transfer` and `channel` are that connection; `words` is what each server
//! says. A decky never calls a visitor: `PORT` is answered as by a server whose call fails.

mod address;
mod channel;
mod command;
mod file;
mod lines;
mod list;
mod login;
mod passive;
mod place;
mod transfer;
mod words;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Accept, Context, DataEnd, Reply, Report, Service};
use crate::logic::event::{Data, Kind, Raw, text};
use lines::{Lines, Next};
use login::Decided;
pub use passive::ports as passive_ports;
use place::User;
use transfer::{Channel, Transfer};
use words::{Server, said};

/// Bytes of answers that are made at a time; the next command waits until they are sent.
const MAX_ANSWER: usize = 64 * 1024;
/// How often one and the same command is reported before its repetitions are only counted.
const OFTEN: u64 = 8;

/// What can be set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Which logins are let in.
    pub accept: Accept,
    /// Whether `anonymous` is let in, with any password; unless set, a printer's does.
    pub anonymous: Option<bool>,
}

/// One connection.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    server: Server,
    lines: Lines,
    stage: Stage,
    /// Who wants in, until the password comes.
    name: Option<String>,
    tries: u8,
    binary: bool,
    restart: u64,
    rename: Option<String>,
    /// Nothing but `EPSV` is taken.
    extended_only: bool,
    channel: Channel,
    transfer: Option<Transfer>,
    /// What is said when the transfer begins, and of what.
    opening: String,
    about: String,
    /// The last command, and how often it came.
    last: (String, u64),
}

/// How far a connection has come.
#[derive(Debug)]
enum Stage {
    Outside,
    /// The verdict waits for its time.
    Decided(Decided),
    Inside(User),
}

impl Session {
    /// A fresh connection.
    pub fn new(settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
            server: Server::Vsftpd,
            lines: Lines::default(),
            stage: Stage::Outside,
            name: None,
            tries: 0,
            binary: false,
            restart: 0,
            rename: None,
            extended_only: false,
            channel: Channel::None,
            transfer: None,
            opening: String::new(),
            about: String::new(),
            last: (String::new(), 0),
        }
    }

    /// Whether what comes must wait.
    fn is_busy(&self) -> bool {
        matches!(self.stage, Stage::Decided(_))
            || matches!(self.channel, Channel::Asked(_))
            || self.transfer.is_some()
    }

    /// Answers what waits, until something takes time.
    fn go_on(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        while !self.is_busy() && !reply.close {
            if reply.bytes.len() > MAX_ANSWER {
                // Woken once these are sent.
                reply.wait = Some(Duration::ZERO);
                return;
            }
            match self.lines.take() {
                Next::Line(line) => {
                    let line = lines::plain(&line, self.server, &mut reply.bytes);
                    if !line.is_empty() {
                        self.line(&line, context, reply);
                    }
                }
                Next::Nothing => return,
                Next::TooLong => {
                    self.say(self.server.words().too_long, "", context, reply);
                    reply.close = true;
                }
            }
        }
    }

    /// Sends a text, with what it is about in it.
    fn say(&self, text: &str, about: &str, context: &Context<'_>, reply: &mut Reply) {
        let decky = context.decky;
        let named = [
            ("{host}", decky.hostname.as_str()),
            ("{mode}", if self.binary { "BINARY" } else { "ASCII" }),
            ("{type}", if self.binary { "Image" } else { "ASCII" }),
            ("{model}", decky.persona.system),
            ("{version}", decky.persona.ftp.trim_matches(['(', ')'])),
        ];
        let mut text = text.replace("{peer}", &context.peer.ip().to_string());
        for (name, value) in named {
            if text.contains(name) {
                text = text.replace(name, value);
            }
        }
        reply.send(said(&text, about));
    }

    /// Reports a command; a flood of one and the same becomes one report with a count.
    fn note(&mut self, line: &[u8], data: Data, reply: &mut Reply) {
        let command = text(line);
        if command == self.last.0 {
            self.last.1 = self.last.1.saturating_add(1);
            if self.last.1 > OFTEN {
                return;
            }
        } else {
            self.count_repeated(reply);
            self.last = (command.clone(), 1);
        }
        let mut all = Data::new().with("command", command);
        if let Stage::Inside(user) = &self.stage {
            all.put("user", text(user.account.name.as_bytes()));
        }
        for (key, value) in data.iter() {
            all.put(key.to_owned(), value.clone());
        }
        let report = Report::new(Kind::CmdInput).data(all);
        let plain = line.iter().all(|byte| (b' '..0x7f).contains(byte));
        reply.report(if plain { report } else { report.raw(Raw::of(line)) });
    }

    /// Reports how often the last command was repeated beyond what was reported.
    fn count_repeated(&mut self, reply: &mut Reply) {
        let (command, seen) = std::mem::take(&mut self.last);
        if let Some(more) = seen.checked_sub(OFTEN).filter(|more| *more > 0) {
            let data = Data::new().with("command", command).with("repeated", more);
            reply.report(Report::new(Kind::CmdInput).data(data));
        }
    }
}

impl Service for Session {
    fn open(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        let persona = context.decky.persona;
        self.server = Server::of(persona);
        let banner = persona.ftp.replace("{host}", &context.decky.hostname);
        self.say(self.server.words().banner, &banner, context, reply);
    }

    fn receive(&mut self, bytes: &[u8], context: &mut Context<'_>, reply: &mut Reply) {
        if !self.lines.put(bytes) {
            reply.close = true;
            return;
        }
        if self.transfer.is_some() && self.server != Server::Vsftpd && self.lines.aborts() {
            self.abort(context, reply);
        }
        self.go_on(context, reply);
    }

    fn wake(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        if let Stage::Decided(_) = &self.stage
            && let Stage::Decided(decided) = std::mem::replace(&mut self.stage, Stage::Outside)
        {
            self.decide(&decided, context, reply);
        } else if matches!(self.channel, Channel::Expected) && self.transfer.is_some() {
            self.give_up(context, reply);
        }
        self.go_on(context, reply);
    }

    fn end(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        self.unreported_name(reply);
        self.count_repeated(reply);
        self.lose(context, reply);
    }

    fn held(&self) -> usize {
        let early = if let Channel::Open(early, _) = &self.channel { early.capacity() } else { 0 };
        self.lines.held() + early + self.transfer.as_ref().map_or(0, Transfer::held)
    }

    fn data_port(&mut self, port: Option<u16>, context: &mut Context<'_>, reply: &mut Reply) {
        self.tell_port(port, context, reply);
        self.go_on(context, reply);
    }

    fn data_open(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        self.channel = Channel::Open(Vec::new(), None);
        if self.transfer.is_some() {
            // The wait for it ends.
            reply.wait = Some(Duration::ZERO);
            self.begin(context, reply);
            self.go_on(context, reply);
        }
    }

    fn data_receive(&mut self, bytes: &[u8], context: &mut Context<'_>, reply: &mut Reply) {
        match (&mut self.transfer, &self.stage) {
            (Some(transfer), Stage::Inside(user)) => transfer.take(bytes, user, context, reply),
            (Some(_), _) => {}
            (None, _) if self.channel.early(bytes) => {}
            (None, _) => {
                self.channel = Channel::None;
                reply.data.close = true;
            }
        }
    }

    fn data_sent(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        self.send_on(context, reply);
        self.go_on(context, reply);
    }

    fn data_end(&mut self, how: DataEnd, context: &mut Context<'_>, reply: &mut Reply) {
        self.data_ended(how, context, reply);
        self.go_on(context, reply);
    }
}

#[cfg(test)]
mod tests;
