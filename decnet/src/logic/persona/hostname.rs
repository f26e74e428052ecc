//! The hostname that follows from a decky's name and persona.

use super::{Family, Persona};
use crate::logic::mac::Mac;
use crate::logic::name::DeckyName;

/// Longest NetBIOS name.
const MAX_NETBIOS: usize = 15;

/// The hostname a decky shows.
///
/// Linux and BSD hosts are called as the operator calls the decky. Windows names are upper case
/// without `-`, hold a letter, and are at most 15 long: of what is longer the end gives way to the
/// MAC's, so that names that begin alike stay apart. A printer carries its maker's name with the
/// end of its MAC.
pub fn hostname(persona: &Persona, name: &DeckyName, mac: Mac) -> String {
    match persona.family {
        Family::Bsd | Family::Linux => name.as_str().to_owned(),
        Family::WindowsClient | Family::WindowsServer => {
            let [_, _, _, a, b, c] = mac.0;
            let mut host: String = name.as_str().replace('-', "").to_ascii_uppercase();
            if host.bytes().all(|c| c.is_ascii_digit()) {
                host.insert_str(0, "PC");
            }
            if host.len() > MAX_NETBIOS {
                host.truncate(MAX_NETBIOS - 6);
                host.push_str(&format!("{a:02X}{b:02X}{c:02X}"));
            }
            host
        }
        Family::Printer => {
            let [_, _, _, a, b, c] = mac.0;
            format!("NPI{a:02X}{b:02X}{c:02X}")
        }
    }
}
