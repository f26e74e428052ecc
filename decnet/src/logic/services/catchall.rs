//! The service of every port that has none: it listens, and never says a word.

use super::{Context, Reply, Report, Service};
use crate::logic::event::{Data, Kind, RawDigest};

/// Bytes after which the first payload is reported without waiting for its end.
const FIRST_PAYLOAD: u64 = 16 * 1024;

/// A TCP connection to a port without a service.
///
/// What arrives is reported once: when [`FIRST_PAYLOAD`] has come, or when the visitor is done.
#[derive(Debug, Default)]
pub struct Tcp {
    payload: RawDigest,
    reported: bool,
}

impl Service for Tcp {
    fn receive(&mut self, bytes: &[u8], _context: &mut Context<'_>, reply: &mut Reply) {
        if self.reported {
            return;
        }
        self.payload.update(bytes);
        if self.payload.len() >= FIRST_PAYLOAD {
            self.report(reply);
        }
    }

    fn end(&mut self, _context: &mut Context<'_>, reply: &mut Reply) {
        if !self.reported && !self.payload.is_empty() {
            self.report(reply);
        }
    }
}

impl Tcp {
    fn report(&mut self, reply: &mut Reply) {
        self.reported = true;
        let raw = std::mem::take(&mut self.payload).finish();
        reply.report(Report::new(Kind::Payload).data(Data::new().with("bytes", raw.len)).raw(raw));
    }
}
