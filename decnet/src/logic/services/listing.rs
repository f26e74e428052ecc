//! Files as a line of a listing shows them, whichever service lists them.

use crate::logic::files::{Kind, Stat};
use crate::logic::time::Timestamp;

/// Half a year, after which a line shows the year in place of the time.
const HALF_A_YEAR: u64 = 365 * 24 * 60 * 60 / 2;

/// How the day of a month below 10 is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Days {
    /// With a space, as `ls` does.
    Spaced,
    /// With a zero.
    Zeroed,
}

/// The line that describes a file, as `ls -l` prints it, OpenSSH's sftp-server and vsftpd.
pub(super) fn line(
    name: &str,
    stat: &Stat,
    [user, group]: [&str; 2],
    now: Timestamp,
    days: Days,
) -> String {
    let kind = match stat.kind {
        Kind::Device => 'c',
        Kind::Directory => 'd',
        Kind::File => '-',
        Kind::Link(_) => 'l',
    };
    let links = if stat.kind == Kind::Directory { 2 } else { 1 };
    let recent = stat.mtime <= now && now.since(stat.mtime).as_secs() < HALF_A_YEAR;
    let format = match (days, recent) {
        (Days::Spaced, true) => "%b %e %H:%M",
        (Days::Spaced, false) => "%b %e  %Y",
        (Days::Zeroed, true) => "%b %d %H:%M",
        (Days::Zeroed, false) => "%b %d  %Y",
    };
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
