//! The bundles that the master keeps for its nodes: one file each, named by its own digest.
//!
//! ```text
//! bundles/<sha256>.tar                whole, synced
//! bundles/<sha256>-<sha256>.parcel    what of it a node is sent that has the other one
//! bundles/incoming-<n>                on its way in
//! ```
//!
//! All but the first go at the next start.

mod parcels;

pub use parcels::{Parcels, ParcelsError, Sent};

use std::collections::BTreeSet;
use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

use super::files::{self, FileError};
use super::random;
use super::release::{self, UnpackError};
use crate::logic::release::{Digest, Envelope, Release};

/// Most bytes of a bundle: what its files may have, and their headers.
pub const MAX_BUNDLE: u64 = 1_100 * 1024 * 1024;

/// Why a bundle is not kept.
#[derive(Debug, thiserror::Error)]
pub enum BundlesError {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is larger than any.
    #[error("the bundle has more than {MAX_BUNDLE} bytes")]
    Large,
    /// It is no bundle.
    #[error("it is no bundle")]
    Unfit(#[source] UnpackError),
}

/// The directory with all that are kept.
#[derive(Clone, Debug)]
pub struct Bundles {
    dir: PathBuf,
}

impl Bundles {
    /// Opens a directory, or makes it for its owner alone. What is no whole bundle is removed.
    ///
    /// # Errors
    ///
    /// [`FileError`].
    pub fn open(dir: PathBuf) -> Result<Self, FileError> {
        files::make_dir(&dir)?;
        let bundles = Self { dir };
        bundles.remove(|name| !name.ends_with(".tar"))?;
        Ok(bundles)
    }

    /// Where the bundle with these bytes is.
    fn path(&self, sha256: Digest) -> PathBuf {
        self.dir.join(format!("{sha256}.tar"))
    }

    /// The bundle with these bytes, if it is here.
    pub fn whole(&self, sha256: Digest) -> Option<Sent> {
        let path = self.path(sha256);
        let bytes = fs::metadata(&path).ok()?.len();
        Some(Sent { path, sha256, bytes })
    }

    /// Begins to take one in.
    ///
    /// # Errors
    ///
    /// [`BundlesError::File`].
    pub async fn begin(&self) -> Result<Incoming, BundlesError> {
        let mut secret = [0; 8];
        random::fill(&mut secret);
        let path = self.dir.join(format!("incoming-{:x}", u64::from_le_bytes(secret)));
        let file = File::create(&path).await.map_err(failed("make", &path))?;
        Ok(Incoming { path, file, hash: Sha256::new(), bytes: 0 })
    }

    /// Keeps one that has arrived.
    ///
    /// # Errors
    ///
    /// [`FileError`]: it is not kept then.
    pub fn keep(&self, arrived: &Arrived) -> Result<(), FileError> {
        let path = self.path(arrived.sha256);
        fs::rename(&arrived.incoming.path, &path).map_err(failed("keep", &path))?;
        fs::File::open(&self.dir).and_then(|dir| dir.sync_all()).map_err(failed("sync", &self.dir))
    }

    /// Removes all but these.
    ///
    /// # Errors
    ///
    /// [`FileError`] of the first that stayed.
    pub fn sweep(&self, named: &BTreeSet<Digest>) -> Result<(), FileError> {
        let named: BTreeSet<String> = named.iter().map(|one| format!("{one}.tar")).collect();
        self.remove(|name| name.ends_with(".tar") && !named.contains(name))
    }

    fn remove(&self, is_meant: impl Fn(&str) -> bool) -> Result<(), FileError> {
        let mut done = Ok(());
        for entry in fs::read_dir(&self.dir).map_err(failed("read", &self.dir))? {
            let entry = entry.map_err(failed("read", &self.dir))?;
            if entry.file_name().to_str().is_some_and(&is_meant) {
                done = done.and(files::remove(&entry.path()));
            }
        }
        done
    }
}

/// A bundle on its way in. It goes when it is dropped, unless it has arrived and is kept.
#[derive(Debug)]
pub struct Incoming {
    path: PathBuf,
    file: File,
    hash: Sha256,
    bytes: u64,
}

/// A bundle that is all there.
#[derive(Debug)]
pub struct Arrived {
    /// Of its bytes.
    pub sha256: Digest,
    /// How many those are.
    pub bytes: u64,
    incoming: Incoming,
}

impl Incoming {
    /// Adds bytes.
    ///
    /// # Errors
    ///
    /// [`BundlesError::File`] or [`BundlesError::Large`].
    pub async fn add(&mut self, piece: &[u8]) -> Result<(), BundlesError> {
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        if self.bytes > MAX_BUNDLE {
            return Err(BundlesError::Large);
        }
        self.hash.update(piece);
        Ok(self.file.write_all(piece).await.map_err(failed("write", &self.path))?)
    }

    /// All is there, and on the disk.
    ///
    /// # Errors
    ///
    /// [`BundlesError::File`].
    pub async fn end(mut self) -> Result<Arrived, BundlesError> {
        self.file.flush().await.map_err(failed("write", &self.path))?;
        self.file.sync_all().await.map_err(failed("sync", &self.path))?;
        let sha256 = Digest(self.hash.clone().finalize().into());
        Ok(Arrived { sha256, bytes: self.bytes, incoming: self })
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // Once kept it has another name.
        drop(fs::remove_file(&self.path));
    }
}

impl Arrived {
    /// Reads all of it, and says which release it is and who signed it; nothing is said of whether
    /// the signatures are good.
    ///
    /// # Errors
    ///
    /// [`BundlesError::Unfit`], or [`BundlesError::File`] when it cannot be read.
    pub async fn inspect(&self) -> Result<(Release, Envelope), BundlesError> {
        let path = self.incoming.path.clone();
        let read = tokio::task::spawn_blocking(move || {
            let file = fs::File::open(&path).map_err(failed("open", &path))?;
            release::read(&mut BufReader::new(file), |_, _| Ok(())).map_err(BundlesError::Unfit)
        });
        read.await.unwrap_or_else(|error| {
            let path = &self.incoming.path;
            Err(failed("read", path)(std::io::Error::other(error)).into())
        })
    }
}

fn failed<'a>(doing: &'static str, path: &'a Path) -> impl Fn(std::io::Error) -> FileError + 'a {
    move |source| FileError::new(doing, path, source)
}
