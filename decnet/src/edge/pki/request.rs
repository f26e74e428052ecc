//! A key that never leaves its machine, and the request for its certificate.

use rcgen::{
    CertificateParams, CertificateSigningRequestParams, DnType, KeyPair, PublicKey,
    PublicKeyData as _,
};

use super::{PkiError, Result};
use crate::logic::trust::Fingerprint;

/// A new key, and the request that goes to the authority.
pub struct KeyRequest {
    /// The key, PKCS #8 in PEM.
    pub key_pem: String,
    /// The request, PEM.
    pub csr_pem: String,
}

impl std::fmt::Debug for KeyRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the key.
        f.debug_struct("KeyRequest").finish_non_exhaustive()
    }
}

impl KeyRequest {
    /// Makes a key.
    ///
    /// # Errors
    ///
    /// [`PkiError::Make`] when there is no randomness to be had.
    pub fn make() -> Result<Self> {
        let key = KeyPair::generate().map_err(failed)?;
        Self::of(&key)
    }

    /// The request of a key that is there already.
    ///
    /// # Errors
    ///
    /// [`PkiError::Make`] when `pem` is no key.
    pub fn with_key(pem: &str) -> Result<Self> {
        Self::of(&KeyPair::from_pem(pem).map_err(failed)?)
    }

    fn of(key: &KeyPair) -> Result<Self> {
        let mut params = CertificateParams::default();
        // The authority says what the holder is called, whatever stands here.
        params.distinguished_name.push(DnType::CommonName, "decnet");
        let request = params.serialize_request(key).map_err(failed)?;
        let csr_pem = request.pem().map_err(failed)?;
        Ok(Self { key_pem: key.serialize_pem(), csr_pem })
    }
}

/// The key of whoever made a signing request, and so has the private half of it.
pub(super) fn requested(csr_pem: &str) -> Result<PublicKey> {
    // It checks the request's own signature.
    CertificateSigningRequestParams::from_pem(csr_pem)
        .map(|request| request.public_key)
        .map_err(|error| PkiError::Request(error.to_string()))
}

/// Which key a signing request is for.
///
/// # Errors
///
/// [`PkiError::Request`] when it is none.
pub fn requested_key(csr_pem: &str) -> Result<Fingerprint> {
    Ok(Fingerprint::of(requested(csr_pem)?.der_bytes()))
}

fn failed(source: rcgen::Error) -> PkiError {
    PkiError::Make { name: "a signing request".to_owned(), source }
}
