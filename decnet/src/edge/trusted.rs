//! Whom a daemon of a node takes for its master, and for the authority, kept over restarts in one
//! small file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::files;
use super::pki::{self, Authorize, Identity};
use crate::logic::swarm::{BadField, Count, MasterCert, MasterUrl, Notice, SignedNotice, Trust};
use crate::logic::trust::{Caller, Fingerprint};

/// Name of the file.
const FILE: &str = "trusted.json";
/// Most authorities of one fleet, one after the other, that are remembered.
const MAX_LINE: usize = 64;

/// What is not taken from whoever says it.
#[derive(Debug, thiserror::Error)]
pub enum Untrue {
    /// No authority has signed it.
    #[error("the notice is not signed by the authority")]
    Unsigned,
    /// It is no notice.
    #[error(transparent)]
    Bad(#[from] BadField),
}

/// What the file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// Who signed the daemon's own certificate.
    authority: Option<Fingerprint>,
    /// The authorities of its fleet that it has trusted, one after the other.
    #[serde(default)]
    line: BTreeSet<Fingerprint>,
    newest: Option<MasterCert>,
    notice: Option<SignedNotice>,
}

#[derive(Debug)]
struct Inside {
    kept: Kept,
    trust: Trust,
    /// The authorities that came with the identity.
    given: Vec<CertificateDer<'static>>,
    /// Those that the notice names; they count if there are some.
    named: Vec<CertificateDer<'static>>,
}

/// Whom the daemon trusts.
#[derive(Debug)]
pub struct Trusted {
    path: PathBuf,
    inside: Mutex<Inside>,
    changed: Notify,
}

impl Trusted {
    /// What is kept in `dir` for whoever has this `identity`. A file that is damaged, or tells of
    /// another fleet, is as if there were none.
    pub fn open(dir: &Path, identity: &Identity) -> Self {
        let path = dir.join(FILE);
        let kept = files::read(&path).ok().flatten();
        let kept = kept.and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
        let mut kept = kept.unwrap_or_default();
        kept.line.extend(kept.authority);
        let notice = kept.notice.as_ref().and_then(|signed| Notice::parse(&signed.text).ok());
        let notice = notice.unwrap_or_default();
        let named = named(&notice).unwrap_or_default();
        let trust = Trust { newest: kept.newest, notice };
        let mut inside = Inside { kept, trust, given: Vec::new(), named };
        inside.belong_to(identity);
        Self { path, inside: Mutex::new(inside), changed: Notify::new() }
    }

    /// An identity that trusts whom the daemon trusts. One of another fleet begins anew.
    pub fn serve_as(&self, identity: &Identity) -> Identity {
        let mut inside = self.inside();
        let before = inside.kept.clone();
        inside.belong_to(identity);
        if inside.kept != before {
            self.keep(&inside.kept);
        }
        identity.trusting(inside.authorities().to_vec())
    }

    /// Takes what the authority says, by whomever it comes; the number of what is known then.
    ///
    /// # Errors
    ///
    /// [`Untrue`]: it is not the authority's.
    pub fn take(&self, signed: SignedNotice) -> Result<Count, Untrue> {
        let mut inside = self.inside();
        let notice = read(inside.authorities(), &signed)?;
        let (number, revoked) = (notice.number, notice.revoked.len());
        let named = named(&notice)?;
        if inside.trust.hear(notice) {
            let authorities = named.len();
            tracing::info!(%number, revoked, authorities, "the authority has given notice");
            inside.named = named;
            inside.kept.newest = inside.trust.newest;
            inside.kept.notice = Some(signed);
            inside.remember();
            self.keep(&inside.kept);
            self.changed.notify_one();
        }
        Ok(inside.trust.notice.number)
    }

    /// Waits until something was taken.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The number of the last notice; 0 before the first.
    pub fn number(&self) -> Count {
        self.inside().trust.notice.number
    }

    /// Where the authority says that the master is reached.
    pub fn places(&self) -> Vec<MasterUrl> {
        self.inside().trust.notice.places.clone()
    }

    /// Whether the authority says that this certificate is good no more.
    pub fn revokes(&self, print: &Fingerprint) -> bool {
        self.inside().trust.notice.revoked.contains(print)
    }

    /// Whether this is a master with a newer certificate than was ever seen.
    pub fn is_newer(&self, caller: &Caller) -> bool {
        let trust = &self.inside().trust;
        let newest = trust.newest.map(|newest| newest.fingerprint);
        newest != Some(caller.fingerprint) && trust.is_master(caller)
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, kept: &Kept) {
        let bytes = serde_json::to_vec(kept).expect("it has a form in JSON");
        if let Err(error) = files::replace(&self.path, &bytes) {
            tracing::warn!(%error, "cannot keep whom this node trusts");
        }
    }
}

impl Inside {
    fn authorities(&self) -> &[CertificateDer<'static>] {
        if self.named.is_empty() { &self.given } else { &self.named }
    }

    /// What is kept is of the fleet of this identity, or forgotten.
    fn belong_to(&mut self, identity: &Identity) {
        let issuer = identity.authority();
        if !self.kept.line.contains(&issuer) {
            let trust = Trust::default();
            *self = Self { kept: Kept::default(), trust, given: Vec::new(), named: Vec::new() };
        }
        self.kept.authority = Some(issuer);
        self.given = identity.authorities().to_vec();
        self.remember();
    }

    /// Remembers the authorities that are trusted now as those of this fleet.
    fn remember(&mut self) {
        let now = self.authorities().iter().map(|der| Fingerprint::of(der));
        let now: BTreeSet<_> = now.chain(self.kept.authority).collect();
        if self.kept.line.len() > MAX_LINE {
            self.kept.line.clear();
        }
        self.kept.line.extend(now);
    }
}

/// A master, with the newest certificate that was seen or a newer one, which is remembered.
impl Authorize for Trusted {
    fn authorizes(&self, caller: &Caller) -> bool {
        let mut inside = self.inside();
        let may = inside.trust.is_master(caller);
        if may && inside.trust.saw(caller) {
            inside.kept.newest = inside.trust.newest;
            self.keep(&inside.kept);
        }
        may
    }
}

/// Reads a notice that one of the authorities has signed.
fn read(authorities: &[CertificateDer<'_>], signed: &SignedNotice) -> Result<Notice, Untrue> {
    let message = Notice::message(&signed.text);
    let is_theirs = |signature: &str| {
        authorities.iter().any(|authority| pki::is_signed(authority, &message, signature))
    };
    if !signed.signatures().any(is_theirs) {
        return Err(Untrue::Unsigned);
    }
    Ok(Notice::parse(&signed.text)?)
}

/// The authorities that a notice names.
fn named(notice: &Notice) -> Result<Vec<CertificateDer<'static>>, BadField> {
    let one = |pem: &String| {
        let why = "a certificate among its authorities is none of an authority".to_owned();
        let found = pki::authority_of(pem).ok_or(BadField { field: "notice", why })?;
        Ok(found.1)
    };
    notice.authorities.iter().map(one).collect()
}

#[cfg(test)]
mod tests;
