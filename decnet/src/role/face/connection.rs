//! One connection: a socket, a service, and what may still be used up.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use mio::net::TcpStream;

use super::data::DataConnection;
use super::outbox::Outbox;
use super::served::Decky;
use crate::edge::{clock, random, sockets};
use crate::logic::admission::Limits;
use crate::logic::event::{Data, Kind, Outcome, SessionId};
use crate::logic::services::{Context, Reply, Report, Service, ServiceKind};
use crate::logic::time::Timestamp;
use crate::logic::wire::Reported;

/// Bytes read at a time.
pub(super) const CHUNK: usize = 16 * 1024;
/// Chunks that one connection may have read before another has its turn.
const TURN: usize = 4;
/// Bytes that may wait for a visitor who does not read; until they are gone nothing is read.
const MAX_UNSENT: usize = 256 * 1024;

/// A connection of a visitor.
pub(super) struct Connection {
    stream: TcpStream,
    decky: Rc<Decky>,
    kind: ServiceKind,
    service: Box<dyn Service>,
    session: SessionId,
    peer: SocketAddr,
    local: SocketAddr,
    opened: Timestamp,
    since: Instant,
    pub(super) active: Instant,
    /// Waits until then before anything else is read.
    asleep: Option<Instant>,
    pub(super) data: DataConnection,
    unsent: Vec<u8>,
    sent: usize,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    /// Closes when everything is sent.
    closing: Option<Reason>,
    /// Closes with a reset.
    resets: bool,
    ended: bool,
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Bytes,
    Fault,
    Idle,
    Removed,
    Reset,
    Service,
    Time,
    Visitor,
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Fault => "fault",
            Self::Idle => "idle",
            Self::Removed => "removed",
            Self::Reset => "reset",
            Self::Service => "service",
            Self::Time => "time",
            Self::Visitor => "visitor",
        }
    }
}

/// What is to become of a connection after its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// It is over.
    Close(Reason),
    /// It has more to read, and wants another turn.
    More,
    /// It waits until then.
    Sleep(Instant),
    /// It waits for its socket.
    Wait,
}

impl Connection {
    pub(super) fn new(
        stream: TcpStream,
        decky: Rc<Decky>,
        kind: ServiceKind,
        service: Box<dyn Service>,
        [local, peer]: [SocketAddr; 2],
        now: Instant,
    ) -> Self {
        let mut chance = [0; 2];
        random::fill(&mut chance);
        let opened = clock::now();
        Self {
            stream,
            decky,
            kind,
            service,
            session: SessionId::new(opened, u16::from_ne_bytes(chance)),
            peer,
            local,
            opened,
            since: now,
            active: now,
            asleep: None,
            data: DataConnection::default(),
            unsent: Vec::new(),
            sent: 0,
            bytes_in: 0,
            bytes_out: 0,
            closing: None,
            resets: false,
            ended: false,
        }
    }

    pub(super) fn decky(&self) -> &Rc<Decky> {
        &self.decky
    }

    pub(super) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Begins: reports the connection and lets the service greet.
    pub(super) fn open(&mut self, now: Instant, outbox: &mut Outbox) -> After {
        self.put(Report::new(Kind::ConnOpen), self.opened, outbox);
        self.respond(now, outbox, |service, context, reply| service.open(context, reply))
    }

