//! A web server: HTTP/0.9 to 1.1, in the bytes of the server that the persona runs.
//!
//! [`Session`] reads heads ([`head`]) by the rules of one server ([`nginx`], [`apache`],
//! [`plain`]), asks the site ([`site`]) for an answer and writes it in that server's order and
//! words ([`answer`]). Bodies stream through ([`body`]) and are looked at as they pass
//! ([`intake`]); nobody is ever let in. Each request becomes a report ([`record`]), whatever it
//! was: malformed, cut short or endless.
//!
//! Two pages are not ours: `pages/nginx.html` is nginx's (BSD-2-Clause), `pages/apache.html` that
//! of Debian's package with Ubuntu's words (Apache-2.0).
//!
//! Held at most: one head ([`head::MAX_HEAD`]) or 64 KiB of a form, and what one call brings.

mod answer;
mod apache;
mod body;
mod creds;
mod exchange;
mod flavor;
mod head;
mod intake;
mod look;
mod message;
mod multipart;
mod nginx;
mod page;
mod plain;
mod range;
mod record;
mod refusal;
mod settings;
mod site;

use std::cell::OnceCell;
use std::time::Duration;

use super::{Context, Reply, Service};
use exchange::{Around, Exchange, Step};
use flavor::Flavor;
use head::{Progress, Reader};
use look::Look;

pub use settings::{BadSetting, LoginPath, ServerName, Settings, Site};

/// Bytes of answers after which the visitor must take some before more requests are read.
const FULL: usize = 64 * 1024;

/// One connection.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    /// What has come and belongs to a head that is not done, or to what follows.
    buffer: Vec<u8>,
    reader: Reader,
    phase: Phase,
    /// Requests answered.
    served: u32,
    /// How the site looks, once something of it has been shown.
    look: OnceCell<Look>,
}

/// What is expected next.
#[derive(Debug)]
enum Phase {
    /// The body of a request.
    Body(Box<Exchange>),
    /// Nothing: the connection is done with.
    Closed,
    /// The head of a request.
    Head,
}

impl Session {
    /// A fresh connection.
    pub fn new(settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
            buffer: Vec::new(),
            reader: Reader::default(),
            phase: Phase::Head,
            served: 0,
            look: OnceCell::new(),
        }
    }

    /// Answers what is in the buffer, until it is empty or enough has been answered.
    fn advance(&mut self, context: &Context<'_>, reply: &mut Reply) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut at = 0;
        loop {
            let rest = buffer.get(at..).unwrap_or_default();
            match self.step(rest, context, reply) {
                Some(count) => at += count,
                None => break,
            }
            if reply.bytes.len() >= FULL && at < buffer.len() {
                reply.wait = Some(Duration::ZERO);
                break;
            }
        }
        if matches!(self.phase, Phase::Closed) {
            reply.close = true;
            reply.wait = None;
            buffer.clear();
        } else {
            buffer.drain(..at.min(buffer.len()));
        }
        if buffer.is_empty() {
            // An idle connection holds no buffer.
            buffer = Vec::new();
        }
        self.buffer = buffer;
    }

    /// Takes the next step with `rest`; how many bytes are done with, or `None` to wait for more.
    fn step(&mut self, rest: &[u8], context: &Context<'_>, reply: &mut Reply) -> Option<usize> {
        match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Closed => None,
            Phase::Head => self.head(rest, context, reply),
            Phase::Body(mut exchange) => {
                let (count, step) = exchange.body(rest, &self.around(context), reply);
                self.follow(exchange, step, reply);
                (count > 0).then_some(count)
            }
        }
    }

    fn head(&mut self, rest: &[u8], context: &Context<'_>, reply: &mut Reply) -> Option<usize> {
        self.phase = Phase::Head;
        if rest.is_empty() {
            return None;
        }
        let flavor = Flavor::of(self.server(context));
        let progress = self.reader.read(flavor, rest);
        if progress == Progress::More {
            return self.reader.pass_blank();
        }
        self.served += 1;
        let left = flavor.most_requests().saturating_sub(self.served);
        let reader = std::mem::take(&mut self.reader);
        let around = self.around(context);
        // Of what is no request, all that has come is worth keeping.
        let length = if let Progress::Done(length) = progress { length } else { rest.len() };
        let (seen, behind) = rest.split_at_checked(length).unwrap_or((rest, b""));
        let head = reader.head(seen);
        let mut exchange = Exchange::new(&around, &head, seen, [self.served, left]);
        if let Progress::Bad(fault) = progress {
            exchange.refuse(fault, &around, &head, reply);
        } else {
            exchange.begin(&around, &head, reply);
        }
        let (count, step) = exchange.body(behind, &around, reply);
        self.follow(Box::new(exchange), step, reply);
        Some(length + count)
    }

    /// Goes on as `step` says, with a request that is done or waits for more.
    fn follow(&mut self, exchange: Box<Exchange>, step: Step, reply: &mut Reply) {
        self.phase = match step {
            Step::More => {
                self.phase = Phase::Body(exchange);
                return;
            }
            Step::Next => Phase::Head,
            Step::Close => Phase::Closed,
        };
        exchange.finish(reply);
    }

    fn server<'a>(&'a self, context: &'a Context<'_>) -> &'a str {
        self.settings.server.as_ref().map_or(context.decky.persona.http, ServerName::as_str)
    }

    fn around<'a, 'b>(&'a self, context: &'a Context<'b>) -> Around<'a, 'b> {
        let (settings, server) = (&self.settings, self.server(context));
        Around { settings, server, look: &self.look, context }
    }
}

impl Service for Session {
    fn receive(&mut self, bytes: &[u8], context: &mut Context<'_>, reply: &mut Reply) {
        if !matches!(self.phase, Phase::Closed) {
            self.buffer.extend_from_slice(bytes);
            self.advance(context, reply);
        }
    }

    fn wake(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        self.advance(context, reply);
    }

    fn held(&self) -> usize {
        let exchange = match &self.phase {
            Phase::Body(exchange) => exchange.held(),
            Phase::Closed | Phase::Head => 0,
        };
        self.buffer.capacity() + self.reader.held() + exchange
    }

    fn end(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        let buffer = std::mem::take(&mut self.buffer);
        let reader = std::mem::take(&mut self.reader);
        match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Body(mut exchange) => {
                exchange.cut_short(&self.around(context), reply);
                exchange.finish(reply);
            }
            Phase::Head if !reader.is_idle(&buffer) => {
                let around = self.around(context);
                let head = reader.head(&buffer);
                let mut exchange = Exchange::new(&around, &head, &buffer, [self.served + 1, 0]);
                exchange.unfinished(&around, &head, reply);
                exchange.finish(reply);
            }
            Phase::Head | Phase::Closed => {}
        }
    }
}

#[cfg(test)]
mod tests;
