//! The one record of what happened, and its views.
//!
//! An event is made once, by [`Event`], and read many ways: as a JSON line (serde), as an RFC 5424
//! line ([`syslog`]) and as journald fields ([`journal`]). The catalogue of kinds is closed.

mod absent;
mod fields;
pub mod journal;
mod kind;
mod raw;
mod stamp;
pub mod syslog;
mod value;

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::logic::mac::Mac;
use crate::logic::name::DeckyName;
use crate::logic::time::Timestamp;
use absent::sparse;

pub use kind::{Kind, UnknownKind};
pub use raw::{MAX_RAW, MAX_WHOLE, Raw, RawDigest, sha256_text};
pub use stamp::Stamp;
pub use value::{Data, Value};

/// Name of the JSON shape.
pub const SCHEMA: &str = "decnet.event/1";

/// Longest text from outside that one field keeps, in bytes.
pub const MAX_TEXT: usize = 4096;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Event {
    /// Always [`SCHEMA`].
    pub schema: Cow<'static, str>,
    /// Unique, ordered by time (UUIDv7).
    pub id: Uuid,
    /// When it happened.
    pub ts: Timestamp,
    /// Which node saw it.
    pub node: Arc<str>,
    /// Which run of that node's agent.
    pub boot_id: Uuid,
    /// Its number in that run, from 1 and without gaps.
    pub seq: u64,
    /// The decky it happened to.
    #[serde(default)]
    pub decky: Option<Arc<DeckyPart>>,
    /// Who did it.
    #[serde(default)]
    pub src: Option<Source>,
    /// What it was aimed at.
    #[serde(default)]
    pub dst: Option<Target>,
    /// `tcp`, `udp`, `icmp`, `icmp6`, `arp`, `nd`.
    #[serde(default)]
    pub transport: Option<Transport>,
    /// The service that answered.
    #[serde(default)]
    pub service: Option<Cow<'static, str>>,
    /// The connection it belongs to.
    #[serde(default)]
    pub session: Option<SessionId>,
    /// What happened.
    pub event: Kind,
    /// How it ended.
    #[serde(default)]
    pub outcome: Option<Outcome>,
    /// What the visitor tried to log in with.
    #[serde(default)]
    pub creds: Option<Creds>,
    /// What else is known, by kind.
    #[serde(default)]
    pub data: Data,
    /// The bytes themselves.
    #[serde(default)]
    pub raw: Option<Raw>,
}

impl Event {
    /// About how many bytes of memory it takes.
    pub fn weight(&self) -> usize {
        let creds = self.creds.iter().flat_map(|creds| [&creds.user, &creds.password, &creds.key]);
        let creds: usize = creds.flatten().map(String::len).sum();
        let raw = self.raw.as_ref().map_or(0, |raw| raw.sha256.len() + raw.b64.len());
        size_of::<Self>() + self.data.weight() + creds + raw
    }
}

/// A decky as events name it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DeckyPart {
    /// Its name.
    pub name: DeckyName,
    /// Its IPv4 address.
    pub ip: IpAddr,
    /// Its IPv6 address, when it has one beside the link-local.
    #[serde(default)]
    pub ip6: Option<IpAddr>,
    /// Its MAC.
    pub mac: Mac,
    /// The hostname it shows.
    pub hostname: String,
    /// The persona it wears.
    pub persona: Cow<'static, str>,
}

/// The visitor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Source {
    /// Address; absent for a frame without one.
    #[serde(default)]
    pub ip: Option<IpAddr>,
    /// Port.
    #[serde(default)]
    pub port: Option<u16>,
    /// MAC of the last hop.
    #[serde(default)]
    pub mac: Option<Mac>,
    /// VLAN the frame was tagged with.
    #[serde(default)]
    pub vlan: Option<u16>,
    /// p0f-style signature of its SYN.
    #[serde(default)]
    pub tcp: Option<Arc<str>>,
}

/// What a packet or a connection was aimed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Target {
    /// Address.
    pub ip: IpAddr,
    /// Port; absent where the transport has none.
    #[serde(default)]
    pub port: Option<u16>,
}

