//! The immutable base of a kind of system, read once from its manifest.
//!
//! A manifest has a line for each entry, much as `ls -l` prints it:
//!
//! ```text
//! drwxr-xr-x 0:0 install /etc
//! -rw-r--r-- 0:0 install /etc/hostname          its text is in the table of texts
//! -rw-r----- 0:4 day3    /var/log/syslog.1 5120 so many bytes of nothing readable
//! lrwxrwxrwx 0:0 install /bin             usr/bin
//! crw-rw-rw- 0:0 boot    /dev/null
//! ```

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use super::path::join;
use crate::logic::decky::Identity;
use crate::logic::time::Timestamp;

/// A file system that nobody has written to.
#[derive(Debug)]
pub(super) struct Tree {
    entries: BTreeMap<&'static str, Entry>,
    /// Whether `A` and `a` name the same file.
    pub(super) case: Case,
}

/// Whether names differ by the case of their letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    /// As on Windows.
    Ignored,
    /// As on Unix.
    Kept,
}

/// An entry of the base.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) path: &'static str,
    pub(super) content: Content,
    pub(super) mode: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) age: Age,
}

/// What an entry of the base is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    Device(Device),
    Directory,
    Link(&'static str),
    /// Made for the decky each time it is read.
    Made(fn(&Identity, Timestamp) -> String),
    /// So many bytes that mean nothing; a program begins as one.
    Opaque(u64),
    /// Text with `@{…}` where the decky's own is put in.
    Text(&'static str),
}

/// Devices, by what reading gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Device {
    /// A disk or a terminal: nothing.
    Empty,
    /// Bytes without end that look random.
    Random,
    /// Zeros without end.
    Zero,
}

/// When an entry changed last.
#[derive(Clone, Copy, Debug)]
pub(super) enum Age {
    /// When the decky was switched on.
    Boot,
    /// So many days after it was installed.
    Day(u32),
    /// Now.
    Now,
    /// When the distribution built it: seconds since 1970.
    Package(u64),
}

/// Packages were built on about this day: 2025-03-12.
const PACKAGED: u64 = 1_741_737_600;
const DAY: u64 = 86_400;

impl Tree {
    /// Reads manifests. Each word goes through `fill`; the content of a file that has no size is
    /// that which `text` finds for its path.
    pub(super) fn read(
        manifests: &[&'static str],
        fill: &dyn Fn(&'static str) -> &'static str,
        text: &dyn Fn(&str) -> Option<Content>,
        case: Case,
    ) -> Self {
        let lines = manifests.iter().flat_map(|manifest| manifest.lines());
        let entries = lines.filter_map(|line| entry(line, fill, text));
        Self { entries: entries.map(|entry| (entry.path, entry)).collect(), case }
    }

    /// The entry at an absolute, normal path.
    pub(super) fn entry(&self, path: &str) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// The entry that `name` means in a directory of the base.
    pub(super) fn child(&self, directory: &str, name: &str) -> Option<&Entry> {
        let exact = self.entry(&join(directory, name));
        if exact.is_some() || self.case == Case::Kept {
            return exact;
        }
        self.children(directory).find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, e)| e)
    }

    /// The entries right in a directory of the base, with their names, in order.
    pub(super) fn children<'a>(
        &'a self,
        directory: &str,
    ) -> impl Iterator<Item = (&'static str, &'a Entry)> + use<'a> {
        let first = if directory == "/" { "/".to_owned() } else { format!("{directory}/") };
        let range = (Bound::Excluded(first.as_str()), Bound::Unbounded);
        let within = self.entries.range::<str, _>(range);
        within
            .map_while(move |(path, entry)| Some((path.strip_prefix(first.as_str())?, entry)))
            .filter(|(name, _)| !name.contains('/'))
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }
}

impl Age {
    /// The time it stands for on this decky.
    pub(super) fn on(self, decky: &Identity, now: Timestamp) -> Timestamp {
        match self {
            Self::Boot => decky.booted,
            Self::Day(days) => {
                let span = Duration::from_secs(u64::from(days) * DAY);
                installed(decky).plus(span).min(decky.booted)
            }
            Self::Now => now,
            Self::Package(seconds) => Timestamp(seconds * 1_000_000_000),
        }
    }
}

/// When the decky was installed: 40 to 295 days before it was switched on.
pub(in crate::logic) fn installed(decky: &Identity) -> Timestamp {
    let [days, minutes, ..] = decky.secret.derive("files: install").0;
    let span = Duration::from_secs((40 + u64::from(days)) * DAY + u64::from(minutes) * 97);
    let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    Timestamp(decky.booted.0.saturating_sub(nanos))
}

fn entry(
    line: &'static str,
    fill: &dyn Fn(&'static str) -> &'static str,
    text: &dyn Fn(&str) -> Option<Content>,
) -> Option<Entry> {
    let mut words = line.split_whitespace().map(fill);
    let (kind, owner, age, path) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let (uid, gid) = owner.split_once(':').expect("a manifest says uid:gid");
    let content = match (kind.as_bytes().first(), words.next()) {
        (Some(b'd'), _) => Content::Directory,
        (Some(b'l'), target) => Content::Link(target.expect("a link has a target")),
        (Some(b'c' | b'b'), _) => Content::Device(device(path)),
        (_, Some(size)) => Content::Opaque(size.parse().expect("a size is a number")),
        (_, None) => text(path).unwrap_or_else(|| panic!("`{path}` has no text")),
    };
    Some(Entry {
        path,
        content,
        mode: mode(kind),
        uid: uid.parse().expect("a uid is a number"),
        gid: gid.parse().expect("a gid is a number"),
        age: when(age, path),
    })
}

fn device(path: &str) -> Device {
    match path {
        "/dev/zero" | "/dev/full" => Device::Zero,
        "/dev/random" | "/dev/urandom" => Device::Random,
        _ => Device::Empty,
    }
}

/// Permission bits of `rwxr-xr-x`, which stands behind the letter of the kind.
fn mode(text: &str) -> u16 {
    let letters = text.get(1..10).unwrap_or_default();
    let push = |bits: u16, set: bool| bits << 1 | u16::from(set);
    let plain = letters.bytes().map(|letter| !matches!(letter, b'-' | b'S' | b'T'));
    let special = letters.bytes().skip(2).step_by(3);
    let special = special.map(|letter| matches!(letter, b's' | b't' | b'S' | b'T'));
    special.fold(0, push) << 9 | plain.fold(0, push)
}

fn when(age: &str, path: &str) -> Age {
    if let Some(day) = age.strip_prefix("day") {
        return Age::Day(day.parse().expect("a day is a number"));
    }
    match age {
        "boot" => Age::Boot,
        "install" => Age::Day(0),
        "now" => Age::Now,
        // Not all packages are of the same day, nor do they differ between deckies.
        "package" => {
            let spread = path.bytes().fold(0_u64, |sum, byte| sum * 31 % 9_973 + u64::from(byte));
            Age::Package(PACKAGED + spread * 521 % (60 * DAY))
        }
        _ => panic!("`{age}` is no age"),
    }
}
