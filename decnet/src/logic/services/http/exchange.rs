//! One request and its answer.

use std::cell::OnceCell;

use super::answer::{Answer, Sending};
use super::body::Body;
use super::flavor::Flavor;
use super::head::{Fault, Head, Version};
use super::intake::{self, Intake};
use super::look::Look;
use super::message::{self, Connection, Length};
use super::page::Signature;
use super::record::Record;
use super::settings::Settings;
use super::site::{Site, Verdict};
use super::{apache, nginx, plain};
use crate::logic::services::{Context, Reply};

/// How much of a body is still read when the answer has said that the connection ends.
const LINGER: u64 = 1024 * 1024;

/// About how much is kept of a head, for the report of the request.
const KEPT_OF_HEAD: usize = 24 * 1024;
/// Bits of the number of what is captured of a request: all of it, and its files.
const CAPTURES: u32 = 8;

/// Host that Apache calls itself by before the visitor named one.
const NAMELESS: &str = "127.0.1.1";

/// A request and its answer.
#[derive(Debug)]
pub(super) struct Exchange {
    flavor: Flavor,
    version: Version,
    connection: Connection,
    head_only: bool,
    padded: bool,
    /// Whether the body is read before the answer is given.
    patient: bool,
    left: u32,
    host: String,
    port: String,
    record: Record,
    reports: Reply,
    intake: Intake,
    body: Body,
    next: Next,
}

/// What is still to be sent.
#[derive(Debug)]
enum Next {
    /// This, once the body has come.
    Answer(Answer),
    /// Whether the login is let in, once the body has come.
    Login,
    /// Nothing.
    Nothing,
}

/// What comes after what has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The end of the connection.
    Close,
    /// More of this request.
    More,
    /// The next request.
    Next,
}

/// What an exchange must be told each time.
pub(super) struct Around<'a, 'b> {
    pub(super) settings: &'a Settings,
    pub(super) server: &'a str,
    pub(super) look: &'a OnceCell<Look>,
    pub(super) context: &'a Context<'b>,
}

impl Exchange {
    /// For the request with this head; `seen` are its bytes, `left` how many may follow.
    /// It is the `number`th of its connection.
    pub(super) fn new(
        around: &Around<'_, '_>,
        head: &Head<'_>,
        seen: &[u8],
        [number, left]: [u32; 2],
    ) -> Self {
        let (number, mut reports) = (number << CAPTURES, Reply::default());
        let flavor = Flavor::of(around.server);
        let (host, port) = named(head, around.context.local.port());
        let agent = head.field("user-agent").unwrap_or_default();
        let browser = Browser::of(agent);
        let mut connection = if left == 0 { Connection::Close } else { Connection::of(head) };
        if flavor == Flavor::Nginx && browser == Browser::OldExplorer && head.method() == b"POST" {
            connection = Connection::Close;
        }
        let mut exchange = Self {
            flavor,
            version: head.version().unwrap_or(Version::Ten),
            connection,
            head_only: head.method() == b"HEAD"
                || flavor == Flavor::Apache && seen.trim_ascii_start().starts_with(b"HEAD "),
            padded: flavor == Flavor::Nginx && browser != Browser::Other,
            patient: flavor == Flavor::Apache,
            left,
            host,
            port,
            record: Record::of(head, seen, number, &mut reports.pieces),
            reports,
            intake: Intake::of(head, number + 1),
            body: Body::Rest(0),
            next: Next::Nothing,
        };
        intake::in_head(head, &exchange.record.target, &mut exchange.reports);
        exchange
    }

    /// Bytes that are held until it ends.
    pub(super) fn held(&self) -> usize {
        let answer = if let Next::Answer(answer) = &self.next { answer.held() } else { 0 };
        size_of::<Self>() + KEPT_OF_HEAD + self.intake.held() + answer
    }

