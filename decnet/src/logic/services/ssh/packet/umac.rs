//! UMAC (RFC 4418) with AES-128: OpenSSH's first choice of code, and in no crate.
//!
//! For messages of up to 16 MiB, which is far more than a packet: beyond that the second layer
//! would need its 128-bit half.

use aes::Aes128;
use aes::cipher::{Block, BlockCipherEncrypt as _, KeyInit as _};

/// Bytes that the first layer takes at a time.
const CHUNK: usize = 1024;
/// The prime 2^64 - 59 of the second layer, and what is left of 2^64.
const P64: u128 = (1 << 64) - OFFSET;
const OFFSET: u128 = 59;
/// The prime 2^36 - 5 of the third layer.
const P36: u64 = (1 << 36) - 5;
/// Bits that the key of the second layer keeps.
const MASK64: u64 = 0x01ff_ffff_01ff_ffff;

/// A key, spread out: one [`Stream`] for every four bytes of the code.
pub(super) struct Umac {
    pad: Aes128,
    first: Vec<u32>,
    streams: Vec<Stream>,
}

/// The keys of one stream beyond the first layer.
struct Stream {
    second: u64,
    third: [u64; 8],
    last: u32,
}

impl Umac {
    /// The code of `streams` times four bytes with this key.
    pub(super) fn new(key: [u8; 16], streams: usize) -> Self {
        let cipher = Aes128::new(&key.into());
        let pad = derive(&cipher, 0, 16);
        let pad = Aes128::new(pad.first_chunk().unwrap_or(&[0; 16]).into());
        let first = words(&derive(&cipher, 1, CHUNK + (streams - 1) * 16), u32::from_be_bytes);
        let second = words(&derive(&cipher, 2, streams * 24), u64::from_be_bytes);
        let third = words(&derive(&cipher, 3, streams * 64), u64::from_be_bytes);
        let last = words(&derive(&cipher, 4, streams * 4), u32::from_be_bytes);
        let each = second.chunks(3).zip(third.chunks(8)).zip(last);
        let streams = each.map(|((second, third), last)| Stream {
            second: second.first().unwrap_or(&0) & MASK64,
            third: std::array::from_fn(|at| third.get(at).unwrap_or(&0) % P36),
            last,
        });
        Self { pad, first, streams: streams.collect() }
    }

    /// The code of `message`, which is number `nonce`.
    pub(super) fn of(&self, nonce: u64, message: &[u8]) -> Vec<u8> {
        let length = self.streams.len() * 4;
        // Two codes of 64 bits come out of one block.
        let (number, at) =
            if length == 8 { (nonce & !1, if nonce & 1 == 1 { 8 } else { 0 }) } else { (nonce, 0) };
        let mut pad = Block::<Aes128>::default();
        if let Some(head) = pad.first_chunk_mut() {
            *head = number.to_be_bytes();
        }
        self.pad.encrypt_block(&mut pad);
        let pad = pad.get(at..at + length).unwrap_or_default();
        let hashes = self.streams.iter().enumerate().flat_map(|(index, stream)| {
            let key = self.first.get(index * 4..).unwrap_or_default();
            stream.hash(key, message).to_be_bytes()
        });
        hashes.zip(pad).map(|(hash, pad)| hash ^ pad).collect()
    }
}

impl Stream {
    fn hash(&self, key: &[u32], message: &[u8]) -> u32 {
        if message.len() <= CHUNK {
            return self.third(nh(key, message));
        }
        let sum = message.chunks(CHUNK).fold(1, |sum, chunk| self.second(sum, nh(key, chunk)));
        self.third(sum)
    }

    /// A step of the polynomial over 2^64 - 59.
    fn second(&self, sum: u64, word: u64) -> u64 {
        let step = |sum: u64, word: u128| {
            let next = (u128::from(self.second) * u128::from(sum) + word) % P64;
            u64::try_from(next).expect("the prime is below 2^64")
        };
        let word = u128::from(word);
        if word < (1 << 64) - (1 << 32) {
            return step(sum, word);
        }
        step(step(sum, P64 - 1), word - OFFSET)
    }

    /// The inner product modulo 2^36 - 5. Of the 16 bytes it hashes the first 8 are zero here.
    fn third(&self, value: u64) -> u32 {
        let words = value.to_be_bytes();
        let words = words.chunks(2).map(|pair| pair.iter().fold(0, |n, b| n << 8 | u64::from(*b)));
        let [.., a, b, c, d] = self.third;
        let sum: u64 = words.zip([a, b, c, d]).map(|(word, key)| word * key).sum();
        let low = (sum % P36).to_be_bytes();
        low.last_chunk().map_or(0, |low| u32::from_be_bytes(*low)) ^ self.last
    }
}

/// The first layer: up to [`CHUNK`] bytes into 64 bits.
fn nh(key: &[u32], chunk: &[u8]) -> u64 {
    let bits = u64::try_from(chunk.len()).unwrap_or(u64::MAX).wrapping_mul(8);
    let mut padded = chunk.to_vec();
    padded.resize(chunk.len().max(1).next_multiple_of(32), 0);
    let message = words(&padded, u32::from_le_bytes);
    let blocks = message.as_chunks::<8>().0.iter().zip(key.as_chunks::<8>().0);
    blocks.fold(bits, |sum, (m, k)| {
        (0..4).fold(sum, |sum, at| {
            let low = u64::from(m[at].wrapping_add(k[at]));
            let high = u64::from(m[at + 4].wrapping_add(k[at + 4]));
            sum.wrapping_add(low.wrapping_mul(high))
        })
    })
}

/// The key derivation function: `length` bytes for this use.
fn derive(cipher: &Aes128, index: u64, length: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(length.next_multiple_of(16));
    for counter in 1_u64.. {
        if out.len() >= length {
            break;
        }
        let mut block = Block::<Aes128>::default();
        block.copy_from_slice(&[index.to_be_bytes(), counter.to_be_bytes()].concat());
        cipher.encrypt_block(&mut block);
        out.extend_from_slice(&block);
    }
    out.truncate(length);
    out
}

fn words<const N: usize, T>(bytes: &[u8], word: fn([u8; N]) -> T) -> Vec<T> {
    bytes.chunks_exact(N).filter_map(<[u8]>::first_chunk).copied().map(word).collect()
}

#[cfg(test)]
mod tests;
