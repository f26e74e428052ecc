//! HASSH: a fingerprint of a visitor's SSH client from what it offers (Salesforce, BSD licence).

use md5::{Digest as _, Md5};

use super::kex::Proposal;
use crate::logic::event::{Data, Kind, text};
use crate::logic::services::Report;

/// The report of a client that offers `proposal` and calls itself `ident`.
pub(super) fn report(proposal: &Proposal, ident: &[u8]) -> Report {
    let algorithms =
        [proposal.kex.as_str(), &proposal.up.ciphers, &proposal.up.macs, &proposal.up.compressions]
            .join(";");
    let data = Data::new()
        .with("client", text(ident))
        .with("hassh", hassh(&algorithms))
        .with("hassh_algorithms", text(algorithms.as_bytes()))
        .with("host_keys", text(proposal.host_keys.as_bytes()));
    Report::new(Kind::FingerprintSsh).data(data)
}

/// The MD5 of what a client offers, in hexadecimal.
fn hassh(algorithms: &str) -> String {
    Md5::digest(algorithms).iter().map(|byte| format!("{byte:02x}")).collect()
}
