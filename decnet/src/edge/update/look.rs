//! What is found on disk: the journal, the releases, the links.

use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use nix::sys::statvfs::statvfs;

use super::place::slot_name;
use super::{Fs, Place, audit};
use crate::edge::clock;
use crate::edge::release::verify;
use crate::logic::release::{Digest, Identity};
use crate::logic::update::{
    AttemptId, Caller, Journal, JournalError, Observed, Phase, Slot, Space,
};

/// What is found at a start.
#[derive(Debug)]
pub struct Found {
    /// The journal, or what can be known without it.
    pub journal: Journal,
    /// What is on disk.
    pub observed: Observed,
    /// What is wrong, for people.
    pub complaints: Vec<String>,
}

/// Makes the directories, and reads everything. A journal that cannot be used is set aside.
///
/// # Errors
///
/// When a directory cannot be made or a file not be read.
pub fn open(
    fs: &impl Fs,
    place: &Place,
    attempt: AttemptId,
    caller: Caller,
    running: Option<Digest>,
) -> io::Result<Found> {
    make_dirs(place)?;
    audit::prepare(fs, place)?;
    let mut complaints = Vec::new();
    let (whole, clutter) = releases(place, &mut complaints)?;
    let observed = Observed {
        attempt,
        caller,
        current: place.linked(Slot::Current),
        prev: place.linked(Slot::Prev),
        whole,
        clutter,
        audit_is_torn: audit::is_torn(place)?,
        running,
    };
    if observed.audit_is_torn {
        let log = place.audit();
        complaints.push(format!(
            "the audit log `{}` is not whole: what cannot be read is kept beside it",
            log.display()
        ));
    }
    let journal = match read_journal(place)? {
        Some(Ok(journal)) if journal.component == place.component => {
            complain(&journal, &observed, &mut complaints);
            journal
        }
        None => Journal::adopt(place.component, &observed),
        Some(found) => {
            let why =
                found.err().map_or_else(|| "is of another component".into(), |e| e.to_string());
            let aside = place.journal().with_extension(format!("bad-{}", clock::now().millis()));
            fs.rename(&place.journal(), &aside)?;
            let (journal, aside) = (place.journal(), aside.display().to_string());
            complaints.push(format!(
                "the journal `{}` cannot be used ({why}): it is kept as `{aside}`, and what the \
                 links name is taken as proved",
                journal.display()
            ));
            Journal::adopt(place.component, &observed)
        }
    };
    let is_kept = |release| [&journal.current, &journal.prev].contains(&&Some(release));
    let strange = !observed.whole.iter().cloned().all(is_kept);
    let observed = Observed { clutter: observed.clutter || strange, ..observed };
    Ok(Found { journal, observed, complaints })
}

/// What hands have done to the releases that nothing is being done with.
fn complain(journal: &Journal, observed: &Observed, complaints: &mut Vec<String>) {
    if journal.phase != Phase::Idle {
        return;
    }
    let slots = [
        (Slot::Current, &journal.current, observed.current),
        (Slot::Prev, &journal.prev, observed.prev),
    ];
    for (slot, wanted, linked) in slots {
        let name = slot_name(slot);
        let wanted = wanted.as_ref().map(|release| release.digest);
        match wanted {
            Some(wanted) if observed.find(Some(wanted)).is_none() => {
                complaints.push(format!("the release {wanted}, `{name}`, is not here as it was"));
            }
            _ if linked != wanted => {
                complaints.push(format!("the link `{name}` does not name what it did"));
            }
            _ => {}
        }
    }
}

fn make_dirs(place: &Place) -> io::Result<()> {
    let make = |path: &Path, mode| DirBuilder::new().recursive(true).mode(mode).create(path);
    make(&place.releases(), 0o755)?;
    make(&place.state, 0o700)
}

fn read_journal(place: &Place) -> io::Result<Option<Result<Journal, JournalError>>> {
    match fs::read(place.journal()) {
        Ok(bytes) => Ok(Some(Journal::parse(&bytes))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The releases that are whole, and whether there is anything else.
fn releases(place: &Place, complaints: &mut Vec<String>) -> io::Result<(Vec<Identity>, bool)> {
    let (mut whole, mut clutter) = (Vec::new(), false);
    for entry in fs::read_dir(place.releases())? {
        let entry = entry?;
        let name = entry.file_name();
        let named: Option<Digest> = name.to_str().and_then(|name| name.parse().ok());
        let Some(digest) = named else {
            clutter = true;
            continue;
        };
        match verify(&entry.path()) {
            Ok(release) if release.digest() == digest => whole.push(Identity::of(&release)),
            Ok(_) => {
                complaints.push(format!("`{}` holds another release", entry.path().display()));
                clutter = true;
            }
            Err(error) => {
                let path = entry.path();
                complaints.push(format!("`{}` is damaged: {error}", path.display()));
                clutter = true;
            }
        }
    }
    Ok((whole, clutter))
}

/// Whether a release is here, whole.
pub fn staged(place: &Place, digest: Digest) -> bool {
    let path = place.release(digest);
    path.is_dir() && verify(&path).is_ok_and(|release| release.digest() == digest)
}

/// What is free where a directory is, beyond a reserve of so many bytes.
///
/// # Errors
///
/// Whatever the kernel says.
pub fn free(path: &Path, reserve: u64) -> io::Result<Space> {
    let found = statvfs(path)?;
    let bytes = found.blocks_available().saturating_mul(found.fragment_size());
    // A file system that counts no files has as many as it takes.
    let files = if found.files() == 0 { u64::MAX } else { found.files_available() };
    Ok(Space { bytes: bytes.saturating_sub(reserve), files })
}
