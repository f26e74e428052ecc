//! Files that are long and mean nothing: programs, archives, databases.
//!
//! Their bytes follow from their path, so that they are the same each time, at any offset.

use super::super::tree::Entry;
use crate::logic::persona::{Family, Persona};

/// At most `limit` bytes from `offset` on of a file of `size` bytes.
pub(super) fn bytes(
    entry: &Entry,
    size: u64,
    persona: &Persona,
    offset: u64,
    limit: usize,
) -> Vec<u8> {
    let left = usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX);
    let mut bytes = noise(entry.path, offset, limit.min(left));
    let head = head(entry, persona.family);
    let skip = usize::try_from(offset).unwrap_or(usize::MAX);
    for (byte, known) in bytes.iter_mut().zip(head.get(skip..).unwrap_or_default()) {
        *byte = *known;
    }
    bytes
}

/// Bytes that look random and follow from `seed`.
pub(super) fn noise(seed: &str, offset: u64, limit: usize) -> Vec<u8> {
    let start = seed.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let first = offset / 8;
    let skip = usize::try_from(offset % 8).unwrap_or(0);
    let words = (limit + skip).div_ceil(8) as u64;
    let word = |index: u64| mix(start.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    let all = (first..first.saturating_add(words)).flat_map(|index| word(index).to_le_bytes());
    all.skip(skip).take(limit).collect()
}

/// The finalizer of SplitMix64.
fn mix(word: u64) -> u64 {
    let word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

/// How the file begins, by what it is.
fn head(entry: &Entry, family: Family) -> Vec<u8> {
    let name = entry.path;
    if name.ends_with(".gz") || name.contains("/initrd") {
        return vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    }
    if matches!(family, Family::WindowsClient | Family::WindowsServer) {
        let mut head = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0\xb8\0\0\0\0\0\0\0@".to_vec();
        head.resize(60, 0);
        head.extend([0x80, 0, 0, 0]);
        head.extend(b"\x0e\x1f\xba\x0e\0\xb4\t\xcd!\xb8\x01L\xcd!This program cannot be run in ");
        head.extend(b"DOS mode.\r\r\n$\0\0\0\0\0\0\0PE\0\0d\x86");
        return if name.ends_with(".bak") { b"TAPE\0\0\x03\0".to_vec() } else { head };
    }
    if entry.mode & 0o111 != 0 { elf(family) } else { Vec::new() }
}

/// The header of a position-independent x86-64 program (System V ABI, gABI chapter 4), and the
/// name of its loader.
fn elf(family: Family) -> Vec<u8> {
    let (system, loader) = match family {
        Family::Bsd => (9, "/libexec/ld-elf.so.1"),
        _ => (0, "/lib64/ld-linux-x86-64.so.2"),
    };
    let mut head = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, system];
    head.resize(16, 0);
    head.extend([3, 0, 0x3e, 0, 1, 0, 0, 0]);
    head.extend(0x2f60_u64.to_le_bytes());
    head.extend(64_u64.to_le_bytes());
    head.extend(0x000a_4bd0_u64.to_le_bytes());
    head.extend([0, 0, 0, 0, 64, 0, 56, 0, 13, 0, 64, 0, 31, 0, 30, 0]);
    // The first program header describes the table of them, the second the loader's name.
    head.extend([6, 0, 0, 0, 4, 0, 0, 0]);
    for word in [64_u64, 64, 64, 728, 728, 8] {
        head.extend(word.to_le_bytes());
    }
    head.extend([3, 0, 0, 0, 4, 0, 0, 0]);
    for word in [792_u64, 792, 792, 28, 28, 1] {
        head.extend(word.to_le_bytes());
    }
    head.resize(792, 0);
    head.extend(loader.bytes());
    head.push(0);
    head
}
