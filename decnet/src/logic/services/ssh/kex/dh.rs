//! Diffie-Hellman over the integers: the three groups of RFC 3526 that servers offer, and those
//! that group exchange picks.
//!
//! The dearest key exchanges there are: up to 8,192 bits, twice for each exchange. Our exponents
//! are short, which is as safe (RFC 4419 section 6.2) and keeps the cost bounded, and both powers
//! are calculated in pieces ([`Raising`]), so that nobody waits for a whole one.

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
/// Bits of the exponent that are dealt with at a time.
const DIGIT: u32 = 4;
/// What one piece costs, in products of two 64-bit words: about a millisecond.
const PIECE: usize = 500_000;

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

/// An answer on its way: two powers, one digit of the exponent after another.
pub(in super::super) struct Raising {
    field: BoxedMontyParams,
    exponent: [u8; EXPONENT],
    /// What is raised now, and what later.
    power: Power,
    theirs: Option<BoxedUint>,
    public: Vec<u8>,
}

/// A power on its way.
struct Power {
    /// The powers that a digit stands for, as far as they are there.
    table: Vec<BoxedMontyForm>,
    so_far: BoxedMontyForm,
    /// Digits that are dealt with.
    digits: usize,
}

impl Group {
    pub(super) fn raise(self, theirs: &[u8], random: &mut Random<'_>) -> Result<Raising, Fault> {
        Raising::begin(&self.prime(), 2, theirs, random)
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

    /// Begins to answer a visitor's value in the group.
    pub(in super::super) fn raise(
        &self,
        theirs: &[u8],
        random: &mut Random<'_>,
    ) -> Result<Raising, Fault> {
        Raising::begin(&self.prime, self.generator, theirs, random)
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

impl Raising {
    fn begin(
        prime: &[u8],
        generator: u8,
        theirs: &[u8],
        random: &mut Random<'_>,
    ) -> Result<Self, Fault> {
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
        let power = Power::new(number(&[generator])?, &field);
        Ok(Self { field, exponent, power, theirs: Some(theirs_number), public: Vec::new() })
    }

    /// Goes on for a piece; the answer when it is there.
    pub(in super::super) fn go_on(&mut self) -> Option<Answer> {
        let words = self.field.modulus().nlimbs();
        let mut left = PIECE / words.saturating_mul(words).max(1);
        while left > 0 {
            left = left.saturating_sub(self.power.step(&self.exponent));
            if !self.power.is_done() {
                continue;
            }
            let raised = self.power.so_far.retrieve().to_be_bytes();
            let Some(theirs) = self.theirs.take() else {
                let public = std::mem::take(&mut self.public);
                return Some(Answer { public, shared: Writer::default().mpint(&raised).done() });
            };
            self.public = raised.into_vec();
            self.power = Power::new(theirs, &self.field);
        }
        None
    }
}

impl std::fmt::Debug for Raising {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Raising(..)")
    }
}

impl Power {
    fn new(base: BoxedUint, field: &BoxedMontyParams) -> Self {
        let one = BoxedMontyForm::one(field);
        let table = vec![one.clone(), BoxedMontyForm::new(base, field)];
        Self { table, so_far: one, digits: 0 }
    }

    /// A power of the table more, or a digit; how many products that took.
    fn step(&mut self, exponent: &[u8]) -> usize {
        if self.table.len() < 1 << DIGIT {
            let next = self.table.get(1).zip(self.table.last()).map(|(base, last)| base.mul(last));
            self.table.extend(next);
            return 1;
        }
        let byte = exponent.get(self.digits / 2).copied().unwrap_or_default();
        let digit = if self.digits.is_multiple_of(2) { byte >> DIGIT } else { byte & 0xf };
        for _ in 0..DIGIT {
            self.so_far = self.so_far.square();
        }
        if let Some(factor) = self.table.get(usize::from(digit)) {
            self.so_far = self.so_far.mul(factor);
        }
        self.digits += 1;
        5
    }

    fn is_done(&self) -> bool {
        self.digits >= 2 * EXPONENT
    }
}

/// Bytes from hexadecimal digits, two each.
fn bytes(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
