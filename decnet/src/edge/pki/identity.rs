//! What a daemon is known by: `ca.crt`, a certificate and its key in one directory.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{KeyPair, PublicKeyData as _};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};

use super::{Issued, PkiError, Result, tls};
use crate::edge::files;
use crate::logic::time::Timestamp;
use crate::logic::trust::{Caller, Fingerprint};

/// Most bytes of a certificate or key file.
const MAX_FILE: usize = 64 * 1024;

/// A certificate, its key, and who must have signed everybody else's.
pub struct Identity {
    pub(super) ca: CertificateDer<'static>,
    pub(super) certificate: CertificateDer<'static>,
    pub(super) key: PrivateKeyDer<'static>,
    /// Who it says that we are.
    pub caller: Caller,
    /// Until when it is good.
    pub not_after: Timestamp,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the key.
        f.debug_tuple("Identity").field(&self.caller).finish()
    }
}

impl Identity {
    /// What was just issued, by the authority with this certificate.
    ///
    /// # Errors
    ///
    /// [`PkiError::Unfit`] when it was not.
    pub fn of(issued: &Issued, ca_pem: &str) -> Result<Self> {
        let path = Path::new("what was issued");
        let certificate = one(path, issued.certified.cert_pem.as_bytes())?;
        let key = KeyPair::from_pem(&issued.key_pem).ok();
        let key = key.ok_or_else(|| unfit(path, "has no private key"))?;
        Ok(Self {
            ca: one(path, ca_pem.as_bytes())?,
            caller: super::caller(&certificate).ok_or_else(|| unfit(path, "names no role"))?,
            certificate,
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            not_after: issued.certified.not_after,
        })
    }

    /// Which authority signed it.
    pub fn authority(&self) -> Fingerprint {
        Fingerprint::of(&self.ca)
    }

    /// Reads `ca.crt`, `NAME.crt` and `NAME.key` in `dir`; `remedy` names the command that makes
    /// them.
    ///
    /// # Errors
    ///
    /// [`PkiError::Missing`], or [`PkiError::Unfit`] when a file is empty or damaged, when the
    /// certificate has expired or was signed by somebody else, or when the key is not its own.
    pub fn read(dir: &Path, name: &str, now: Timestamp, remedy: &'static str) -> Result<Self> {
        let ca_path = dir.join("ca.crt");
        let cert_path = dir.join(format!("{name}.crt"));
        let key_path = dir.join(format!("{name}.key"));
        let ca = one(&ca_path, &read(&ca_path, remedy)?)?;
        let certificate = one(&cert_path, &read(&cert_path, remedy)?)?;
        let mut key = key(&key_path, &read(&key_path, remedy)?)?;
        if !belongs(&certificate, &key) {
            key = renewed_key(dir, name, &certificate).ok_or_else(|| {
                unfit(&key_path, &format!("is not the key of `{}`", cert_path.display()))
            })?;
        }
        let caller = super::caller(&certificate)
            .ok_or_else(|| unfit(&cert_path, "is no certificate of decnet: it names no role"))?;
        let not_after = check(&cert_path, &certificate, &ca, now)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        Ok(Self { ca, certificate, key, caller, not_after })
    }
}

/// Writes an identity to `dir`, its key first: whoever finds the certificate finds the key.
///
/// # Errors
///
/// [`PkiError::File`].
pub fn write(dir: &Path, name: &str, ca_pem: &str, cert_pem: &str, key_pem: &str) -> Result<()> {
    let files = [(format!("{name}.key"), key_pem), (format!("{name}.crt"), cert_pem)];
    for (file, text) in files.into_iter().chain([("ca.crt".to_owned(), ca_pem)]) {
        files::replace(&dir.join(file), text.as_bytes())?;
    }
    Ok(())
}

