//! What a node is sent of a bundle: what it has not, compressed, made once for all nodes that have
//! the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OnceCell, Semaphore};

use super::failed;
use crate::edge::files::{self, FileError};
use crate::edge::release::parcel::{self, NotMade};
use crate::logic::release::Digest;

/// How parcels end.
pub(super) const SUFFIX: &str = ".parcel";

/// A file that is sent to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Where it is.
    pub path: PathBuf,
    /// Of its bytes.
    pub sha256: Digest,
    /// How many those are.
    pub bytes: u64,
}

/// Why there is no parcel.
#[derive(Debug, thiserror::Error)]
pub enum ParcelsError {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// It cannot be made of the bundles.
    #[error(transparent)]
    NotMade(#[from] NotMade),
    /// Whoever made it has failed.
    #[error("nobody has made it")]
    Ended,
}

/// Of which bundle, by its digest, and which other bundle it builds on.
type Key = (Digest, Option<Digest>);

/// The parcels that are made.
#[derive(Debug)]
pub struct Parcels {
    made: Mutex<BTreeMap<Key, Arc<OnceCell<Sent>>>>,
    /// One at a time: each takes a processor and 45 MiB.
    work: Semaphore,
}

impl Default for Parcels {
    fn default() -> Self {
        Self { made: Mutex::default(), work: Semaphore::new(1) }
    }
}

impl Parcels {
    /// What is sent of `whole`, a bundle, to a node that has what is in the bundle `base`: the
    /// bundle itself where no parcel is shorter. The first who asks has it made.
    ///
    /// # Errors
    ///
    /// [`ParcelsError`]; whoever asks next has it tried again.
    pub async fn sent(&self, whole: &Sent, base: Option<&Sent>) -> Result<Sent, ParcelsError> {
        let key = (whole.sha256, base.map(|base| base.sha256));
        let cell = self.made().entry(key).or_default().clone();
        let make = || async {
            let _permit = self.work.acquire().await.or(Err(ParcelsError::Ended))?;
            let (whole, base) = (whole.clone(), base.cloned());
            let made = tokio::task::spawn_blocking(move || make(whole, base.as_ref()));
            made.await.unwrap_or(Err(ParcelsError::Ended))
        };
        cell.get_or_try_init(make).await.cloned()
    }

    /// Removes those of bundles that are not named.
    ///
    /// # Errors
    ///
    /// [`FileError`] of the first that stayed.
    pub fn sweep(&self, named: &BTreeSet<Digest>) -> Result<(), FileError> {
        let mut done = Ok(());
        self.made().retain(|(bundle, _), cell| {
            let is_named = named.contains(bundle);
            let sent = cell.get().filter(|sent| !is_named && sent.sha256 != *bundle);
            if let Some(sent) = sent {
                let removed = files::remove(&sent.path);
                done = std::mem::replace(&mut done, Ok(())).and(removed);
            }
            is_named
        });
        done
    }

    fn made(&self) -> MutexGuard<'_, BTreeMap<Key, Arc<OnceCell<Sent>>>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make(whole: Sent, base: Option<&Sent>) -> Result<Sent, ParcelsError> {
    let dir = whole.path.parent().unwrap_or(Path::new("."));
    let base_name = base.map_or("nothing".to_owned(), |base| base.sha256.to_string());
    let path = dir.join(format!("{}-{base_name}{SUFFIX}", whole.sha256));
    let made = write(&whole, base, &path);
    if !matches!(&made, Ok(made) if made.bytes < whole.bytes) {
        // What is left of it would be removed at the next start.
        drop(fs::remove_file(&path));
    }
    let made = made?;
    Ok(if made.bytes < whole.bytes { made } else { whole })
}

fn write(whole: &Sent, base: Option<&Sent>, path: &Path) -> Result<Sent, ParcelsError> {
    let mut bundle = File::open(&whole.path).map_err(failed("open", &whole.path))?;
    let mut out = BufWriter::new(File::create(path).map_err(failed("make", path))?);
    let made = parcel::pack(&mut bundle, base.map(|base| base.path.as_path()), &mut out)?;
    out.flush().map_err(failed("write", path))?;
    let sha256 = File::open(path).and_then(files::digest).map_err(failed("read", path))?;
    Ok(Sent { path: path.into(), sha256, bytes: made.bytes })
}
