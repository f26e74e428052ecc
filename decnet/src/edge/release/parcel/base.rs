//! The release that a parcel builds on, as a node has it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use nix::errno::Errno;
use sha2::{Digest as _, Sha256};

use crate::edge::release::verify::{self, Unsound};
use crate::edge::release::{DiskError, Tree, UnpackError};
use crate::logic::release::parcel::{ParcelError, Source};
use crate::logic::release::{Digest, File, FilePath, Release};

/// Bytes that are copied at a time.
const BUFFER: usize = 64 * 1024;

/// Why a parcel cannot be unpacked on this machine, though another may be: whoever sent it is to
/// send everything.
#[derive(Debug, thiserror::Error)]
pub enum BaseError {
    /// The release that it builds on is not here.
    #[error("it builds on release {0}, which is not here")]
    Absent(Digest),
    /// What is here is another release.
    #[error("it builds on release {wanted}, and here is {found}")]
    Other {
        /// What the parcel says.
        wanted: Digest,
        /// What is here.
        found: Digest,
    },
    /// What is here is not what its manifest says.
    #[error("the release that it builds on is not whole")]
    Unsound(#[source] Unsound),
}

/// A release that is here.
#[derive(Debug)]
pub(super) struct Base {
    tree: Tree,
    release: Release,
}

/// A file of it whose bytes are those of its manifest.
#[derive(Debug)]
pub(super) struct BaseFile {
    open: fs::File,
    path: FilePath,
    size: u64,
}

impl Base {
    /// Opens the release `wanted` that should be in `dir`.
    pub(super) fn open(dir: &Path, wanted: Digest) -> Result<Self, BaseError> {
        let tree = Tree::open(dir).map_err(|error| BaseError::Unsound(error.into()))?;
        let release = verify::manifest(&tree).map_err(BaseError::Unsound)?;
        let found = release.digest();
        if found != wanted {
            return Err(BaseError::Other { wanted, found });
        }
        Ok(Self { tree, release })
    }

    /// Opens the file of this path, and reads all of it first: what is built on another file than
    /// the sender's would be refused too, but nobody could say whose fault it is.
    pub(super) fn file(&self, path: &FilePath) -> Result<BaseFile, UnpackError> {
        let file = self.release.files().iter().find(|file| file.path == *path);
        let file = file.ok_or_else(|| self.missing(path))?;
        let open = verify::check(&self.tree, file).map_err(BaseError::Unsound)?;
        Ok(BaseFile { open, path: path.clone(), size: file.size })
    }

    /// Puts a file of these bytes where `file` belongs in `into`, without a second copy where the
    /// file system lets us.
    pub(super) fn put(&self, file: &File, into: &Tree) -> Result<(), UnpackError> {
        let same = |other: &&File| other.sha256 == file.sha256 && other.size == file.size;
        let others = || self.release.files().iter().filter(same);
        // A link has the mode of what it leads to.
        if let Some(other) = others().find(|other| other.mode == file.mode) {
            match self.tree.link(other.path.as_str(), into, file.path.as_str()) {
                Ok(()) => {
                    verify::check(into, file).map_err(BaseError::Unsound)?;
                    return Ok(());
                }
                Err(Errno::EXDEV | Errno::EMLINK | Errno::EPERM) => {}
                Err(Errno::ENOENT) => {
                    let missing = Unsound::Missing(other.path.clone());
                    return Err(BaseError::Unsound(missing).into());
                }
                Err(errno) => {
                    let path = into.path().join(file.path.as_str());
                    return Err(DiskError::new("link", path, errno).into());
                }
            }
        }
        let other = others().next().ok_or_else(|| self.missing(&file.path))?;
        self.copy(other, file, into)
    }

    fn missing(&self, path: &FilePath) -> ParcelError {
        ParcelError::Missing { path: path.clone(), base: self.release.digest() }
    }

    fn copy(&self, other: &File, file: &File, into: &Tree) -> Result<(), UnpackError> {
        let name = other.path.as_str();
        let unread = |error| DiskError::new("read", self.tree.path().join(name), error);
        let target = into.path().join(file.path.as_str());
        let unwritten = |error| DiskError::new("write", &target, error);
        let from = self.tree.open_file(name);
        let from = from.map_err(|error| BaseError::Unsound(error.into()))?;
        let mut from = from.take(other.size.saturating_add(1));
        let mut to = into.make_file(file.path.as_str(), file.mode.bits())?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; BUFFER];
        while let count @ 1.. = from.read(&mut buffer).map_err(unread)? {
            let bytes = buffer.get(..count).unwrap_or_default();
            hash.update(bytes);
            to.write_all(bytes).map_err(unwritten)?;
        }
        if Digest(hash.finalize().into()) == file.sha256 {
            return Ok(());
        }
        Err(BaseError::Unsound(Unsound::Bytes(other.path.clone())).into())
    }
}

impl BaseFile {
    /// Reads the part that a chunk builds on into `part`.
    pub(super) fn read(&self, source: Source, part: &mut Vec<u8>) -> Result<(), UnpackError> {
        part.clear();
        let Source::Part { from, length } = source else { return Ok(()) };
        let end = from.checked_add(length.into());
        if end.is_none_or(|end| end > self.size) {
            return Err(ParcelError::Beyond(self.path.clone()).into());
        }
        part.resize(length as usize, 0);
        let read = self.open.read_exact_at(part, from);
        read.map_err(|error| DiskError::new("read", self.path.as_str(), error))?;
        Ok(())
    }
}
