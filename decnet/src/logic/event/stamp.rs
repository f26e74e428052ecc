//! Numbers the events of one run of one node.

use std::sync::Arc;

use uuid::Uuid;

use super::{Event, Kind, SCHEMA};
use crate::logic::time::Timestamp;

/// Odd, so that its multiples visit each 64-bit number once before one comes again.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Gives each event its id and its number.
#[derive(Clone, Debug)]
pub struct Stamp {
    node: Arc<str>,
    boot_id: Uuid,
    base: u64,
    seq: u64,
}

impl Stamp {
    /// Begins a run: `boot_id` must be random.
    pub fn new(node: &str, boot_id: Uuid) -> Self {
        let (base, _) = boot_id.as_u64_pair();
        Self { node: node.into(), boot_id, base, seq: 0 }
    }

    /// Which run this is.
    pub fn boot_id(&self) -> Uuid {
        self.boot_id
    }

    /// The next event: it says when, where and what, and everything else is still to be filled in.
    pub fn event(&mut self, kind: Kind, at: Timestamp) -> Event {
        self.seq += 1;
        Event {
            schema: SCHEMA.into(),
            id: self.id(at),
            ts: at,
            node: self.node.clone(),
            boot_id: self.boot_id,
            seq: self.seq,
            decky: None,
            src: None,
            dst: None,
            transport: None,
            service: None,
            session: None,
            event: kind,
            outcome: None,
            creds: None,
            data: Default::default(),
            raw: None,
        }
    }

    /// A UUIDv7 (RFC 9562 section 5.7): the time, then the low bits of the number so that ids of
    /// one millisecond stay in order, then bits that no other run has.
    fn id(&self, at: Timestamp) -> Uuid {
        let [.., high, low] = self.seq.to_be_bytes();
        let unique = self.base.wrapping_add(self.seq.wrapping_mul(STEP)).to_be_bytes();
        let [a, b, c, d, e, f, g, h] = unique;
        let rest = [high, low, a, b, c, d, e, f, g, h];
        uuid::Builder::from_unix_timestamp_millis(at.millis(), &rest).into_uuid()
    }
}
