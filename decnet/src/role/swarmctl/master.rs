//! What swarmctl itself is known by, towards nodes.

use std::path::Path;

use crate::edge::clock;
use crate::edge::pki::{self, Authority, Identity, Wish};
use crate::logic::swarm::MASTER;
use crate::logic::trust::{CertRole, NodeName};

/// Name of its certificate and key.
const FILE: &str = "master";
/// The identity in `dir`; another is made when there is none, when it ends soon, or when it is not
/// of this authority.
pub(super) fn identity(authority: &Authority, dir: &Path) -> pki::Result<Identity> {
    let now = clock::now();
    match Identity::read(dir, FILE, "swarmctl makes it") {
        Ok(found)
            if found.authority() == authority.fingerprint() && !found.validity.is_due(now) =>
        {
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
