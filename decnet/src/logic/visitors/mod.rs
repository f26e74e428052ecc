//! Who touches the deckies: sightings become events, and repeats become one.
//!
//! The kernel half reports the first packet of each (source, decky, kind), then only new ports,
//! and counts the rest. A *visit* is what follows from such a first packet: it is announced at
//! once, told about once more when it has come to rest, and forgotten when the kernel half would
//! report it anew. A SYN to a port with a service is held back until it is known whether a
//! connection came of it; one or two of those are a client, not a scan.

mod sources;
mod visit;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use decnet_ebpf::{REST_NS, TallyKey, kind};

use crate::logic::decky::DeckyId;
use crate::logic::event::{Data, Kind, Raw, Source, Target, Transport};
use crate::logic::packet::{Network, Packet, TCP, UDP};
use crate::logic::sighting::{Peer, Record, Tally, tally_key};
use crate::logic::tcp_signature;
use crate::logic::time::Timestamp;

use sources::Sources;
use visit::{Told, Visit};

/// Visits that are followed one by one; beyond that they are only announced.
const MAX_VISITS: usize = 65_536;
/// Visits a second that are told decky by decky; beyond that a source's are told together.
const MAX_NEW_VISITS: u32 = 4_096;
/// After this long without a packet a visit is told about.
const QUIET: Duration = Duration::from_millis(800);
/// A visit that goes on is told about this often.
const INTERIM: Duration = Duration::from_secs(10);

/// Something to become an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// What it is.
    pub kind: Kind,
    /// When.
    pub at: Timestamp,
    /// To which decky; none when it was to many.
    pub decky: Option<DeckyId>,
    /// Who.
    pub src: Source,
    /// What it was aimed at.
    pub dst: Option<Target>,
    /// How it travelled.
    pub transport: Option<Transport>,
    /// What else is known.
    pub data: Data,
    /// The frame, where it says more than the fields.
    pub raw: Option<Raw>,
}

/// What a decky's port is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// Nothing.
    Closed,
    /// Connections that belong to another one: whoever has that one may make them.
    Data,
    /// A service.
    Service,
}

/// Which visit a packet belongs to. Without a decky: all of a source's, in a flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    peer: Peer,
    decky: Option<DeckyId>,
    kind: u8,
}

/// Everybody who has touched a decky lately.
#[derive(Debug, Default)]
pub struct Visitors {
    sources: Sources,
    visits: HashMap<Key, Visit>,
    /// The second at hand, and how many visits it has brought.
    second: u64,
    fresh: u32,
}

impl Visitors {
    /// Takes a sighting; `at` is its time, `served` says what a port of the decky is for.
    pub fn sighted(
        &mut self,
        record: &Record<'_>,
        at: Timestamp,
        served: impl Fn(u16) -> Port,
        out: &mut Vec<Observation>,
    ) {
        let Some(packet) = Packet::read(record.frame) else { return };
        let Some(seen) = Seen::of(record, &packet, at) else { return };
        self.meet(&seen, record, &packet, out);
        let key = self.key(&seen, at);
        let room = self.visits.len() < MAX_VISITS;
        let visit = match self.visits.get_mut(&key) {
            Some(visit) => visit,
            None if room => self.visits.entry(key).or_insert_with(|| Visit::new(&seen)),
            None => {
                let mut visit = Visit::new(&seen);
                visit.add(&seen, served(seen.port));
                out.push(visit.tell(key.decky, at, Told::First));
                return;
            }
        };
        visit.add(&seen, served(seen.port));
        if visit.is_news() {
            out.push(visit.tell(key.decky, at, Told::First));
        }
    }

    /// Takes note that a connection to a service of a decky was made.
    pub fn connected(&mut self, ip: IpAddr, decky: DeckyId, port: u16) {
        let key = Key { peer: Peer::Ip(ip), decky: Some(decky), kind: kind::SYN };
        if let Some(visit) = self.visits.get_mut(&key) {
            visit.connected(port);
        }
    }

    /// Tells about the visits that came to rest, and forgets those that are over. `tally` gives a
    /// visit's count, and `offset` is what its times lack to be wall-clock times.
    pub fn tick(
        &mut self,
        now: Timestamp,
        offset: Duration,
        mut tally: impl FnMut(&TallyKey) -> Option<Tally>,
        out: &mut Vec<Observation>,
    ) {
        let rest = Duration::from_nanos(REST_NS);
        self.visits.retain(|key, visit| {
            let counted = key.decky.and_then(|decky| tally(&tally_key(key.peer, decky, key.kind)));
            if let Some(counted) = counted {
                visit.count(&counted, offset);
            }
            let idle = now.since(visit.last());
            let due = idle >= QUIET || now.since(visit.told_at()) >= INTERIM;
            if due && visit.has_more_to_tell() {
                out.push(visit.tell(key.decky, now, Told::Again));
            }
            idle < rest
        });
    }

    /// Whether any visit is being followed.
    pub fn is_idle(&self) -> bool {
        self.visits.is_empty()
    }

    /// How many visitors are being followed.
    pub fn count(&self) -> usize {
        self.visits.keys().map(|key| key.peer).collect::<HashSet<Peer>>().len()
    }

    /// Whether this source was met, at any decky.
    pub fn has_met(&self, ip: IpAddr) -> bool {
        self.sources.has_met(ip)
    }

    /// What is known of a source: its MAC, VLAN and TCP signature.
    pub fn source(&self, ip: IpAddr) -> Source {
        self.sources.describe(ip)
    }

