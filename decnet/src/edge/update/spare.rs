//! What is kept at hand for a disk that is full: the way back from a release takes nothing that could
//! not be had any more.
//!
//! Links and journals are exchanged with what lies beside them, and journals are written over one of
//! the same length, so that neither takes a block, a file or a name. For file systems that put even
//! that elsewhere, and for what nobody thought of, there are a few files that are given up.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::{Fs, Place, audit};
use crate::logic::release::Digest;
use crate::logic::update::{Journal, ROOM, Slot};

/// How many files are given up.
const FILES: usize = if cfg!(test) { 1 } else { 4 };
/// Bytes of each.
const BYTES: usize = if cfg!(test) { 64 } else { 64 * 1024 };

/// Makes a link beside a slot's own, unless it is there.
pub(super) fn link(fs: &impl Fs, place: &Place, slot: Slot, to: Digest) -> io::Result<()> {
    let (path, target) = (place.next_link(slot), Place::target(to));
    if fs::read_link(&path).is_ok_and(|found| found == target) {
        return Ok(());
    }
    fs.remove(&path)?;
    fs.link(&target, &path)
}

/// Has everything at hand that an attempt may need.
pub(super) fn reserve(fs: &impl Fs, place: &Place, links: &[(Slot, Digest)]) -> io::Result<()> {
    for (slot, to) in links {
        link(fs, place, *slot, *to)?;
    }
    journals(fs, place)?;
    audit::prepare(fs, place)?;
    audit::reserve(fs, place)?;
    for dir in place.spares() {
        spare(fs, &dir)?;
    }
    Ok(())
}

/// Has both journals take the same room. One of a release that wrote less is written anew.
fn journals(fs: &impl Fs, place: &Place) -> io::Result<()> {
    let (journal, next) = (place.journal(), place.next_journal());
    let length = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
    let (room, now) = (ROOM as u64, length(&journal));
    if now > 0 && now < room {
        let found = Journal::parse(&fs::read(&journal)?).map_err(io::Error::other)?;
        fs.overwrite(&next, &found.bytes())?;
        fs.sync_file(&next)?;
        fs.exchange(&next, &journal)?;
        fs.sync_dir(&place.state)?;
    }
    if length(&next) < room { fs.overwrite(&next, &[b' '; ROOM]) } else { Ok(()) }
}

fn spare(fs: &impl Fs, dir: &Path) -> io::Result<()> {
    match fs::create_dir(dir) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    for number in 0..FILES {
        let path = dir.join(number.to_string());
        if fs::metadata(&path).map_or(0, |found| found.len()) < BYTES as u64 {
            fs.write(&path, &[0; BYTES])?;
        }
    }
    Ok(())
}

/// Removes what was spared; whether there was any.
pub(super) fn give_up(fs: &impl Fs, place: &Place) -> bool {
    let mut freed = false;
    for dir in place.spares() {
        for number in 0..FILES {
            let path = dir.join(number.to_string());
            freed |= fs::symlink_metadata(&path).is_ok() && fs.remove(&path).is_ok();
        }
    }
    freed
}
