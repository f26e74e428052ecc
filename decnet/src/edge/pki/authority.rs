//! The authority: one key and one certificate, made once.

use std::net::IpAddr;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData, SanType,
};
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;

use super::identity::{belongs, certificates, unfit, validity};
use super::request::requested;
use super::{PkiError, Result};
use crate::edge::files;
use crate::logic::credential::Validity;
use crate::logic::time::Timestamp;
use crate::logic::trust::{CertRole, Fingerprint, NodeName};

/// How long the authority's certificate lasts, in seconds: ten years.
const CA_LIFE: i64 = 10 * 365 * 86_400;
/// How long a leaf lasts, in seconds: a year.
const LEAF_LIFE: i64 = 365 * 86_400;
/// Clocks differ: what is made now is good from a day ago on.
const SKEW: i64 = 86_400;

/// A certificate to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish<'a> {
    /// For which machine.
    pub host: &'a NodeName,
    /// What it is to be there.
    pub role: CertRole,
    /// Addresses it is reached at.
    pub addresses: &'a [IpAddr],
    /// Names it is reached by, besides the host's own.
    pub names: &'a [String],
}

/// A certificate and its key, which exists nowhere else.
#[derive(Clone)]
pub struct Issued {
    /// The certificate.
    pub certified: Certified,
    /// Its key, PKCS #8 in PEM.
    pub key_pem: String,
}

/// A certificate that was made.
#[derive(Clone, Debug)]
pub struct Certified {
    /// The certificate, PEM.
    pub cert_pem: String,
    /// Which it is.
    pub fingerprint: Fingerprint,
    /// Until when it is good.
    pub not_after: Timestamp,
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the key.
        f.debug_tuple("Issued").field(&self.certified.fingerprint).finish()
    }
}

/// Whoever holds this makes certificates.
pub struct Authority {
    pub(super) issuer: Issuer<'static, KeyPair>,
    pub(super) der: CertificateDer<'static>,
    cert_pem: String,
    fingerprint: Fingerprint,
    validity: Validity,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Authority").field(&self.fingerprint).finish()
    }
}

impl Authority {
    /// Opens the authority in `dir`, or makes it there: `ca.key` first, so that a certificate
    /// without its key is never left behind.
    ///
    /// # Errors
    ///
    /// [`PkiError::File`], or [`PkiError::Unfit`] when what is there is no authority.
    pub fn open_or_make(dir: &Path, now: Timestamp) -> Result<Self> {
        Self::open_or_make_as(dir, "ca", now)
    }

    /// The same with files of this name.
    pub(super) fn open_or_make_as(dir: &Path, name: &str, now: Timestamp) -> Result<Self> {
        files::make_dir(dir)?;
        let [key_path, cert_path] = ["key", "crt"].map(|end| dir.join(format!("{name}.{end}")));
        let key = match files::read(&key_path)? {
            Some(pem) => String::from_utf8(pem)
                .ok()
                .and_then(|pem| KeyPair::from_pem(&pem).ok())
                .ok_or_else(|| unfit(&key_path, "holds no private key"))?,
            None if files::read(&cert_path)?.is_some() => {
                let why = format!("has lost its key `{}`", key_path.display());
                return Err(unfit(&cert_path, &why));
            }
            None => {
                let key = KeyPair::generate().map_err(make("the authority"))?;
                files::replace(&key_path, key.serialize_pem().as_bytes())?;
                key
            }
        };
        let cert_pem = match files::read(&cert_path)? {
            Some(pem) => {
                String::from_utf8(pem).ok().ok_or_else(|| unfit(&cert_path, "is no PEM"))?
            }
            None => {
                let pem = own_certificate(&key, now)?;
                files::replace(&cert_path, pem.as_bytes())?;
                pem
            }
        };
        let der = certificates(&cert_path, cert_pem.as_bytes())?;
        let [der] = der.as_slice() else {
            return Err(unfit(&cert_path, "must hold one certificate"));
        };
        if !belongs(der, &key) {
            return Err(unfit(&cert_path, "does not fit its key"));
        }
        let fingerprint = Fingerprint::of(der);
        let validity = validity(der).ok_or_else(|| unfit(&cert_path, "is no certificate"))?;
        let issuer = Issuer::from_ca_cert_der(der, key).map_err(make("the authority"))?;
        Ok(Self { issuer, der: der.clone(), cert_pem, fingerprint, validity })
    }

    /// Its certificate, PEM.
    pub fn cert_pem(&self) -> &str {
        &self.cert_pem
    }

    /// Which it is.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// When it is good.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// Makes a key and its certificate.
    ///
    /// # Errors
    ///
    /// [`PkiError::Make`] when a name cannot stand in a certificate.
    pub fn issue(&self, wish: &Wish<'_>, now: Timestamp) -> Result<Issued> {
        let key = KeyPair::generate().map_err(make("a key"))?;
        let certified = self.certify(wish, &key, now)?;
        Ok(Issued { certified, key_pem: key.serialize_pem() })
    }

    /// Makes a certificate for a key that is elsewhere. Of the signing request only the key
    /// counts; who its holder is says `wish`.
    ///
    /// # Errors
    ///
    /// [`PkiError::Request`] when it is none, and as [`Authority::issue`].
    pub fn sign(&self, csr_pem: &str, wish: &Wish<'_>, now: Timestamp) -> Result<Certified> {
        self.certify(wish, &requested(csr_pem)?, now)
    }

    fn certify(
        &self,
        wish: &Wish<'_>,
        key: &impl PublicKeyData,
        now: Timestamp,
    ) -> Result<Certified> {
        let name = wish.role.common_name(wish.host);
        let make = make(&name);
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name.as_str());
        let text = |text: &str| text.try_into().map_err(&make);
        params.subject_alt_names = vec![SanType::URI(text(wish.role.uri())?)];
        params.subject_alt_names.push(SanType::DnsName(text(wish.host.as_str())?));
        for name in wish.names {
            params.subject_alt_names.push(SanType::DnsName(text(name)?));
        }
        params.subject_alt_names.extend(wish.addresses.iter().copied().map(SanType::IpAddress));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let not_after = last(&mut params, now, LEAF_LIFE);
        let certificate = params.signed_by(key, &self.issuer).map_err(&make)?;
        Ok(Certified {
            cert_pem: certificate.pem(),
            fingerprint: Fingerprint::of(certificate.der()),
            not_after,
        })
    }
}

fn own_certificate(key: &KeyPair, now: Timestamp) -> Result<String> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "decnet authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    last(&mut params, now, CA_LIFE);
    Ok(params.self_signed(key).map_err(make("the authority"))?.pem())
}

/// Makes a certificate last so many seconds from now, and says until when.
fn last(params: &mut CertificateParams, now: Timestamp, seconds: i64) -> Timestamp {
    let now = i64::try_from(now.0 / 1_000_000_000).unwrap_or(0);
    let at = |seconds| {
        OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    };
    params.not_before = at(now - SKEW);
    params.not_after = at(now + seconds);
    let end = u64::try_from(params.not_after.unix_timestamp()).unwrap_or(0);
    Timestamp(end.saturating_mul(1_000_000_000))
}

fn make(name: &str) -> impl Fn(rcgen::Error) -> PkiError {
    let name = name.to_owned();
    move |source| PkiError::Make { name: name.clone(), source }
}
