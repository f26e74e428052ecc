//! The data connection beside a connection: a second socket of the same visitor and service.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::Shutdown;
use std::time::Instant;

use mio::net::TcpStream;

use super::connection::{After, Connection, Reason};
use super::outbox::Outbox;
use crate::logic::admission::Limits;
use crate::logic::services::{DataEnd, Listen, Reply};

/// Chunks that it may have read or written before another has its turn.
const TURN: usize = 4;

/// A data connection, or the want of one.
#[derive(Default)]
pub(super) struct DataConnection {
    stream: Option<TcpStream>,
    unsent: Vec<u8>,
    sent: usize,
    /// Closes when everything is sent.
    closing: bool,
    /// The visitor has sent its last byte.
    finished: bool,
    /// The port at which it is waited for.
    pub(super) port: Option<u16>,
    wish: Wish,
}

/// What is to be done about where it is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Wish {
    #[default]
    Nothing,
    /// Wait for one, and no more for the one before.
    Start,
    /// Wait no more.
    Stop,
}

/// What is to become of a data connection after its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DataAfter {
    /// It has more to do, and wants another turn.
    More,
    /// It waits for its socket, or is gone.
    Wait,
}

impl DataConnection {
    /// Takes what a service wants of it.
    pub(super) fn take(&mut self, reply: &mut Reply) {
        if reply.data.listen == Listen::Start {
            self.close();
            self.wish = Wish::Start;
            return;
        }
        if self.stream.is_some() {
            self.unsent.append(&mut reply.data.bytes);
            self.closing |= reply.data.close;
        }
        if reply.data.close && self.port.is_some() {
            self.wish = Wish::Stop;
        }
    }

    /// What is to be done, once.
    pub(super) fn wish(&mut self) -> Wish {
        std::mem::take(&mut self.wish)
    }

    /// Whether there is something to send or to close.
    pub(super) fn is_owed(&self) -> bool {
        self.stream.is_some() && (self.closing || self.sent < self.unsent.len())
    }

    /// Bytes that are held for it.
    pub(super) fn held(&self) -> usize {
        self.unsent.capacity()
    }

    /// Writes what is unsent: how much, or why not.
    fn write(&mut self) -> std::io::Result<usize> {
        let rest = self.unsent.get(self.sent..).unwrap_or_default();
        let Some(stream) = &mut self.stream else { return Ok(0) };
        let count = stream.write(rest)?;
        self.sent += count;
        if self.sent >= self.unsent.len() {
            self.unsent = Vec::new();
            self.sent = 0;
        }
        Ok(count)
    }

    fn close(&mut self) {
        if let Some(stream) = self.stream.take() {
            // What cannot be shut down is gone already.
            drop(stream.shutdown(Shutdown::Write));
        }
        self.unsent = Vec::new();
        self.sent = 0;
        self.closing = false;
        self.finished = false;
    }
}

impl Connection {
    /// Says at which port a data connection is waited for.
    pub(super) fn data_port(
        &mut self,
        port: Option<u16>,
        now: Instant,
        outbox: &mut Outbox,
    ) -> After {
        self.data.port = port;
        self.respond(now, outbox, |service, context, reply| {
            service.data_port(port, context, reply);
        })
    }

    /// Takes the data connection that was waited for.
    pub(super) fn data_open(
        &mut self,
        stream: TcpStream,
        now: Instant,
        outbox: &mut Outbox,
    ) -> After {
        self.data.stream = Some(stream);
        self.active = now;
        self.respond(now, outbox, |service, context, reply| service.data_open(context, reply))
    }

    /// Writes what is unsent and reads what has come, as much as one turn allows.
    pub(super) fn data_turn(
        &mut self,
        limits: &Limits,
        buffer: &mut [u8],
        now: Instant,
        outbox: &mut Outbox,
    ) -> (After, DataAfter) {
        let mut control = After::Wait;
        for _ in 0..TURN {
            let (wrote, read) = (self.data_write(now, outbox), self.data_read(buffer, now, outbox));
            for moved in [wrote, read] {
                match moved {
                    Moved::Some(after @ (After::Close(_) | After::Sleep(_))) => control = after,
                    Moved::Some(_) if control == After::Wait => control = After::More,
                    Moved::Some(_) | Moved::Nothing => {}
                }
            }
            if self.bytes_in > limits.bytes || self.bytes_out > limits.bytes {
                return (After::Close(Reason::Bytes), DataAfter::Wait);
            }
            if matches!(control, After::Close(_)) || [wrote, read] == [Moved::Nothing; 2] {
                return (control, DataAfter::Wait);
            }
        }
        (control, DataAfter::More)
    }

    fn data_write(&mut self, now: Instant, outbox: &mut Outbox) -> Moved {
        if !self.data.is_owed() {
            return Moved::Nothing;
        }
        if self.data.unsent.is_empty() {
            self.data.close();
            return Moved::Some(After::More);
        }
        match self.data.write() {
            Ok(count) => {
                (self.active, self.moved) = (now, now);
                self.bytes_out += count as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Moved::Nothing,
            Err(_) => return self.data_lost(now, outbox),
        }
        if !self.data.unsent.is_empty() || self.data.closing {
            return Moved::Some(After::More);
        }
        let sent = self.respond(now, outbox, |service, context, reply| {
            service.data_sent(context, reply);
        });
        Moved::Some(sent)
    }

    fn data_read(&mut self, buffer: &mut [u8], now: Instant, outbox: &mut Outbox) -> Moved {
        if self.data.finished || self.data.closing {
            return Moved::Nothing;
        }
        let Some(stream) = &mut self.data.stream else { return Moved::Nothing };
        let count = match stream.read(buffer) {
            Ok(0) => {
                self.data.finished = true;
                return self.data_ended(DataEnd::Finished, now, outbox);
            }
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Moved::Nothing,
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                return Moved::Some(After::More);
            }
            Err(_) => return self.data_lost(now, outbox),
        };
        self.active = now;
        self.bytes_in += count as u64;
        let bytes = buffer.get(..count).unwrap_or_default();
        Moved::Some(self.respond(now, outbox, |service, context, reply| {
            service.data_receive(bytes, context, reply);
        }))
    }

    fn data_lost(&mut self, now: Instant, outbox: &mut Outbox) -> Moved {
        self.data.close();
        self.data_ended(DataEnd::Lost, now, outbox)
    }

    fn data_ended(&mut self, how: DataEnd, now: Instant, outbox: &mut Outbox) -> Moved {
        Moved::Some(self.respond(now, outbox, |service, context, reply| {
            service.data_end(how, context, reply);
        }))
    }
}

/// What became of trying to read or write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moved {
    Nothing,
    /// Something, and what that means for the connection beside it.
    Some(After),
}
