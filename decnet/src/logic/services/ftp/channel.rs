//! How a data connection comes to be, is used and ends.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::address::{self, BadAddress};
use super::transfer::{Asked, Channel, Transfer};
use super::words::Server;
use super::{Session, Stage};
use crate::logic::event::{Data, Outcome};
use crate::logic::services::{Context, DataEnd, Listen, Reply};

/// How long the visitor may take to make a data connection; vsftpd's.
const PATIENCE: Duration = Duration::from_secs(60);
/// Ports below are not called.
const PRIVILEGED: u16 = 1024;

/// What is said when a transfer begins: before the visitor's connection is there, and after.
const IIS_OPENING: &str = "150 Opening {mode} mode data connection.";

impl Session {
    pub(super) fn passive(&mut self, context: &Context<'_>, reply: &mut Reply) {
        let words = self.server.words();
        if self.extended_only {
            return self.say(words.passive_late, "", context, reply);
        }
        if context.local.is_ipv6() && self.server != Server::Vsftpd {
            return self.say(words.passive_ip6, "", context, reply);
        }
        self.ask(Asked::Passive, reply);
    }

    pub(super) fn extended(&mut self, argument: &str, context: &Context<'_>, reply: &mut Reply) {
        let words = self.server.words();
        let own = if context.local.is_ipv6() { "2" } else { "1" };
        match argument.trim() {
            all if all.eq_ignore_ascii_case("all") => {
                self.extended_only = true;
                self.say(words.extended_all, "", context, reply);
            }
            "" => self.ask(Asked::Extended, reply),
            family if family == own => self.ask(Asked::Extended, reply),
            _ => self.say(words.extended_bad, "", context, reply),
        }
    }

    fn ask(&mut self, asked: Asked, reply: &mut Reply) {
        self.channel = Channel::Asked(asked);
        reply.data.listen = Listen::Start;
    }

    /// Tells the port that was asked for.
    pub(super) fn tell_port(
        &mut self,
        port: Option<u16>,
        context: &Context<'_>,
        reply: &mut Reply,
    ) {
        let words = self.server.words();
        let Channel::Asked(asked) = self.channel else { return };
        let Some(port) = port else {
            self.channel = Channel::None;
            return self.say(words.passive_none, "", context, reply);
        };
        self.channel = Channel::Expected;
        match (asked, context.local.ip()) {
            (Asked::Extended, _) => self.say(words.extended, &port.to_string(), context, reply),
            (Asked::Passive, IpAddr::V4(ip)) => {
                self.say(words.passive, &address::told(ip, port), context, reply);
            }
            (Asked::Passive, IpAddr::V6(_)) => {
                self.say(words.passive_ip6, &address::told_port(port), context, reply);
            }
        }
    }

    /// `PORT` or `EPRT`. Where it points is reported: it may be somebody else.
    pub(super) fn active(
        &mut self,
        line: &[u8],
        verb: &str,
        argument: &str,
        context: &Context<'_>,
        reply: &mut Reply,
    ) {
        let words = self.server.words();
        let (good, bad) = if verb == "PORT" {
            (words.port, words.port_bad)
        } else {
            (words.eprt, words.eprt_bad)
        };
        let asked = match verb {
            "PORT" => address::port(argument).ok_or(BadAddress::Malformed),
            _ => address::extended(argument),
        };
        let mut data = Data::new();
        if let Ok(address) = asked {
            data.put("target", address.to_string());
            data.put("bounce", address.ip() != context.peer.ip());
        }
        self.note(line, data, reply);
        if self.extended_only {
            return self.say(words.passive_late, "", context, reply);
        }
        let same_family = |address: &SocketAddr| address.is_ipv4() == context.peer.is_ipv4();
        match asked {
            Err(BadAddress::Protocol) => self.say(words.eprt_protocol, "", context, reply),
            Ok(address) if !same_family(&address) => {
                self.say(words.eprt_protocol, "", context, reply);
            }
            Ok(address) if address.ip() == context.peer.ip() && address.port() >= PRIVILEGED => {
                self.drop_channel(reply);
                self.channel = Channel::Active;
                self.say(good, "", context, reply);
            }
            _ => self.say(bad, "", context, reply),
        }
    }

    /// Whether a transfer can be asked for; says so when not.
    pub(super) fn has_channel(&self, context: &Context<'_>, reply: &mut Reply) -> bool {
        match self.channel {
            Channel::None | Channel::Asked(_) => {
                self.say(self.server.words().no_channel, "", context, reply);
                false
            }
            Channel::Expected | Channel::Open(..) | Channel::Active => true,
        }
    }

