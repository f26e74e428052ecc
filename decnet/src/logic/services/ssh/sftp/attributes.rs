//! Attributes of files: as bits, as a line.

use super::super::wire::{Malformed, Reader, Writer};
use crate::logic::files::{Kind, Stat};
use crate::logic::time::Timestamp;

const SIZE: u32 = 1;
const OWNER: u32 = 2;
const PERMISSIONS: u32 = 4;
const TIMES: u32 = 8;
const EXTENDED: u32 = 0x8000_0000;

/// What a visitor wants attributes to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) size: Option<u64>,
    pub(super) owner: Option<(u32, u32)>,
    pub(super) mode: Option<u16>,
    pub(super) time: Option<Timestamp>,
}

impl Wanted {
    /// Reads them off the end of a request.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let flags = reader.u32()?;
        let mut wanted = Self::default();
        if flags & SIZE != 0 {
            let (high, low) = (reader.u32()?, reader.u32()?);
            wanted.size = Some(u64::from(high) << 32 | u64::from(low));
        }
        if flags & OWNER != 0 {
            wanted.owner = Some((reader.u32()?, reader.u32()?));
        }
        if flags & PERMISSIONS != 0 {
            wanted.mode = u16::try_from(reader.u32()? & 0o7777).ok();
        }
        if flags & TIMES != 0 {
            let (_read, written) = (reader.u32()?, reader.u32()?);
            wanted.time = Some(Timestamp(u64::from(written).saturating_mul(1_000_000_000)));
        }
        if flags & EXTENDED != 0 {
            for _ in 0..reader.u32()? {
                reader.string()?;
                reader.string()?;
            }
        }
        Ok(wanted)
    }
}

/// Adds the attributes of a file.
pub(super) fn write(to: Writer, stat: &Stat) -> Writer {
    let kind: u32 = match stat.kind {
        Kind::Device => 0o020_000,
        Kind::Directory => 0o040_000,
        Kind::File => 0o100_000,
        Kind::Link(_) => 0o120_000,
    };
    let seconds = u32::try_from(stat.mtime.millis() / 1000).unwrap_or(u32::MAX);
    to.u32(SIZE | OWNER | PERMISSIONS | TIMES)
        .raw(stat.size.to_be_bytes())
        .u32(stat.uid)
        .u32(stat.gid)
        .u32(kind | u32::from(stat.mode))
        .u32(seconds)
        .u32(seconds)
}
