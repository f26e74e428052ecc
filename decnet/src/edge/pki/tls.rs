//! TLS 1.3 between identities, both sides with a certificate.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::version::TLS13;
use rustls::{
    CertificateError, CipherSuite, ClientConfig, DigitallySignedStruct, DistinguishedName,
    RootCertStore, ServerConfig, SignatureScheme, SupportedCipherSuite,
};

use super::identity::validity;
use super::known::{OneOf, Same};
use super::pinned::Pinned;
use super::{Identity, PkiError, Result, caller};
use crate::logic::trust::{Caller, CertRole, Fingerprint};

/// Says of each caller whose certificate the authority signed whether it may come in now.
pub trait Authorize: fmt::Debug + Send + Sync {
    /// Whether it may.
    fn authorizes(&self, caller: &Caller) -> bool;

    /// Whether it may come in though its certificate is not good now. It is asked before
    /// [`Authorize::authorizes`], and not instead of it; what such a caller may ask is for the
    /// application to say.
    fn forgives(&self, _caller: &Caller) -> bool {
        false
    }
}

/// Only this role, whichever the certificate.
impl Authorize for CertRole {
    fn authorizes(&self, caller: &Caller) -> bool {
        caller.role == *self
    }
}

/// For a server that is `identity`, and lets in whom `authorize` does.
///
/// # Errors
///
/// [`PkiError::Tls`] when TLS does not take the identity.
pub fn server_config(identity: &Identity, authorize: Arc<dyn Authorize>) -> Result<ServerConfig> {
    config_of(identity, authorize, true)
}

/// As [`server_config`], but who shows no certificate comes in too: what such a caller may ask is
/// for the application to say.
///
/// # Errors
///
/// As [`server_config`].
pub fn open_server_config(
    identity: &Identity,
    authorize: Arc<dyn Authorize>,
) -> Result<ServerConfig> {
    config_of(identity, authorize, false)
}

fn config_of(
    identity: &Identity,
    authorize: Arc<dyn Authorize>,
    mandatory: bool,
) -> Result<ServerConfig> {
    let verifier = Arc::new(Clients { chain: chain(&identity.cas)?, authorize, mandatory });
    // Who joins knows the authority by its fingerprint alone, and must be shown it.
    let shown = vec![identity.certificate.clone(), identity.issuer().clone()];
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(tls)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(shown, identity.key.clone_key())
        .map_err(tls)?;
    // A resumed session would not ask again whether its holder still may.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    Ok(config)
}

/// For a client that is `identity`, and speaks to one server: it has `role`, and one of these
/// certificates when some are `known`.
///
/// # Errors
///
/// As [`server_config`].
pub fn client_config(
    identity: &Identity,
    role: CertRole,
    known: Option<&[Fingerprint]>,
) -> Result<ClientConfig> {
    let known = known.map(<[_]>::to_vec);
    client(identity, Arc::new(OneOf { role, known }), Time::Now)
}

/// As [`client_config`] for a server that `authorize` takes for the right one when it is met.
///
/// # Errors
///
/// As [`server_config`].
pub fn client_config_for(
    identity: &Identity,
    authorize: Arc<dyn Authorize>,
) -> Result<ClientConfig> {
    client(identity, authorize, Time::Now)
}

/// As [`client_config`] for one of the certificates that are `known`, also when that has ended or is
/// not good yet: for its renewal, and nothing else.
///
/// # Errors
///
/// As [`server_config`].
pub fn renewing_config(
    identity: &Identity,
    role: CertRole,
    known: &[Fingerprint],
) -> Result<ClientConfig> {
    let known = Some(known.to_vec());
    client(identity, Arc::new(OneOf { role, known }), Time::Any)
}

/// As [`client_config`] for whoever has the role and the name of `identity` itself: with its very
/// certificate, also when that has ended or is not good yet, or with another that is good.
///
/// # Errors
///
/// As [`server_config`].
pub fn same_or_good_config(identity: &Identity) -> Result<ClientConfig> {
    client(identity, Arc::new(Same(identity.caller.clone())), Time::Any)
}

