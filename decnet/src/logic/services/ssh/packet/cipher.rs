//! The ciphers.
//!
//! Counter mode encrypts the whole packet (RFC 4344), or all but its length where the MAC is of
//! the `-etm` kind. GCM leaves the length in clear and authenticates it (RFC 5647). ChaCha20 hides
//! the length under a key of its own (OpenSSH, PROTOCOL.chacha20poly1305).

use std::fmt;

use aes::{Aes128, Aes192, Aes256};
use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use ctr::Ctr128BE;
use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit;
use subtle::ConstantTimeEq;

/// Length of the tag of both ciphers that make one.
const TAG: usize = 16;

/// A cipher that can be negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum CipherKind {
    /// `aes128-ctr`
    Aes128Ctr,
    /// `aes128-gcm@openssh.com`
    Aes128Gcm,
    /// `aes192-ctr`
    Aes192Ctr,
    /// `aes256-ctr`
    Aes256Ctr,
    /// `aes256-gcm@openssh.com`
    Aes256Gcm,
    /// `chacha20-poly1305@openssh.com`
    ChaCha20Poly1305,
}

impl CipherKind {
    /// The cipher that is called so.
    pub(in super::super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "aes128-ctr" => Self::Aes128Ctr,
            "aes128-gcm@openssh.com" => Self::Aes128Gcm,
            "aes192-ctr" => Self::Aes192Ctr,
            "aes256-ctr" => Self::Aes256Ctr,
            "aes256-gcm@openssh.com" => Self::Aes256Gcm,
            "chacha20-poly1305@openssh.com" => Self::ChaCha20Poly1305,
            _ => return None,
        })
    }

    /// Bytes of its key.
    pub(in super::super) fn key(self) -> usize {
        match self {
            Self::Aes128Ctr | Self::Aes128Gcm => 16,
            Self::Aes192Ctr => 24,
            Self::Aes256Ctr | Self::Aes256Gcm => 32,
            Self::ChaCha20Poly1305 => 64,
        }
    }

    /// Bytes of its initial vector.
    pub(in super::super) fn iv(self) -> usize {
        match self {
            Self::Aes128Ctr | Self::Aes192Ctr | Self::Aes256Ctr => 16,
            Self::Aes128Gcm | Self::Aes256Gcm => 12,
            Self::ChaCha20Poly1305 => 0,
        }
    }

    /// Whether it seals what it hides, so that no MAC is negotiated.
    pub(in super::super) fn is_aead(self) -> bool {
        matches!(self, Self::Aes128Gcm | Self::Aes256Gcm | Self::ChaCha20Poly1305)
    }
}

/// A cipher at work in one direction.
#[derive(Default)]
pub(in super::super) enum Cipher {
    /// ChaCha20 with Poly1305.
    ChaCha(Box<ChaChaKeys>),
    /// AES in counter mode.
    Ctr(Box<dyn StreamCipher + Send>),
    /// AES in Galois counter mode.
    Gcm(Box<Gcm>),
    /// Before the first key exchange.
    #[default]
    None,
}

/// The two keys of OpenSSH's ChaCha20.
pub(in super::super) struct ChaChaKeys {
    packet: [u8; 32],
    length: [u8; 32],
}

/// AES-GCM with the nonce of the next packet.
pub(in super::super) struct Gcm {
    key: GcmKey,
    nonce: [u8; 12],
}

enum GcmKey {
    Aes128(Aes128Gcm),
    Aes256(Aes256Gcm),
}

/// A packet that its tag does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Forged;

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ChaCha(_) => "ChaCha(..)",
            Self::Ctr(_) => "Ctr(..)",
            Self::Gcm(_) => "Gcm(..)",
            Self::None => "None",
        })
    }
}

impl Cipher {
    /// The cipher with its key and initial vector, each as long as its kind asks.
    pub(in super::super) fn new(kind: CipherKind, key: &[u8], iv: &[u8]) -> Self {
        const FITS: &str = "keys are derived as long as their kind asks";
        match kind {
            CipherKind::Aes128Ctr => {
                Self::Ctr(Box::new(Ctr128BE::<Aes128>::new_from_slices(key, iv).expect(FITS)))
            }
            CipherKind::Aes192Ctr => {
                Self::Ctr(Box::new(Ctr128BE::<Aes192>::new_from_slices(key, iv).expect(FITS)))
            }
            CipherKind::Aes256Ctr => {
                Self::Ctr(Box::new(Ctr128BE::<Aes256>::new_from_slices(key, iv).expect(FITS)))
            }
            CipherKind::Aes128Gcm => {
                let key = GcmKey::Aes128(Aes128Gcm::new_from_slice(key).expect(FITS));
                Self::Gcm(Box::new(Gcm { key, nonce: iv.try_into().expect(FITS) }))
            }
            CipherKind::Aes256Gcm => {
                let key = GcmKey::Aes256(Aes256Gcm::new_from_slice(key).expect(FITS));
                Self::Gcm(Box::new(Gcm { key, nonce: iv.try_into().expect(FITS) }))
            }
            CipherKind::ChaCha20Poly1305 => {
                let (packet, length) = key.split_at_checked(32).expect(FITS);
                Self::ChaCha(Box::new(ChaChaKeys {
                    packet: packet.try_into().expect(FITS),
                    length: length.try_into().expect(FITS),
                }))
            }
        }
    }

