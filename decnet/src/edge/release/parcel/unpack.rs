//! A parcel becomes a directory, in one pass and in the memory of a chunk and what it builds on.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::base::{Base, BaseError, BaseFile};
use crate::edge::release::unpack::{BUFFER, fill, write};
use crate::edge::release::{Tree, UnpackError, Unpacked};
use crate::logic::release::parcel::{ParcelError, Piece, Reader, Source, decompress};
use crate::logic::release::{Digest, Envelope, File, MANIFEST, Mode, Refusal, Release};

/// Reads a parcel's head and how the rest of it is put together, and keeps none of its files.
/// Nothing is said of their bytes, which takes the release that it builds on.
///
/// # Errors
///
/// [`UnpackError`].
pub fn read(
    parcel: &mut impl Read,
    check: impl FnOnce(&Envelope, &Release) -> Result<(), Refusal>,
) -> Result<(Release, Envelope), UnpackError> {
    let mut reader = Reader::new(check);
    let mut buffer = vec![0; BUFFER];
    while let count @ 1.. = fill(parcel, &mut buffer)? {
        let mut input = buffer.get(..count).unwrap_or_default();
        while reader.next(&mut input)? != Piece::More {}
    }
    reader.finish()?;
    Ok(reader.into_head().ok_or(ParcelError::Trailing)?)
}

/// Reads a parcel up to where it says what it is.
pub(in crate::edge::release) fn peek(
    parcel: &mut impl Read,
    check: impl FnOnce(&Envelope, &Release) -> Result<(), Refusal>,
) -> Result<(Release, Envelope), UnpackError> {
    let mut reader = Reader::new(check);
    let mut buffer = vec![0; BUFFER];
    while let count @ 1.. = fill(parcel, &mut buffer)? {
        let mut input = buffer.get(..count).unwrap_or_default();
        if reader.next(&mut input)? == Piece::Head {
            return Ok(reader.into_head().ok_or(ParcelError::Trailing)?);
        }
    }
    // It ends before that.
    reader.finish()?;
    Ok(reader.into_head().ok_or(ParcelError::Trailing)?)
}

/// Unpacks a parcel into a directory that is made for it, with the help of the release in `base`.
/// Nothing is synced: whoever names the directory does that before.
///
/// # Errors
///
/// [`UnpackError`]; what was written by then is removed. [`UnpackError::Base`] when the release
/// that it builds on is not in `base`, or not whole.
pub fn unpack(
    input: &mut impl Read,
    into: &Path,
    base: Option<&Path>,
    check: impl FnOnce(&Envelope, &Release) -> Result<(), Refusal>,
) -> Result<Unpacked, UnpackError> {
    unpack_on(input, into, |_| base.map(Path::to_owned), check)
}

/// The same for whoever has to look where the release is that it builds on.
pub(in crate::edge::release) fn unpack_on(
    input: &mut impl Read,
    into: &Path,
    base_of: impl Fn(Digest) -> Option<PathBuf>,
    check: impl FnOnce(&Envelope, &Release) -> Result<(), Refusal>,
) -> Result<Unpacked, UnpackError> {
    let mut reader = Reader::new(check);
    let mut work = Work { tree: Tree::make(into)?, base: None, open: None, part: Vec::new() };
    let mut buffer = vec![0; BUFFER];
    while let count @ 1.. = fill(input, &mut buffer)? {
        let mut bytes = buffer.get(..count).unwrap_or_default();
        while work.carry_out(reader.next(&mut bytes)?, &reader, &base_of)? {}
    }
    reader.finish()?;
    let (release, envelope) = reader.into_head().ok_or(ParcelError::Trailing)?;
    let tree = work.tree;
    let mut file = tree.make_file(MANIFEST, Mode::Plain.bits())?;
    write(&tree, MANIFEST, &mut file, release.bytes())?;
    Ok(Unpacked { tree, release, envelope })
}

/// A directory that a parcel is becoming.
struct Work {
    tree: Tree,
    base: Option<Base>,
    open: Option<Open>,
    /// What a chunk builds on.
    part: Vec<u8>,
}

/// A file whose chunks are coming.
struct Open {
    file: fs::File,
    hash: Sha256,
    base: Option<BaseFile>,
}

impl Work {
    /// Does with a piece what is to be done; false when it takes more bytes first.
    fn carry_out(
        &mut self,
        piece: Piece,
        reader: &Reader<'_>,
        base_of: &impl Fn(Digest) -> Option<PathBuf>,
    ) -> Result<bool, UnpackError> {
        let files = reader.release().map(Release::files).unwrap_or_default();
        match piece {
            Piece::Chunk { index, source, size } => {
                let Some(file) = files.get(index) else { return Ok(true) };
                self.unpack_chunk(file, (source, reader.packed()), size)?;
            }
            Piece::End => {}
            Piece::File(index) => {
                let Some(file) = files.get(index) else { return Ok(true) };
                self.make_folders(file)?;
                let made = self.tree.make_file(file.path.as_str(), file.mode.bits())?;
                self.open = Some(Open { file: made, hash: Sha256::new(), base: None });
            }
            Piece::FileEnd(index) => {
                let Some((file, open)) = files.get(index).zip(self.open.take()) else {
                    return Ok(true);
                };
                if Digest(open.hash.finalize().into()) != file.sha256 {
                    return Err(ParcelError::Digest(file.path.clone()).into());
                }
            }
            Piece::Head => {
                if let Some(wanted) = reader.base() {
                    let dir = base_of(wanted).ok_or(BaseError::Absent(wanted))?;
                    self.base = Some(Base::open(&dir, wanted)?);
                }
            }
            Piece::More => return Ok(false),
            Piece::Same(index) => {
                let Some(file) = files.get(index) else { return Ok(true) };
                self.make_folders(file)?;
                let base = self.base.as_ref();
                let base = base.ok_or_else(|| ParcelError::NoBase(file.path.clone()))?;
                base.put(file, &self.tree)?;
            }
        }
        Ok(true)
    }

    fn make_folders(&self, file: &File) -> Result<(), UnpackError> {
        for folder in file.path.parents() {
            self.tree.make_dir(folder)?;
        }
        Ok(())
    }

    fn unpack_chunk(
        &mut self,
        file: &File,
        (source, packed): (Source, &[u8]),
        size: usize,
    ) -> Result<(), UnpackError> {
        let Some(open) = &mut self.open else { return Ok(()) };
        self.part.clear();
        if let Source::Part { .. } = source {
            if open.base.is_none() {
                let base = self.base.as_ref();
                let base = base.ok_or_else(|| ParcelError::NoBase(file.path.clone()))?;
                open.base = Some(base.file(&file.path)?);
            }
            if let Some(base) = &open.base {
                base.read(source, &mut self.part)?;
            }
        }
        let chunk = decompress(packed, &self.part, size)
            .map_err(|source| ParcelError::Damaged { path: file.path.clone(), source })?;
        open.hash.update(&chunk);
        write(&self.tree, file.path.as_str(), &mut open.file, &chunk)?;
        Ok(())
    }
}
