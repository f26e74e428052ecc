//! One connection: a socket, a service, and what may still be used up.

mod reason;
mod sending;

use std::io::{ErrorKind, Read as _};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use mio::net::TcpStream;

use super::data::DataConnection;
use super::outbox::Outbox;
use super::served::Decky;
use crate::edge::{clock, random};
use crate::logic::admission::Limits;
use crate::logic::event::{Data, Kind, Outcome, SessionId};
use crate::logic::services::{Context, Piece, Reply, Report, Service, ServiceKind};
use crate::logic::source::Source;
use crate::logic::time::Timestamp;
use crate::logic::wire::Reported;

pub(super) use reason::{After, Reason};

/// Bytes read at a time.
pub(super) const CHUNK: usize = 16 * 1024;
/// The fewest.
const BITE: usize = 512;
/// How long one connection may read and be answered before another has its turn.
const TURN: Duration = Duration::from_millis(1);
/// What a connection takes that holds nothing.
const FRAME: usize = 1_024;

/// The number of what comes with its report.
const AT_ONCE: u32 = 0;

/// A connection of a visitor.
pub(super) struct Connection {
    stream: TcpStream,
    decky: Rc<Decky>,
    kind: ServiceKind,
    service: Box<dyn Service>,
    session: SessionId,
    peer: SocketAddr,
    local: SocketAddr,
    source: Source,
    opened: Timestamp,
    since: Instant,
    pub(super) active: Instant,
    /// When something was last sent.
    pub(super) moved: Instant,
    /// The service has not been told yet that somebody is there.
    fresh: bool,
    /// Waits for its turn to calculate, and for nothing else.
    calculating: bool,
    /// Bytes to be read at a time: fewer where they are dear.
    bite: usize,
    /// Bytes that were held for it when that was last looked at.
    weight: usize,
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
        let source = decky.source(peer.ip());
        Self {
            stream,
            decky,
            kind,
            service,
            session: SessionId::new(opened, u16::from_ne_bytes(chance)),
            peer,
            local,
            source,
            opened,
            since: now,
            active: now,
            moved: now,
            fresh: true,
            calculating: false,
            bite: CHUNK,
            weight: 0,
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

    pub(super) fn source(&self) -> Source {
        self.source
    }

    /// Whether it waits for its turn to calculate.
    pub(super) fn calculates(&self) -> bool {
        self.calculating
    }

    /// Bytes that were held for it when that was last looked at.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// Looks how many bytes are held for it: before, and now.
    pub(super) fn weigh(&mut self) -> (usize, usize) {
        let held = self.unsent.capacity() + self.data.held() + self.service.held();
        let before = std::mem::replace(&mut self.weight, FRAME + held);
        (before, self.weight)
    }

    /// Begins: reports the connection and lets the service greet.
    fn open(&mut self, now: Instant, outbox: &mut Outbox) -> After {
        self.fresh = false;
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

    /// Goes on with what takes long, by one piece.
    pub(super) fn calculate(&mut self, now: Instant, outbox: &mut Outbox) -> After {
        self.calculating = false;
        self.respond(now, outbox, |service, context, reply| service.wake(context, reply))
    }

    /// Writes what is unsent and reads what has come, as much as one turn allows.
    pub(super) fn turn(
        &mut self,
        limits: &Limits,
        buffer: &mut [u8],
        now: Instant,
        outbox: &mut Outbox,
    ) -> After {
        if self.calculating {
            return self.send_owed();
        }
        if self.fresh {
            return self.open(now, outbox);
        }
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
        let mut at = now;
        while at < now + TURN {
            if let Some(after) = self.send() {
                return after;
            }
            let bite = buffer.get_mut(..self.bite).unwrap_or_default();
            let count = match self.stream.read(bite) {
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
            let after = self.respond(now, outbox, |service, context, reply| {
                service.receive(bytes, context, reply);
            });
            let then = Instant::now();
            self.learn(then.saturating_duration_since(at));
            at = then;
            if after != After::More {
                return after;
            }
        }
        After::More
    }

    /// Reads less at a time of what is dear, and more of what is not.
    fn learn(&mut self, cost: Duration) {
        if cost > TURN {
            self.bite = (self.bite / 2).max(BITE);
        } else if cost < TURN / 4 {
            self.bite = (self.bite * 2).min(CHUNK);
        }
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
        if std::mem::take(&mut self.fresh) {
            // The service never knew.
            self.put(Report::new(Kind::ConnOpen), self.opened, outbox);
        } else if reason != Reason::Fault {
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
            state.set_growth(decky.growth.get());
            let random = &mut |buffer: &mut [u8]| random::fill(buffer);
            let identity = &decky.identity;
            let mut context =
                Context { now, decky: identity, state: &mut state, random, local, peer };
            act(service, &mut context, &mut reply);
            reply
        }));
        match called {
            Ok(mut reply) => {
                for piece in reply.pieces.drain(..) {
                    outbox.piece(self.source, self.session, piece);
                }
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

    /// Says of a visitor that he is over the limits; the socket closes with the connection.
    pub(super) fn turned_away(self) -> Reported {
        self.reported(Report::new(Kind::ConnOpen).outcome(Outcome::Limited), self.opened)
    }

    fn put(&self, mut report: Report, at: Timestamp, outbox: &mut Outbox) {
        if let Some(whole) = report.raw.as_mut().and_then(|raw| raw.whole.take()) {
            // It is told of before anything else of that number begins.
            let piece = Piece { of: AT_ONCE, bytes: Some(whole.to_vec()) };
            outbox.piece(self.source, self.session, piece);
            report.whole = Some(AT_ONCE);
        }
        outbox.put(self.source, self.reported(report, at));
    }

    fn reported(&self, report: Report, at: Timestamp) -> Reported {
        Reported {
            decky: self.decky.id,
            at,
            service: self.kind,
            session: self.session,
            peer: self.peer,
            local: self.local,
            report,
        }
    }
}

#[cfg(test)]
mod tests;
