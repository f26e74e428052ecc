//! Secure shell: an SSH-2 server that introduces itself, exchanges keys and refuses nonsense as
//! the persona's own server does, records every login, and lets some in, to a shell that is not
//! there.
//!
//! ```text
//! bytes -> ident -> packet -> transport (kex, hostkey) -> auth -> connection -> programs
//! ```
//!
//! The wire is written here and nowhere else, because a visitor compares it with the real server's;
//! ciphers, hashes and curves come from the RustCrypto and dalek crates. Whatever a visitor sends,
//! a connection holds at most a packet, a line and the output that was not yet read.

mod auth;
mod connection;
mod delay;
mod draw;
mod fault;
mod fingerprint;
#[cfg(fuzzing)]
pub mod fuzzing;
mod hostkey;
mod ident;
mod kex;
mod link;
mod number;
mod packet;
mod pour;
mod profile;
mod random;
mod scp;
mod sftp;
mod transport;
mod wire;
mod zlib;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Accept, Context, Reply, Report, Service};
use crate::logic::event::{Data, Kind, Outcome, text};
use auth::{Auth, Decision, Verdict};
use connection::Connection;
use fault::Fault;
use ident::Unread;
use link::Link;
use packet::Packet;
use profile::{Maker, Profile};
use random::Random;
use transport::{Step, Transport};
use wire::{Reader, Writer};

pub use hostkey::Keys;

/// Most that is reported of one connection; whatever comes beyond was said often enough.
const MAX_REPORTS: usize = 4096;

/// What can be set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Which passwords are let in.
    pub accept: Accept,
    /// What becomes of connections that a visitor wants made for it.
    pub forward: Forwarding,
}

/// What becomes of connections that a visitor wants made for it; none ever is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Forwarding {
    /// They are refused.
    Refuse,
    /// They seem to be made, and what is sent through them is recorded.
    #[default]
    Sink,
}

/// One connection.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    /// What there is once the persona is known, which a context tells.
    server: Option<Box<Server>>,
    /// How often something was reported; one more than is wanted once that was said.
    reported: usize,
}

#[derive(Debug)]
struct Server {
    settings: Settings,
    profile: &'static Profile,
    transport: Transport,
    stage: Stage,
    pending: Option<Pending>,
}

/// How far the visitor has come.
#[derive(Debug)]
enum Stage {
    /// It has a connection, and nothing that it may do with it.
    Anonymous,
    /// It may log in.
    Auth(Box<Auth>),
    /// It has logged in.
    Open(Box<Connection>),
    /// It is gone, or will be once it has read our last words.
    Over,
}

/// What to do when the time has passed that was asked to wait.
#[derive(Debug)]
enum Pending {
    /// Say hello.
    Greeting,
    /// Tell the host keys to a client that has logged in.
    HostKeys,
    /// Let a program go on.
    Program,
    /// Go on with the transport: with an offer, with a key, with what is exchanged for one.
    Step,
    /// Say how a login ended.
    Verdict(Decision),
}

impl Session {
    /// A fresh connection.
    pub fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone(), server: None, reported: 0 }
    }
}

impl Service for Session {
    fn open(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        self.server(context).open(context, reply);
    }

    fn receive(&mut self, bytes: &[u8], context: &mut Context<'_>, reply: &mut Reply) {
        let server = self.server(context);
        server.transport.push(bytes);
        server.run(context, reply);
        self.count(reply);
    }

    fn wake(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        self.server(context).wake(context, reply);
        self.count(reply);
    }

    fn held(&self) -> usize {
        self.server.as_ref().map_or(0, |server| server.held())
    }

    fn end(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        let Some(server) = &mut self.server else { return };
        server.end(context, reply);
        self.count(reply);
    }
}