    /// Decides on the answer, now that the head has come.
    pub(super) fn begin(&mut self, around: &Around<'_, '_>, head: &Head<'_>, reply: &mut Reply) {
        let length = match self.flavor {
            Flavor::Apache => apache::length(head),
            Flavor::Nginx => nginx::length(head),
            flavor => plain::length(flavor, head),
        };
        let length = match length {
            Ok(length) => length,
            Err(fault) => return self.refuse(fault, around, head, reply),
        };
        if length == Length::Chunked && head.field("content-length").is_some() {
            self.connection = Connection::Close;
        }
        self.body = Body::new(length);
        let verdict = self.site(around).answer(head);
        let refused = matches!(&verdict, Verdict::Answer(answer) if answer.status >= 400);
        let asks = !self.body.is_done() && self.version == Version::Eleven && expects(head);
        // Clients stop sending when they are refused, and what they were sending would be lost. A
        // server with somebody behind it reads all of it first as well.
        let short = matches!(length, Length::Known(length) if length <= LINGER);
        self.patient |= short && self.intake.is_read() && !asks;
        if asks {
            // A file that is left is worth the one answer more, which a server with somebody behind
            // it gives as well.
            let file = head.method() == b"PUT";
            self.patient |= file;
            if !refused || file {
                reply.send(b"HTTP/1.1 100 Continue\r\n\r\n");
            } else if self.flavor == Flavor::Apache {
                self.body = Body::Rest(0);
                self.connection = Connection::Close;
            }
        }
        if matches!(head.method(), b"TRACE" | b"CONNECT") && self.flavor == Flavor::Nginx {
            self.connection = Connection::Close;
        }
        self.next = match verdict {
            Verdict::Answer(answer) => Next::Answer(answer),
            Verdict::Login => Next::Login,
        };
    }

    /// Says that the request is none, and that this is the end.
    pub(super) fn refuse(
        &mut self,
        fault: Fault,
        around: &Around<'_, '_>,
        head: &Head<'_>,
        reply: &mut Reply,
    ) {
        self.record.fault(fault.word());
        self.connection = Connection::Close;
        let sought = matches!(fault, Fault::Expect | Fault::Target)
            || message::authority(head.target()).is_some();
        if self.flavor == Flavor::Apache && !sought {
            // It has not looked which of its sites is meant.
            NAMELESS.clone_into(&mut self.host);
            self.port = around.context.local.port().to_string();
        } else if fault == Fault::Simple {
            self.version = Version::Nine;
        }
        // Who announced too much may send some of it; closing at once would lose the answer.
        self.body = Body::Rest(if fault == Fault::Entity { LINGER } else { 0 });
        let answer = self.site(around).refusal(fault, head);
        self.send(&answer, around, reply);
    }

    /// Takes what belongs to the body from `rest`; how many bytes, and what comes next.
    pub(super) fn body(
        &mut self,
        rest: &[u8],
        around: &Around<'_, '_>,
        reply: &mut Reply,
    ) -> (usize, Step) {
        let Self { body, record, intake, reports, .. } = self;
        let pieces = &mut reports.pieces;
        let taken = body.take(rest, &mut |piece| {
            record.push(piece, pieces);
            intake.push(piece, pieces);
        });
        reply.pieces.append(&mut self.reports.pieces);
        let Ok(count) = taken else {
            self.break_off(around, reply);
            return (rest.len(), Step::Close);
        };
        let done = self.body.is_done();
        match std::mem::replace(&mut self.next, Next::Nothing) {
            Next::Answer(answer) if done || !self.patient => {
                self.send(&answer, around, reply);
            }
            Next::Login if done => {
                let answer = self.site(around).refused_login();
                self.send(&answer, around, reply);
            }
            waiting => self.next = waiting,
        }
        let answered = matches!(self.next, Next::Nothing);
        let enough = self.intake.bytes > LINGER && self.connection == Connection::Close;
        let step = match (done, self.connection) {
            (false, _) if answered && enough => Step::Close,
            (false, _) => Step::More,
            (true, Connection::Close) => Step::Close,
            (true, _) => Step::Next,
        };
        (count, step)
    }

    /// Ends a request whose body did not come to its end.
    pub(super) fn cut_short(&mut self, around: &Around<'_, '_>, reply: &mut Reply) {
        if self.flavor == Flavor::Apache && !matches!(self.next, Next::Nothing) {
            self.connection = Connection::Close;
            let answer = self.site(around).refusal(Fault::Request, &Head::default());
            self.send(&answer, around, reply);
        } else if let Next::Answer(answer) = std::mem::replace(&mut self.next, Next::Nothing) {
            self.send(&answer, around, reply);
        }
        self.record.fault("cut short");
    }