    /// Begins a transfer as soon as there is a connection for it; `opening` is said then.
    pub(super) fn start(
        &mut self,
        transfer: Transfer,
        opening: &str,
        about: &str,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) {
        match self.channel {
            Channel::Active => {
                // The call that a decky never makes.
                self.channel = Channel::None;
                self.say(self.server.words().no_connection, "", context, reply);
                self.discard(transfer, context, reply);
                return;
            }
            Channel::Expected if self.server == Server::Iis => {
                self.say(IIS_OPENING, "", context, reply);
                self.opening.clear();
            }
            _ => {
                self.opening.clear();
                self.opening.push_str(opening);
                self.about.clear();
                self.about.push_str(about);
            }
        }
        self.transfer = Some(transfer);
        match self.channel {
            Channel::Open(..) => self.begin(context, reply),
            _ => reply.wait = Some(PATIENCE),
        }
    }

    /// The connection is there and so is what goes over it.
    pub(super) fn begin(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        if !self.opening.is_empty() {
            self.say(&self.opening, &self.about, context, reply);
        }
        let (early, ended) = match &mut self.channel {
            Channel::Open(early, ended) => (std::mem::take(early), *ended),
            _ => (Vec::new(), None),
        };
        if let (Stage::Inside(user), Some(transfer)) = (&self.stage, &mut self.transfer) {
            transfer.take(&early, user, context, reply);
        }
        if let Some(how) = ended {
            self.data_ended(how, context, reply);
        }
        self.send_on(context, reply);
    }

    /// Sends what comes next, or ends the transfer where that was all.
    pub(super) fn send_on(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        let (Stage::Inside(user), Some(transfer)) = (&self.stage, &mut self.transfer) else {
            return;
        };
        if !matches!(transfer, Transfer::Store(..)) && transfer.send(user, context, reply) {
            self.complete(Outcome::Success, context, reply);
        }
    }

    /// The visitor has ended the data connection, or it is gone.
    pub(super) fn data_ended(
        &mut self,
        how: DataEnd,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) {
        match (&self.transfer, &mut self.channel) {
            (Some(_), _) if how == DataEnd::Lost => self.complete(Outcome::Failure, context, reply),
            (Some(Transfer::Store(..)), _) => self.complete(Outcome::Success, context, reply),
            // It can still be sent what it wants.
            (Some(_), _) => {}
            (None, Channel::Open(_, ended)) => *ended = Some(how),
            (None, _) => {}
        }
    }

    /// Ends a transfer, and the connection with it.
    fn complete(&mut self, outcome: Outcome, context: &mut Context<'_>, reply: &mut Reply) {
        let words = self.server.words();
        let Some(transfer) = self.transfer.take() else { return };
        let mut text = match (&transfer, outcome) {
            (_, Outcome::Failure | Outcome::Limited) => words.broken,
            (Transfer::List(_), _) => words.listed,
            _ => words.done,
        };
        if let Stage::Inside(user) = &self.stage
            && transfer.finish(outcome, user, context, reply).is_err()
        {
            text = words.no_room;
        }
        self.say(text, "", context, reply);
        self.channel = Channel::None;
        reply.data.close = true;
    }

    /// The visitor did not make the connection in time.
    pub(super) fn give_up(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        let Some(transfer) = self.transfer.take() else { return };
        self.say(self.server.words().no_connection, "", context, reply);
        self.discard(transfer, context, reply);
        self.drop_channel(reply);
    }

    /// The visitor wants a transfer to end, and the server listens while it goes on.
    pub(super) fn abort(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        let Some(transfer) = self.transfer.take() else { return };
        self.say(self.server.words().aborted, "", context, reply);
        if let Stage::Inside(user) = &self.stage {
            // That it failed is said already.
            if transfer.finish(Outcome::Failure, user, context, reply).is_err() {}
        }
        self.drop_channel(reply);
        // Ends the wait for the connection too.
        reply.wait = Some(Duration::ZERO);
    }

    /// Everything ends: what came of a file is kept and reported.
    pub(super) fn lose(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        if let (Stage::Inside(user), Some(transfer)) = (&self.stage, self.transfer.take()) {
            // That it failed is said already.
            if transfer.finish(Outcome::Failure, user, context, reply).is_err() {}
        }
    }

    /// A file whose transfer never began: one that would be sent is reported all the same.
    fn discard(&self, transfer: Transfer, context: &mut Context<'_>, reply: &mut Reply) {
        if let (Stage::Inside(user), Transfer::Retrieve(_)) = (&self.stage, &transfer) {
            // That it failed is said already.
            if transfer.finish(Outcome::Failure, user, context, reply).is_err() {}
        }
    }

    fn drop_channel(&mut self, reply: &mut Reply) {
        if !matches!(self.channel, Channel::None) {
            reply.data.close = true;
        }
        self.channel = Channel::None;
    }
}