/// Replaces the certificate and the key of an identity. At whichever moment this ends, what is
/// there is the old identity or the new one: the key waits beside until its certificate has come.
///
/// # Errors
///
/// [`PkiError::File`].
pub fn renew(dir: &Path, name: &str, cert_pem: &str, key_pem: &str) -> Result<()> {
    files::replace(&next_key(dir, name), key_pem.as_bytes())?;
    files::replace(&dir.join(format!("{name}.crt")), cert_pem.as_bytes())?;
    files::replace(&dir.join(format!("{name}.key")), key_pem.as_bytes())?;
    Ok(files::remove(&next_key(dir, name))?)
}

fn next_key(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}-next.key"))
}

/// The key of a renewal that was broken off, when it is that of the certificate.
fn renewed_key(dir: &Path, name: &str, certificate: &CertificateDer<'_>) -> Option<KeyPair> {
    let path = next_key(dir, name);
    let bytes = files::read(&path).ok()??;
    key(&path, &bytes).ok().filter(|key| belongs(certificate, key))
}

fn key(path: &Path, pem: &[u8]) -> Result<KeyPair> {
    let pem = std::str::from_utf8(pem).unwrap_or_default();
    KeyPair::from_pem(pem).ok().ok_or_else(|| unfit(path, "holds no private key"))
}

fn read(path: &Path, remedy: &'static str) -> Result<Vec<u8>> {
    let bytes =
        files::read(path)?.ok_or_else(|| PkiError::Missing { path: path.into(), remedy })?;
    if bytes.is_empty() {
        return Err(unfit(path, "is empty"));
    }
    if bytes.len() > MAX_FILE {
        return Err(unfit(path, "is too large to be a certificate or a key"));
    }
    Ok(bytes)
}

/// Checks when a certificate is good and who signed it; says until when it is.
fn check(
    path: &Path,
    certificate: &CertificateDer<'_>,
    ca: &CertificateDer<'_>,
    now: Timestamp,
) -> Result<Timestamp> {
    use rustls::CertificateError as Wrong;
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate)
        .ok()
        .ok_or_else(|| unfit(path, "is no certificate"))?;
    let validity = parsed.validity();
    let at = UnixTime::since_unix_epoch(Duration::from_nanos(now.0));
    match tls::chain(ca)?.verify_client_cert(certificate, &[], at) {
        Ok(_) => {}
        Err(rustls::Error::InvalidCertificate(Wrong::Expired | Wrong::ExpiredContext { .. })) => {
            return Err(unfit(path, &format!("has expired on {}", validity.not_after)));
        }
        Err(rustls::Error::InvalidCertificate(
            Wrong::NotValidYet | Wrong::NotValidYetContext { .. },
        )) => {
            let why = format!("is good from {} on: is the clock right?", validity.not_before);
            return Err(unfit(path, &why));
        }
        Err(error) => {
            let why = format!("was not signed by the authority in `ca.crt` ({error})");
            return Err(unfit(path, &why));
        }
    }
    let end = u64::try_from(validity.not_after.timestamp()).unwrap_or(0);
    Ok(Timestamp(end.saturating_mul(1_000_000_000)))
}

/// The certificates in a PEM file.
pub(super) fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<std::result::Result<Vec<_>, _>>()
        .ok()
        .ok_or_else(|| unfit(path, "is no PEM"))
}

/// The only certificate in a PEM file.
fn one(path: &Path, pem: &[u8]) -> Result<CertificateDer<'static>> {
    let mut all = certificates(path, pem)?;
    match (all.pop(), all.is_empty()) {
        (Some(only), true) => Ok(only),
        _ => Err(unfit(path, "must hold one certificate")),
    }
}

/// Whether a certificate is that of `key`.
pub(super) fn belongs(certificate: &CertificateDer<'_>, key: &KeyPair) -> bool {
    x509_parser::parse_x509_certificate(certificate)
        .is_ok_and(|(_, parsed)| parsed.public_key().raw == key.subject_public_key_info())
}

pub(super) fn unfit(path: &Path, why: &str) -> PkiError {
    PkiError::Unfit { path: path.into(), why: why.to_owned() }
}
