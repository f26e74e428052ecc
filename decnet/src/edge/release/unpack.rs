//! A bundle becomes a directory, in one pass and in the memory of one buffer.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, Write as _};
use std::path::{Path, PathBuf};

use super::parcel::{self, BaseError};
use super::{DiskError, Tree, bundle};
use crate::logic::release::bundle::{BundleError, Piece, Reader};
use crate::logic::release::parcel::{MAGIC, ParcelError};
use crate::logic::release::{Digest, Envelope, MANIFEST, Mode, Refusal, Release};

/// Bytes of a bundle that are held at a time.
pub(super) const BUFFER: usize = 64 * 1024;

/// Why a bundle did not become a directory. There is none then.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The release that a parcel builds on is not here as it should be: one with everything in it
    /// could be unpacked.
    #[error("the parcel does not fit what is here")]
    Base(#[from] BaseError),
    /// The bundle is refused.
    #[error("the bundle is refused")]
    Bundle(#[from] BundleError),
    /// The disk does not take it.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The parcel is refused.
    #[error("the parcel is refused")]
    Parcel(#[from] ParcelError),
    /// The bundle cannot be read.
    #[error("cannot read the bundle")]
    Read(#[source] std::io::Error),
}

/// A release that was just unpacked. It goes when it is dropped, unless its tree is kept.
#[derive(Debug)]
pub struct Unpacked {
    /// Where it is.
    pub tree: Tree,
    /// What it is.
    pub release: Release,
    /// Who signed it.
    pub envelope: Envelope,
}

/// Unpacks a bundle or a parcel, whichever it is; `base_of` says where a release is that a parcel
/// builds on. Nothing is synced.
///
/// # Errors
///
/// [`UnpackError`]; what was written by then is removed.
pub fn receive(
    input: &mut impl Read,
    into: &Path,
    base_of: impl Fn(Digest) -> Option<PathBuf>,
    check: impl FnOnce(&Envelope, &Release) -> Result<(), Refusal>,
) -> Result<Unpacked, UnpackError> {
    let begin = begin(input)?;
    let mut all = begin.as_slice().chain(input);
    if begin == MAGIC {
        return parcel::unpack_on(&mut all, into, base_of, check);
    }
    unpack(&mut all, into, check)
}

/// Reads a bundle or a parcel, whichever it is, up to where it says what it is.
///
/// # Errors
///
/// [`UnpackError`].
pub fn peek(
    input: &mut impl Read,
    check: impl FnOnce(&Envelope, &Release) -> Result<(), Refusal>,
) -> Result<(Release, Envelope), UnpackError> {
    let begin = begin(input)?;
    let mut all = begin.as_slice().chain(input);
    if begin == MAGIC {
        return parcel::peek(&mut all, check);
    }
    bundle::peek(&mut all, check)
}

/// Whether a file is a parcel; it is read from where it was again.
///
/// # Errors
///
/// [`UnpackError::Read`].
pub fn is_parcel(input: &mut (impl Read + Seek)) -> Result<bool, UnpackError> {
    let begin = begin(input)?;
    let length = i64::try_from(begin.len()).unwrap_or(0);
    input.seek_relative(-length).map_err(UnpackError::Read)?;
    Ok(begin == MAGIC)
}

/// As many bytes as tell a parcel from a bundle, or as there are.
fn begin(input: &mut impl Read) -> Result<Vec<u8>, UnpackError> {
    let mut begin = Vec::new();
    let taken = input.take(MAGIC.len() as u64).read_to_end(&mut begin);
    taken.map_err(UnpackError::Read)?;
    Ok(begin)
}

/// Unpacks a bundle into a directory that is made for it. Nothing is synced: whoever names the
/// directory does that before.
///
/// # Errors
///
/// [`UnpackError`]; what was written by then is removed.
pub fn unpack(
    bundle: &mut impl Read,
    into: &Path,
    check: impl FnOnce(&Envelope, &Release) -> Result<(), Refusal>,
) -> Result<Unpacked, UnpackError> {
    let tree = Tree::make(into)?;
    let mut reader = Reader::new(check);
    let mut open = None;
    let mut buffer = vec![0; BUFFER];
    while let count @ 1.. = fill(bundle, &mut buffer)? {
        let mut input = buffer.get(..count).unwrap_or_default();
        while carry_out(reader.next(&mut input)?, &reader, &tree, &mut open)? {}
    }
    reader.finish()?;
    let (release, envelope) = reader.into_head().ok_or(BundleError::Trailing)?;
    let mut file = tree.make_file(MANIFEST, Mode::Plain.bits())?;
    write(&tree, MANIFEST, &mut file, release.bytes())?;
    Ok(Unpacked { tree, release, envelope })
}

/// Does with a piece what is to be done; false when it takes more bytes first.
fn carry_out(
    piece: Piece<'_>,
    reader: &Reader<'_>,
    tree: &Tree,
    open: &mut Option<File>,
) -> Result<bool, DiskError> {
    let file = |index: usize| reader.release().and_then(|release| release.files().get(index));
    match piece {
        Piece::Data(bytes) => {
            if let Some(open) = open {
                write(tree, "a file", open, bytes)?;
            }
        }
        Piece::File(index) => {
            let Some(file) = file(index) else { return Ok(true) };
            for folder in file.path.parents() {
                tree.make_dir(folder)?;
            }
            *open = Some(tree.make_file(file.path.as_str(), file.mode.bits())?);
        }
        Piece::FileEnd => *open = None,
        Piece::End | Piece::Head => {}
        Piece::More => return Ok(false),
    }
    Ok(true)
}

pub(super) fn write(
    tree: &Tree,
    name: &str,
    file: &mut File,
    bytes: &[u8],
) -> Result<(), DiskError> {
    file.write_all(bytes).map_err(|error| DiskError::new("write", tree.path().join(name), error))
}

/// Reads into `buffer`, 0 at the end.
pub(super) fn fill(bundle: &mut impl Read, buffer: &mut [u8]) -> Result<usize, UnpackError> {
    loop {
        match bundle.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other.map_err(UnpackError::Read),
        }
    }
}
