//! The hostname that follows from a decky's name and persona.

use super::{Family, Persona};
use crate::logic::mac::Mac;
use crate::logic::name::DeckyName;

/// Longest NetBIOS name.
const MAX_NETBIOS: usize = 15;

/// The hostname a decky shows.
///
/// Linux and BSD hosts are called as the operator calls the decky. Windows names are upper case
/// without `-` and at most 15 long. A printer carries its maker's name with the end of its MAC.
pub fn hostname(persona: &Persona, name: &DeckyName, mac: Mac) -> String {
    match persona.family {
        Family::Bsd | Family::Linux => name.as_str().to_owned(),
        Family::WindowsClient | Family::WindowsServer => {
            let letters = name.as_str().chars().filter(|c| *c != '-');
            letters.map(|c| c.to_ascii_uppercase()).take(MAX_NETBIOS).collect()
        }
        Family::Printer => {
            let [_, _, _, a, b, c] = mac.0;
            format!("NPI{a:02X}{b:02X}{c:02X}")
        }
    }
}
