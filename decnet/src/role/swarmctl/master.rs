//! What swarmctl itself is known by, towards nodes.

use std::path::Path;

use crate::edge::pki::{self, Authorities, Authority, Identity, Wish};
use crate::edge::{clock, files};
use crate::logic::swarm::MASTER;
use crate::logic::time::Timestamp;
use crate::logic::trust::{CertRole, NodeName};

/// Name of its certificate and key.
const FILE: &str = "master";
/// Directory of the identity that is used once another authority is in the place of this one.
const NEXT: &str = "next";
/// What is made at a moment is good from a day before on; a second more is later.
const AHEAD: u64 = 86_401 * 1_000_000_000;

/// The identity in `dir`; another is made when there is none, when it ends soon, or when it is not
/// of this authority.
pub(super) fn identity(authorities: &Authorities, dir: &Path) -> pki::Result<Identity> {
    let (now, authority) = (clock::now(), authorities.current());
    let of_this = |found: &Identity| found.authority() == authority.fingerprint();
    let before = match read(dir) {
        Ok(found) if of_this(&found) && !found.validity.is_due(now) => {
            return Ok(found.trusting(authorities.all()));
        }
        Ok(found) => Some(found),
        Err(pki::PkiError::Missing { .. }) => None,
        Err(error) => {
            tracing::warn!(%error, "swarmctl gets another identity");
            None
        }
    };
    let from = before.as_ref().map_or(Timestamp(0), |before| before.validity.from);
    // It was made while nodes could still be told of it.
    let waiting = read(&dir.join(NEXT)).ok();
    let waiting = waiting.filter(|next| of_this(next) && next.validity.from > from);
    if let Some(next) = waiting.filter(|next| !next.validity.is_due(now)) {
        take_over(dir)?;
        return Ok(next.trusting(authorities.all()));
    }
    replace(authorities, dir, before.as_ref())
}

/// Makes another identity, newer than the one `before`, which it takes the place of: nodes take the
/// newest that they have seen, whatever the clock said when it was made. One that is not good yet no node
/// has taken; it was made by a clock that was ahead, or the clock is behind now, and is no measure: else
/// the master would stay a time to come for ever.
pub(super) fn replace(
    authorities: &Authorities,
    dir: &Path,
    before: Option<&Identity>,
) -> pki::Result<Identity> {
    let made = make(authorities.current(), dir, before)?;
    Ok(made.trusting(authorities.all()))
}

/// The identity that takes the place of `now` with the next authority, while there is one: nodes are
/// told of it before it is used.
pub(super) fn next(
    authorities: &Authorities,
    dir: &Path,
    now: &Identity,
) -> pki::Result<Option<Identity>> {
    let Some(authority) = authorities.next() else { return Ok(None) };
    let dir = dir.join(NEXT);
    let is_good = |found: &Identity| {
        found.authority() == authority.fingerprint()
            && found.validity.from > now.validity.from
            && !found.validity.is_due(clock::now())
    };
    if let Some(found) = read(&dir).ok().filter(is_good) {
        return Ok(Some(found));
    }
    files::make_dir(&dir)?;
    make(authority, &dir, Some(now)).map(Some)
}

fn read(dir: &Path) -> pki::Result<Identity> {
    Identity::read(dir, FILE, "swarmctl makes it")
}

fn make(authority: &Authority, dir: &Path, before: Option<&Identity>) -> pki::Result<Identity> {
    let host: NodeName = MASTER.parse().expect("a name");
    let wish = Wish { host: &host, role: CertRole::Master, addresses: &[], names: &[] };
    let now = clock::now().0;
    let from = before.map(|before| before.validity.from.0).filter(|from| *from <= now);
    let after = from.map_or(0, |from| from.saturating_add(AHEAD));
    let issued = authority.issue(&wish, Timestamp(now.max(after)))?;
    pki::write(dir, FILE, authority.cert_pem(), &issued.certified.cert_pem, &issued.key_pem)?;
    Identity::of(&issued, authority.cert_pem())
}

/// Puts the identity that has waited in its place; the key before its certificate, as ever.
fn take_over(dir: &Path) -> pki::Result<()> {
    let names = [format!("{FILE}.key"), format!("{FILE}.crt"), "ca.crt".to_owned()];
    for name in &names {
        let bytes = files::read(&dir.join(NEXT).join(name))?.unwrap_or_default();
        files::replace(&dir.join(name), &bytes)?;
    }
    names.iter().try_for_each(|name| files::remove(&dir.join(NEXT).join(name)))?;
    Ok(())
}
