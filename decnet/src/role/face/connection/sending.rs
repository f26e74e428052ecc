//! What a service answers, on its way to the visitor.

use std::io::{ErrorKind, Write as _};
use std::net::Shutdown;
use std::time::Instant;

use super::{After, Connection, Reason};
use crate::edge::sockets;
use crate::logic::services::Reply;

/// Bytes that may wait for a visitor who does not read; until they are gone nothing is read.
const MAX_UNSENT: usize = 64 * 1024;
/// Room for bytes to be sent that is kept while there are none.
const KEPT: usize = 4 * 1024;

impl Connection {
    /// Sends what is unsent, and does nothing else.
    pub(in super::super) fn send_owed(&mut self) -> After {
        match self.send() {
            Some(After::Close(reason)) => After::Close(reason),
            _ => After::Wait,
        }
    }

    /// Does what the service asked for.
    pub(super) fn apply(&mut self, mut reply: Reply, now: Instant) -> After {
        self.data.take(&mut reply);
        self.unsent.extend_from_slice(&reply.bytes);
        if reply.reset {
            sockets::reset_when_closed(&self.stream);
            self.resets = true;
        }
        if reply.close {
            self.closing = Some(Reason::Service);
        } else if reply.calculate {
            self.calculating = true;
            return match self.send_owed() {
                After::Close(reason) => After::Close(reason),
                _ => After::Calculate,
            };
        } else if let Some(wait) = reply.wait {
            let at = now + wait;
            self.asleep = Some(at);
            return self.send_asleep(at);
        }
        self.send().unwrap_or(After::More)
    }

    /// Sends what is unsent of a connection that waits until `at`, and whatever becomes of that,
    /// waits.
    pub(super) fn send_asleep(&mut self, at: Instant) -> After {
        match self.send() {
            Some(After::Close(reason)) => After::Close(reason),
            _ => After::Sleep(at),
        }
    }

    /// Sends what is unsent. `None` when the connection can go on.
    pub(super) fn send(&mut self) -> Option<After> {
        while let Some(rest) = self.unsent.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(count) => {
                    self.sent += count;
                    self.bytes_out += count as u64;
                    self.moved = Instant::now();
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
        self.unsent.shrink_to(KEPT);
        self.sent = 0;
        let reason = self.closing?;
        if !self.resets {
            // What cannot be shut down is gone already.
            drop(self.stream.shutdown(Shutdown::Write));
        }
        Some(After::Close(reason))
    }
}
