//! The connection protocol (RFC 4254): channels, and what is asked of them.
//!
//! At most [`MAX_SESSIONS`] programs and as many forwarded connections at a time. What OpenSSH
//! says to messages that make no sense is measured of 9.2p1.

mod channel;
mod forward;
mod global;
mod request;
mod session;

use super::Forwarding;
use super::fault::Fault;
use super::link::Link;
use super::number;
use super::packet::Packet;
use super::profile::Profile;
use super::wire::{Reader, Writer};
use crate::logic::services::{Context, Reply};
use channel::{Channel, Exit, Peer, Purpose, Tty, WINDOW};
use forward::Forward;

/// Programs at a time; OpenSSH's MaxSessions.
const MAX_SESSIONS: usize = 10;
/// File transfers among them that may hold several files, more than a megabyte each.
const MAX_TRANSFERS: usize = 3;

/// Everything after the login.
#[derive(Debug)]
pub(super) struct Connection {
    profile: &'static Profile,
    user: String,
    forwarding: Forwarding,
    /// By their number here; OpenSSH gives a new one the lowest that is free.
    channels: Vec<Option<Channel>>,
    /// Whose program asked to wait.
    waiting: Option<usize>,
    more_sessions: MoreSessions,
    /// Addresses that the visitor believes to be listened on for it.
    listening: Vec<(Vec<u8>, u32)>,
}

/// Whether the visitor may open further sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MoreSessions {
    Allowed,
    GivenUp,
}

impl Connection {
    /// The connection of a user who has just logged in.
    pub(super) fn new(profile: &'static Profile, user: String, forwarding: Forwarding) -> Self {
        Self {
            profile,
            user,
            forwarding,
            channels: Vec::new(),
            waiting: None,
            more_sessions: MoreSessions::Allowed,
            listening: Vec::new(),
        }
    }

    /// Deals with a message.
    ///
    /// # Errors
    ///
    /// The connection is over.
    pub(super) fn message(
        &mut self,
        packet: &Packet,
        link: &mut Link<'_, '_>,
    ) -> Result<(), Fault> {
        let mut reader = Reader::new(packet.body());
        match packet.kind() {
            number::GLOBAL_REQUEST => self.global(reader, link),
            number::CHANNEL_OPEN => self.open(reader, link),
            number::CHANNEL_WINDOW_ADJUST => {
                let (at, bytes) = (reader.u32()?, reader.u32()?);
                reader.end()?;
                if let Some(channel) = self.channel(at) {
                    channel.adjust(bytes, link);
                    self.input(at, &[], link)?;
                }
                Ok(())
            }
            number::CHANNEL_DATA => {
                let at = self.existing(reader.u32()?, "data")?;
                let data = reader.string()?;
                reader.end()?;
                self.data(at, data, link)
            }
            number::CHANNEL_EXTENDED_DATA => {
                // Nobody sends any to a server; OpenSSH reads and forgets it.
                self.existing(reader.u32()?, "extended data").map(drop)
            }
            number::CHANNEL_EOF => {
                let at = self.existing(reader.u32()?, "ieof")?;
                reader.end()?;
                self.end_of_input(at, link);
                Ok(())
            }
            number::CHANNEL_CLOSE => {
                let at = self.existing(reader.u32()?, "oclose")?;
                reader.end()?;
                self.close(at, link);
                Ok(())
            }
            number::CHANNEL_REQUEST => self.request(reader, link),
            number::CHANNEL_OPEN_CONFIRMATION => self.unasked(reader.u32()?, "confirmation"),
            number::CHANNEL_OPEN_FAILURE => self.unasked(reader.u32()?, "failure"),
            number::CHANNEL_SUCCESS
            | number::CHANNEL_FAILURE
            | number::REQUEST_SUCCESS
            | number::REQUEST_FAILURE => Ok(()),
            _ => {
                link.transport.unimplemented(packet.seq, link.context, link.reply);
                Ok(())
            }
        }
    }

    /// The time has passed that a program asked to wait.
    pub(super) fn wake(&mut self, link: &mut Link<'_, '_>) {
        let Some(at) = self.waiting.take() else { return };
        let Some(Some(channel)) = self.channels.get_mut(at) else { return };
        let Purpose::Session(session) = &mut channel.purpose else { return };
        let tty = session.tty();
        let (status, output) = link.run(|context, reply| session.wake(context, reply));
        self.after(at, status, &output, tty, link);
    }

    /// Bytes that are held for its channels.
    pub(super) fn held(&self) -> usize {
        self.channels.iter().flatten().map(Channel::held).sum()
    }

    /// The connection is gone.
    pub(super) fn end(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        for channel in self.channels.iter_mut().flatten() {
            channel.purpose.end(context, reply);
        }
    }

    fn channel(&mut self, at: u32) -> Option<&mut Channel> {
        self.channels.get_mut(usize::try_from(at).ok()?)?.as_mut()
    }

    /// The number of a channel that must be there.
    fn existing(&mut self, at: u32, what: &str) -> Result<u32, Fault> {
        if self.channel(at).is_some() {
            return Ok(at);
        }
        let why = format!("{what} packet referred to nonexistent channel {at}");
        Err(Fault::Disconnect(why))
    }

    /// An answer to a question that servers do not ask here.
    fn unasked(&mut self, at: u32, what: &str) -> Result<(), Fault> {
        let at = self.existing(at, &format!("open {what}"))?;
        let why = format!("Received open {what} for non-opening channel {at}.");
        Err(Fault::Disconnect(why))
    }

