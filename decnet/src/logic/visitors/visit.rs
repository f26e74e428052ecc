//! One source's packets of one kind to one decky, from the first to the rest.

use std::time::Duration;

use decnet_ebpf::kind;

use super::{Observation, Port, Seen};
use crate::logic::decky::DeckyId;
use crate::logic::event::{Data, Kind, Raw, Source, Target, Transport};
use crate::logic::sighting::Tally;
use crate::logic::time::Timestamp;

/// Ports that a visit lists.
const MAX_PORTS: usize = 256;
/// Deckies that a visit to many lists.
const MAX_DECKIES: usize = 64;
/// Served ports that a client may connect to before it is a scan.
const CLIENT_PORTS: usize = 2;

/// A visit.
#[derive(Debug)]
pub(super) struct Visit {
    kind: u8,
    src: Source,
    dst: Option<Target>,
    transport: Transport,
    flags: Option<u8>,
    fragment: bool,
    first: Timestamp,
    last: Timestamp,
    sightings: u64,
    packets: u64,
    bytes: u64,
    /// Ports in the order in which they were tried.
    ports: Vec<u16>,
    more_ports: u64,
    /// Some port had no service.
    unserved: bool,
    connected: Vec<u16>,
    deckies: Vec<DeckyId>,
    payload: Option<Raw>,
    told: Option<(Timestamp, u64)>,
}

/// Which telling it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// At the first packet.
    First,
    /// At rest, or in between.
    Again,
}

impl Visit {
    pub(super) fn new(seen: &Seen) -> Self {
        Self {
            kind: seen.kind,
            src: seen.src.clone(),
            dst: seen.dst,
            transport: seen.transport,
            flags: seen.flags,
            fragment: seen.fragment,
            first: seen.at,
            last: seen.at,
            sightings: 0,
            packets: 0,
            bytes: 0,
            ports: Vec::new(),
            more_ports: 0,
            unserved: false,
            connected: Vec::new(),
            deckies: Vec::new(),
            payload: seen.payload.clone(),
            told: None,
        }
    }

    /// Adds a sighting.
    pub(super) fn add(&mut self, seen: &Seen, port: Port) {
        self.sightings += 1;
        self.packets = self.packets.max(self.sightings);
        self.bytes = self.bytes.max(seen.wire_len.into());
        self.first = self.first.min(seen.at);
        self.last = self.last.max(seen.at);
        self.fragment |= seen.fragment;
        self.unserved |= port == Port::Closed;
        if self.deckies.len() < MAX_DECKIES && !self.deckies.contains(&seen.decky) {
            self.deckies.push(seen.decky);
        }
        // Whoever is connected already makes such connections: they are no knocking about.
        let belongs = port == Port::Data && !self.connected.is_empty();
        if belongs || seen.port == 0 || self.ports.contains(&seen.port) {
            return;
        }
        if self.ports.len() < MAX_PORTS {
            self.ports.push(seen.port);
        } else {
            self.more_ports += 1;
        }
    }

    /// Takes note that a connection to `port` was made.
    pub(super) fn connected(&mut self, port: u16) {
        if self.connected.len() < MAX_PORTS && !self.connected.contains(&port) {
            self.connected.push(port);
        }
    }

    /// Takes the kernel's count.
    pub(super) fn count(&mut self, tally: &Tally, offset: Duration) {
        self.packets = self.packets.max(tally.packets.into());
        self.bytes = self.bytes.max(tally.bytes);
        self.last = self.last.max(Timestamp(tally.last_ns).plus(offset));
    }

    /// When its last packet came.
    pub(super) fn last(&self) -> Timestamp {
        self.last
    }

    /// When it was told about, or began.
    pub(super) fn told_at(&self) -> Timestamp {
        self.told.map_or(self.first, |(at, _)| at)
    }

    /// Whether it is to be told about at once.
    pub(super) fn is_news(&self) -> bool {
        self.told.is_none() && (self.kind != kind::SYN || self.unserved || self.is_wide())
    }

    /// Whether something came since it was told about.
    pub(super) fn has_more_to_tell(&self) -> bool {
        match self.told {
            Some((_, packets)) => self.packets > packets,
            None => !self.is_client(),
        }
    }

    /// A visitor who connected to what it knocked at, and to few ports.
    fn is_client(&self) -> bool {
        self.kind == kind::SYN
            && !self.unserved
            && !self.is_wide()
            && self.ports.iter().all(|port| self.connected.contains(port))
    }

    fn is_wide(&self) -> bool {
        self.ports.len() > CLIENT_PORTS
    }

    /// Tells about it.
    pub(super) fn tell(
        &mut self,
        decky: Option<DeckyId>,
        now: Timestamp,
        told: Told,
    ) -> Observation {
        self.told = Some((now, self.packets));
        let mut data = Data::new();
        if !self.ports.is_empty() {
            data.put("ports", self.ports.iter().map(|port| u64::from(*port)).collect::<Vec<_>>());
        }
        if self.more_ports > 0 {
            data.put("more_ports", self.more_ports);
        }
        data.put("packets", self.packets);
        data.put("bytes", self.bytes);
        data.put("first", self.first.to_string());
        data.put("last", self.last.to_string());
        if let Some(flags) = self.flags {
            data.put("flags", flag_names(flags));
        }
        if self.fragment {
            data.put("fragmented", true);
        }
        if decky.is_none() {
            data.put("deckies", self.deckies.len());
        }
        if !self.connected.is_empty() {
            data.put("connected", self.connected.len());
        }
        Observation {
            kind: event_kind(self.kind),
            at: if told == Told::First { self.last } else { now },
            decky,
            src: self.src.clone(),
            dst: self.dst,
            transport: Some(self.transport),
            data,
            raw: self.payload.clone(),
        }
    }
}

fn event_kind(kind: u8) -> Kind {
    match kind {
        kind::FIN => Kind::ScanFin,
        kind::NULL => Kind::ScanNull,
        kind::XMAS => Kind::ScanXmas,
        kind::UDP => Kind::ScanUdp,
        kind::ARP | kind::SOLICIT => Kind::ScanArp,
        kind::ECHO => Kind::ScanIcmp,
        // A fragment that hides its flags hides a SYN: nothing else is worth the trouble.
        _ => Kind::ScanSyn,
    }
}

/// TCP flags by their letters, as tcpdump writes them.
fn flag_names(flags: u8) -> String {
    let letters =
        [(1, 'F'), (2, 'S'), (4, 'R'), (8, 'P'), (16, '.'), (32, 'U'), (64, 'E'), (128, 'W')];
    letters.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, letter)| *letter).collect()
}
