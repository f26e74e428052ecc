//! Redis: RESP2 and RESP3 over a small keyspace of its own, answered word for word as Redis 7 does.
//!
//! [`Session`] reads commands ([`request`]), decides in the server's order ([`run`]) and carries
//! them out on the [`Keys`] that all visitors of a decky share. Nothing leaves the decky: a master
//! it is told to follow is written down and never called, a file it is told to save is reported and
//! never written. Every command becomes a report ([`report`]).
//!
//! Held at most: [`keys::MAX_COST`] for all keys, one command ([`request::MAX_BYTES`]), and for each
//! connection as much again for a transaction.

mod bait;
mod call;
mod client;
mod config;
mod connection;
mod docs;
mod error;
mod generic;
mod glob;
mod hashes;
mod info;
mod keys;
mod lists;
mod out;
mod parameters;
mod pubsub;
mod rdb;
mod report;
mod request;
mod run;
mod scan;
mod server;
mod sets;
mod sort;
mod strings;
mod subtable;
mod table;
mod value;
mod version;
mod zsets;

use std::time::Duration;

use super::{Context, Reply, Service};
use call::Around;
use client::Client;
use out::Out;
use report::Reporter;
use request::{Progress, Request};
use run::Desk;
use version::Version;

pub use keys::Keys;
pub use version::{BadVersion, Settings, VersionName};

/// Bytes of answers after which the client must take some before more commands are read.
const FULL: usize = 64 * 1024;

/// How much is done in one go before other visitors get their turn.
const MAX_WORK: usize = 20_000;

/// One connection.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    buffer: Vec<u8>,
    request: Request,
    client: Client,
    /// Whether the client speaks RESP3.
    third: bool,
    reporter: Reporter,
}

impl Session {
    /// A fresh connection.
    pub fn new(settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
            buffer: Vec::new(),
            request: Request::default(),
            client: Client { let_in: settings.password.is_none(), ..Client::default() },
            third: false,
            reporter: Reporter::default(),
        }
    }

    /// Carries out what is in the buffer, until it is empty or enough has been done.
    fn advance(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut at = 0;
        self.client.work = 0;
        while !self.client.closing && self.client.blocked.is_none() {
            let rest = buffer.get(at..).unwrap_or_default();
            let (count, progress) = self.request.read(rest, self.client.standing());
            reply.pieces.append(&mut self.request.words.pieces);
            match progress {
                Progress::More => {
                    at += count;
                    break;
                }
                Progress::Done => self.command(context, reply),
                Progress::Bad(why) => {
                    let mut words = std::mem::take(&mut self.request.words);
                    let text = String::from_utf8_lossy(&why).into_owned();
                    self.reporter.malformed(rest, &mut words, &text, reply);
                    let mut out = Out::default();
                    out.error_bytes(&why);
                    reply.send(out.bytes);
                    self.client.closing = true;
                }
            }
            at += count;
            let enough = reply.bytes.len() >= FULL || self.client.work > MAX_WORK;
            if enough && at < buffer.len() {
                reply.wait = Some(Duration::ZERO);
                break;
            }
        }
        if let Some(millis) = self.client.blocked {
            reply.wait = Some(Duration::from_millis(millis));
        }
        buffer.drain(..at.min(buffer.len()));
        if buffer.is_empty() {
            // An idle connection holds no buffer.
            buffer = Vec::new();
        }
        self.buffer = buffer;
        if self.client.closing {
            (reply.close, reply.wait) = (true, None);
            self.buffer.clear();
        }
    }

    /// Carries out the command that has been read.
    fn command(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        let mut words = std::mem::take(&mut self.request.words);
        self.reporter.command(&mut words, reply);
        let mut out = Out { third: self.third, ..Out::default() };
        std::mem::swap(&mut out.bytes, &mut reply.bytes);
        let version_name =
            self.settings.version.as_ref().map_or(context.decky.persona.redis, VersionName::as_str);
        let mut desk = Desk {
            around: Around {
                decky: context.decky,
                now: context.now,
                version_name,
                version: Version::of(version_name),
                password: self.settings.password.as_deref(),
                local: context.local,
                peer: context.peer,
            },
            keys: &mut context.state.redis,
            client: &mut self.client,
            out: &mut out,
            random: &mut *context.random,
            told: &mut reply.reports,
        };
        desk.process(words);
        self.third = out.third;
        // Who asks for more than a client may be owed is cut off.
        self.client.closing |= out.overflow;
        reply.bytes = out.bytes;
    }
}

impl Service for Session {
    fn open(&mut self, context: &mut Context<'_>, _reply: &mut Reply) {
        let keys = &mut context.state.redis;
        keys.prepare(context.decky, context.now);
        keys.clients += 1;
        let uptime = context.now.since(context.decky.booted).as_secs();
        self.client.id = uptime / 600 + keys.clients + 4;
        self.client.since = context.now.millis();
    }

    fn receive(&mut self, bytes: &[u8], context: &mut Context<'_>, reply: &mut Reply) {
        if !self.client.closing {
            self.buffer.extend_from_slice(bytes);
            self.advance(context, reply);
        }
    }

    fn wake(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        if self.client.blocked.take().is_some() {
            let mut out = Out { third: self.third, ..Out::default() };
            out.null_array();
            reply.send(out.bytes);
        }
        self.advance(context, reply);
    }

    fn held(&self) -> usize {
        self.buffer.capacity() + self.request.words.held() + self.client.held()
    }

    fn end(&mut self, _context: &mut Context<'_>, reply: &mut Reply) {
        let buffer = std::mem::take(&mut self.buffer);
        let mut words = std::mem::take(&mut self.request.words);
        let blank = buffer.iter().all(u8::is_ascii_whitespace);
        let nothing = blank && self.request.is_idle();
        if !(self.client.closing || nothing) {
            self.reporter.malformed(&buffer, &mut words, "cut short", reply);
        }
        self.reporter.flush(reply);
    }
}

#[cfg(test)]
mod tests;
