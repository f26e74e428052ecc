//! What the operator may set of a service.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{ServiceKind, ftp, http, redis, ssh, telnet};

/// A service of a decky, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSpec {
    /// Port it listens on; 0 for a catch-all.
    pub port: u16,
    /// The rest.
    pub settings: Settings,
}

/// The settings of one service; each service has its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Settings {
    /// File transfer.
    Ftp(ftp::Settings),
    /// Web server.
    Http(http::Settings),
    /// Key-value store.
    Redis(redis::Settings),
    /// Secure shell.
    Ssh(ssh::Settings),
    /// Every other TCP port; nothing to set.
    Tcp,
    /// Remote terminal.
    Telnet(telnet::Settings),
    /// Every other UDP port; nothing to set.
    Udp,
}

impl Settings {
    /// Which service they are for.
    pub fn kind(&self) -> ServiceKind {
        match self {
            Self::Ftp(_) => ServiceKind::Ftp,
            Self::Http(_) => ServiceKind::Http,
            Self::Redis(_) => ServiceKind::Redis,
            Self::Ssh(_) => ServiceKind::Ssh,
            Self::Tcp => ServiceKind::Tcp,
            Self::Telnet(_) => ServiceKind::Telnet,
            Self::Udp => ServiceKind::Udp,
        }
    }
}

impl ServiceSpec {
    /// The service as it is when nothing is set.
    pub fn plain(kind: ServiceKind) -> Self {
        let settings = match kind {
            ServiceKind::Ftp => Settings::Ftp(ftp::Settings::default()),
            ServiceKind::Http => Settings::Http(http::Settings::default()),
            ServiceKind::Redis => Settings::Redis(redis::Settings::default()),
            ServiceKind::Ssh => Settings::Ssh(ssh::Settings::default()),
            ServiceKind::Tcp => Settings::Tcp,
            ServiceKind::Telnet => Settings::Telnet(telnet::Settings::default()),
            ServiceKind::Udp => Settings::Udp,
        };
        Self { port: kind.port(), settings }
    }

    /// Which service it is.
    pub fn kind(&self) -> ServiceKind {
        self.settings.kind()
    }
}

/// Whether services can stand on one machine.
///
/// # Errors
///
/// Why not, as the end of a sentence about the machine.
pub fn check(services: &[ServiceSpec]) -> Result<(), String> {
    if services.is_empty() {
        return Err("has no service".to_owned());
    }
    let mut ports = BTreeSet::new();
    for service in services {
        let kind = service.kind();
        if kind.is_catchall() != (service.port == 0) {
            return Err(format!("has `{kind}` at port {}", service.port));
        }
        if !ports.insert((kind.transport().as_str(), service.port)) {
            return Err(format!("has two services at port {}", service.port));
        }
    }
    Ok(())
}
