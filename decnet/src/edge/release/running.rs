//! Which release this process runs, and whether any process runs one.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::logic::release::{Digest, MANIFEST, Release};

/// Most bytes of a manifest, and one.
const MOST: u64 = 1024 * 1024 + 1;

/// The release that this process runs from, and the lock that says so as long as it does.
static RUNNING: OnceLock<Option<(Digest, Flock<File>)>> = OnceLock::new();

/// The release that this process runs from; `None` when it was built here, or installed by other
/// means. From the first call on nobody removes it.
pub fn running() -> Option<Digest> {
    let found = RUNNING.get_or_init(|| {
        let program = std::fs::read_link("/proc/self/exe").ok()?;
        // <release>/bin/decnet
        hold(program.parent()?.parent()?)
    });
    found.as_ref().map(|(digest, _)| *digest)
}

/// What this process calls the release that it runs from: the digest, or the version when it runs
/// from none.
pub fn name() -> String {
    running().map_or_else(|| env!("CARGO_PKG_VERSION").to_owned(), |digest| digest.to_string())
}

fn hold(dir: &Path) -> Option<(Digest, Flock<File>)> {
    let file = File::open(dir.join(MANIFEST)).ok()?;
    let lock = Flock::lock(file, FlockArg::LockSharedNonblock).ok()?;
    let mut bytes = Vec::new();
    (&*lock).take(MOST).read_to_end(&mut bytes).ok()?;
    Some((Release::parse(&bytes).ok()?.digest(), lock))
}

/// Whether a process runs from a release.
///
/// # Errors
///
/// When its manifest is there and cannot be opened.
pub fn in_use(dir: &Path) -> io::Result<bool> {
    let file = match File::open(dir.join(MANIFEST)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other?,
    };
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(_) => Ok(false),
        Err((_, Errno::EWOULDBLOCK)) => Ok(true),
        Err((_, errno)) => Err(errno.into()),
    }
}
