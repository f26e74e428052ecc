//! Keys that sign, and what exactly they sign.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use super::digest::{read_hex, shown, write_hex};

const PUBLIC: &str = "ed25519:";
const SECRET: &str = "ed25519-secret:";

/// What a signature is for. A signature for one is none for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The manifest of a release.
    Release,
    /// A root of trust.
    Root,
}

impl Purpose {
    /// What is signed for these bytes: the purpose and the length are in it, so that no bytes can be
    /// cut, prolonged or taken for something else.
    ///
    /// **Source**: DSSE v1, pre-authentication encoding.
    fn encode(self, payload: &[u8]) -> Vec<u8> {
        let kind = match self {
            Self::Release => "application/vnd.decnet.release+json",
            Self::Root => "application/vnd.decnet.root+json",
        };
        let mut out = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
        out.extend_from_slice(payload);
        out
    }
}

/// A key that signatures are checked against.
///
/// **Shape**: as text `ed25519:` and 64 hexadecimal digits, lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey([u8; 32]);

/// A text that is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAKey {
    /// It is no public key.
    #[error("`{0}` is no public key: it takes `ed25519:` and 64 hexadecimal digits")]
    Public(String),
    /// It is no secret key; what it is instead is nobody's business.
    #[error("it holds no secret key: that is `ed25519-secret:` and 64 hexadecimal digits")]
    Secret,
}

impl FromStr for PublicKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let bad = || NotAKey::Public(shown(text));
        let bytes = text.strip_prefix(PUBLIC).and_then(read_hex).ok_or_else(bad)?;
        // A weak key is one that signs for anybody.
        let fits = VerifyingKey::from_bytes(&bytes).is_ok_and(|key| !key.is_weak());
        if fits { Ok(Self(bytes)) } else { Err(bad()) }
    }
}

impl TryFrom<String> for PublicKey {
    type Error = NotAKey;

    fn try_from(text: String) -> Result<Self, NotAKey> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.to_string()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PUBLIC)?;
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A key that signs.
///
/// **Shape**: as text `ed25519-secret:` and 64 hexadecimal digits, lower case.
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// From 32 random bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// As it is kept in a file.
    ///
    /// # Errors
    ///
    /// [`NotAKey::Secret`].
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        let seed = text.trim_end().strip_prefix(SECRET).and_then(read_hex::<32>);
        seed.map(|seed| Self::from_seed(&seed)).ok_or(NotAKey::Secret)
    }

    /// As it is kept in a file.
    pub fn text(&self) -> String {
        let digits: String = self.0.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{SECRET}{digits}\n")
    }

    /// The half that everybody may know.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs.
    pub fn sign(&self, purpose: Purpose, payload: &[u8]) -> Signature {
        let signature = self.0.sign(&purpose.encode(payload)).to_bytes();
        Signature { key: self.public(), signature: SignatureBytes(signature) }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SecretKey").field(&self.public()).finish()
    }
}

/// A signature, and whose it says that it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Whose.
    pub key: PublicKey,
    signature: SignatureBytes,
}

impl Signature {
    fn is_good(&self, message: &[u8]) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(&self.signature.0);
        // Strict: no second signature can be made from a good one without the key.
        VerifyingKey::from_bytes(&self.key.0)
            .is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
    }
}

/// 128 hexadecimal digits, lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct SignatureBytes([u8; 64]);

impl TryFrom<String> for SignatureBytes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bad = || format!("`{}` is no signature: it takes 128 hexadecimal digits", shown(&text));
        read_hex(&text).map(Self).ok_or_else(bad)
    }
}

impl From<SignatureBytes> for String {
    fn from(signature: SignatureBytes) -> Self {
        format!("{signature:?}")
    }
}

impl fmt::Debug for SignatureBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

/// Which of `keys` have signed `payload`; a key that did so twice is in it once.
pub(super) fn signers(
    keys: &[PublicKey],
    purpose: Purpose,
    payload: &[u8],
    signatures: &[Signature],
) -> BTreeSet<PublicKey> {
    let message = purpose.encode(payload);
    let known = signatures.iter().filter(|signature| keys.contains(&signature.key));
    known.filter(|signature| signature.is_good(&message)).map(|signature| signature.key).collect()
}
