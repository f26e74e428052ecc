//! One channel: its windows, its output, its end.

use super::super::link::Link;
use super::super::number;
use super::super::wire::Writer;
use super::forward::Forward;
use super::session::Session;
use crate::logic::event::MAX_RAW;
use crate::logic::services::{Context, Reply};

/// Bytes a visitor may send before it is told that they were read; OpenSSH's.
pub(super) const WINDOW: u32 = 64 * PACKET;
/// Most bytes in one message, both ways; OpenSSH's.
pub(super) const PACKET: u32 = 32 * 1024;
/// Output that a program may add to while less waits: the visitor does not read.
pub(super) const MAX_OUTPUT: usize = 256 * 1024;
/// Output beyond this is lost. The last thing that a transfer says before it waits has room.
const MOST_OUTPUT: usize = 2 * MAX_OUTPUT + 1024;

/// A channel that is open.
#[derive(Debug)]
pub(super) struct Channel {
    /// Its number here and at the visitor's.
    ours: u32,
    theirs: u32,
    /// Bytes that the visitor still takes, and how many in one message.
    credit: u32,
    packet: u32,
    /// Bytes that the visitor may still send, and those it sent and does not know to be read.
    window: u32,
    consumed: u32,
    output: Vec<u8>,
    closing: Closing,
    pub(super) purpose: Purpose,
}

/// What a channel is for.
#[derive(Debug)]
pub(super) enum Purpose {
    /// A connection to somewhere else, as the visitor believes.
    Forward(Box<Forward>),
    /// A program.
    Session(Box<Session>),
}

impl Purpose {
    /// The channel is gone.
    pub(super) fn end(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        match self {
            Self::Forward(forward) => forward.end(reply),
            Self::Session(session) => session.end(context, reply),
        }
    }
}

/// How far the end has come on our side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    /// We have said that we are done.
    Closed,
    /// The program has ended; its output has not all been sent.
    Draining,
    No,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// By itself.
    Status(u8),
    /// By a signal, named without `SIG`.
    Signal(&'static str),
}

/// What a visitor says of its side of a new channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) number: u32,
    pub(super) window: u32,
    pub(super) packet: u32,
}

impl Channel {
    /// A new channel.
    pub(super) fn new(ours: u32, peer: Peer, window: u32, purpose: Purpose) -> Self {
        Self {
            ours,
            theirs: peer.number,
            credit: peer.window,
            packet: peer.packet.clamp(1, PACKET),
            window,
            consumed: 0,
            output: Vec::new(),
            closing: Closing::No,
            purpose,
        }
    }

    /// The message that confirms it.
    pub(super) fn confirmation(&self) -> Writer {
        self.message(number::CHANNEL_OPEN_CONFIRMATION).u32(self.ours).u32(self.window).u32(PACKET)
    }

    /// Bytes that are held for it.
    pub(super) fn held(&self) -> usize {
        let program = match &self.purpose {
            Purpose::Forward(_) => MAX_RAW,
            Purpose::Session(session) => session.held(),
        };
        self.output.capacity() + program
    }

    /// Whether a program's end was announced.
    pub(super) fn is_over(&self) -> bool {
        self.closing != Closing::No
    }

    /// How many bytes of output may be added before some are lost.
    pub(super) fn room(&self) -> usize {
        MAX_OUTPUT.saturating_sub(self.output.len())
    }

    /// Begins to take input: the window opens, as it does in OpenSSH when a program starts.
    pub(super) fn open_window(&mut self, link: &mut Link<'_, '_>) {
        self.window = WINDOW;
        link.send(self.message(number::CHANNEL_WINDOW_ADJUST).u32(WINDOW));
    }

    /// Answers a request.
    pub(super) fn answer(&self, success: bool, link: &mut Link<'_, '_>) {
        let kind = if success { number::CHANNEL_SUCCESS } else { number::CHANNEL_FAILURE };
        link.send(self.message(kind));
    }

