//! The audit log as a file.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::{Fs, Place};
use crate::edge::clock;
use crate::logic::release::Digest;
use crate::logic::update::audit::{Chain, Log, Record};
use crate::logic::update::{AttemptId, Outcome};

/// Bytes after which a log is set aside and begun anew; in tests a few lines.
const FULL: usize = if cfg!(test) { 1_000 } else { 4 * 1024 * 1024 };
/// Bytes that are kept for the next lines on a disk that is full.
const ROOM: u64 = 16 * 1024;

fn read(path: &Path) -> io::Result<Vec<u8>> {
    match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other,
    }
}

/// Appends a line, unless the last one says the very same. A full log is set aside before.
pub(super) fn append(fs: &impl Fs, place: &Place, record: &Record) -> io::Result<()> {
    let bytes = read(&place.audit())?;
    let mut log = Log::read(&bytes, |_| ());
    if log.whole < bytes.len() {
        // A line of which a part was written is of an append that failed.
        fs.truncate(&place.audit(), log.whole as u64)?;
    }
    let is_full = log.whole > FULL;
    if log.whole == 0 {
        // It goes on from the one that was set aside.
        log = Log::read(&read(&aside(place))?, |_| ());
    }
    if log.last.as_ref() == Some(record) {
        return Ok(());
    }
    if is_full && let Err(error) = set_aside(fs, place) {
        // It can grow a little more.
        tracing::debug!(%error, "the audit log cannot be begun anew");
    }
    prepare(fs, place)?;
    fs.append(&place.audit(), &log.chain.line(record, clock::now()).0)?;
    if let Err(error) = reserve(fs, place) {
        // The next attempt asks for it, and is not begun without.
        tracing::debug!(%error, "there is no room for the next lines of the audit log");
    }
    Ok(())
}

/// Has room for the next lines.
pub(super) fn reserve(fs: &impl Fs, place: &Place) -> io::Result<()> {
    fs.allocate(&place.audit(), ROOM)
}

/// Begins a log anew: where there is no space for another file, nothing is changed.
fn set_aside(fs: &impl Fs, place: &Place) -> io::Result<()> {
    let next = place.audit().with_extension("next");
    fs.write(&next, b"")?;
    fs.allocate(&next, ROOM)?;
    fs.rename(&place.audit(), &aside(place))?;
    fs.rename(&next, &place.audit())
}

fn aside(place: &Place) -> std::path::PathBuf {
    place.audit().with_extension("1.log")
}

/// Keeps what was cut, and cuts the log after its last whole line.
pub(super) fn trim(fs: &impl Fs, place: &Place) -> io::Result<()> {
    let bytes = read(&place.audit())?;
    let whole = Log::read(&bytes, |_| ()).whole;
    let cut = bytes.get(whole..).unwrap_or_default();
    let kept = place.audit().with_extension(format!("torn-{}", clock::now().millis()));
    fs.write(&kept, cut)?;
    fs.truncate(&place.audit(), whole as u64)
}

/// Whether the log ends in the midst of a line, or is not what it was.
pub(super) fn is_torn(place: &Place) -> io::Result<bool> {
    let bytes = read(&place.audit())?;
    Ok(Log::read(&bytes, |_| ()).whole != bytes.len())
}

/// Makes the log if there is none.
pub(super) fn prepare(fs: &impl Fs, place: &Place) -> io::Result<()> {
    match std::fs::metadata(place.audit()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs.write(&place.audit(), b"")?;
            fs.sync_dir(&place.state)
        }
        found => found.map(|_| ()),
    }
}

/// What is said of an attempt, when it has ended.
///
/// # Errors
///
/// When the log cannot be read.
pub fn find(place: &Place, attempt: &AttemptId) -> io::Result<Option<Record>> {
    let mut found = None;
    for path in [place.audit(), aside(place)] {
        Log::read(&read(&path)?, |record| {
            if record.attempt == *attempt {
                found = Some(record.clone());
            }
        });
        if found.is_some() {
            break;
        }
    }
    Ok(found)
}

/// How the attempts at each of these releases ended, in the order in which they did.
///
/// # Errors
///
/// When the log cannot be read.
pub fn outcomes_of(
    place: &Place,
    releases: &[Digest],
) -> io::Result<BTreeMap<Digest, Vec<Outcome>>> {
    let mut found: BTreeMap<Digest, Vec<Outcome>> = BTreeMap::new();
    if releases.is_empty() {
        return Ok(found);
    }
    for path in [aside(place), place.audit()] {
        Log::read(&read(&path)?, |record| {
            if let Some(to) = record.to.filter(|to| releases.contains(to)) {
                found.entry(to).or_default().push(record.outcome.clone());
            }
        });
    }
    Ok(found)
}

/// Where the log ends.
///
/// # Errors
///
/// When it cannot be read.
pub fn head(place: &Place) -> io::Result<Chain> {
    Ok(Log::read(&read(&place.audit())?, |_| ()).chain)
}