/// How it travelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Address resolution of IPv4.
    Arp,
    /// ICMP.
    Icmp,
    /// ICMPv6.
    Icmp6,
    /// Neighbour discovery of IPv6.
    Nd,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Transport {
    /// As events write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Arp => "arp",
            Self::Icmp => "icmp",
            Self::Icmp6 => "icmp6",
            Self::Nd => "nd",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Refused by what was tried.
    Failure,
    /// Turned away by a limit.
    Limited,
    /// Let in, done.
    Success,
}

impl Outcome {
    /// As events write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Limited => "limited",
            Self::Success => "success",
        }
    }
}

/// What a visitor tried to log in with. Each part is cut at [`MAX_TEXT`] bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Creds {
    /// User name.
    #[serde(default)]
    pub user: Option<String>,
    /// Password, in clear.
    #[serde(default)]
    pub password: Option<String>,
    /// A public key's type and SHA-256 fingerprint, or another answer that is no password.
    #[serde(default)]
    pub key: Option<String>,
}

/// A connection of a visitor to a service.
///
/// **Shape**: 64 bits, in the order of time; as text 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SessionId(pub u64);

/// Bits of a session's number that are chance; the others are the microsecond of its beginning.
const CHANCE: u32 = 13;

impl SessionId {
    /// The number of a session that begins `now`.
    ///
    /// One process begins no two in a microsecond, and two nodes that do rarely choose alike. In
    /// the order of time, so that whoever keeps sessions adds at the end.
    pub fn new(now: Timestamp, chance: u16) -> Self {
        Self((now.0 / 1_000) << CHANCE | u64::from(chance) & ((1 << CHANCE) - 1))
    }
}

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A text that is no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a session of 16 hexadecimal digits")]
pub struct NotASession;

impl std::str::FromStr for SessionId {
    type Err = NotASession;

    fn from_str(text: &str) -> Result<Self, NotASession> {
        if text.len() != 16 || !text.bytes().all(|c| c.is_ascii_hexdigit()) {
            return Err(NotASession);
        }
        u64::from_str_radix(text, 16).map(Self).or(Err(NotASession))
    }
}

impl Serialize for SessionId {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() { to.collect_str(self) } else { self.0.serialize(to) }
    }
}

impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if from.is_human_readable() {
            String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
        } else {
            u64::deserialize(from).map(Self)
        }
    }
}

sparse!(Event {
    schema: always,
    id: always,
    ts: always,
    node: always,
    boot_id: always,
    seq: always,
    decky: maybe,
    src: maybe,
    dst: maybe,
    transport: maybe,
    service: maybe,
    session: maybe,
    event: always,
    outcome: maybe,
    creds: maybe,
    data: maybe,
    raw: maybe,
});

sparse!(DeckyPart {
    name: always,
    ip: always,
    ip6: maybe,
    mac: always,
    hostname: always,
    persona: always,
});

sparse!(Source { ip: maybe, port: maybe, mac: maybe, vlan: maybe, tcp: maybe });

sparse!(Target { ip: always, port: maybe });

sparse!(Creds { user: maybe, password: maybe, key: maybe });

/// Text from outside, made safe to keep: invalid UTF-8 replaced, at most [`MAX_TEXT`] bytes.
pub fn text(bytes: &[u8]) -> String {
    text_within(bytes, MAX_TEXT)
}

/// The same in at most `most` bytes, of which there are some hundreds. What is longer is cut, and
/// then says so: it ends in `... (N bytes, sha256 HEX)`, which are those of all that came.
pub fn text_within(bytes: &[u8], most: usize) -> String {
    if bytes.len() <= most {
        let text = String::from_utf8_lossy(bytes);
        if text.len() <= most {
            return text.into_owned();
        }
    }
    let mut digest = RawDigest::default();
    digest.update(bytes);
    let Raw { sha256, len, .. } = digest.finish();
    let mark = format!("... ({len} bytes, sha256 {sha256})");
    let room = most.saturating_sub(mark.len());
    let mut text = String::from_utf8_lossy(bytes.get(..room).unwrap_or(bytes)).into_owned();
    // What replaces a byte is longer than it.
    text.truncate(text.floor_char_boundary(room));
    text + &mark
}

#[cfg(test)]
pub(in crate::logic::event) mod tests;
