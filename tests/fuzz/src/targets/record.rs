//! Records of the kernel half, and what becomes of them.

use std::time::Duration;

use decnet::logic::event::{Event, Stamp};
use decnet::logic::sighting::{Record, Tally, TallyBytes};
use decnet::logic::time::Timestamp;
use decnet::logic::visitors::{Port, Visitors};
use decnet_ebpf::TallyKey;
use uuid::Uuid;

use crate::decky::NOW;
use crate::views;

/// What a port may be for, by its number.
const PORTS: [Port; 3] = [Port::Closed, Port::Data, Port::Service];

/// Bytes of a head and of a frame.
const RECORD: usize = size_of::<decnet_ebpf::Head>() + decnet_ebpf::FRAME;

pub(crate) fn run(data: &[u8]) {
    let _record = Record::read(data);
    let mut visitors = Visitors::default();
    let mut seen = Vec::new();
    // What is too short for a record is filled up, so that few bytes say much.
    for (number, piece) in (0..).zip(data.chunks(RECORD)) {
        let mut bytes = piece.to_vec();
        bytes.resize(RECORD, 0);
        let record = Record::read(&bytes).expect("it has the size of one");
        let at = Timestamp(NOW.0 + number * 400_000_000);
        visitors.sighted(&record, at, |port| PORTS[usize::from(port) % PORTS.len()], &mut seen);
        let tally = |wanted: &TallyKey| {
            let mut tally: TallyBytes = [0; _];
            let key = wanted.iter().flat_map(|word| word.to_ne_bytes());
            tally.iter_mut().zip(key.chain(bytes.iter().copied())).for_each(|(to, from)| *to = from);
            Tally::read(&tally, wanted)
        };
        visitors.tick(at, Duration::from_nanos(NOW.0), tally, &mut seen);
    }
    assert!(seen.len() <= 8 * (1 + data.len() / RECORD), "{} for {}", seen.len(), data.len());
    let mut stamp = Stamp::new("node-1", Uuid::from_u128(7));
    for observation in seen {
        views::check(&Event {
            src: Some(observation.src),
            dst: observation.dst,
            transport: observation.transport,
            data: observation.data,
            raw: observation.raw,
            ..stamp.event(observation.kind, observation.at)
        });
    }
}