    fn open(&mut self, mut reader: Reader<'_>, link: &mut Link<'_, '_>) -> Result<(), Fault> {
        let kind = reader.text()?;
        let peer = Peer { number: reader.u32()?, window: reader.u32()?, packet: reader.u32()? };
        match kind {
            b"session" => {
                reader.end()?;
                if self.more_sessions == MoreSessions::GivenUp {
                    let why = "Possible attack: attempt to open a session after additional \
                               sessions disabled";
                    return Err(Fault::Disconnect(why.to_owned()));
                }
                let is_session =
                    |channel: &&Channel| matches!(channel.purpose, Purpose::Session(_));
                if self.channels.iter().flatten().filter(is_session).count() < MAX_SESSIONS {
                    self.add(peer, 0, Purpose::Session(Box::default()), link);
                } else {
                    refuse(peer, "open failed", link);
                }
            }
            b"direct-tcpip" => {
                let (host, port) = (reader.text()?, reader.u32()?);
                let (_origin, _origin_port) = (reader.text()?, reader.u32()?);
                reader.end()?;
                self.forward(peer, Forward::new(host, port), link);
            }
            _ => refuse(peer, "open failed", link),
        }
        Ok(())
    }

    /// Whether no further file transfer may begin.
    fn transfers_enough(&self) -> bool {
        let transfers = |channel: &&Channel| match &channel.purpose {
            Purpose::Forward(_) => false,
            Purpose::Session(session) => session.is_transfer(),
        };
        self.channels.iter().flatten().filter(transfers).count() >= MAX_TRANSFERS
    }

    fn forward(&mut self, peer: Peer, mut forward: Forward, link: &mut Link<'_, '_>) {
        let is_forward = |channel: &&Channel| matches!(channel.purpose, Purpose::Forward(_));
        let open = self.channels.iter().flatten().filter(is_forward).count();
        if self.forwarding == Forwarding::Sink && open < MAX_SESSIONS {
            self.add(peer, WINDOW, Purpose::Forward(Box::new(forward)), link);
            return;
        }
        forward.end(link.reply);
        refuse(peer, "Connection refused", link);
    }

    fn add(&mut self, peer: Peer, window: u32, purpose: Purpose, link: &mut Link<'_, '_>) {
        let free = self.channels.iter().position(Option::is_none);
        let at = free.unwrap_or(self.channels.len());
        if free.is_none() {
            self.channels.push(None);
        }
        let number = u32::try_from(at).unwrap_or(u32::MAX);
        let channel = Channel::new(number, peer, window, purpose);
        link.send(channel.confirmation());
        if let Some(slot) = self.channels.get_mut(at) {
            *slot = Some(channel);
        }
    }

    fn data(&mut self, at: u32, data: &[u8], link: &mut Link<'_, '_>) -> Result<(), Fault> {
        let Some(channel) = self.channel(at) else { return Ok(()) };
        if channel.is_over() || !channel.admit(data) {
            return Ok(());
        }
        channel.consumed(data.len(), link);
        self.input(at, data, link)
    }

    /// Gives a channel's program input, or none to let it go on with what it has.
    fn input(&mut self, at: u32, data: &[u8], link: &mut Link<'_, '_>) -> Result<(), Fault> {
        let Some(channel) = self.channel(at) else { return Ok(()) };
        let room = channel.room();
        if channel.is_over() {
            return Ok(());
        }
        match &mut channel.purpose {
            Purpose::Forward(forward) => forward.receive(data, link.reply),
            Purpose::Session(session) => {
                let tty = session.tty();
                let (status, output) =
                    link.run(|context, reply| session.input(data, room, context, reply));
                self.after(usize::try_from(at).unwrap_or(usize::MAX), status, &output, tty, link);
            }
        }
        Ok(())
    }

    /// Sends what a program printed and, when it ended, how.
    fn after(
        &mut self,
        at: usize,
        status: Option<u8>,
        output: &[u8],
        tty: Tty,
        link: &mut Link<'_, '_>,
    ) {
        if link.reply.wait.is_some() {
            self.waiting = Some(at);
        }
        let Some(Some(channel)) = self.channels.get_mut(at) else { return };
        channel.write(output, link);
        match status {
            Some(status) if link.reply.wait.is_some() => {
                // It has ended, but in a while.
                if let Purpose::Session(session) = &mut channel.purpose {
                    session.program = session::Program::Ended(status);
                }
            }
            Some(status) => channel.exit(Exit::Status(status), tty, link),
            None => {}
        }
    }

    fn end_of_input(&mut self, at: u32, link: &mut Link<'_, '_>) {
        let Some(channel) = self.channel(at) else { return };
        match &mut channel.purpose {
            Purpose::Forward(forward) => {
                forward.end(link.reply);
                channel.finish(link);
            }
            Purpose::Session(session) => {
                let tty = session.tty();
                let (status, output) =
                    link.run(|context, reply| session.end_of_input(context, reply));
                self.after(usize::try_from(at).unwrap_or(usize::MAX), status, &output, tty, link);
            }
        }
    }

    fn close(&mut self, at: u32, link: &mut Link<'_, '_>) {
        let Some(channel) = self.channel(at) else { return };
        channel.purpose.end(link.context, link.reply);
        channel.close(link);
        if let Some(slot) = usize::try_from(at).ok().and_then(|at| self.channels.get_mut(at)) {
            *slot = None;
        }
    }
}

fn refuse(peer: Peer, why: &str, link: &mut Link<'_, '_>) {
    let message = Writer::message(number::CHANNEL_OPEN_FAILURE).u32(peer.number);
    link.send(message.u32(number::CONNECT_FAILED).string(why).string(""));
}
