//! Whether a release on disk is what its manifest says: every byte of it, and nothing else.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::tree::Kind;
use super::{DiskError, Tree};
use crate::logic::release::{Digest, File, FilePath, MANIFEST, ManifestError, Release};

/// Most things in a release's directory: its files and their folders.
pub(super) const MOST: usize = 64 * 1024;
/// Bytes that are read at a time.
const BUFFER: usize = 64 * 1024;
/// Most bytes of a manifest, and one.
const MANIFEST_BYTES: u64 = 1024 * 1024 + 1;

/// What is wrong with a release on disk.
#[derive(Debug, thiserror::Error)]
pub enum Unsound {
    /// A file has other bytes.
    #[error("`{0}` has not the bytes that the release says")]
    Bytes(FilePath),
    /// It cannot be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Something is in it that is not of the release.
    #[error("`{0}` is not of the release")]
    Extra(String),
    /// Its manifest is none.
    #[error("its release.json is refused")]
    Manifest(#[source] ManifestError),
    /// A file is not there, is no file, or may be used in another way.
    #[error("`{0}` is missing, is no file, or has another mode or size than the release says")]
    Missing(FilePath),
}

/// Reads all of a release.
///
/// # Errors
///
/// [`Unsound`].
pub fn verify(dir: &Path) -> Result<Release, Unsound> {
    let tree = Tree::open(dir)?;
    let release = manifest(&tree)?;
    holds_nothing_else(&tree, &release)?;
    for file in release.files() {
        check(&tree, file)?;
    }
    Ok(release)
}

/// Reads the manifest of a release, and none of its files.
pub(super) fn manifest(tree: &Tree) -> Result<Release, Unsound> {
    let mut bytes = Vec::new();
    let manifest = tree.open_file(MANIFEST)?;
    manifest
        .take(MANIFEST_BYTES)
        .read_to_end(&mut bytes)
        .map_err(|error| DiskError::new("read", tree.path().join(MANIFEST), error))?;
    Release::parse(&bytes).map_err(Unsound::Manifest)
}

fn holds_nothing_else(tree: &Tree, release: &Release) -> Result<(), Unsound> {
    let files = release.files().iter().map(|file| file.path.as_str());
    let files: BTreeSet<&str> = files.chain([MANIFEST]).collect();
    let folders: BTreeSet<&str> = release.files().iter().flat_map(|f| f.path.parents()).collect();
    for (path, kind) in tree.list(MOST)? {
        let known = match kind {
            Kind::Directory => folders.contains(path.as_str()),
            Kind::File => files.contains(path.as_str()),
            Kind::Other => false,
        };
        if !known {
            return Err(Unsound::Extra(path));
        }
    }
    Ok(())
}

/// Reads all of a file, and leaves it open.
pub(super) fn check(tree: &Tree, file: &File) -> Result<std::fs::File, Unsound> {
    let missing = || Unsound::Missing(file.path.clone());
    let mut open = tree.open_file(file.path.as_str())?;
    let failed = |error| DiskError::new("read", tree.path().join(file.path.as_str()), error);
    let found = open.metadata().map_err(failed)?;
    let is_it =
        found.is_file() && found.len() == file.size && found.mode() & 0o7777 == file.mode.bits();
    if !is_it {
        return Err(missing());
    }
    let mut hash = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    while let count @ 1.. = open.read(&mut buffer).map_err(failed)? {
        hash.update(buffer.get(..count).unwrap_or_default());
    }
    if Digest(hash.finalize().into()) == file.sha256 {
        Ok(open)
    } else {
        Err(Unsound::Bytes(file.path.clone()))
    }
}
