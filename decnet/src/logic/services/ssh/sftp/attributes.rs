//! Attributes of files: as bits, as a line.

use super::super::wire::{Malformed, Reader, Writer};
use crate::logic::files::{Kind, Stat};
use crate::logic::time::Timestamp;

const SIZE: u32 = 1;
const OWNER: u32 = 2;
const PERMISSIONS: u32 = 4;
const TIMES: u32 = 8;
const EXTENDED: u32 = 0x8000_0000;

/// Half a year, after which a line shows the year in place of the time.
const HALF_A_YEAR: u64 = 365 * 24 * 60 * 60 / 2;

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

/// The line that describes a file, as `ls -l` prints it (OpenSSH's ls_file).
pub(super) fn line(name: &str, stat: &Stat, user: &str, group: &str, now: Timestamp) -> String {
    let kind = match stat.kind {
        Kind::Device => 'c',
        Kind::Directory => 'd',
        Kind::File => '-',
        Kind::Link(_) => 'l',
    };
    let links = if stat.kind == Kind::Directory { 2 } else { 1 };
    let recent = stat.mtime <= now && now.since(stat.mtime).as_secs() < HALF_A_YEAR;
    let format = if recent { "%b %e %H:%M" } else { "%b %e  %Y" };
    let time = jiff::Timestamp::from_nanosecond(stat.mtime.0.into()).unwrap_or_default();
    let (time, size, mode) = (time.strftime(format), stat.size, permissions(stat.mode));
    format!("{kind}{mode}  {links:3} {user:<8} {group:<8} {size:8} {time} {name}")
}

/// `rwxr-xr-x`, with the bits that stand over the others.
fn permissions(mode: u16) -> String {
    let mut text = String::with_capacity(9);
    for (shift, special, mark) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (mode & special != 0, bits & 1 != 0) {
            (true, true) => mark,
            (true, false) => mark.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}
