//! Telnet: options, a login, and then the same shell as behind ssh.
//!
//! From outside in: `wire` takes bytes apart, `opening` is the haggling over options that each
//! system's server begins with (it is the server's fingerprint), `login` asks for name and
//! password.

mod login;
mod opening;
mod wire;

use serde::{Deserialize, Serialize};

use super::{Accept, Context, Reply, Service};
use crate::logic::shell::Console;
use login::{Login, Verdict};
use opening::Opening;
use wire::{Event, Wire};

/// What can be set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Which logins are let in.
    pub accept: Accept,
}

/// One connection.
#[derive(Debug)]
pub struct Session {
    wire: Wire,
    opening: Opening,
    login: Login,
    stage: Stage,
}

/// How far a connection has come.
#[derive(Debug)]
enum Stage {
    /// Options are haggled over.
    Opening,
    /// A name or a password is typed.
    Login,
    /// The visitor is in.
    Inside(Box<Console>),
}

impl Session {
    /// A fresh connection.
    pub fn new(settings: &Settings) -> Self {
        Self {
            wire: Wire::default(),
            opening: Opening::default(),
            login: Login::new(settings.accept.clone()),
            stage: Stage::Opening,
        }
    }

    /// Looks at a command of the client.
    fn command(&mut self, event: &Event, reply: &mut Reply) {
        self.opening.event(event, &mut reply.bytes);
        if let (Some((columns, rows)), Stage::Inside(console)) =
            (self.opening.take_size(), &mut self.stage)
        {
            console.resize(columns, rows);
        }
    }

    /// Passes on what was typed.
    fn typed(&mut self, bytes: &[u8], context: &mut Context<'_>, reply: &mut Reply) {
        let mut rest = bytes.iter();
        while matches!(self.stage, Stage::Login)
            && let Some(byte) = rest.next()
        {
            if let Some(verdict) = self.login.typed(*byte, &self.opening, context, reply) {
                self.judged(verdict, context, reply);
            }
        }
        if let Stage::Inside(console) = &mut self.stage
            && !rest.as_slice().is_empty()
        {
            inside(console, reply, |console, reply| console.input(rest.as_slice(), context, reply));
        }
    }

    /// Goes on to the login when the options are settled.
    fn advance(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        if !matches!(self.stage, Stage::Opening) || !self.opening.step(&mut reply.bytes) {
            return;
        }
        self.stage = Stage::Login;
        if let Some(verdict) = self.login.begin(&self.opening, context, reply) {
            self.judged(verdict, context, reply);
        }
    }

    fn judged(&mut self, verdict: Verdict, context: &mut Context<'_>, reply: &mut Reply) {
        match verdict {
            Verdict::Leave => reply.close = true,
            Verdict::Enter(user) => {
                let (columns, rows) = self.opening.size();
                let mut console = Console::new(&user, columns, rows)
                    .on_terminal(self.opening.terminal())
                    .after_login();
                if !self.opening.echoes() {
                    console = console.without_echo();
                }
                inside(&mut console, reply, |console, reply| {
                    console.open(context, reply);
                    None
                });
                self.stage = Stage::Inside(Box::new(console));
            }
        }
    }
}

impl Service for Session {
    fn open(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        self.opening = Opening::of(context.decky.persona);
        self.opening.begin(&mut reply.bytes);
        self.advance(context, reply);
    }

    fn receive(&mut self, bytes: &[u8], context: &mut Context<'_>, reply: &mut Reply) {
        // What comes in one piece is answered in one piece, as by a server that reads all it can.
        let mut typed = Vec::new();
        for byte in bytes {
            match self.wire.take(*byte) {
                None => {}
                Some(Event::Byte(byte)) => typed.push(byte),
                Some(event) => self.command(&event, reply),
            }
        }
        self.advance(context, reply);
        // Who types without having answered is no telnet client: it is asked all the same.
        if !typed.is_empty() && matches!(self.stage, Stage::Opening) {
            self.opening.give_up();
            self.advance(context, reply);
        }
        self.typed(&typed, context, reply);
    }

    fn wake(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        match &mut self.stage {
            Stage::Opening => {}
            Stage::Login => {
                if let Some(verdict) = self.login.wake(context, reply) {
                    self.judged(verdict, context, reply);
                }
                let ahead = self.login.take_ahead();
                self.typed(&ahead, context, reply);
            }
            Stage::Inside(console) => {
                inside(console, reply, |console, reply| console.wake(context, reply));
            }
        }
    }

    fn held(&self) -> usize {
        if let Stage::Inside(console) = &self.stage { console.held() } else { 0 }
    }

    fn end(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        match &mut self.stage {
            Stage::Opening => {}
            Stage::Login => self.login.end(reply),
            Stage::Inside(console) => console.end(context, reply),
        }
    }
}

/// Lets the console act, and sends what it shows with each 0xff doubled (RFC 854).
fn inside(
    console: &mut Console,
    reply: &mut Reply,
    act: impl FnOnce(&mut Console, &mut Reply) -> Option<u8>,
) {
    let mut inner = Reply::default();
    let ended = act(console, &mut inner);
    for byte in inner.bytes {
        if byte == wire::IAC {
            reply.bytes.push(wire::IAC);
        }
        reply.bytes.push(byte);
    }
    reply.reports.append(&mut inner.reports);
    reply.wait = inner.wait;
    reply.close |= ended.is_some();
}

#[cfg(test)]
mod tests;
