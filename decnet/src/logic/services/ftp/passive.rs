//! At which ports a decky waits for data connections.
//!
//! They follow from who the decky is, so that the keeper, which binds them, the face, which listens
//! there, and the agent, which sees the packets, need not tell each other.

use crate::logic::decky::Identity;
use crate::logic::persona::Family;
use crate::logic::services::{ServiceKind, ServiceSpec};

/// How many there are: as many visitors of one address may each wait for a data connection.
const COUNT: u16 = 4;

/// The ports at which a decky with these services waits for data connections: none without FTP,
/// else four in a row, the same for as long as it lives, and none of another service's.
pub fn ports(decky: &Identity, services: &[ServiceSpec]) -> Vec<u16> {
    if !services.iter().any(|service| service.kind() == ServiceKind::Ftp) {
        return Vec::new();
    }
    let (first, room): (u16, u16) = match decky.persona.family {
        // A range, as it is set where a firewall must let it through.
        Family::Linux => (40_000, 10_000),
        // What their systems give to whoever asks for any port.
        Family::Bsd | Family::WindowsClient | Family::WindowsServer => (49_152, 16_000),
        Family::Printer => (2_000, 2_000),
    };
    let [high, low, ..] = decky.secret.derive("ftp.passive").0;
    let begin = first.saturating_add(u16::from_be_bytes([high, low]) % (room - COUNT));
    let free = |port: &u16| !services.iter().any(|service| service.port == *port);
    (begin..=u16::MAX).filter(free).take(usize::from(COUNT)).collect()
}
