//! What swarmctl itself is known by, towards nodes.

use std::path::Path;

use crate::edge::clock;
use crate::edge::pki::{self, Authority, Identity, Wish};
use crate::logic::swarm::MASTER;
use crate::logic::time::Timestamp;
use crate::logic::trust::{CertRole, NodeName};

/// Name of its certificate and key.
const FILE: &str = "master";
/// What is made at a moment is good from an hour before on; a second more is later.
const AHEAD: u64 = 3_601 * 1_000_000_000;

/// The identity in `dir`; another is made when there is none, when it ends soon, or when it is not
/// of this authority.
pub(super) fn identity(authority: &Authority, dir: &Path) -> pki::Result<Identity> {
    let now = clock::now();
    let before = match Identity::read(dir, FILE, "swarmctl makes it") {
        Ok(found)
            if found.authority() == authority.fingerprint() && !found.validity.is_due(now) =>
        {
            return Ok(found);
        }
        Ok(found) => Some(found),
        Err(pki::PkiError::Missing { .. }) => None,
        Err(error) => {
            tracing::warn!(%error, "swarmctl gets another identity");
            None
        }
    };
    replace(authority, dir, before.as_ref())
}

/// Makes another identity, newer than the one `before`, which it takes the place of: nodes take the
/// newest that they have seen, whatever the clock said when it was made.
pub(super) fn replace(
    authority: &Authority,
    dir: &Path,
    before: Option<&Identity>,
) -> pki::Result<Identity> {
    let host: NodeName = MASTER.parse().expect("a name");
    let wish = Wish { host: &host, role: CertRole::Master, addresses: &[], names: &[] };
    let after = before.map_or(0, |before| before.validity.from.0.saturating_add(AHEAD));
    let issued = authority.issue(&wish, Timestamp(clock::now().0.max(after)))?;
    pki::write(dir, FILE, authority.cert_pem(), &issued.certified.cert_pem, &issued.key_pem)?;
    Identity::of(&issued, authority.cert_pem())
}