    /// Calls the service and does what it asks for.
    pub(super) fn respond(
        &mut self,
        now: Instant,
        outbox: &mut Outbox,
        act: impl FnOnce(&mut dyn Service, &mut Context<'_>, &mut Reply),
    ) -> After {
        match self.call(outbox, act) {
            Some(reply) => self.apply(reply, now),
            None => After::Close(Reason::Fault),
        }
    }

    /// Writes what is unsent and reads what has come, as much as one turn allows.
    pub(super) fn turn(
        &mut self,
        limits: &Limits,
        buffer: &mut [u8],
        now: Instant,
        outbox: &mut Outbox,
    ) -> After {
        if let Some(at) = self.asleep {
            if at > now {
                return self.send_asleep(at);
            }
            if let Some(after) = self.send() {
                return after;
            }
            self.asleep = None;
            match self.respond(now, outbox, |service, context, reply| service.wake(context, reply))
            {
                After::More | After::Wait => {}
                after => return after,
            }
        }
        for _ in 0..TURN {
            if let Some(after) = self.send() {
                return after;
            }
            let count = match self.stream.read(buffer) {
                Ok(0) => return self.finish(Reason::Visitor, outbox),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return After::Wait,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return After::Close(Reason::Reset),
            };
            self.active = now;
            self.bytes_in += count as u64;
            if self.bytes_in > limits.bytes || self.bytes_out > limits.bytes {
                return After::Close(Reason::Bytes);
            }
            let bytes = buffer.get(..count).unwrap_or_default();
            match self.respond(now, outbox, |service, context, reply| {
                service.receive(bytes, context, reply);
            }) {
                After::More => {}
                after => return after,
            }
        }
        After::More
    }

    /// Whether its time is up.
    pub(super) fn expired(&self, limits: &Limits, now: Instant) -> Option<Reason> {
        if now.duration_since(self.since) >= Duration::from_secs(limits.session_secs) {
            return Some(Reason::Time);
        }
        let idle = now.duration_since(self.active) >= Duration::from_secs(limits.idle_secs);
        idle.then_some(Reason::Idle)
    }

    /// Ends: lets the service report what it still has, and reports the end.
    pub(super) fn close(&mut self, reason: Reason, outbox: &mut Outbox) {
        if reason != Reason::Fault {
            drop(self.end(outbox));
        }
        let data = Data::new()
            .with("reason", reason.as_str())
            .with("bytes_in", self.bytes_in)
            .with("bytes_out", self.bytes_out)
            .with(
                "duration_ms",
                clock::now().since(self.opened).as_millis().try_into().unwrap_or(u64::MAX),
            );
        let report = Report::new(Kind::ConnClose).data(data);
        let report =
            if reason == Reason::Fault { report.outcome(Outcome::Failure) } else { report };
        self.put(report, clock::now(), outbox);
    }

    /// The visitor is done sending: the service may say a last word, which is sent before closing.
    fn finish(&mut self, reason: Reason, outbox: &mut Outbox) -> After {
        let Some(reply) = self.end(outbox) else { return After::Close(Reason::Fault) };
        self.unsent.extend_from_slice(&reply.bytes);
        self.closing = Some(reason);
        self.send().unwrap_or(After::Wait)
    }

    fn end(&mut self, outbox: &mut Outbox) -> Option<Reply> {
        if std::mem::replace(&mut self.ended, true) {
            return Some(Reply::default());
        }
        self.call(outbox, |service, context, reply| service.end(context, reply))
    }

    /// Does what the service asked for.
    fn apply(&mut self, mut reply: Reply, now: Instant) -> After {
        self.data.take(&mut reply);
        self.unsent.extend_from_slice(&reply.bytes);
        if reply.reset {
            sockets::reset_when_closed(&self.stream);
            self.resets = true;
        }
        if reply.close {
            self.closing = Some(Reason::Service);
        } else if let Some(wait) = reply.wait {
            let at = now + wait;
            self.asleep = Some(at);
            return self.send_asleep(at);
        }
        self.send().unwrap_or(After::More)
    }

    /// Sends what is unsent of a connection that waits until `at`, and whatever becomes of that,
    /// waits.
    fn send_asleep(&mut self, at: Instant) -> After {
        match self.send() {
            Some(After::Close(reason)) => After::Close(reason),
            _ => After::Sleep(at),
        }
    }

    /// Sends what is unsent. `None` when the connection can go on.
    fn send(&mut self) -> Option<After> {
        while let Some(rest) = self.unsent.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(count) => {
                    self.sent += count;
                    self.bytes_out += count as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let much = self.unsent.len() - self.sent > MAX_UNSENT;
                    return (much || self.closing.is_some()).then_some(After::Wait);
                }
                Err(_) => return Some(After::Close(Reason::Reset)),
            }
        }
        self.unsent.clear();
        self.sent = 0;
        let reason = self.closing?;
        if !self.resets {
            // What cannot be shut down is gone already.
            drop(self.stream.shutdown(Shutdown::Write));
        }
        Some(After::Close(reason))
    }

    /// Calls the service. When it panics, its connection ends and nobody else's.
    fn call(
        &mut self,
        outbox: &mut Outbox,
        act: impl FnOnce(&mut dyn Service, &mut Context<'_>, &mut Reply),
    ) -> Option<Reply> {
        let now = clock::now();
        let service = self.service.as_mut();
        let (decky, local, peer) = (&self.decky, self.local, self.peer);
        let called = catch_unwind(AssertUnwindSafe(|| {
            let mut reply = Reply::default();
            let mut state = decky.state.borrow_mut();
            let random = &mut |buffer: &mut [u8]| random::fill(buffer);
            let identity = &decky.identity;
            let mut context =
                Context { now, decky: identity, state: &mut state, random, local, peer };
            act(service, &mut context, &mut reply);
            reply
        }));
        match called {
            Ok(mut reply) => {
                for report in reply.reports.drain(..) {
                    self.put(report, now, outbox);
                }
                Some(reply)
            }
            Err(_) => {
                tracing::error!(decoy = %self.decky.identity.name, service = %self.kind, "a service failed, closing its connection");
                None
            }
        }
    }

    /// Reports a visitor who is over the limits; the socket closes with the connection.
    pub(super) fn turn_away(&self, outbox: &mut Outbox) {
        self.put(Report::new(Kind::ConnOpen).outcome(Outcome::Limited), self.opened, outbox);
    }

    fn put(&self, report: Report, at: Timestamp, outbox: &mut Outbox) {
        outbox.put(Reported {
            decky: self.decky.id,
            at,
            service: self.kind,
            session: self.session,
            peer: self.peer,
            local: self.local,
            report,
        });
    }
}

#[cfg(test)]
mod tests;