fn client(identity: &Identity, authorize: Arc<dyn Authorize>, time: Time) -> Result<ClientConfig> {
    let chain = server_chain(&identity.cas)?;
    let verifier = Arc::new(Server { chain, authorize, time });
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(tls)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_auth_cert(vec![identity.certificate.clone()], identity.key.clone_key())
        .map_err(tls)?;
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

/// For a client that has no identity yet, and speaks to the master of the authority with this
/// fingerprint.
///
/// # Errors
///
/// [`PkiError::Tls`] when there is no TLS.
pub fn joining_config(authority: Fingerprint, time: Time) -> Result<ClientConfig> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(tls)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned {
            authority,
            provider: provider(),
            time,
        }))
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

pub(super) fn server_chain(cas: &[CertificateDer<'_>]) -> Result<Arc<WebPkiServerVerifier>> {
    WebPkiServerVerifier::builder_with_provider(roots(cas)?.into(), provider())
        .build()
        .map_err(|error| PkiError::Tls(error.to_string()))
}

/// Checks that a certificate was signed by one of `cas` and is good now.
pub(super) fn chain(cas: &[CertificateDer<'_>]) -> Result<Arc<dyn ClientCertVerifier>> {
    WebPkiClientVerifier::builder_with_provider(roots(cas)?.into(), provider())
        .build()
        .map_err(|error| PkiError::Tls(error.to_string()))
}

fn roots(cas: &[CertificateDer<'_>]) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for ca in cas {
        roots.add(ca.clone().into_owned()).map_err(tls)?;
    }
    Ok(roots)
}

fn provider() -> Arc<CryptoProvider> {
    let mut provider = ring::default_provider();
    // All are good. This one takes the least of a processor in a handshake.
    let is_other =
        |suite: &SupportedCipherSuite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256;
    provider.cipher_suites.sort_by_key(is_other);
    Arc::new(provider)
}

fn tls(error: rustls::Error) -> PkiError {
    PkiError::Tls(error.to_string())
}

pub(super) fn refused() -> rustls::Error {
    rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)
}

/// When a certificate must be good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// At any time.
    Any,
    /// Now.
    Now,
}

impl Time {
    /// Verifies a certificate now, and where that is not needed at a time at which it is good.
    pub(super) fn check<T>(
        self,
        certificate: &CertificateDer<'_>,
        now: UnixTime,
        verify: impl Fn(UnixTime) -> std::result::Result<T, rustls::Error>,
    ) -> std::result::Result<T, rustls::Error> {
        let verified = verify(now);
        match &verified {
            Err(error) if self == Self::Any && is_time(error) => {
                let from = validity(certificate).map_or(0, |validity| validity.from.0);
                verify(UnixTime::since_unix_epoch(Duration::from_nanos(from)))
            }
            _ => verified,
        }
    }
}

/// Whether a certificate is refused only because it has ended or is not good yet.
fn is_time(error: &rustls::Error) -> bool {
    use CertificateError as Wrong;
    matches!(
        error,
        rustls::Error::InvalidCertificate(
            Wrong::Expired
                | Wrong::ExpiredContext { .. }
                | Wrong::NotValidYet
                | Wrong::NotValidYetContext { .. }
        )
    )
}

/// Whether a handshake failed because the other's certificate has ended, or is not good yet, by the
/// clock of this machine.
pub fn is_of_time(error: &std::io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    inner.is_some_and(is_time)
}

/// What a server asks of its clients.
#[derive(Debug)]
struct Clients {
    chain: Arc<dyn ClientCertVerifier>,
    authorize: Arc<dyn Authorize>,
    /// Whether there must be a certificate.
    mandatory: bool,
}

impl ClientCertVerifier for Clients {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> std::result::Result<ClientCertVerified, rustls::Error> {
        let caller = caller(end_entity).ok_or_else(refused)?;
        let time = if self.authorize.forgives(&caller) { Time::Any } else { Time::Now };
        time.check(end_entity, now, |now| {
            self.chain.verify_client_cert(end_entity, intermediates, now)
        })?;
        if self.authorize.authorizes(&caller) {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(refused())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// What a client asks of its server.
#[derive(Debug)]
struct Server {
    chain: Arc<WebPkiServerVerifier>,
    authorize: Arc<dyn Authorize>,
    time: Time,
}

impl ServerCertVerifier for Server {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        self.time.check(end_entity, now, |now| {
            self.chain.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            )
        })?;
        match caller(end_entity) {
            Some(caller) if self.authorize.authorizes(&caller) => {
                Ok(ServerCertVerified::assertion())
            }
            _ => Err(refused()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
