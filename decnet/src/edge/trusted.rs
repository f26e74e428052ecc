//! Whom a daemon of a node takes for its master, kept over restarts in one small file.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};

use super::files;
use super::pki::{self, Authorize, Identity};
use crate::logic::swarm::{BadField, Count, MasterCert, MasterUrl, Notice, SignedNotice, Trust};
use crate::logic::trust::{Caller, Fingerprint};

/// Name of the file.
const FILE: &str = "trusted.json";

/// What is not taken from whoever says it.
#[derive(Debug, thiserror::Error)]
pub enum Untrue {
    /// The authority has not signed it.
    #[error("the notice is not signed by the authority")]
    Unsigned,
    /// It is no notice.
    #[error(transparent)]
    Bad(#[from] BadField),
}

/// What the file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// Whose signatures they are.
    authority: Option<Fingerprint>,
    newest: Option<MasterCert>,
    notice: Option<SignedNotice>,
}

/// Whom the daemon trusts.
#[derive(Debug)]
pub struct Trusted {
    authority: CertificateDer<'static>,
    path: PathBuf,
    inside: Mutex<(Kept, Trust)>,
}

impl Trusted {
    /// What is kept in `dir`; `identity` says whose signatures count. A file that is damaged, or
    /// tells of another authority, is as if there were none.
    pub fn open(dir: &Path, identity: &Identity) -> Self {
        let path = dir.join(FILE);
        let authority = identity.authority_der();
        let kept = files::read(&path).ok().flatten();
        let ours = Some(identity.authority());
        let kept = kept
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .filter(|kept: &Kept| kept.authority == ours)
            .unwrap_or(Kept { authority: ours, ..Kept::default() });
        let notice = kept.notice.as_ref().and_then(|signed| read(&authority, signed).ok());
        let trust = Trust { newest: kept.newest, notice: notice.unwrap_or_default() };
        Self { authority, path, inside: Mutex::new((kept, trust)) }
    }

    /// Takes what the authority says, by whomever it comes; the number of what is known then.
    ///
    /// # Errors
    ///
    /// [`Untrue`]: it is not the authority's.
    pub fn take(&self, signed: SignedNotice) -> Result<Count, Untrue> {
        let notice = read(&self.authority, &signed)?;
        let mut inside = self.inside();
        let (number, revoked) = (notice.number, notice.revoked.len());
        if inside.1.hear(notice) {
            tracing::info!(%number, revoked, "the authority has given notice");
            inside.0.newest = inside.1.newest;
            inside.0.notice = Some(signed);
            self.keep(&inside.0);
        }
        Ok(inside.1.notice.number)
    }

    /// The number of the last notice; 0 before the first.
    pub fn number(&self) -> Count {
        self.inside().1.notice.number
    }

    /// Where the authority says that the master is reached.
    pub fn places(&self) -> Vec<MasterUrl> {
        self.inside().1.notice.places.clone()
    }

    /// Whether the authority says that this certificate is good no more.
    pub fn revokes(&self, print: &Fingerprint) -> bool {
        self.inside().1.notice.revoked.contains(print)
    }

    /// Whether this is a master with a newer certificate than was ever seen.
    pub fn is_newer(&self, caller: &Caller) -> bool {
        let trust = &self.inside().1;
        let newest = trust.newest.map(|newest| newest.fingerprint);
        newest != Some(caller.fingerprint) && trust.is_master(caller)
    }

    fn inside(&self) -> MutexGuard<'_, (Kept, Trust)> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, kept: &Kept) {
        let bytes = serde_json::to_vec(kept).expect("it has a form in JSON");
        if let Err(error) = files::replace(&self.path, &bytes) {
            tracing::warn!(%error, "cannot keep whom this node trusts");
        }
    }
}

/// A master, with the newest certificate that was seen or a newer one, which is remembered.
impl Authorize for Trusted {
    fn authorizes(&self, caller: &Caller) -> bool {
        let mut inside = self.inside();
        let may = inside.1.is_master(caller);
        if may && inside.1.saw(caller) {
            inside.0.newest = inside.1.newest;
            self.keep(&inside.0);
        }
        may
    }
}

fn read(authority: &CertificateDer<'_>, signed: &SignedNotice) -> Result<Notice, Untrue> {
    let message = Notice::message(&signed.text);
    if !pki::is_signed(authority, &message, &signed.signature) {
        return Err(Untrue::Unsigned);
    }
    Ok(Notice::parse(&signed.text)?)
}