    /// `src` with what is known of it besides.
    pub fn complete(&self, src: Source) -> Source {
        let Some(ip) = src.ip else { return src };
        let known = self.sources.describe(ip);
        Source { mac: src.mac.or(known.mac), tcp: src.tcp.or(known.tcp), ..src }
    }

    /// Introduces a source: a new one, and a new signature of a known one.
    fn meet(
        &mut self,
        seen: &Seen,
        record: &Record<'_>,
        packet: &Packet<'_>,
        out: &mut Vec<Observation>,
    ) {
        let Some(ip) = seen.src.ip else { return };
        // Address resolution is what comes before a visit; by itself it is told as `scan.arp`.
        if matches!(record.kind, kind::ARP | kind::SOLICIT) {
            self.sources.remember_mac(ip, packet.src_mac, seen.src.vlan);
            return;
        }
        let signature = (record.kind == kind::SYN)
            .then(|| packet.ip().and_then(tcp_signature::signature))
            .flatten()
            .map(Arc::<str>::from);
        let met = self.sources.meet(ip, &seen.src, signature);
        let src = Source { port: seen.src.port, ..self.sources.describe(ip) };
        let observation = |kind, data| Observation {
            kind,
            at: seen.at,
            decky: Some(record.decky),
            src: src.clone(),
            dst: seen.dst,
            transport: Some(seen.transport),
            data,
            raw: None,
        };
        if met.new {
            out.push(observation(Kind::SourceNew, Data::new()));
        }
        if met.new_signature
            && let Some(signature) = &src.tcp
        {
            let data = Data::new().with("signature", signature.to_string());
            out.push(observation(Kind::FingerprintTcp, data));
        }
    }

    /// Which visit it is; in a flood a source's visits are one.
    fn key(&mut self, seen: &Seen, at: Timestamp) -> Key {
        let mut key = Key { peer: seen.peer, decky: Some(seen.decky), kind: seen.kind };
        if self.visits.contains_key(&key) {
            return key;
        }
        let second = at.millis() / 1_000;
        if second != self.second {
            (self.second, self.fresh) = (second, 0);
        }
        self.fresh = self.fresh.saturating_add(1);
        if self.fresh > MAX_NEW_VISITS {
            key.decky = None;
        }
        key
    }
}

/// A sighting with its frame read.
struct Seen {
    at: Timestamp,
    peer: Peer,
    decky: DeckyId,
    kind: u8,
    src: Source,
    dst: Option<Target>,
    transport: Transport,
    /// Port that was aimed at, 0 without one.
    port: u16,
    /// TCP flags.
    flags: Option<u8>,
    fragment: bool,
    wire_len: u32,
    payload: Option<Raw>,
}

impl Seen {
    fn of(record: &Record<'_>, packet: &Packet<'_>, at: Timestamp) -> Option<Self> {
        let mac = packet.src_mac;
        let vlan = record.vlan.or(packet.vlan);
        let mut seen = Self {
            at,
            peer: Peer::Mac(mac),
            decky: record.decky,
            kind: record.kind,
            src: Source { mac: Some(mac), vlan, ..Source::default() },
            dst: None,
            transport: Transport::Arp,
            port: 0,
            flags: None,
            fragment: false,
            wire_len: record.wire_len,
            payload: None,
        };
        match &packet.network {
            Network::Arp { sender, target, .. } => {
                seen.dst = Some(Target { ip: (*target).into(), port: None });
                if !sender.is_unspecified() {
                    seen.come_from((*sender).into());
                }
            }
            Network::Ip(ip) => {
                seen.transport = transport(record.kind, ip.protocol)?;
                let ports = ip.ports();
                seen.port = ports.map_or(0, |(_, port)| port);
                seen.src.port = ports.map(|(port, _)| port);
                seen.fragment = ip.fragment.is_some();
                let target =
                    if record.kind == kind::SOLICIT { solicited(ip.upper)? } else { ip.dst };
                seen.dst = Some(Target { ip: target, port: ports.map(|(_, port)| port) });
                if ip.protocol == TCP {
                    seen.flags = ip.upper.get(13).copied();
                }
                if ip.protocol == UDP {
                    seen.payload = ip.upper.get(8..).filter(|bytes| !bytes.is_empty()).map(Raw::of);
                }
                if !ip.src.is_unspecified() {
                    seen.come_from(ip.src);
                }
            }
            Network::Other => return None,
        }
        Some(seen)
    }

    fn come_from(&mut self, ip: IpAddr) {
        self.peer = Peer::Ip(ip);
        self.src.ip = Some(ip);
    }
}

fn transport(kind: u8, protocol: u8) -> Option<Transport> {
    match (kind, protocol) {
        (kind::SOLICIT, _) => Some(Transport::Nd),
        (_, TCP) => Some(Transport::Tcp),
        (_, UDP) => Some(Transport::Udp),
        (_, crate::logic::packet::ICMP) => Some(Transport::Icmp),
        (_, crate::logic::packet::ICMPV6) => Some(Transport::Icmp6),
        _ => None,
    }
}

/// The address that a neighbour solicitation asks for (RFC 4861 section 4.3).
fn solicited(upper: &[u8]) -> Option<IpAddr> {
    let target: [u8; 16] = *upper.get(8..)?.first_chunk()?;
    Some(IpAddr::from(target))
}

#[cfg(test)]
mod tests;
