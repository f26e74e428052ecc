//! The transport of one connection (RFC 4253): identification, packets and key exchanges, up to
//! messages that others understand.
//!
//! What it says to whom, and in which order it looks at things, is measured of OpenSSH 9.2p1. A
//! visitor may ask for [`MAX_EXCHANGES`] key exchanges and leave [`MAX_QUEUE`] bytes of answers
//! waiting behind one.

mod exchange;

use super::fault::Fault;
use super::ident::{Ident, Line};
use super::number;
use super::packet::{Input, Opener, Packet, Sealer};
use super::profile::{Maker, Ping, Profile};
use super::wire::{Reader, Writer};
use super::zlib::{Deflate, Inflate};
use crate::logic::services::{Context, Reply};
use exchange::{Exchange, Initial};

/// Most key exchanges of a connection. OpenSSH's clients ask again after a gigabyte.
const MAX_EXCHANGES: u32 = 64;

/// Most bytes that wait for the end of a key exchange.
const MAX_QUEUE: usize = 64 * 1024;

/// The transport of one connection.
#[derive(Debug)]
pub(super) struct Transport {
    profile: &'static Profile,
    /// The visitor's identification string, until it is read.
    line: Option<Line>,
    idents: Idents,
    input: Input,
    opener: Opener,
    sealer: Sealer,
    inflate: Option<Inflate>,
    deflate: Option<Deflate>,
    exchange: Exchange,
    /// What the first key exchange settled, or that it is not done.
    initial: Initial,
    exchanges: u32,
    /// First exchange hash.
    session: Vec<u8>,
    login: Login,
    /// A message that cannot be answered before a key is there.
    stalled: Option<Packet>,
    /// What others want to say while keys are exchanged, and how much room it takes.
    queue: Vec<Vec<u8>>,
    queued: usize,
}

/// Both identification strings, without their ends.
#[derive(Debug, Default)]
struct Idents {
    client: Vec<u8>,
    server: Vec<u8>,
}

/// Whether the visitor has logged in. Before, OpenSSH exchanges no further keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Login {
    Done,
    Open,
}

/// What there is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Call again when something may be calculated: a key, or what is exchanged for one.
    Busy,
    /// Wait for more bytes.
    Idle,
    /// Understand a message. It has a number.
    Message(Packet),
    /// Wait as long as OpenSSH takes to think of an offer, and call again.
    Think,
}

impl Transport {
    /// The transport of a fresh connection.
    pub(super) fn new(profile: &'static Profile, ident: &str) -> Self {
        Self {
            profile,
            line: Some(Line::new(profile.maker)),
            idents: Idents { client: Vec::new(), server: ident.as_bytes().to_vec() },
            input: Input::default(),
            opener: Opener::default(),
            sealer: Sealer::default(),
            inflate: None,
            deflate: None,
            exchange: Exchange::Idle,
            initial: Initial::Running,
            exchanges: 0,
            session: Vec::new(),
            login: Login::Open,
            stalled: None,
            queue: Vec::new(),
            queued: 0,
        }
    }

    /// Introduces the server.
    pub(super) fn open(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        reply.send(&self.idents.server);
        reply.send("\r\n");
        if self.profile.maker == Maker::Dropbear {
            // It does not wait for the client to introduce itself.
            self.offer(context, reply);
        }
    }

