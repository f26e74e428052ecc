//! Another certificate for somebody who has one. The key is made where it is used, and waits beside
//! the old one until its certificate has come.

use std::path::{Path, PathBuf};

use rcgen::KeyPair;
use rustls::pki_types::CertificateDer;

use super::identity::{self, Identity};
use super::{KeyRequest, PkiError, Result};
use crate::edge::files;
use crate::logic::trust::Fingerprint;

/// Where a renewed identity is left: `ca.crt`, `NAME.crt`, `NAME.key`, and `NAME-next.key` while a
/// certificate is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Renewal<'a> {
    /// The directory, which is made when it is not there.
    pub dir: &'a Path,
    /// Name of the certificate and the key.
    pub name: &'a str,
}

/// A certificate that was brought and cannot be what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unasked {
    /// It is for another key than the one that waits.
    #[error("it is not for the key that waits")]
    Key,
    /// It was signed by nobody whom the holder trusts.
    #[error("no authority has signed it that is trusted here")]
    Signer,
    /// It is for somebody else.
    #[error("it is for somebody else")]
    Subject,
}

impl Renewal<'_> {
    /// The request for the next certificate: of the key that waits already, or of a new one.
    ///
    /// # Errors
    ///
    /// [`PkiError::File`], or [`PkiError::Make`] when there is no randomness to be had.
    pub fn request(&self) -> Result<KeyRequest> {
        files::make_dir(self.dir)?;
        self.settle()?;
        let waiting = files::read(&self.next_key())?;
        let waiting = waiting.and_then(|pem| String::from_utf8(pem).ok());
        if let Some(request) = waiting.and_then(|pem| KeyRequest::with_key(&pem).ok()) {
            return Ok(request);
        }
        let request = KeyRequest::make()?;
        files::replace(&self.next_key(), request.key_pem.as_bytes())?;
        Ok(request)
    }

    /// Takes the certificate that has come for the key that waits, in the place of `current`'s. At
    /// whichever moment this ends, what is there is the old identity or the new one.
    ///
    /// # Errors
    ///
    /// [`PkiError::Unasked`] when it is not what was asked for; nothing has changed then. Otherwise
    /// [`PkiError::File`].
    pub fn take(&self, current: &Identity, cert_pem: &str) -> Result<Identity> {
        let key = files::read(&self.next_key())?;
        let key = key.and_then(|pem| KeyPair::from_pem(&String::from_utf8(pem).ok()?).ok());
        let key = key.ok_or(Unasked::Key)?;
        let path = self.certificate();
        let certificate = identity::one(&path, cert_pem.as_bytes())?;
        if !identity::belongs(&certificate, &key) {
            return Err(Unasked::Key.into());
        }
        let cas = current.cas.clone();
        let new = Identity::whole(&path, cas, certificate, &key).ok().ok_or(Unasked::Signer)?;
        if (new.caller.role, &new.caller.name) != (current.caller.role, &current.caller.name) {
            return Err(Unasked::Subject.into());
        }
        files::replace(&self.dir.join("ca.crt"), new.authorities_pem().as_bytes())?;
        files::replace(&path, cert_pem.as_bytes())?;
        self.settle()?;
        Ok(new)
    }

    /// Writes down whom `current` trusts, where it is what a renewal has left here. One that would not
    /// hold together by that stays as it is.
    ///
    /// # Errors
    ///
    /// [`PkiError::File`].
    pub fn keep_trust(&self, current: &Identity) -> Result<()> {
        let path = self.certificate();
        let Some(pem) = files::read(&path)? else { return Ok(()) };
        let is_here = identity::one(&path, &pem)
            .is_ok_and(|here| Fingerprint::of(&here) == current.caller.fingerprint);
        if !is_here || !current.trusts().contains(&current.authority()) {
            return Ok(());
        }
        let (path, text) = (self.dir.join("ca.crt"), current.authorities_pem());
        if files::read(&path)?.is_none_or(|before| before != text.as_bytes()) {
            files::replace(&path, text.as_bytes())?;
        }
        Ok(())
    }

    /// Ends a renewal that was broken off: the key whose certificate has come takes its place.
    fn settle(&self) -> Result<()> {
        let Some(pem) = files::read(&self.next_key())? else { return Ok(()) };
        let key = String::from_utf8(pem.clone()).ok();
        let key = key.and_then(|pem| KeyPair::from_pem(&pem).ok());
        let certificate = files::read(&self.certificate())?;
        let certificate: Option<CertificateDer<'static>> =
            certificate.and_then(|pem| identity::one(&self.certificate(), &pem).ok());
        if let (Some(key), Some(certificate)) = (key, certificate)
            && identity::belongs(&certificate, &key)
        {
            files::replace(&self.dir.join(format!("{}.key", self.name)), &pem)?;
            files::remove(&self.next_key())?;
        }
        Ok(())
    }

    fn certificate(&self) -> PathBuf {
        self.dir.join(format!("{}.crt", self.name))
    }

    fn next_key(&self) -> PathBuf {
        identity::next_key(self.dir, self.name)
    }
}

impl From<Unasked> for PkiError {
    fn from(error: Unasked) -> Self {
        Self::Unasked(error)
    }
}
