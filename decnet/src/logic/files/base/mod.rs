//! What is on a decky before anyone has written to it.
//!
//! One tree for each kind of system, read from the manifests beside this file the first time a
//! decky of that kind is looked at, and shared by all of them from then on.

mod made;
mod opaque;
mod texts;
mod token;

use std::sync::LazyLock;

use super::tree::{Case, Content, Device, Entry, Tree};
use crate::logic::decky::Identity;
use crate::logic::machine::Hardware;
use crate::logic::persona::{self, Family, Persona};
use crate::logic::time::Timestamp;

pub(in crate::logic) use made::{load, traffic};

const LINUX: &str = include_str!("linux.txt");
const PROGRAMS: &str = include_str!("programs.txt");

static BSD: LazyLock<Tree> =
    LazyLock::new(|| read("freebsd-14", &[include_str!("bsd.txt")], Case::Kept));
static DEBIAN: LazyLock<Tree> =
    LazyLock::new(|| read("debian-12", &[LINUX, PROGRAMS, include_str!("debian.txt")], Case::Kept));
static PRINTER: LazyLock<Tree> =
    LazyLock::new(|| read("printer", &[include_str!("printer.txt")], Case::Ignored));
static UBUNTU: LazyLock<Tree> = LazyLock::new(|| {
    read("ubuntu-24.04", &[LINUX, PROGRAMS, include_str!("ubuntu.txt")], Case::Kept)
});
static WINDOWS: LazyLock<Tree> =
    LazyLock::new(|| read("windows-server-2022", &[include_str!("windows.txt")], Case::Ignored));

/// The base of a persona.
pub(super) fn tree(persona: &Persona) -> &'static Tree {
    match persona.family {
        Family::Bsd => &BSD,
        Family::Linux if persona.is_ubuntu() => &UBUNTU,
        Family::Linux => &DEBIAN,
        Family::Printer => &PRINTER,
        Family::WindowsClient | Family::WindowsServer => &WINDOWS,
    }
}

/// At most `limit` bytes of an entry of the base from `offset` on.
pub(super) fn content(
    entry: &Entry,
    decky: &Identity,
    now: Timestamp,
    offset: u64,
    limit: usize,
) -> Vec<u8> {
    match entry.content {
        Content::Device(Device::Empty) | Content::Directory | Content::Link(_) => Vec::new(),
        Content::Device(Device::Random) => {
            opaque::noise(&format!("{}{}", entry.path, now.0), offset, limit)
        }
        Content::Device(Device::Zero) => vec![0; limit],
        Content::Made(make) => part(make(decky, now).as_bytes(), offset, limit),
        Content::Opaque(size) => opaque::bytes(entry, size, decky.persona, offset, limit),
        Content::Text(text) => part(token::fill(text, decky).as_bytes(), offset, limit),
    }
}

/// The length that an entry of the base shows; none for what the kernel makes.
pub(super) fn size(entry: &Entry, decky: &Identity, now: Timestamp) -> u64 {
    match entry.content {
        Content::Device(_) | Content::Directory | Content::Link(_) => 0,
        _ if entry.path.starts_with("/proc/") => 0,
        Content::Made(make) => make(decky, now).len() as u64,
        Content::Opaque(size) => size,
        Content::Text(text) => token::fill(text, decky).len() as u64,
    }
}

/// At most `limit` bytes from `offset` on.
pub(super) fn part(bytes: &[u8], offset: u64, limit: usize) -> Vec<u8> {
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    let rest = bytes.get(offset..).unwrap_or_default();
    rest.get(..limit).unwrap_or(rest).to_vec()
}

/// The account of an ordinary user that a persona comes with.
pub(super) fn user(persona: &Persona) -> &'static str {
    match persona.family {
        Family::Bsd | Family::Printer => "admin",
        Family::Linux if persona.is_ubuntu() => "ubuntu",
        Family::Linux => "deploy",
        Family::WindowsClient | Family::WindowsServer => "Administrator",
    }
}

fn read(persona: &str, manifests: &[&'static str], case: Case) -> Tree {
    let persona = persona::find(persona).expect("each tree is of a persona there is");
    let text = |path: &str| texts::find(persona, path);
    Tree::read(manifests, &|word| fill(word, persona), &text, case)
}

/// A word of a manifest, where what differs between personas is left open.
fn fill(word: &'static str, persona: &Persona) -> &'static str {
    if !word.contains("@{") {
        return word;
    }
    let word = word
        .replace("@{user}", user(persona))
        .replace("@{kernel}", persona.kernel)
        .replace("@{iface}", Hardware::of(persona).interface)
        .replace("@{space}", " ");
    // Read once for the life of the process.
    Box::leak(word.into_boxed_str())
}