    /// To how many bytes packets are padded.
    pub(super) fn block(&self) -> usize {
        match self {
            Self::ChaCha(_) | Self::None => 8,
            Self::Ctr(_) | Self::Gcm(_) => 16,
        }
    }

    /// Bytes of its own tag.
    pub(super) fn tag(&self) -> usize {
        if self.is_aead() { TAG } else { 0 }
    }

    /// Whether it seals what it hides.
    pub(super) fn is_aead(&self) -> bool {
        matches!(self, Self::ChaCha(_) | Self::Gcm(_))
    }

    /// The length field of packet `seq`, which stays as it is.
    pub(super) fn length(&self, seq: u32, mut field: [u8; 4]) -> u32 {
        if let Self::ChaCha(keys) = self {
            keys.stream(&keys.length, seq).apply_keystream(&mut field);
        }
        u32::from_be_bytes(field)
    }

    /// Encrypts or decrypts in counter mode; does nothing in the others.
    pub(super) fn stream(&mut self, bytes: &mut [u8]) {
        if let Self::Ctr(stream) = self {
            stream.apply_keystream(bytes);
        }
    }

    /// Encrypts a packet, its length first, and gives its tag. For ciphers that make one.
    pub(super) fn seal(&mut self, seq: u32, length: &mut [u8; 4], body: &mut [u8]) -> [u8; TAG] {
        match self {
            Self::ChaCha(keys) => keys.seal(seq, length, body),
            Self::Gcm(gcm) => gcm.seal(*length, body),
            Self::Ctr(_) | Self::None => [0; TAG],
        }
    }

    /// Decrypts the body of a packet after its tag was seen to fit. For ciphers that make one.
    pub(super) fn open(
        &mut self,
        seq: u32,
        length: [u8; 4],
        body: &mut [u8],
        tag: &[u8],
    ) -> Result<(), Forged> {
        match self {
            Self::ChaCha(keys) => keys.open(seq, length, body, tag),
            Self::Gcm(gcm) => gcm.open(length, body, tag),
            Self::Ctr(_) | Self::None => Ok(()),
        }
    }
}

impl ChaChaKeys {
    /// The stream of packet `seq`. OpenSSH's nonce is the sequence number in 64 bits and its
    /// counter has 64 bits too; with counters this small that is the RFC 8439 cipher with four
    /// zero bytes before the nonce.
    fn stream(&self, key: &[u8; 32], seq: u32) -> ChaCha20 {
        let mut nonce = [0; 12];
        if let Some(tail) = nonce.last_chunk_mut() {
            *tail = seq.to_be_bytes();
        }
        ChaCha20::new(key.into(), &nonce.into())
    }

    /// The stream of the body, and the Poly1305 key that comes before it.
    fn body(&self, seq: u32) -> (ChaCha20, Poly1305) {
        let mut stream = self.stream(&self.packet, seq);
        let mut key = [0; 32];
        stream.apply_keystream(&mut key);
        stream.seek(64_u32);
        (stream, Poly1305::new(&key.into()))
    }

    fn seal(&self, seq: u32, length: &mut [u8; 4], body: &mut [u8]) -> [u8; TAG] {
        self.stream(&self.length, seq).apply_keystream(length);
        let (mut stream, poly) = self.body(seq);
        stream.apply_keystream(body);
        tag_of(poly, *length, body)
    }

    fn open(&self, seq: u32, length: [u8; 4], body: &mut [u8], tag: &[u8]) -> Result<(), Forged> {
        let (mut stream, poly) = self.body(seq);
        if !bool::from(tag_of(poly, length, body).as_slice().ct_eq(tag)) {
            return Err(Forged);
        }
        stream.apply_keystream(body);
        Ok(())
    }
}

fn tag_of(poly: Poly1305, length: [u8; 4], body: &[u8]) -> [u8; TAG] {
    poly.compute_unpadded(&[&length, body].concat()).into()
}

impl Gcm {
    fn seal(&mut self, length: [u8; 4], body: &mut [u8]) -> [u8; TAG] {
        let nonce = self.step().into();
        let tag = match &self.key {
            GcmKey::Aes128(key) => key.encrypt_inout_detached(&nonce, &length, body.into()),
            GcmKey::Aes256(key) => key.encrypt_inout_detached(&nonce, &length, body.into()),
        };
        tag.expect("a packet is far below the 64 GiB of GCM").into()
    }

    fn open(&mut self, length: [u8; 4], body: &mut [u8], tag: &[u8]) -> Result<(), Forged> {
        let nonce = self.step().into();
        let tag = tag.try_into().or(Err(Forged))?;
        match &self.key {
            GcmKey::Aes128(key) => key.decrypt_inout_detached(&nonce, &length, body.into(), tag),
            GcmKey::Aes256(key) => key.decrypt_inout_detached(&nonce, &length, body.into(), tag),
        }
        .or(Err(Forged))
    }

    /// This packet's nonce; the next one's last eight bytes are one more (RFC 5647 section 7.1).
    fn step(&mut self) -> [u8; 12] {
        let now = self.nonce;
        if let Some(counter) = self.nonce.last_chunk_mut::<8>() {
            *counter = u64::from_be_bytes(*counter).wrapping_add(1).to_be_bytes();
        }
        now
    }
}
