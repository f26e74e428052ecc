//! The authority, the one that is to take its place, and those whose place was taken.
//!
//! ```text
//! ca.key ca.crt      the authority
//! next.key next.crt  the one that takes its place, while that is under way
//! retired.crt        those of before, whose keys are gone: certificates of theirs that are on record
//!                    are known by that, and nothing else of theirs counts
//! ```
//!
//! At whichever moment taking the place is broken off, the next start ends it.

use std::path::Path;
use std::sync::Arc;

use rcgen::KeyPair;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use super::identity::{belongs, certificates, one, pem};
use super::{Authority, Result};
use crate::edge::files;
use crate::logic::time::Timestamp;
use crate::logic::trust::Fingerprint;

/// Most that are kept of before.
const MAX_RETIRED: usize = 5;

/// All of them.
#[derive(Clone, Debug)]
pub struct Authorities {
    current: Arc<Authority>,
    next: Option<Arc<Authority>>,
    retired: Vec<CertificateDer<'static>>,
}

impl Authorities {
    /// Opens those in `dir`, or makes the first there.
    ///
    /// # Errors
    ///
    /// As [`Authority::open_or_make`].
    pub fn open_or_make(dir: &Path, now: Timestamp) -> Result<Self> {
        files::make_dir(dir)?;
        settle(dir)?;
        let current = Arc::new(Authority::open_or_make(dir, now)?);
        let is_whole = ["next.key", "next.crt"].iter().all(|name| dir.join(name).exists());
        let next = is_whole.then(|| Authority::open_or_make_as(dir, "next", now)).transpose()?;
        Ok(Self { current, next: next.map(Arc::new), retired: retired(dir)? })
    }

    /// With another one that may take the authority's place, which is made when there is none.
    ///
    /// # Errors
    ///
    /// As [`Authority::open_or_make`].
    pub fn with_next(&self, dir: &Path, now: Timestamp) -> Result<Self> {
        let next = Arc::new(Authority::open_or_make_as(dir, "next", now)?);
        Ok(Self { next: Some(next), ..self.clone() })
    }

    /// Without the one that could have taken the authority's place; its key is destroyed.
    ///
    /// # Errors
    ///
    /// [`super::PkiError::File`].
    pub fn without_next(&self, dir: &Path) -> Result<Self> {
        files::wipe(&dir.join("next.key"))?;
        files::remove(&dir.join("next.key"))?;
        files::remove(&dir.join("next.crt"))?;
        Ok(Self { next: None, ..self.clone() })
    }

    /// With the next one in the place of the authority, whose key is destroyed. It may be done again
    /// when it was broken off, and changes nothing when it was done.
    ///
    /// # Errors
    ///
    /// As [`Authority::open_or_make`].
    pub fn promoted(dir: &Path, now: Timestamp) -> Result<Self> {
        let before = Self::open_or_make(dir, now)?;
        if before.next.is_some() {
            let mut all = before.retired;
            all.retain(|one| *one != before.current.der);
            all.push(before.current.der.clone());
            let surplus = all.len().saturating_sub(MAX_RETIRED);
            let text: String = all.iter().skip(surplus).map(|der| pem(der)).collect();
            files::replace(&dir.join("retired.crt"), text.as_bytes())?;
            files::wipe(&dir.join("ca.key"))?;
            settle(dir)?;
        }
        Self::open_or_make(dir, now)
    }

    /// The one that signs, and whom nodes are sure to trust.
    pub fn current(&self) -> &Arc<Authority> {
        &self.current
    }

    /// The one that takes its place.
    pub fn next(&self) -> Option<&Arc<Authority>> {
        self.next.as_ref()
    }

    /// The one that signs for whoever is given all of [`Authorities::bundle_pem`].
    pub fn newest(&self) -> &Arc<Authority> {
        self.next.as_ref().unwrap_or(&self.current)
    }

    /// Those that are to be trusted, PEM, the newest first.
    pub fn trusted(&self) -> impl Iterator<Item = &str> {
        let both = self.next.iter().chain([&self.current]);
        both.map(|authority| authority.cert_pem())
    }

    /// The same in one text.
    pub fn bundle_pem(&self) -> String {
        self.trusted().collect()
    }

    /// Those, and the ones of before: for who looks up each certificate by its fingerprint besides.
    pub fn all(&self) -> Vec<CertificateDer<'static>> {
        let both = self.next.iter().chain([&self.current]).map(|authority| &authority.der);
        both.chain(&self.retired).cloned().collect()
    }
}

/// Ends what was broken off: the next one takes the place of an authority whose key is destroyed.
fn settle(dir: &Path) -> Result<()> {
    let path = |name: &str| dir.join(name);
    let Some(next_pem) = files::read(&path("next.crt"))? else { return Ok(()) };
    let Ok(next) = one(&path("next.crt"), &next_pem) else { return Ok(()) };
    let key_in = |name: &str| -> Result<Option<KeyPair>> {
        let bytes = files::read(&path(name))?;
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(text.and_then(|text| KeyPair::from_pem(&text).ok()))
    };
    let is_placed = match key_in("ca.key")? {
        Some(key) => belongs(&next, &key),
        None => {
            // One that is missing was not destroyed here.
            let fits = key_in("next.key")?.is_some_and(|key| belongs(&next, &key));
            match files::read(&path("next.key"))? {
                Some(bytes) if fits && path("ca.key").exists() => {
                    files::replace(&path("ca.key"), &bytes)?;
                    true
                }
                _ => false,
            }
        }
    };
    if is_placed {
        files::replace(&path("ca.crt"), &next_pem)?;
        files::remove(&path("next.key"))?;
        files::remove(&path("next.crt"))?;
    }
    Ok(())
}

fn retired(dir: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let path = dir.join("retired.crt");
    let Some(bytes) = files::read(&path)? else { return Ok(Vec::new()) };
    certificates(&path, &bytes)
}

/// The authority in a text of one certificate, and which it is; `None` when it is none.
pub fn authority_of(pem: &str) -> Option<(Fingerprint, CertificateDer<'static>)> {
    let der = one(Path::new("an authority"), pem.as_bytes()).ok()?;
    let (_, parsed) = x509_parser::parse_x509_certificate(&der).ok()?;
    if !parsed.is_ca() {
        return None;
    }
    RootCertStore::empty().add(der.clone()).ok()?;
    Some((Fingerprint::of(&der), der))
}
