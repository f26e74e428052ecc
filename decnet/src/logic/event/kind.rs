//! The closed catalogue of what can happen.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// One line for each kind: its name in Rust, its name in events, its number in the journald
/// catalogue, and what it means.
macro_rules! catalogue {
    ($($variant:ident $name:literal $message_id:literal $doc:literal,)*) => {
        /// What happened. The names are the contract's; new ones come with an issue.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Kind { $(#[doc = $doc] $variant,)* }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As events write it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it means, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $doc,)* }
            }

            /// Its number in the journald catalogue: 32 hexadecimal digits.
            pub fn message_id(self) -> &'static str {
                match self { $(Self::$variant => $message_id,)* }
            }
        }
    };
}

catalogue! {
    AgentGap "agent.gap" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b0001" "Events of this node are missing between two others.",
    AgentStart "agent.start" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b0002" "The agent began to watch.",
    AgentStop "agent.stop" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b0003" "The agent ended in good order.",
    AuthAttempt "auth.attempt" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b0004" "A visitor tried to log in.",
    CaptureDrops "capture.drops" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b0005" "Packets were seen and could not be reported one by one.",
    CmdInput "cmd.input" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b0006" "A visitor gave a command.",
    ConnClose "conn.close" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b0007" "A connection ended.",
    ConnOpen "conn.open" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b0008" "A connection began.",
    CredentialExpiring "credential.expiring" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b001c" "A certificate ends soon, has ended or is not good yet.",
    DeckyDown "decky.down" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b0009" "A decky is gone.",
    DeckyUp "decky.up" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b000a" "A decky answers.",
    FaceEnded "face.ended" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b0030" "The process that faces visitors ended before it was to, and another serves.",
    FileUpload "file.upload" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b000b" "A visitor left a file.",
    FingerprintSsh "fingerprint.ssh" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b000c" "The fingerprint of a visitor's SSH client.",
    FingerprintTcp "fingerprint.tcp" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b000d" "The signature of a visitor's TCP stack.",
    FingerprintTls "fingerprint.tls" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b000e" "The fingerprint of a visitor's TLS client.",
    HttpRequest "http.request" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b000f" "A visitor asked an HTTP server.",
    Payload "payload" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b0010" "A visitor sent bytes that no service speaks.",
    ScanArp "scan.arp" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b0011" "ARP requests or neighbour solicitations for a decky.",
    ScanFin "scan.fin" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b0012" "TCP packets with FIN alone.",
    ScanIcmp "scan.icmp" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b0013" "ICMP echo requests.",
    ScanNull "scan.null" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b0014" "TCP packets without a flag.",
    ScanSyn "scan.syn" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b0015" "TCP SYNs that were no connection to a service.",
    ScanUdp "scan.udp" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b0016" "UDP datagrams.",
    ScanXmas "scan.xmas" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b0017" "TCP packets with FIN, PSH or URG as no stack sends them.",
    SourceNew "source.new" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b0018" "A visitor that this node had not seen.",
    UpdateDone "update.done" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b0019" "A release is in force.",
    UpdateRolledBack "update.rolled_back" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b001a" "A release failed and its predecessor is back.",
    UpdateStart "update.start" "5a1e6f1f0c0e4a0d9a2f3d6f6c1b001b" "A release is being put in force.",
}

/// Severities of RFC 5424 section 6.2.1.
const WARNING: u8 = 4;
const INFORMATIONAL: u8 = 6;

impl Kind {
    /// How grave it is, as syslog counts: whatever touches credentials, commands or files is a
    /// warning (4), the rest informs (6).
    pub fn severity(self) -> u8 {
        match self {
            Self::AgentGap
            | Self::AuthAttempt
            | Self::CaptureDrops
            | Self::CmdInput
            | Self::CredentialExpiring
            | Self::FaceEnded
            | Self::FileUpload
            | Self::UpdateRolledBack => WARNING,
            _ => INFORMATIONAL,
        }
    }
}

/// A text that names no kind of event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no kind of event")]
pub struct UnknownKind(String);

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let found = Self::ALL.iter().find(|kind| kind.as_str() == text);
        found.copied().ok_or_else(|| UnknownKind(text.chars().take(80).collect()))
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() {
            to.serialize_str(self.as_str())
        } else {
            to.serialize_u8(*self as u8)
        }
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if from.is_human_readable() {
            return String::deserialize(from)?.parse().map_err(de::Error::custom);
        }
        let number = u8::deserialize(from)?;
        let found = Self::ALL.get(usize::from(number)).copied();
        found.ok_or_else(|| de::Error::custom("no kind of event has this number"))
    }
}