    /// Adds what has arrived.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.input.push(bytes);
    }

    /// The first exchange hash, which names the connection.
    pub(super) fn session(&self) -> &[u8] {
        &self.session
    }

    /// What the client calls itself.
    pub(super) fn client(&self) -> &[u8] {
        &self.idents.client
    }

    /// Bytes that are held: of a packet that is not whole, and of answers that wait.
    pub(super) fn held(&self) -> usize {
        self.input.len() + self.queued
    }

    /// Whether bytes are left that nothing will read.
    pub(super) fn has_unread(&self) -> bool {
        !self.input.is_empty()
    }

    /// Goes on to the next message for others.
    ///
    /// # Errors
    ///
    /// The connection is over.
    pub(super) fn step(
        &mut self,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) -> Result<Step, Fault> {
        if let Some(packet) = self.stalled.take() {
            self.exchange_message(packet, context, reply)?;
        }
        if self.line.is_none() && self.owes_offer() {
            self.offer(context, reply);
        }
        while self.stalled.is_none() {
            self.check_queue()?;
            if self.line.is_some() {
                if !self.identify()? {
                    return Ok(Step::Idle);
                }
                if self.owes_offer() {
                    return Ok(Step::Think);
                }
                continue;
            }
            let Some(packet) = self.packet()? else { return Ok(Step::Idle) };
            if let Some(packet) = self.take(packet, context, reply)? {
                return Ok(Step::Message(packet));
            }
        }
        Ok(Step::Busy)
    }

    /// Sends a message; during a key exchange, after it.
    pub(super) fn send(&mut self, message: Writer, context: &mut Context<'_>, reply: &mut Reply) {
        let message = message.done();
        if self.exchange.holds_others() {
            self.queued = self.queued.saturating_add(message.len() + size_of::<Vec<u8>>());
            self.queue.push(message);
        } else {
            self.seal(&message, context, reply);
        }
    }

    /// Says that a message is not understood.
    pub(super) fn unimplemented(&mut self, seq: u32, context: &mut Context<'_>, reply: &mut Reply) {
        let message = Writer::message(number::UNIMPLEMENTED).u32(seq).done();
        self.seal(&message, context, reply);
    }

    /// Says why the connection ends.
    pub(super) fn disconnect(&mut self, why: &str, context: &mut Context<'_>, reply: &mut Reply) {
        let message = Writer::message(number::DISCONNECT).u32(number::PROTOCOL_ERROR);
        self.seal(&message.string(why).string("").done(), context, reply);
    }

    /// The visitor is logged in: keys may be exchanged again, and delayed compression begins.
    pub(super) fn logged_in(&mut self) {
        self.login = Login::Done;
        self.opener.admit();
        self.start_compression();
    }

    fn seal(&mut self, message: &[u8], context: &mut Context<'_>, reply: &mut Reply) {
        let random = &mut *context.random;
        match &mut self.deflate {
            Some(deflate) => self.sealer.seal(&deflate.squeeze(message), random, &mut reply.bytes),
            None => self.sealer.seal(message, random, &mut reply.bytes),
        }
    }

    /// Reads the visitor's identification string; false while it is not whole.
    fn identify(&mut self) -> Result<bool, Fault> {
        let Some(line) = &mut self.line else { return Ok(true) };
        match line.read(&mut self.input) {
            Ident::Client(client) => {
                self.idents.client = client;
                self.line = None;
                Ok(true)
            }
            Ident::More => Ok(false),
            Ident::Invalid(unread) if self.profile.maker == Maker::OpenSsh => {
                Err(Fault::Line("Invalid SSH identification string.\r\n", unread))
            }
            Ident::Other(unread) => Err(Fault::Line("Protocol major versions differ.\r\n", unread)),
            Ident::Invalid(unread) | Ident::Scanner(unread) => Err(Fault::Line("", unread)),
        }
    }

    /// The next packet, its payload in its full length.
    fn packet(&mut self) -> Result<Option<Packet>, Fault> {
        let Some(mut packet) = self.opener.open(&mut self.input)? else { return Ok(None) };
        if let Some(inflate) = &mut self.inflate {
            packet.payload = inflate.unfold(&packet.payload)?;
        }
        let kind = packet.kind();
        let pings = self.profile.ping == Ping::Answered;
        let known = (1..number::PING).contains(&kind)
            || (pings && matches!(kind, number::PING | number::PONG));
        if known {
            return Ok(Some(packet));
        }
        Err(Fault::Disconnect(format!("Invalid ssh2 packet type: {kind}")))
    }

    /// Deals with a message of the transport's own; gives back those of others.
    fn take(
        &mut self,
        packet: Packet,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) -> Result<Option<Packet>, Fault> {
        let kind = packet.kind();
        let mut reader = Reader::new(packet.body());
        if kind == number::DISCONNECT {
            return Err(Fault::Drop);
        }
        if self.initial == Initial::Strict {
            // The end of an exchange is told by the exchange; nothing else may come between.
            self.exchange_message(packet, context, reply)?;
            return Ok(None);
        }
        match kind {
            number::IGNORE => {}
            number::DEBUG => {
                reader.flag()?;
                reader.string()?;
                reader.string()?;
            }
            number::UNIMPLEMENTED => {
                reader.u32()?;
            }
            number::PING => {
                let pong = Writer::message(number::PONG).string(reader.string()?);
                self.send(pong, context, reply);
            }
            number::PONG => {}
            _ if self.is_exchanging(kind) => self.exchange_message(packet, context, reply)?,
            _ if self.initial == Initial::Running => return Err(Fault::Drop),
            _ => return Ok(Some(packet)),
        }
        Ok(None)
    }

    /// Whether the first offer was not made yet.
    fn owes_offer(&self) -> bool {
        self.initial == Initial::Running && matches!(self.exchange, Exchange::Idle)
    }

    fn check_queue(&self) -> Result<(), Fault> {
        if self.queued > MAX_QUEUE { Err(Fault::Drop) } else { Ok(()) }
    }
}
