//! How a persona's network stack is set, below `/proc/sys/net` of its namespace.

use sha2::{Digest as _, Sha256};

use crate::logic::persona::Persona;

/// What every decky's stack does, whatever its persona: no address from a router's word, no
/// doubt about addresses that were probed, no filter that the node happens to have.
const ALL: &[(&str, &str)] = &[
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/accept_redirects", "0"),
    // It would let whoever holds a socket begin a connection by sending.
    ("ipv4/tcp_fastopen", "0"),
    ("ipv6/conf/default/accept_ra", "0"),
    ("ipv6/conf/default/autoconf", "0"),
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv6/conf/default/dad_transmits", "0"),
    ("ipv6/conf/default/addr_gen_mode", "0"),
    ("ipv6/conf/default/accept_redirects", "0"),
];

/// The settings of a decky of this persona, in the order in which they are made.
pub fn settings(persona: &Persona) -> Vec<(&'static str, String)> {
    let hops = persona.ttl.to_string();
    let fixed = |(name, value): &(&'static str, &str)| (*name, (*value).to_owned());
    ALL.iter()
        .map(fixed)
        .chain([("ipv4/ip_default_ttl", hops.clone()), ("ipv6/conf/default/hop_limit", hops)])
        .chain(persona.sysctls.iter().map(fixed))
        .collect()
}

/// A number that differs when the settings do: another release may set the same persona
/// otherwise.
pub fn mark(persona: &Persona) -> u64 {
    let mut hash = Sha256::new();
    for (name, value) in settings(persona) {
        hash.update(format!("{name}={value}\n"));
    }
    let bytes: [u8; 32] = hash.finalize().into();
    u64::from_le_bytes(*bytes.first_chunk().expect("it has 32"))
}

#[cfg(test)]
mod tests;
