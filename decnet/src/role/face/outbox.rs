//! Reports on their way to the agent.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::edge::channel::{Channel, ChannelError, Wait};
use crate::logic::decky::DeckyId;
use crate::logic::event::SessionId;
use crate::logic::fair::Budget;
use crate::logic::files::{Change, PIECE};
use crate::logic::services::Piece;
use crate::logic::source::Source;
use crate::logic::wire::{FILES, FromFace, Joined, MAX_MESSAGE, Reported, Sent, encode};

/// Bytes of a message that is sent without waiting for more.
const BATCH: usize = 32 * 1024;
/// Bytes that wait for the agent before all visitors wait too. Each has to wait sooner, when its own
/// have used up their share.
const FULL: usize = 8 * 1024 * 1024;

/// Reports that wait to be sent, in order, and never dropped.
pub(super) struct Outbox {
    agent: Channel,
    open: Message,
    messages: VecDeque<Message>,
    waiting: Budget<Option<Source>>,
}

/// Several reports, and whose how many bytes are.
#[derive(Default)]
struct Message {
    bytes: Vec<u8>,
    parts: Vec<(Option<Source>, usize)>,
}

impl Outbox {
    pub(super) fn new(agent: Channel) -> Self {
        let (open, messages) = (Message::default(), VecDeque::new());
        Self { agent, open, messages, waiting: Budget::new(FULL) }
    }

    /// The channel to the agent.
    pub(super) fn agent(&self) -> &Channel {
        &self.agent
    }

    /// Puts in a report of what a visitor did.
    pub(super) fn put(&mut self, source: Source, reported: Reported) {
        self.send(Some(source), &FromFace::Reported(Box::new(reported)));
    }

    /// Says that a data connection was made.
    pub(super) fn join(&mut self, source: Source, joined: Joined) {
        self.send(Some(source), &FromFace::Joined(joined));
    }

    /// Sends what is to be kept whole, in pieces that fit; none when what was sent of it is to be
    /// forgotten.
    pub(super) fn piece(&mut self, source: Source, session: SessionId, piece: Piece) {
        let Piece { of, bytes } = piece;
        let Some(bytes) = bytes else {
            let forget = Sent { session, of, source, bytes: None };
            return self.send(Some(source), &FromFace::Piece(forget));
        };
        for bytes in bytes.chunks(PIECE) {
            let bytes = Some(bytes.to_vec());
            self.send(Some(source), &FromFace::Piece(Sent { session, of, source, bytes }));
        }
    }

    /// Says what has changed of a decky's files, and of what its content is all pieces.
    pub(super) fn changed(&mut self, decky: DeckyId, change: Change, of: Option<u32>) {
        self.send(None, &FromFace::Changed(decky, Box::new(change), of));
    }

    /// Sends a piece of a file of a decky.
    pub(super) fn file_piece(&mut self, of: u32, bytes: Vec<u8>) {
        self.file(of, Some(bytes));
    }

    /// Says that the pieces of a file of a decky are worth nothing.
    pub(super) fn no_file(&mut self, of: u32) {
        self.file(of, None);
    }

    fn file(&mut self, of: u32, bytes: Option<Vec<u8>>) {
        // Deckies' files are of all visitors.
        let source = Source::of(IpAddr::V4(Ipv4Addr::UNSPECIFIED), &[]);
        self.send(None, &FromFace::Piece(Sent { session: FILES, of, source, bytes }));
    }

    fn send(&mut self, source: Option<Source>, message: &FromFace) {
        let bytes = match encode(message) {
            Ok(bytes) => bytes,
            Err(error) => {
                // Services bound what they report far below this.
                tracing::error!(%error, "a report cannot be sent, dropping it");
                return;
            }
        };
        if self.open.bytes.len() + bytes.len() > MAX_MESSAGE {
            self.close();
        }
        self.waiting.take(source, bytes.len());
        match self.open.parts.last_mut() {
            Some((whose, count)) if *whose == source => *count += bytes.len(),
            _ => self.open.parts.push((source, bytes.len())),
        }
        self.open.bytes.extend_from_slice(&bytes);
        if self.open.bytes.len() >= BATCH {
            self.close();
        }
    }

    /// Whether so much waits that all visitors must wait too.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.is_used_up()
    }

    /// Whether a visitor may do more that is reported.
    pub(super) fn has_room(&self, source: Source) -> bool {
        self.waiting.has_room(Some(source))
    }

    /// Whether changes of files may be put in: nobody waits for that.
    pub(super) fn has_room_for_changes(&self) -> bool {
        self.waiting.has_room(None)
    }

    /// Sends as much as the agent takes now.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.close();
        while let Some(message) = self.messages.front() {
            match self.agent.send(&message.bytes, &[], Wait::No) {
                Ok(()) => {
                    for (source, count) in &message.parts {
                        self.waiting.give_back(*source, *count);
                    }
                    self.messages.pop_front();
                }
                // Without an agent the keeper ends too, and says so.
                Err(ChannelError::NotReady | ChannelError::Closed) => return Ok(()),
                Err(error) => return Err(error).context("cannot reach the agent"),
            }
        }
        Ok(())
    }

    /// Sends everything, unless the agent is gone or takes longer than that.
    pub(super) fn flush_by(&mut self, until: Instant) -> Result<()> {
        self.flush()?;
        while !self.messages.is_empty() && self.agent.is_writable_by(until) {
            self.flush()?;
        }
        Ok(())
    }

    fn close(&mut self) {
        if !self.open.bytes.is_empty() {
            self.messages.push_back(std::mem::take(&mut self.open));
        }
    }
}
