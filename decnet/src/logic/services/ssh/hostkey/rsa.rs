//! RSA: keys found step by step, and signatures (RFC 8017 section 8.2.1).
//!
//! Our own arithmetic around the primes, on the constant-time integers that the other curves use,
//! because the `rsa` crate has no release without an open timing advisory (RUSTSEC-2023-0071).
//!
//! To find the primes takes a few hundred milliseconds, which is too long to keep other visitors
//! waiting. So the search goes on in steps, and a key is kept once it is found. It follows from
//! the seed alone: each prime is the first from a number that the seed gives.

use std::num::NonZero;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng as _, SeedableRng as _};
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, ConcatenatingMul as _, Odd, Resize as _};
use crypto_primes::hazmat::SmallFactorsSieve;
use crypto_primes::{Flavor, is_prime};

use super::super::kex::Hash;
use super::super::wire::Writer;

/// Public exponent: the one of every key that OpenSSH and dropbear make.
const EXPONENT: u32 = 65_537;

/// Candidates that are tried in one step: some ten milliseconds of work.
const STEP: usize = 4;

/// The search for a key.
#[derive(Default)]
pub(super) enum Search {
    /// Nobody asked yet.
    #[default]
    Idle,
    /// The first prime, once it is found, and where the search for the next stands.
    Running(Box<Running>),
    /// Found.
    Done(Box<RsaKey>),
}

pub(super) struct Running {
    rng: ChaCha20Rng,
    bits: u32,
    found: Option<BoxedUint>,
    sieve: SmallFactorsSieve<BoxedUint>,
}

/// A private key.
pub(super) struct RsaKey {
    modulus: BoxedUint,
    p: Half,
    q: Half,
    /// The inverse of q modulo p.
    coefficient: BoxedMontyForm,
}

/// A prime with the private exponent modulo what is one less.
struct Half {
    field: BoxedMontyParams,
    exponent: BoxedUint,
}

impl std::fmt::Debug for Search {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Done(_) => "Done(..)",
            Self::Idle => "Idle",
            Self::Running(_) => "Running(..)",
        })
    }
}

impl Search {
    /// Goes on for a step towards the key of `bits` bits that follows from the seed.
    pub(super) fn step(&mut self, bits: u32, seed: impl FnOnce() -> [u8; 32]) -> Option<&RsaKey> {
        if matches!(self, Self::Idle) {
            *self = Self::Running(Box::new(Running::new(bits, seed())));
        }
        if let Self::Running(running) = self
            && let Some(key) = running.step()
        {
            *self = Self::Done(Box::new(key));
        }
        match self {
            Self::Done(key) => Some(key),
            Self::Idle | Self::Running(_) => None,
        }
    }
}

impl Running {
    fn new(bits: u32, seed: [u8; 32]) -> Self {
        let mut rng = ChaCha20Rng::from_seed(seed);
        let sieve = sieve(&mut rng, bits / 2);
        Self { rng, bits, found: None, sieve }
    }

    fn step(&mut self) -> Option<RsaKey> {
        let suitable = |prime: &BoxedUint| {
            let before = prime.wrapping_sub(BoxedUint::one_with_precision(prime.bits_precision()));
            is_prime(Flavor::Any, prime) && inverse(EXPONENT, &before).is_some()
        };
        let mut candidates = self.sieve.by_ref().take(STEP).peekable();
        // A sieve ends with the numbers of its size, which no start that we draw comes near.
        let ended = candidates.peek().is_none();
        let prime = candidates.find(suitable);
        if prime.is_some() || ended {
            self.sieve = sieve(&mut self.rng, self.bits / 2);
        }
        let prime = prime?;
        match self.found.take() {
            None => self.found = Some(prime),
            Some(other) if other != prime => return RsaKey::new(&other, &prime),
            Some(other) => self.found = Some(other),
        }
        None
    }
}

