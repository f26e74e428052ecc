//! Two bundles become a parcel, in one pass over the newer one.

use std::fs;
use std::io::{BufReader, Read, Write};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::edge::release::unpack::{BUFFER, fill};
use crate::edge::release::{DiskError, UnpackError};
use crate::logic::release::bundle::{self, BundleError};
use crate::logic::release::parcel::{
    CHUNKS, ChunkSize, LEVEL, MAX_PART, NotPacked, SAME, Source, chunk_head, compress, head,
};
use crate::logic::release::{File, Release};

/// Why there is no parcel.
#[derive(Debug, thiserror::Error)]
pub enum NotMade {
    /// The older bundle is none.
    #[error("cannot build on `{path}`")]
    Base {
        /// Where it is.
        path: std::path::PathBuf,
        /// What is wrong with it.
        #[source]
        source: UnpackError,
    },
    /// The newer bundle is none.
    #[error("cannot make a parcel of the bundle")]
    Bundle(#[from] UnpackError),
    /// It cannot be compressed.
    #[error("cannot compress a chunk")]
    Compress(#[from] NotPacked),
    /// The older bundle cannot be read, or the parcel not written.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// What became of a release's files in a parcel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PackedParcel {
    /// Bytes of the parcel.
    pub bytes: u64,
    /// Files of which nothing is sent.
    pub same: usize,
    /// Files of which what differs is sent.
    pub patched: usize,
    /// Files of which all is sent.
    pub whole: usize,
}

/// Makes a parcel of a bundle, for whoever has the release of the bundle in the file `base`.
/// The bundle is read once, and what it holds is checked as it is when it is unpacked; who signed
/// it is not. After an error, what was written is of no use.
///
/// # Errors
///
/// [`NotMade`].
pub fn pack(
    bundle: &mut impl Read,
    base: Option<&Path>,
    out: &mut impl Write,
) -> Result<PackedParcel, NotMade> {
    pack_in(bundle, base, out, Cut::default())
}

/// How a release is cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) chunk: ChunkSize,
    /// How much of the older file a chunk builds on.
    pub(super) part: u32,
    pub(super) level: i32,
}

impl Default for Cut {
    fn default() -> Self {
        Self { chunk: ChunkSize::LARGEST, part: MAX_PART, level: LEVEL }
    }
}

/// The same, cut in another way.
pub(super) fn pack_in(
    bundle: &mut impl Read,
    base: Option<&Path>,
    out: &mut impl Write,
    cut: Cut,
) -> Result<PackedParcel, NotMade> {
    let base = base.map(BaseBundle::open).transpose()?;
    let mut reader = bundle::Reader::new(|_, _| Ok(()));
    let mut work =
        Work { out, cut, base, chunk: Vec::new(), file: None, made: PackedParcel::default() };
    let mut buffer = vec![0; BUFFER];
    while let count @ 1.. = fill(bundle, &mut buffer)? {
        let mut input = buffer.get(..count).unwrap_or_default();
        loop {
            let piece = reader.next(&mut input).map_err(UnpackError::from)?;
            if piece == bundle::Piece::More {
                break;
            }
            work.carry_out(piece, &reader)?;
        }
    }
    reader.finish().map_err(UnpackError::from)?;
    Ok(work.made)
}

/// A parcel that is being made.
struct Work<'a, W> {
    out: &'a mut W,
    cut: Cut,
    base: Option<BaseBundle>,
    /// What has come of the present chunk.
    chunk: Vec<u8>,
    /// The present file, if its bytes are sent.
    file: Option<Current>,
    made: PackedParcel,
}

/// A file that is being cut into chunks.
struct Current {
    size: u64,
    /// Bytes before the present chunk.
    done: u64,
    /// Where the older one of the same path is in the older bundle, and how large.
    base: Option<(u64, u64)>,
    /// Whether a chunk builds on it.
    patched: bool,
}

