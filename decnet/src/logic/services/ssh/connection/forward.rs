//! Connections that a visitor wants made for it. None ever is: what it would have sent is kept.

use crate::logic::event::{Data, Kind, RawDigest, text};
use crate::logic::services::{Reply, Report};

/// Bytes after which the first payload is reported without waiting for its end.
const FIRST_PAYLOAD: u64 = 16 * 1024;

/// A connection to somewhere else, as the visitor believes.
#[derive(Debug)]
pub(super) struct Forward {
    target: String,
    payload: RawDigest,
    reported: bool,
}

impl Forward {
    /// A connection to this host and port.
    pub(super) fn new(host: &[u8], port: u32) -> Self {
        let target = target(host, port);
        Self { target, payload: RawDigest::default(), reported: false }
    }

    /// The visitor sent bytes through it.
    pub(super) fn receive(&mut self, bytes: &[u8], reply: &mut Reply) {
        if self.reported {
            return;
        }
        self.payload.update(bytes);
        if self.payload.len() >= FIRST_PAYLOAD {
            self.end(reply);
        }
    }

    /// No more will come.
    pub(super) fn end(&mut self, reply: &mut Reply) {
        if self.reported {
            return;
        }
        self.reported = true;
        let payload = std::mem::take(&mut self.payload);
        let report = report(&self.target, "direct-tcpip");
        reply.report(if payload.is_empty() { report } else { report.raw(payload.finish()) });
    }
}

/// `host:port`.
pub(super) fn target(host: &[u8], port: u32) -> String {
    format!("{}:{port}", text(host))
}

/// The report of a wish for a connection.
pub(super) fn report(target: &str, how: &'static str) -> Report {
    let data = Data::new().with("forward", target.to_owned()).with("request", how);
    Report::new(Kind::Payload).data(data)
}
