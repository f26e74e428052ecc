//! What swarmctl itself is known by, towards nodes.

use std::path::Path;

use crate::edge::clock;
use crate::edge::pki::{self, Authority, Identity, Wish};
use crate::logic::swarm::MASTER;
use crate::logic::time::Timestamp;
use crate::logic::trust::{CertRole, NodeName};

/// Name of its certificate and key.
const FILE: &str = "master";
/// A certificate that ends sooner than this is replaced: 60 days.
const SOON: u64 = 60 * 86_400 * 1_000_000_000;

/// Whether it is time for another certificate.
pub(super) fn ends_soon(identity: &Identity, now: Timestamp) -> bool {
    identity.not_after.0 < now.0.saturating_add(SOON)
}

/// The identity in `dir`; another is made when there is none, when it ends soon, or when it is not
/// of this authority.
pub(super) fn identity(authority: &Authority, dir: &Path) -> pki::Result<Identity> {
    let now = clock::now();
    match Identity::read(dir, FILE, now, "swarmctl makes it") {
        Ok(found) if found.authority() == authority.fingerprint() && !ends_soon(&found, now) => {
            return Ok(found);
        }
        Ok(_) | Err(pki::PkiError::Missing { .. }) => {}
        Err(error) => tracing::warn!(%error, "swarmctl gets another identity"),
    }
    let host: NodeName = MASTER.parse().expect("a name");
    let wish = Wish { host: &host, role: CertRole::Master, addresses: &[], names: &[] };
    let issued = authority.issue(&wish, now)?;
    pki::write(dir, FILE, authority.cert_pem(), &issued.certified.cert_pem, &issued.key_pem)?;
    Identity::of(&issued, authority.cert_pem())
}
