//! What is reported of a request.

use super::head::{Head, Version};
use crate::logic::event::{Data, Kind, text, text_within};
use crate::logic::services::capture::Capture;
use crate::logic::services::{Piece, Reply, Report};

/// Most header fields that a report keeps.
const MAX_FIELDS: usize = 64;

/// Most bytes of a name and of a value that it keeps.
const MAX_FIELD: usize = 1024;

/// Most bytes of all of them.
const MAX_TEXT: usize = 16 * 1024;

/// A request on its way to be reported.
#[derive(Debug)]
pub(super) struct Record {
    data: Data,
    bytes: Capture,
    fault: Option<&'static str>,
    /// The target, for what else is reported of the request.
    pub(super) target: String,
}

impl Record {
    /// A request whose head is `head`, and was these bytes.
    pub(super) fn of(head: &Head<'_>, bytes: &[u8], number: u32, pieces: &mut Vec<Piece>) -> Self {
        let mut data = Data::with_capacity(10);
        let target = text(head.target());
        if let Some(version) = head.version() {
            data.put("method", text(head.method()));
            data.put("target", target.clone());
            data.put("version", name(version));
        }
        if let Some(host) = head.field("host") {
            data.put("host", text(host));
        }
        if let Some(agent) = head.field("user-agent") {
            data.put("user_agent", text(agent));
        }
        if head.fields().len() > 0 {
            data.put("headers", fields(head));
        }
        let mut all = Capture::new(number);
        all.update(bytes, pieces);
        Self { data, bytes: all, fault: None, target }
    }

    /// Adds bytes of the body.
    pub(super) fn push(&mut self, bytes: &[u8], pieces: &mut Vec<Piece>) {
        self.bytes.update(bytes, pieces);
    }

    /// Says what is wrong with it; what was said first holds.
    pub(super) fn fault(&mut self, fault: &'static str) {
        self.fault.get_or_insert(fault);
    }

    /// Says what was answered.
    pub(super) fn status(&mut self, status: u16) {
        self.data.put("status", status);
    }

    /// Reports it.
    pub(super) fn report(mut self, body_bytes: u64, reply: &mut Reply) {
        self.data.put("body_bytes", body_bytes);
        if let Some(fault) = self.fault {
            self.data.put("malformed", fault);
        }
        reply.report(self.bytes.finish(Report::new(Kind::HttpRequest).data(self.data)));
    }
}

/// The header fields, as far as they are kept.
fn fields(head: &Head<'_>) -> Vec<(String, String)> {
    let mut left = MAX_TEXT;
    let mut kept = Vec::with_capacity(head.fields().len().min(MAX_FIELDS));
    for (name, value) in head.fields() {
        let (name, value) = (text_within(name, MAX_FIELD), text_within(value, MAX_FIELD));
        let rest = left.checked_sub(name.len() + value.len());
        let Some(rest) = rest.filter(|_| kept.len() < MAX_FIELDS) else {
            // The bytes of the request have them all.
            let more = head.fields().len() - kept.len();
            kept.push(("...".to_owned(), format!("{more} more")));
            break;
        };
        left = rest;
        kept.push((name, value));
    }
    kept
}

fn name(version: Version) -> &'static str {
    match version {
        Version::Nine => "0.9",
        Version::Ten => "1.0",
        Version::Eleven => "1.1",
    }
}
