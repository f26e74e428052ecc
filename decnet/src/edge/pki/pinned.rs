//! A master that is known by its authority's fingerprint alone.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};

use super::{caller, tls};
use crate::logic::trust::{CertRole, Fingerprint};

/// The authority must be among what the server shows, and have signed for a master.
#[derive(Debug)]
pub(super) struct Pinned {
    pub(super) authority: Fingerprint,
    pub(super) provider: Arc<CryptoProvider>,
    pub(super) time: tls::Time,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let unknown = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let pinned = |shown: &&CertificateDer<'_>| Fingerprint::of(shown) == self.authority;
        let authority = intermediates.iter().find(pinned).ok_or_else(|| unknown.clone())?;
        let chain = tls::server_chain(std::slice::from_ref(authority)).ok().ok_or(unknown)?;
        self.time.check(end_entity, now, |now| {
            chain.verify_server_cert(end_entity, &[], server_name, ocsp_response, now)
        })?;
        match caller(end_entity) {
            Some(caller) if caller.role == CertRole::Master => Ok(ServerCertVerified::assertion()),
            _ => Err(tls::refused()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