    /// Ends a request whose head did not come to its end.
    pub(super) fn unfinished(
        &mut self,
        around: &Around<'_, '_>,
        head: &Head<'_>,
        reply: &mut Reply,
    ) {
        if self.flavor == Flavor::Apache && head.version().is_some() {
            self.refuse(Fault::Request, around, head, reply);
        }
        self.record.fault("cut short");
    }

    /// Reports the request and what was found in it.
    pub(super) fn finish(mut self, reply: &mut Reply) {
        let target = std::mem::take(&mut self.record.target);
        reply.pieces.append(&mut self.reports.pieces);
        self.record.report(self.intake.bytes, reply);
        reply.reports.append(&mut self.reports.reports);
        self.intake.finish(&target, reply);
    }

    /// Answers a body that is not chunked as it says.
    fn break_off(&mut self, around: &Around<'_, '_>, reply: &mut Reply) {
        self.record.fault(Fault::Chunk.word());
        self.connection = Connection::Close;
        match std::mem::replace(&mut self.next, Next::Nothing) {
            Next::Nothing => {}
            Next::Answer(answer) if answer.status >= 400 && self.flavor == Flavor::Nginx => {
                self.send(&answer, around, reply);
            }
            Next::Answer(_) | Next::Login => {
                let answer = self.site(around).refusal(Fault::Chunk, &Head::default());
                self.send(&answer, around, reply);
            }
        }
    }

    fn send(&mut self, answer: &Answer, around: &Around<'_, '_>, reply: &mut Reply) {
        if ends(self.flavor, answer.status) {
            self.connection = Connection::Close;
        }
        self.record.status(answer.status);
        let sending = Sending {
            signature: self.signature(around.server),
            version: self.version,
            connection: self.connection,
            head_only: self.head_only,
            padded: self.padded && self.version > Version::Nine,
            left: self.left,
            now: around.context.now,
        };
        answer.write(&sending, &mut reply.bytes);
        if answer.abrupt {
            self.connection = Connection::Close;
        }
    }

    fn signature<'a>(&'a self, server: &'a str) -> Signature<'a> {
        Signature { flavor: self.flavor, server, host: &self.host, port: &self.port }
    }

    fn site<'a>(&'a self, around: &'a Around<'_, '_>) -> Site<'a> {
        Site {
            settings: around.settings,
            decky: around.context.decky,
            look: around.look,
            who: self.signature(around.server),
            now: around.context.now,
        }
    }
}

/// Whether the server ends the connection after this status.
fn ends(flavor: Flavor, status: u16) -> bool {
    match flavor {
        Flavor::Apache => matches!(status, 400 | 411 | 413 | 414 | 500 | 501),
        _ => matches!(status, 400 | 411 | 413 | 414 | 417 | 500 | 501 | 505),
    }
}

fn expects(head: &Head<'_>) -> bool {
    head.field("expect").is_some_and(|text| text.eq_ignore_ascii_case(b"100-continue"))
}

/// The host and the port by which the visitor calls the server.
fn named(head: &Head<'_>, local: u16) -> (String, String) {
    let given = match message::authority(head.target()) {
        Some(authority) => authority.rsplit(|byte| *byte == b'@').next(),
        None if head.method() == b"CONNECT" => Some(head.target()),
        None => head.field("host"),
    };
    let given = String::from_utf8_lossy(given.unwrap_or_default());
    let (host, port) = match given.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (given.as_ref(), None),
    };
    let host = if host.is_empty() { NAMELESS } else { host };
    (host.to_owned(), port.map_or_else(|| local.to_string(), str::to_owned))
}

/// Browsers for which nginx makes exceptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Browser {
    Chrome,
    Explorer,
    OldExplorer,
    Other,
}

impl Browser {
    fn of(agent: &[u8]) -> Self {
        let find = |word: &[u8]| memchr::memmem::find(agent, word);
        let explorer = find(b"MSIE ").and_then(|at| agent.get(at + 5..));
        if find(b"Opera").is_some() {
            return Self::Other;
        }
        match explorer {
            Some([b'4' | b'5', b'.', ..]) => Self::OldExplorer,
            Some([b'6', b'.', ..]) if find(b"SV1").is_none() => Self::OldExplorer,
            Some([_, _, _, ..]) => Self::Explorer,
            _ if find(b"Gecko/").is_none() && find(b"Chrome/").is_some() => Self::Chrome,
            _ => Self::Other,
        }
    }
}