    /// The visitor takes so many bytes more.
    pub(super) fn adjust(&mut self, bytes: u32, link: &mut Link<'_, '_>) {
        self.credit = self.credit.saturating_add(bytes);
        self.flush(link);
    }

    /// Counts input: whether it was within the window. What is not, OpenSSH ignores.
    pub(super) fn admit(&mut self, data: &[u8]) -> bool {
        let Ok(length) = u32::try_from(data.len()) else { return false };
        if length > PACKET || length > self.window {
            return false;
        }
        self.window -= length;
        true
    }

    /// Input was read; tells the visitor when OpenSSH would.
    pub(super) fn consumed(&mut self, bytes: usize, link: &mut Link<'_, '_>) {
        self.consumed = self.consumed.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        let behind = WINDOW.saturating_sub(self.window);
        if self.consumed > 0 && (behind > 3 * PACKET || self.window < WINDOW / 2) {
            link.send(self.message(number::CHANNEL_WINDOW_ADJUST).u32(self.consumed));
            self.window = self.window.saturating_add(self.consumed);
            self.consumed = 0;
        }
    }

    /// Sends a program's output, or keeps it until it can be sent.
    pub(super) fn write(&mut self, bytes: &[u8], link: &mut Link<'_, '_>) {
        self.output.extend_from_slice(bytes);
        self.flush(link);
        self.output.truncate(MOST_OUTPUT);
    }

    /// The program has ended.
    pub(super) fn exit(&mut self, exit: Exit, tty: Tty, link: &mut Link<'_, '_>) {
        if self.is_over() {
            return;
        }
        self.closing = Closing::Draining;
        let request = self.message(number::CHANNEL_REQUEST);
        let message = match exit {
            Exit::Status(status) => request.string("exit-status").flag(false).u32(status.into()),
            Exit::Signal(name) => {
                let request = request.string("exit-signal").flag(false);
                request.string(name).flag(false).string("").string("")
            }
        };
        // A pipe's end is seen before the program's, a terminal's after it.
        if self.output.is_empty() && tty == Tty::None {
            link.send(self.message(number::CHANNEL_EOF));
            link.send(message);
            self.close(link);
        } else {
            link.send(message);
            self.flush(link);
        }
    }

    /// Nothing more will come from us, and nobody reads what comes.
    pub(super) fn finish(&mut self, link: &mut Link<'_, '_>) {
        if !self.is_over() {
            link.send(self.message(number::CHANNEL_EOF));
            self.close(link);
        }
    }

    /// Says that we are done, if that was not said.
    pub(super) fn close(&mut self, link: &mut Link<'_, '_>) {
        if self.closing != Closing::Closed {
            self.closing = Closing::Closed;
            link.send(self.message(number::CHANNEL_CLOSE));
        }
    }

    fn flush(&mut self, link: &mut Link<'_, '_>) {
        if self.closing == Closing::Closed {
            self.output = Vec::new();
        }
        let mut sent = 0;
        while let Some(rest) = self.output.get(sent..).filter(|rest| !rest.is_empty()) {
            let most = usize::try_from(self.credit.min(self.packet)).unwrap_or_default();
            let piece = rest.get(..most).unwrap_or(rest);
            if piece.is_empty() {
                break;
            }
            link.send(self.message(number::CHANNEL_DATA).string(piece));
            sent += piece.len();
            self.credit =
                self.credit.saturating_sub(u32::try_from(piece.len()).unwrap_or(u32::MAX));
        }
        self.output.drain(..sent);
        if self.output.is_empty() {
            self.output = Vec::new();
            if self.closing == Closing::Draining {
                link.send(self.message(number::CHANNEL_EOF));
                self.close(link);
            }
        }
    }

    fn message(&self, kind: u8) -> Writer {
        Writer::message(kind).u32(self.theirs)
    }
}

/// Whether a program has a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tty {
    None,
    Some,
}
