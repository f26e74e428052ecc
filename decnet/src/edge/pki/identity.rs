//! What a daemon is known by: `ca.crt`, a certificate and its key in one directory.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use rcgen::{KeyPair, PublicKeyData as _};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use x509_parser::certificate::X509Certificate;

use super::{Issued, PkiError, Result, tls};
use crate::edge::files;
use crate::logic::credential::Validity;
use crate::logic::time::Timestamp;
use crate::logic::trust::{Caller, Fingerprint};

/// Most bytes of a certificate or key file.
const MAX_FILE: usize = 64 * 1024;
/// Most authorities that are trusted at a time: one, and while it is replaced its successor; and
/// more after successions that were broken off.
const MAX_AUTHORITIES: usize = 8;

/// A certificate, its key, and who must have signed everybody else's.
pub struct Identity {
    /// Who signed the certificate.
    issuer: CertificateDer<'static>,
    /// Whom we trust.
    pub(super) cas: Vec<CertificateDer<'static>>,
    pub(super) certificate: CertificateDer<'static>,
    pub(super) key: PrivateKeyDer<'static>,
    /// Who it says that we are.
    pub caller: Caller,
    /// From when and until when it is good.
    pub validity: Validity,
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
        Self::whole(path, some(path, ca_pem.as_bytes())?, certificate, &key)
    }

    /// An identity whose parts fit together, but for the key.
    pub(super) fn whole(
        path: &Path,
        cas: Vec<CertificateDer<'static>>,
        certificate: CertificateDer<'static>,
        key: &KeyPair,
    ) -> Result<Self> {
        let caller = super::caller(&certificate)
            .ok_or_else(|| unfit(path, "is no certificate of decnet: it names no role"))?;
        let validity = validity(&certificate).ok_or_else(|| unfit(path, "is no certificate"))?;
        let issuer = issuer(path, &cas, &certificate, validity)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        Ok(Self { issuer, cas, certificate, key, caller, validity })
    }

    /// The same, but whom it trusts.
    #[must_use]
    pub fn trusting(&self, cas: Vec<CertificateDer<'static>>) -> Self {
        let (issuer, certificate) = (self.issuer.clone(), self.certificate.clone());
        let (key, caller) = (self.key.clone_key(), self.caller.clone());
        Self { issuer, cas, certificate, key, caller, validity: self.validity }
    }

    /// Whom it trusts.
    pub fn authorities(&self) -> &[CertificateDer<'static>] {
        &self.cas
    }

    /// Whom it trusts, by their fingerprints.
    pub fn trusts(&self) -> BTreeSet<Fingerprint> {
        self.cas.iter().map(|ca| Fingerprint::of(ca)).collect()
    }

    /// Which authority signed it.
    pub fn authority(&self) -> Fingerprint {
        Fingerprint::of(&self.issuer)
    }

    /// The authority that signed it.
    pub(super) fn issuer(&self) -> &CertificateDer<'static> {
        &self.issuer
    }

    /// Whom it trusts, PEM; whoever signed it is first, if that is one of them.
    pub fn authorities_pem(&self) -> String {
        let mut cas: Vec<_> = self.cas.iter().collect();
        cas.sort_by_key(|ca| **ca != self.issuer);
        cas.into_iter().map(|ca| pem(ca)).collect()
    }

    /// Reads `ca.crt`, `NAME.crt` and `NAME.key` in `dir`; `remedy` names the command that makes
    /// them. Whether the certificate is good now is for the caller to ask: clocks can be wrong.
    ///
    /// # Errors
    ///
    /// [`PkiError::Missing`], or [`PkiError::Unfit`] when a file is empty or damaged, when the
    /// certificate was signed by somebody else, or when the key is not its own.
    pub fn read(dir: &Path, name: &str, remedy: &'static str) -> Result<Self> {
        let ca_path = dir.join("ca.crt");
        let cert_path = dir.join(format!("{name}.crt"));
        let key_path = dir.join(format!("{name}.key"));
        let cas = some(&ca_path, &read(&ca_path, remedy)?)?;
        let certificate = one(&cert_path, &read(&cert_path, remedy)?)?;
        let key = match read(&key_path, remedy).and_then(|bytes| key(&key_path, &bytes)) {
            Ok(key) if belongs(&certificate, &key) => key,
            other => match (renewed_key(dir, name, &certificate), other) {
                (Some(key), _) => key,
                (None, Err(error)) => return Err(error),
                (None, Ok(_)) => {
                    let why = format!("is not the key of `{}`", cert_path.display());
                    return Err(unfit(&key_path, &why));
                }
            },
        };
        Self::whole(&cert_path, cas, certificate, &key)
    }
}