impl<W: Write> Work<'_, W> {
    fn carry_out(
        &mut self,
        piece: bundle::Piece<'_>,
        reader: &bundle::Reader<'_>,
    ) -> Result<(), NotMade> {
        match piece {
            bundle::Piece::Data(bytes) => self.take(bytes),
            bundle::Piece::File(index) => {
                let files = reader.release().map(Release::files).unwrap_or_default();
                files.get(index).map_or(Ok(()), |file| self.begin(file))
            }
            bundle::Piece::FileEnd => self.end(),
            bundle::Piece::Head => {
                let Some(release) = reader.release() else { return Ok(()) };
                let base = self.base.as_ref().map(|base| base.release.digest());
                let head = head(self.cut.chunk, base, (release, reader.envelope()));
                self.put(&head)
            }
            bundle::Piece::End | bundle::Piece::More => Ok(()),
        }
    }

    fn begin(&mut self, file: &File) -> Result<(), NotMade> {
        let base = self.base.as_ref();
        if base.is_some_and(|base| base.has(file)) {
            self.made.same += 1;
            return self.put(&[SAME]);
        }
        let base = base.and_then(|base| base.find(file));
        self.file = Some(Current { size: file.size, done: 0, base, patched: false });
        self.put(&[CHUNKS])
    }

    fn take(&mut self, mut bytes: &[u8]) -> Result<(), NotMade> {
        while !bytes.is_empty() && self.file.is_some() {
            let room = self.cut.chunk.bytes().saturating_sub(self.chunk.len());
            let (taken, rest) = bytes.split_at(room.min(bytes.len()));
            self.chunk.extend_from_slice(taken);
            bytes = rest;
            if self.chunk.len() >= self.cut.chunk.bytes() {
                self.put_chunk()?;
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), NotMade> {
        if !self.chunk.is_empty() {
            self.put_chunk()?;
        }
        match self.file.take() {
            Some(file) if file.patched => self.made.patched += 1,
            Some(_) => self.made.whole += 1,
            None => {}
        }
        Ok(())
    }

    /// Writes the present chunk in the shorter of the two ways.
    fn put_chunk(&mut self) -> Result<(), NotMade> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let place = file.place(self.chunk.len(), self.cut.part);
        let mut best = None;
        if let (Some(base), Some((offset, from, length))) = (&self.base, place) {
            let part = base.read(offset.saturating_add(from), length)?;
            let packed = compress(&self.chunk, &part, self.cut.level)?;
            best = Some((Source::Part { from, length }, packed));
        }
        // What the older file did not make much shorter may be better off without it.
        let is_short = |packed: &[u8]| packed.len() < self.chunk.len() / 8;
        if best.as_ref().is_none_or(|(_, packed)| !is_short(packed)) {
            let packed = compress(&self.chunk, &[], self.cut.level)?;
            if best.as_ref().is_none_or(|(_, other)| packed.len() < other.len()) {
                best = Some((Source::Whole, packed));
            }
        }
        let Some((source, packed)) = best else { return Ok(()) };
        file.patched |= source != Source::Whole;
        file.done = file.done.saturating_add(self.chunk.len() as u64);
        self.chunk.clear();
        let length = u32::try_from(packed.len()).unwrap_or(u32::MAX);
        self.put(&chunk_head(source, length))?;
        self.put(&packed)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), NotMade> {
        let written = self.out.write_all(bytes);
        written.map_err(|error| DiskError::new("write", "parcel", error))?;
        self.made.bytes = self.made.bytes.saturating_add(bytes.len() as u64);
        Ok(())
    }
}

impl Current {
    /// The part of the older file that the present chunk builds on: around where it would be if
    /// what was added were spread evenly. Where the file is in the bundle, where in the file the
    /// part begins, and how long it is.
    fn place(&self, chunk: usize, most: u32) -> Option<(u64, u64, u32)> {
        let (offset, size) = self.base.filter(|(_, size)| *size > 0)?;
        let length = size.min(most.into());
        let middle = self.done.saturating_add(chunk as u64 / 2);
        let middle = u128::from(middle) * u128::from(size) / u128::from(self.size.max(1));
        let middle = u64::try_from(middle).unwrap_or(u64::MAX);
        let from = middle.saturating_sub(length / 2).min(size - length);
        Some((offset, from, u32::try_from(length).ok()?))
    }
}

/// The bundle that the receiver has unpacked.
struct BaseBundle {
    file: fs::File,
    path: std::path::PathBuf,
    release: Release,
    /// Where each of the release's files begins.
    offsets: Vec<u64>,
}

impl BaseBundle {
    /// Reads all of it.
    fn open(path: &Path) -> Result<Self, NotMade> {
        let opened = fs::File::open(path).map_err(|error| DiskError::new("open", path, error))?;
        let (release, offsets) =
            Self::survey(&opened).map_err(|source| NotMade::Base { path: path.into(), source })?;
        Ok(Self { file: opened, path: path.into(), release, offsets })
    }

    fn survey(file: &fs::File) -> Result<(Release, Vec<u64>), UnpackError> {
        let mut reader = bundle::Reader::new(|_, _| Ok(()));
        let mut bundle = BufReader::new(file);
        let (mut offsets, mut before) = (Vec::new(), 0_u64);
        let mut buffer = vec![0; BUFFER];
        while let count @ 1.. = fill(&mut bundle, &mut buffer)? {
            let mut input = buffer.get(..count).unwrap_or_default();
            before = before.saturating_add(count as u64);
            loop {
                match reader.next(&mut input)? {
                    bundle::Piece::File(_) => offsets.push(before - input.len() as u64),
                    bundle::Piece::More => break,
                    _ => {}
                }
            }
        }
        reader.finish()?;
        let (release, _) = reader.into_head().ok_or(BundleError::Trailing)?;
        Ok((release, offsets))
    }

    fn has(&self, file: &File) -> bool {
        let same = |other: &File| other.sha256 == file.sha256 && other.size == file.size;
        self.release.files().iter().any(same)
    }

    /// Where the file of the same path is, and how large.
    fn find(&self, file: &File) -> Option<(u64, u64)> {
        let files = self.release.files().iter().zip(&self.offsets);
        let (found, offset) = files.into_iter().find(|(other, _)| other.path == file.path)?;
        Some((*offset, found.size))
    }

    fn read(&self, at: u64, length: u32) -> Result<Vec<u8>, DiskError> {
        let mut part = vec![0; length as usize];
        let read = self.file.read_exact_at(&mut part, at);
        read.map_err(|error| DiskError::new("read", &self.path, error))?;
        Ok(part)
    }
}
