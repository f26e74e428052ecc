//! Diffie-Hellman over the integers: the three groups of RFC 3526 that servers offer, and those
//! that group exchange picks.
//!
//! The dearest key exchanges there are: up to 8,192 bits, twice for each exchange. Our exponents
//! are short, which is as safe (RFC 4419 section 6.2) and keeps the cost bounded.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};

use super::super::fault::Fault;
use super::super::random::Random;
use super::super::wire::{Reader, Writer};
use super::Answer;

/// The groups of RFC 3526, a line each: bits and prime.
const MODP: &str = include_str!("modp.txt");
/// The groups of group exchange: see its own first lines.
const MODULI: &str = include_str!("moduli.txt");
/// Bytes of our exponents: twice the strength of the strongest group.
const EXPONENT: usize = 32;

/// A group that both sides know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Group {
    /// Group 14.
    Modp2048,
    /// Group 16.
    Modp4096,
    /// Group 18.
    Modp8192,
}

/// What sizes a visitor asks a group for, and the group it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct GroupRequest {
    least: u32,
    wanted: u32,
    most: u32,
    prime: Vec<u8>,
    generator: u8,
}

impl Group {
    pub(super) fn answer(self, theirs: &[u8], random: &mut Random<'_>) -> Result<Answer, Fault> {
        answer(&self.prime(), 2, theirs, random)
    }

    fn prime(self) -> Vec<u8> {
        let bits = match self {
            Self::Modp2048 => "2048",
            Self::Modp4096 => "4096",
            Self::Modp8192 => "8192",
        };
        let line = MODP.lines().find_map(|line| line.strip_prefix(bits));
        bytes(line.unwrap_or_default().trim())
    }
}

impl GroupRequest {
    /// Reads a `SSH_MSG_KEX_DH_GEX_REQUEST` and picks a group as OpenSSH does (its kexgexs.c and
    /// dh.c): among the primes it ships, one of the smallest size that is large enough.
    ///
    /// # Errors
    ///
    /// Sizes that make no sense or are all too small.
    pub(in super::super) fn read(bytes: &[u8], random: &mut Random<'_>) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes);
        let (least, wanted, most) = (reader.u32()?, reader.u32()?, reader.u32()?);
        reader.end()?;
        if most < least || wanted < least || most < wanted || most < 2048 {
            return Err(Fault::Drop);
        }
        let clamped = |size: u32| size.clamp(2048, 8192);
        let (prime, generator) = pick(clamped(least), clamped(wanted), most.min(8192), random);
        Ok(Self { least, wanted, most, prime, generator })
    }

    /// The group, as the reply to the request holds it.
    pub(in super::super) fn group(&self) -> Vec<u8> {
        Writer::default().mpint(&self.prime).mpint(&[self.generator]).done()
    }

    /// The request and the group, as the exchange hash holds them.
    pub(in super::super) fn hashed(&self) -> Vec<u8> {
        let sizes = Writer::default().u32(self.least).u32(self.wanted).u32(self.most);
        sizes.raw(self.group()).done()
    }

    /// Answers a visitor's value in the group.
    pub(in super::super) fn answer(
        &self,
        theirs: &[u8],
        random: &mut Random<'_>,
    ) -> Result<Answer, Fault> {
        answer(&self.prime, self.generator, theirs, random)
    }
}

/// A prime and its generator between `least` and `most` bits, the smallest from `wanted` on.
fn pick(least: u32, wanted: u32, most: u32, random: &mut Random<'_>) -> (Vec<u8>, u8) {
    let families = || MODULI.lines().filter_map(Family::parse);
    let sizes =
        || families().map(|family| family.bits).filter(|bits| (least..=most).contains(bits));
    let size = sizes().filter(|bits| *bits >= wanted).min().or_else(|| sizes().max());
    let Some(size) = size else {
        // OpenSSH's dh_new_group_fallback.
        let group = match most {
            ..3072 => Group::Modp2048,
            3072..6144 => Group::Modp4096,
            _ => Group::Modp8192,
        };
        return (group.prime(), 2);
    };
    let mut primes: Vec<(&str, &str)> = Vec::new();
    for family in families().filter(|family| family.bits == size) {
        primes.extend(family.tails.split(' ').map(|tail| (family.head, tail)));
    }
    let count = u64::try_from(primes.len()).unwrap_or(u64::MAX).max(1);
    let at = u64::from_be_bytes(random.bytes()) % count;
    let (head, tail) =
        usize::try_from(at).ok().and_then(|at| primes.get(at)).copied().unwrap_or_default();
    let (tail, generator) = tail.split_once('/').unwrap_or_default();
    (bytes(&[head, tail].concat()), generator.parse().unwrap_or(2))
}

/// Primes that share all but their last digits.
struct Family {
    bits: u32,
    head: &'static str,
    tails: &'static str,
}

impl Family {
    fn parse(line: &'static str) -> Option<Self> {
        let (bits, rest) = line.split_once(' ')?;
        let (head, tails) = rest.split_once(' ')?;
        Some(Self { bits: bits.parse().ok()?, head, tails })
    }
}

fn answer(
    prime: &[u8],
    generator: u8,
    theirs: &[u8],
    random: &mut Random<'_>,
) -> Result<Answer, Fault> {
    let bits = u32::try_from(prime.len() * 8).unwrap_or(u32::MAX);
    let number = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, bits).or(Err(Fault::Drop));
    let prime = number(prime)?;
    let theirs_number = number(theirs)?;
    let highest = prime.wrapping_sub(BoxedUint::one_with_precision(bits));
    // 1 < y < p - 1, and not a mere power of two (OpenSSH's dh_pub_is_valid).
    let ones: u32 = theirs.iter().map(|byte| byte.count_ones()).sum();
    if ones < 4 || theirs_number >= highest {
        return Err(Fault::Drop);
    }
    let odd = Option::<Odd<BoxedUint>>::from(Odd::new(prime)).ok_or(Fault::Drop)?;
    let field = BoxedMontyParams::new_vartime(odd);
    let mut exponent = random.bytes::<EXPONENT>();
    exponent[0] |= 0x80;
    let exponent = BoxedUint::from_be_slice(&exponent, 256).or(Err(Fault::Drop))?;
    let raised =
        |base: BoxedUint| BoxedMontyForm::new(base, &field).pow(&exponent).retrieve().to_be_bytes();
    let public = raised(number(&[generator])?);
    let shared = raised(theirs_number);
    Ok(Answer { public: public.into_vec(), shared: Writer::default().mpint(&shared).done() })
}

/// Bytes from hexadecimal digits, two each.
fn bytes(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
