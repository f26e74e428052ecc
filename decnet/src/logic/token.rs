//! Tokens that say who someone is: JSON Web Tokens signed with HMAC-SHA-256 (RFC 7519, RFC 7515).
//!
//! `jsonwebtoken` parses and checks them; the one algorithm that is accepted is given to it here,
//! so that none of its other algorithms, and none of their code, is in the program.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::logic::time::Timestamp;

/// How long a token is good for.
pub const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// Longest text that is looked at as a token, in bytes.
const MAX_BYTES: usize = 1_024;

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Who it is.
    pub sub: String,
    /// The token's own id.
    pub jti: String,
    /// When it was made, in seconds since 1970.
    pub iat: u64,
    /// Until when it is good, in seconds since 1970.
    pub exp: u64,
}

/// A text that is no token of ours, or no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a token that is in force")]
pub struct BadToken;

/// The key that tokens are signed with.
#[derive(Clone)]
pub struct TokenKey {
    sign: EncodingKey,
    check: DecodingKey,
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKey(..)")
    }
}

impl TokenKey {
    /// The key made of 32 random bytes.
    pub fn new(secret: &[u8; 32]) -> Self {
        // The first call in a process decides; every call says the same.
        PROVIDER.install_default().ok();
        Self { sign: EncodingKey::from_secret(secret), check: DecodingKey::from_secret(secret) }
    }

    /// A token for `user`, with the id `id`, made at `now`.
    pub fn sign(&self, user: &str, id: &str, now: Timestamp) -> (String, Timestamp) {
        let iat = now.millis() / 1_000;
        let exp = iat.saturating_add(LIFETIME.as_secs());
        let claims = Claims { sub: user.to_owned(), jti: id.to_owned(), iat, exp };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.sign);
        let expires = Timestamp(exp.saturating_mul(1_000_000_000));
        (token.expect("claims are JSON and the key is of the right kind"), expires)
    }

    /// What `token` says.
    ///
    /// # Errors
    ///
    /// [`BadToken`] when it is no token, was not signed with this key, or has expired by `now`.
    pub fn check(&self, token: &str, now: Timestamp) -> Result<Claims, BadToken> {
        if token.len() > MAX_BYTES {
            return Err(BadToken);
        }
        let mut rules = Validation::new(Algorithm::HS256);
        // Compared below with the clock of the caller.
        rules.validate_exp = false;
        rules.required_spec_claims.clear();
        let checked = jsonwebtoken::decode::<Claims>(token, &self.check, &rules);
        let claims = checked.or(Err(BadToken))?.claims;
        if claims.exp > now.millis() / 1_000 { Ok(claims) } else { Err(BadToken) }
    }
}

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| {
        Ok(Box::new(Hs256::new(*algorithm, key.as_bytes())?) as Box<dyn JwtSigner>)
    },
    verifier_factory: |algorithm, key| {
        Ok(Box::new(Hs256::new(*algorithm, key.try_get_as_bytes()?)?) as Box<dyn JwtVerifier>)
    },
    key_utils: KeyUtils::new_unimplemented(),
};

/// HMAC-SHA-256 with a key.
struct Hs256(Hmac<Sha256>);

impl Hs256 {
    fn new(algorithm: Algorithm, key: &[u8]) -> Result<Self, Error> {
        if algorithm != Algorithm::HS256 {
            return Err(ErrorKind::InvalidAlgorithm.into());
        }
        Ok(Self(Hmac::new_from_slice(key).expect("HMAC takes a key of any length")))
    }
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        let mut mac = self.0.clone();
        mac.update(message);
        Ok(mac.finalize().into_bytes().to_vec())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let mut mac = self.0.clone();
        mac.update(message);
        // Takes as long for a wrong signature as for the right one.
        mac.verify_slice(signature).or(Err(signature::Error::new()))
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(test)]
mod tests;
