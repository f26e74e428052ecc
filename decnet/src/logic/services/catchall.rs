//! The service of every port that has none: it listens, and never says a word.

use super::capture::Capture;
use super::{Context, Reply, Report, Service};
use crate::logic::event::{Data, Kind};

/// Bytes after which the first payload is reported without waiting for its end.
const FIRST_PAYLOAD: u64 = 16 * 1024;

/// A TCP connection to a port without a service.
///
/// What arrives is reported when the visitor is done; if it is much, what has come of it by then is
/// also reported as soon as [`FIRST_PAYLOAD`] has.
#[derive(Debug)]
pub struct Tcp {
    payload: Capture,
    reported: u64,
}

impl Default for Tcp {
    fn default() -> Self {
        Self { payload: Capture::new(0), reported: 0 }
    }
}

impl Service for Tcp {
    fn receive(&mut self, bytes: &[u8], _context: &mut Context<'_>, reply: &mut Reply) {
        self.payload.update(bytes, &mut reply.pieces);
        if self.reported == 0 && self.payload.len() >= FIRST_PAYLOAD {
            self.reported = self.payload.len();
            let data = Data::new().with("bytes", self.reported).with("more", true);
            reply.report(Report::new(Kind::Payload).data(data).raw(self.payload.so_far()));
        }
    }

    fn end(&mut self, _context: &mut Context<'_>, reply: &mut Reply) {
        if self.payload.len() > self.reported {
            let payload = std::mem::replace(&mut self.payload, Capture::new(1));
            let data = Data::new().with("bytes", payload.len());
            reply.report(payload.finish(Report::new(Kind::Payload).data(data)));
        }
    }
}