/// Where an identity may be: where an operator brings it, and where a renewal leaves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The directories.
    pub dirs: Vec<PathBuf>,
    /// Name of the certificate and the key.
    pub name: &'static str,
    /// What makes them.
    pub remedy: &'static str,
}

impl Places {
    /// Reads the identity that was made last, whatever the clock says.
    ///
    /// # Errors
    ///
    /// When there is none that holds together: what is wrong with the first that is there, or that
    /// the first is missing.
    pub fn read(&self) -> Result<Identity> {
        let mut newest: Option<Identity> = None;
        let mut wrong: Option<PkiError> = None;
        for dir in &self.dirs {
            match Identity::read(dir, self.name, self.remedy) {
                Ok(found) => {
                    let before = newest.take();
                    let is_newer = |it: &Identity| it.validity.from >= found.validity.from;
                    newest = Some(before.filter(is_newer).unwrap_or(found));
                }
                // That the first is missing says where it belongs; what is damaged says more.
                Err(error) if wrong.as_ref().is_none_or(PkiError::is_missing) => {
                    wrong = Some(match wrong.take() {
                        Some(first) if error.is_missing() => first,
                        _ => error,
                    });
                }
                Err(_) => {}
            }
        }
        match (newest, wrong) {
            (Some(identity), _) => Ok(identity),
            (None, Some(error)) => Err(error),
            (None, None) => Err(unfit(Path::new(self.name), "has no place")),
        }
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

/// Where a key waits for its certificate.
pub fn next_key(dir: &Path, name: &str) -> PathBuf {
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

/// From when and until when a certificate is good.
pub(super) fn validity(certificate: &CertificateDer<'_>) -> Option<Validity> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    Some(validity_of(&parsed))
}

/// The same of one that was parsed.
pub(super) fn validity_of(parsed: &X509Certificate<'_>) -> Validity {
    let at = |time: x509_parser::time::ASN1Time| {
        let seconds = u64::try_from(time.timestamp()).unwrap_or(0);
        Timestamp(seconds.saturating_mul(1_000_000_000))
    };
    let validity = parsed.validity();
    Validity { from: at(validity.not_before), until: at(validity.not_after) }
}

/// The one of the authorities that has signed a certificate.
fn issuer(
    path: &Path,
    cas: &[CertificateDer<'static>],
    certificate: &CertificateDer<'_>,
    validity: Validity,
) -> Result<CertificateDer<'static>> {
    // At a time at which it is good: whether it is now does not say whose it is.
    let at = UnixTime::since_unix_epoch(Duration::from_nanos(validity.from.0));
    let mut why = None;
    for ca in cas {
        match tls::chain(std::slice::from_ref(ca))?.verify_client_cert(certificate, &[], at) {
            Ok(_) => return Ok(ca.clone()),
            Err(error) => why = Some(error),
        }
    }
    let why = why.map(|error| format!(" ({error})")).unwrap_or_default();
    Err(unfit(path, &format!("was not signed by the authority in `ca.crt`{why}")))
}

/// The certificates in a PEM file.
pub(super) fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<std::result::Result<Vec<_>, _>>()
        .ok()
        .ok_or_else(|| unfit(path, "is no PEM"))
}

/// The certificates in a PEM file, of which there must be some, and not many.
pub(super) fn some(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let all = certificates(path, pem)?;
    if all.is_empty() || all.len() > MAX_AUTHORITIES {
        return Err(unfit(path, &format!("must hold 1 to {MAX_AUTHORITIES} certificates")));
    }
    Ok(all)
}

/// The only certificate in a PEM file.
pub(super) fn one(path: &Path, pem: &[u8]) -> Result<CertificateDer<'static>> {
    let mut all = certificates(path, pem)?;
    match (all.pop(), all.is_empty()) {
        (Some(only), true) => Ok(only),
        _ => Err(unfit(path, "must hold one certificate")),
    }
}

/// A certificate as PEM (RFC 7468).
pub(super) fn pem(der: &CertificateDer<'_>) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines = text.as_bytes().chunks(64).map(String::from_utf8_lossy);
    let lines: String = lines.flat_map(|line| [line, "\n".into()]).collect();
    format!("-----BEGIN CERTIFICATE-----\n{lines}-----END CERTIFICATE-----\n")
}

/// Whether a certificate is that of `key`.
pub(super) fn belongs(certificate: &CertificateDer<'_>, key: &KeyPair) -> bool {
    x509_parser::parse_x509_certificate(certificate)
        .is_ok_and(|(_, parsed)| parsed.public_key().raw == key.subject_public_key_info())
}

pub(super) fn unfit(path: &Path, why: &str) -> PkiError {
    PkiError::Unfit { path: path.into(), why: why.to_owned() }
}
