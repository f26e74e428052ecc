//! Words that the authority signs, which are no certificates.

use std::fmt::Write as _;

use rcgen::SigningKey as _;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;

use super::{Authority, PkiError, Result};

impl Authority {
    /// Its signature over `message`, in hexadecimal.
    ///
    /// # Errors
    ///
    /// [`PkiError::Make`] when its key does not sign.
    pub fn sign_words(&self, message: &[u8]) -> Result<String> {
        let failed = |source| PkiError::Make { name: "a notice".to_owned(), source };
        let bytes = self.issuer.key().sign(message).map_err(failed)?;
        let mut text = String::new();
        for byte in bytes {
            write!(text, "{byte:02x}").expect("a text takes it");
        }
        Ok(text)
    }
}

/// Whether `signature`, in hexadecimal, is that of the authority with this certificate.
pub fn is_signed(authority: &CertificateDer<'_>, message: &[u8], signature: &str) -> bool {
    let Some(signature) = bytes(signature) else { return false };
    let Ok((_, certificate)) = x509_parser::parse_x509_certificate(authority) else { return false };
    let key = &certificate.public_key().subject_public_key.data;
    // A key fits one kind of them.
    let all = ring::default_provider().signature_verification_algorithms.all;
    all.iter().any(|kind| kind.verify_signature(key, message, &signature).is_ok())
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    // An RSA signature of 8,192 bits has 1,024.
    if text.len() > 2_048 || !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
