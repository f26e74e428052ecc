//! Personas: what kind of machine a decky pretends to be.
//!
//! One object from which everything follows that a visitor can compare: the MAC's vendor, the
//! hostname, the TTL and the other settings of the network stack, and each service's banner. So
//! they cannot disagree.

mod hostname;
mod table;

use crate::logic::mac::Mac;

pub use hostname::hostname;
pub use table::ALL;

/// What a persona is built from.
#[derive(Debug, PartialEq, Eq)]
pub struct Persona {
    /// Its name in configuration and events, such as `debian-12`.
    pub id: &'static str,
    /// The operating system as its maker writes it.
    pub system: &'static str,
    /// Which rules its host follows.
    pub family: Family,
    /// Who made its network card, as the IEEE registry has it.
    pub vendor: &'static str,
    /// Prefixes of that vendor's MAC addresses.
    pub prefixes: &'static [[u8; 3]],
    /// Initial TTL and hop limit of what it sends.
    pub ttl: u8,
    /// Further settings of its network namespace, below `/proc/sys/net`.
    pub sysctls: &'static [(&'static str, &'static str)],
    /// Kernel release as `uname -r` prints it.
    pub kernel: &'static str,
    /// Kernel build as `uname -v` prints it.
    pub kernel_build: &'static str,
    /// Identification string of its SSH server, without the line end.
    pub ssh: &'static str,
    /// `Server` header of its HTTP server.
    pub http: &'static str,
    /// First line of its FTP server, without code and line end; `{host}` is the hostname.
    pub ftp: &'static str,
    /// What its telnet server shows before the prompt; `{host}` is the hostname.
    pub telnet: &'static str,
    /// Version of its Redis server.
    pub redis: &'static str,
}

/// Kinds of system that behave alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// FreeBSD.
    Bsd,
    /// A GNU/Linux distribution.
    Linux,
    /// A network printer.
    Printer,
    /// Windows on a desk.
    WindowsClient,
    /// Windows in a rack.
    WindowsServer,
}

impl Family {
    /// Whether it is a Windows.
    pub fn is_windows(self) -> bool {
        matches!(self, Self::WindowsClient | Self::WindowsServer)
    }
}

/// The persona named `id`.
pub fn find(id: &str) -> Option<&'static Persona> {
    ALL.iter().find(|persona| persona.id == id)
}

impl Persona {
    /// Whether it is an Ubuntu, which differs from Debian in many a file and greeting.
    pub fn is_ubuntu(&self) -> bool {
        self.system.starts_with("Ubuntu")
    }

    /// A MAC of this persona's vendor, chosen by `bits`.
    pub fn mac(&self, bits: [u8; 4]) -> Mac {
        let [pick, a, b, c] = bits;
        let count = self.prefixes.len().max(1);
        let [x, y, z] = self.prefixes.get(usize::from(pick) % count).copied().unwrap_or([2, 0, 0]);
        Mac([x, y, z, a, b, c])
    }
}

/// Writes a persona as its id, and reads it back.
pub mod by_id {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::{Persona, find};

    /// Writes the id.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn serialize<S: Serializer>(persona: &&'static Persona, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(persona.id)
    }

    /// Reads an id.
    ///
    /// # Errors
    ///
    /// Those of the reader, and an id that no persona has.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<&'static Persona, D::Error> {
        let id = String::deserialize(from)?;
        find(&id).ok_or_else(|| de::Error::custom("no such persona"))
    }
}

#[cfg(test)]
mod tests;