impl Session {
    /// Lets no more be reported than is wanted, and says once that there was more.
    fn count(&mut self, reply: &mut Reply) {
        let room = MAX_REPORTS.saturating_sub(self.reported);
        if reply.reports.len() <= room {
            self.reported = self.reported.saturating_add(reply.reports.len());
            return;
        }
        reply.reports.truncate(room);
        if self.reported <= MAX_REPORTS {
            let data = Data::new().with("reports", MAX_REPORTS);
            reply.report(Report::new(Kind::Payload).outcome(Outcome::Limited).data(data));
        }
        self.reported = MAX_REPORTS + 1;
    }

    fn server(&mut self, context: &Context<'_>) -> &mut Server {
        let settings = &self.settings;
        self.server.get_or_insert_with(|| {
            let profile = profile::of(context.decky.persona);
            Box::new(Server {
                settings: settings.clone(),
                profile,
                transport: Transport::new(profile, context.decky.persona.ssh),
                stage: Stage::Anonymous,
                pending: None,
            })
        })
    }
}

impl Server {
    fn held(&self) -> usize {
        let stage = if let Stage::Open(connection) = &self.stage { connection.held() } else { 0 };
        size_of::<Self>() + self.transport.held() + stage
    }

    fn open(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        let random = &mut Random::new(context.random);
        self.wait(delay::greeting(&context.decky.secret, random), Pending::Greeting, reply);
    }

    fn wake(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        match self.pending.take() {
            Some(Pending::Greeting) => self.transport.open(context, reply),
            Some(Pending::HostKeys) => self.tell_host_keys(context, reply),
            Some(Pending::Program) => {
                if let Stage::Open(connection) = &mut self.stage {
                    connection.wake(&mut Link { transport: &mut self.transport, context, reply });
                    self.check_wait(reply);
                }
            }
            Some(Pending::Step) | None => {}
            Some(Pending::Verdict(decision)) => self.decided(decision, context, reply),
        }
        self.run(context, reply);
    }

    /// Goes on with what has arrived until it is used up or something must be waited for.
    fn run(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        while self.pending.is_none() && !matches!(self.stage, Stage::Over) {
            let done = match self.transport.step(context, reply) {
                Ok(Step::Busy) => {
                    self.calculate(Pending::Step, reply);
                    return;
                }
                Ok(Step::Idle) => return,
                Ok(Step::Think) => {
                    let random = &mut Random::new(context.random);
                    let time = delay::offer(&context.decky.secret, random);
                    self.wait(time, Pending::Step, reply);
                    return;
                }
                Ok(Step::Message(packet)) => self.message(&packet, context, reply),
                Err(fault) => Err(fault),
            };
            if let Err(fault) = done {
                self.fail(fault, context, reply);
            }
        }
    }

    fn message(
        &mut self,
        packet: &Packet,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) -> Result<(), Fault> {
        if let Stage::Open(connection) = &mut self.stage {
            let link = &mut Link { transport: &mut self.transport, context, reply };
            connection.message(packet, link)?;
            self.check_wait(reply);
            return Ok(());
        }
        let verdict = match (packet.kind(), &mut self.stage) {
            (number::SERVICE_REQUEST, _) => return self.service(packet.body(), context, reply),
            (number::USERAUTH_REQUEST, Stage::Auth(auth)) => {
                let hostname = &context.decky.hostname;
                auth.request(packet.body(), &self.settings.accept, hostname, reply)?
            }
            (number::USERAUTH_INFO_RESPONSE, Stage::Auth(auth)) if auth.is_asking() => {
                auth.response(packet.body(), &self.settings.accept, reply)?
            }
            _ => {
                self.transport.unimplemented(packet.seq, context, reply);
                return Ok(());
            }
        };
        match verdict {
            Verdict::Ask(question) => self.transport.send(question, context, reply),
            Verdict::Decided(decision, attempt) => {
                let Stage::Auth(auth) = &self.stage else { return Ok(()) };
                let random = &mut Random::new(context.random);
                let secret = &context.decky.secret;
                let time = delay::attempt(attempt, self.profile, auth.user(), secret, random);
                self.wait(time, Pending::Verdict(decision), reply);
            }
        }
        Ok(())
    }

