//! The message authentication codes.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use super::umac::Umac;

/// A code that can be negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct MacKind {
    code: Code,
    order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    HmacSha1,
    HmacSha256,
    HmacSha512,
    Umac128,
    Umac64,
}

/// What the code covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// The packet before it is encrypted (RFC 4253 section 6.4).
    And,
    /// The packet after it is encrypted (OpenSSH, `-etm`).
    Then,
}

impl MacKind {
    /// The code that is called so.
    pub(in super::super) fn named(name: &str) -> Option<Self> {
        let (plain, order) = match name.strip_suffix("-etm@openssh.com") {
            Some(plain) => (plain, Order::Then),
            None => (name.strip_suffix("@openssh.com").unwrap_or(name), Order::And),
        };
        let code = match plain {
            "hmac-sha1" => Code::HmacSha1,
            "hmac-sha2-256" => Code::HmacSha256,
            "hmac-sha2-512" => Code::HmacSha512,
            "umac-128" => Code::Umac128,
            "umac-64" => Code::Umac64,
            _ => return None,
        };
        Some(Self { code, order })
    }

    /// Bytes of its key.
    pub(in super::super) fn key(self) -> usize {
        match self.code {
            Code::HmacSha1 => 20,
            Code::HmacSha256 => 32,
            Code::HmacSha512 => 64,
            Code::Umac128 | Code::Umac64 => 16,
        }
    }

    /// Bytes of what it makes.
    fn len(self) -> usize {
        match self.code {
            Code::HmacSha1 => 20,
            Code::HmacSha256 => 32,
            Code::HmacSha512 => 64,
            Code::Umac128 => 16,
            Code::Umac64 => 8,
        }
    }
}

/// A code at work in one direction.
pub(in super::super) struct Mac {
    kind: MacKind,
    key: Box<Key>,
}

enum Key {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
    Umac(Umac),
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mac({:?})", self.kind)
    }
}

impl Mac {
    /// The code with its key, as long as its kind asks.
    pub(in super::super) fn new(kind: MacKind, key: &[u8]) -> Self {
        const ANY: &str = "HMAC takes a key of any length";
        let key = match kind.code {
            Code::HmacSha1 => Key::Sha1(Hmac::new_from_slice(key).expect(ANY)),
            Code::HmacSha256 => Key::Sha256(Hmac::new_from_slice(key).expect(ANY)),
            Code::HmacSha512 => Key::Sha512(Hmac::new_from_slice(key).expect(ANY)),
            Code::Umac128 | Code::Umac64 => {
                let key = key.try_into().expect("keys are derived as long as their kind asks");
                Key::Umac(Umac::new(key, kind.len() / 4))
            }
        };
        Self { kind, key: Box::new(key) }
    }

    /// Bytes of what it makes.
    pub(super) fn len(&self) -> usize {
        self.kind.len()
    }

    /// Whether it covers the packet after it was encrypted.
    pub(super) fn is_etm(&self) -> bool {
        self.kind.order == Order::Then
    }

    /// The code of `packet`, which is number `seq`.
    pub(super) fn of(&self, seq: u32, packet: &[u8]) -> Vec<u8> {
        let seq_bytes = seq.to_be_bytes();
        match &*self.key {
            Key::Sha1(key) => key
                .clone()
                .chain_update(seq_bytes)
                .chain_update(packet)
                .finalize()
                .into_bytes()
                .to_vec(),
            Key::Sha256(key) => key
                .clone()
                .chain_update(seq_bytes)
                .chain_update(packet)
                .finalize()
                .into_bytes()
                .to_vec(),
            Key::Sha512(key) => key
                .clone()
                .chain_update(seq_bytes)
                .chain_update(packet)
                .finalize()
                .into_bytes()
                .to_vec(),
            Key::Umac(key) => key.of(u64::from(seq), packet),
        }
    }
}
