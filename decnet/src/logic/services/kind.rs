//! Which services there are.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::logic::event::Transport;

/// A service that a decky can offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServiceKind {
    /// File transfer.
    Ftp,
    /// Web server.
    Http,
    /// Key-value store.
    Redis,
    /// Secure shell.
    Ssh,
    /// Every TCP port that no other service has: the first payload is recorded.
    Tcp,
    /// Remote terminal.
    Telnet,
    /// Every UDP port that no other service has: the first payload is recorded.
    Udp,
}

/// A text that names no service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no service: there are {all}", all = ServiceKind::names())]
pub struct UnknownService(String);

impl ServiceKind {
    /// Every service.
    pub const ALL: [Self; 7] =
        [Self::Ftp, Self::Http, Self::Redis, Self::Ssh, Self::Tcp, Self::Telnet, Self::Udp];

    /// As configuration and events write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ftp => "ftp",
            Self::Http => "http",
            Self::Redis => "redis",
            Self::Ssh => "ssh",
            Self::Tcp => "tcp",
            Self::Telnet => "telnet",
            Self::Udp => "udp",
        }
    }

    /// The port it listens on unless configured; 0 for a catch-all.
    pub fn port(self) -> u16 {
        match self {
            Self::Ftp => 21,
            Self::Http => 80,
            Self::Redis => 6379,
            Self::Ssh => 22,
            Self::Tcp | Self::Udp => 0,
            Self::Telnet => 23,
        }
    }

    /// What it speaks over.
    pub fn transport(self) -> Transport {
        if self == Self::Udp { Transport::Udp } else { Transport::Tcp }
    }

    /// Whether it takes every port that nobody else has.
    pub fn is_catchall(self) -> bool {
        matches!(self, Self::Tcp | Self::Udp)
    }

    /// What it does, in one line.
    pub fn description(self) -> &'static str {
        match self {
            Self::Ftp => "file transfer: logins, uploads, a small file system",
            Self::Http => "web server: requests, and what is typed into its login form",
            Self::Redis => "key-value store: commands and payloads",
            Self::Ssh => "secure shell: passwords, keys, and a shell with a small file system",
            Self::Tcp => "every other TCP port: the first payload",
            Self::Telnet => "remote terminal: logins and the same shell",
            Self::Udp => "every other UDP port: the first payload",
        }
    }

    fn names() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }
}

impl fmt::Display for ServiceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ServiceKind {
    type Err = UnknownService;

    fn from_str(text: &str) -> Result<Self, UnknownService> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| UnknownService(text.chars().take(80).collect()))
    }
}