    /// A `SSH_MSG_SERVICE_REQUEST`: one may only log in.
    fn service(
        &mut self,
        body: &[u8],
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) -> Result<(), Fault> {
        let mut reader = Reader::new(body);
        let name = reader.text()?;
        reader.end()?;
        if name != b"ssh-userauth" {
            return Err(Fault::Disconnect(format!("bad service request {}", text(name))));
        }
        if matches!(self.stage, Stage::Anonymous) {
            self.stage = Stage::Auth(Box::new(Auth::new(self.profile)));
        }
        let message = Writer::message(number::SERVICE_ACCEPT).string(name);
        self.transport.send(message, context, reply);
        Ok(())
    }

    /// Says how a login ended.
    fn decided(&mut self, decision: Decision, context: &mut Context<'_>, reply: &mut Reply) {
        let Stage::Auth(auth) = &self.stage else { return };
        match decision {
            Decision::End(fault) => self.fail(fault, context, reply),
            Decision::Failure => self.transport.send(auth.failure(), context, reply),
            Decision::Success => {
                let user = text(auth.user());
                self.transport.send(Writer::message(number::USERAUTH_SUCCESS), context, reply);
                self.transport.logged_in();
                let connection = Connection::new(self.profile, user, self.settings.forward);
                self.stage = Stage::Open(Box::new(connection));
                if self.profile.tells_host_keys(self.transport.client()) {
                    self.tell_host_keys(context, reply);
                }
            }
        }
    }

    /// Tells a client all host keys, so that it may learn new ones (OpenSSH, PROTOCOL section
    /// 2.5). They must all be there for that.
    fn tell_host_keys(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        let Ok(keys) = context.state.ssh.all(self.profile, &context.decky.secret) else {
            return self.calculate(Pending::HostKeys, reply);
        };
        let message = Writer::message(number::GLOBAL_REQUEST);
        let message = message.string("hostkeys-00@openssh.com").flag(false);
        let message = keys.iter().fold(message, Writer::string);
        self.transport.send(message, context, reply);
    }

    /// Ends the connection from our side.
    fn fail(&mut self, fault: Fault, context: &mut Context<'_>, reply: &mut Reply) {
        match fault {
            Fault::Disconnect(why) => self.transport.disconnect(&why, context, reply),
            // dropbear takes from the kernel only what it is about to look at.
            Fault::Drop | Fault::TooLong(_) => {
                if let Fault::TooLong(length) = fault {
                    let data =
                        Data::new().with("malformed", "packet too long").with("bytes", length);
                    reply.report(Report::new(Kind::Payload).data(data));
                }
                reply.reset = self.profile.maker == Maker::Dropbear && self.transport.has_unread();
            }
            Fault::Line(line, unread) => {
                reply.send(line);
                reply.reset = unread == Unread::Some;
            }
        }
        reply.close = true;
        reply.wait = None;
        reply.calculate = false;
        self.pending = None;
        self.end(context, reply);
    }

    /// The connection is gone.
    fn end(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Auth(mut auth) => auth.end(reply),
            Stage::Open(mut connection) => connection.end(context, reply),
            Stage::Anonymous | Stage::Over => {}
        }
    }

    fn wait(&mut self, time: Duration, pending: Pending, reply: &mut Reply) {
        reply.wait = Some(time);
        self.pending = Some(pending);
    }

    /// Asks for this visitor's turn to have something calculated.
    fn calculate(&mut self, pending: Pending, reply: &mut Reply) {
        reply.calculate = true;
        self.pending = Some(pending);
    }

    /// A program may have asked to wait.
    fn check_wait(&mut self, reply: &Reply) {
        if reply.wait.is_some() {
            self.pending = Some(Pending::Program);
        }
    }
}

#[cfg(test)]
mod tests;