/// Odd numbers of `bits` bits without small factors, from one on that is drawn. The two highest
/// bits are set, so that the product of two has twice as many bits.
fn sieve(rng: &mut ChaCha20Rng, bits: u32) -> SmallFactorsSieve<BoxedUint> {
    let mut start = vec![0; usize::try_from(bits / 8).unwrap_or_default()];
    rng.fill_bytes(&mut start);
    if let Some(first) = start.first_mut() {
        *first |= 0xc0;
    }
    let start = BoxedUint::from_be_slice(&start, bits).expect("as many bytes as bits ask");
    let bits = NonZero::new(bits).expect("a key has bits");
    SmallFactorsSieve::new(start, bits, false).expect("the start has as many bits")
}

impl RsaKey {
    fn new(p: &BoxedUint, q: &BoxedUint) -> Option<Self> {
        let (p, q) = if p > q { (p, q) } else { (q, p) };
        let (p_half, q_half) = (Half::new(p)?, Half::new(q)?);
        let q_in_p = BoxedMontyForm::new(q.clone(), &p_half.field);
        let coefficient = Option::from(q_in_p.invert())?;
        let modulus = p.concatenating_mul(q);
        Some(Self { modulus, p: p_half, q: q_half, coefficient })
    }

    /// The public key, as it travels.
    pub(super) fn public(&self) -> Vec<u8> {
        let exponent = EXPONENT.to_be_bytes();
        let kind = Writer::default().string("ssh-rsa").mpint(&exponent);
        kind.mpint(&self.modulus.to_be_bytes()).done()
    }

    /// The signature of `message`, as long as the modulus.
    pub(super) fn sign(&self, hash: Hash, message: &[u8]) -> Vec<u8> {
        let bytes = self.modulus.to_be_bytes().len();
        let padded = padded(hash, message, bytes);
        let bits = self.modulus.bits_precision();
        let number = BoxedUint::from_be_slice(&padded, bits).expect("padded to the modulus");
        let (in_p, in_q) = (self.p.raise(&number), self.q.raise(&number));
        // Garner: q + what is missing, times q.
        let in_q_mod_p = BoxedMontyForm::new(reduced(&in_q, &self.p.field), &self.p.field);
        let missing = (BoxedMontyForm::new(in_p, &self.p.field) - in_q_mod_p) * &self.coefficient;
        let q = self.q.field.modulus().as_ref().clone();
        let product = missing.retrieve().concatenating_mul(&q);
        product.wrapping_add(in_q.resize(bits)).to_be_bytes().into_vec()
    }
}

impl Half {
    fn new(prime: &BoxedUint) -> Option<Self> {
        let before = prime.wrapping_sub(BoxedUint::one_with_precision(prime.bits_precision()));
        let exponent = inverse(EXPONENT, &before)?;
        let odd = Option::<Odd<BoxedUint>>::from(Odd::new(prime.clone()))?;
        Some(Self { field: BoxedMontyParams::new(odd), exponent })
    }

    fn raise(&self, number: &BoxedUint) -> BoxedUint {
        let base = BoxedMontyForm::new(reduced(number, &self.field), &self.field);
        base.pow(&self.exponent).retrieve()
    }
}

/// The inverse of a small number modulo an even one, when it has one.
fn inverse(number: u32, modulus: &BoxedUint) -> Option<BoxedUint> {
    let number = BoxedUint::from(number).resize(modulus.bits_precision());
    let modulus = Option::from(crypto_bigint::NonZero::new(modulus.clone()))?;
    Option::from(number.invert_mod(&modulus))
}

fn reduced(number: &BoxedUint, field: &BoxedMontyParams) -> BoxedUint {
    number.rem(field.modulus().as_nz_ref()).resize(field.bits_precision())
}

/// EMSA-PKCS1-v1_5 (RFC 8017 section 9.2): the hash behind its name, behind ones.
fn padded(hash: Hash, message: &[u8], length: usize) -> Vec<u8> {
    let name: &[u8] = match hash {
        Hash::Sha1 => b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
        Hash::Sha256 => {
            b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
        }
        Hash::Sha384 => {
            b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30"
        }
        Hash::Sha512 => {
            b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"
        }
    };
    let tail = [&[0], name, &hash.of(&[message])].concat();
    let ones = length.saturating_sub(tail.len() + 2);
    [&[0, 1], vec![0xff; ones].as_slice(), &tail].concat()
}
