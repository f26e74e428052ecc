//! Reads a parcel as its bytes come: decides, and touches no file.

use super::{
    CHUNK_HEAD, CHUNKS, ChunkSize, MAGIC, MAX_PART, PART, PREAMBLE, ParcelError, SAME, Source,
    WHOLE, chunk,
};
use crate::logic::release::gate::MAX_ENVELOPE;
use crate::logic::release::manifest::MAX_MANIFEST;
use crate::logic::release::{Digest, Envelope, File, FilePath, Refusal, Release};

/// Whether a release may be installed; asked before a byte of its files is read.
type Check<'c> = Box<dyn FnOnce(&Envelope, &Release) -> Result<(), Refusal> + 'c>;

/// What comes next in a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A chunk of the file that began last: [`Reader::packed`] becomes `size` bytes.
    Chunk {
        /// Of which of the release's files.
        index: usize,
        /// What it builds on.
        source: Source,
        /// How many bytes it is to become.
        size: usize,
    },
    /// It was the last byte of the parcel.
    End,
    /// A file begins whose chunks follow: which of the release's.
    File(usize),
    /// The chunks of the file that began last were all there.
    FileEnd(usize),
    /// The head is read, and what it says may be installed.
    Head,
    /// The input is used up.
    More,
    /// A file that the other release has too: which of the release's.
    Same(usize),
}

/// Where in the parcel it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Before or in what comes before the head.
    Preamble,
    /// In the head, whose signatures have so many bytes.
    Head { signatures: usize },
    /// Before the file of this index.
    File(usize),
    /// Before or in the head of a chunk.
    ChunkHead { index: usize, done: u64 },
    /// In the frame of a chunk.
    Chunk { index: usize, done: u64, source: Source, size: usize },
    /// After the last byte, or after a refusal.
    Done,
}

/// Reads a parcel as its bytes come.
///
/// It keeps the head (at most 1.25 MiB) and one frame (at most 4 MiB and a little), however large
/// the parcel is.
pub struct Reader<'c> {
    at: At,
    /// What of the present step is here, which takes `wanted` bytes.
    bytes: Vec<u8>,
    wanted: usize,
    /// Whether `bytes` are those of a step that is over.
    spent: bool,
    check: Option<Check<'c>>,
    chunk: ChunkSize,
    base: Option<Digest>,
    envelope: Envelope,
    release: Option<Release>,
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Reader").field(&self.at).finish()
    }
}

impl<'c> Reader<'c> {
    /// Begins. `check` is asked once, when the head is there.
    pub fn new(check: impl FnOnce(&Envelope, &Release) -> Result<(), Refusal> + 'c) -> Self {
        Self {
            at: At::Preamble,
            bytes: Vec::new(),
            wanted: PREAMBLE,
            spent: false,
            check: Some(Box::new(check)),
            chunk: ChunkSize::LARGEST,
            base: None,
            envelope: Envelope::default(),
            release: None,
        }
    }

    /// The release that it builds on, once [`Piece::Head`] has come.
    pub fn base(&self) -> Option<Digest> {
        self.base
    }

    /// The release, once [`Piece::Head`] has come.
    pub fn release(&self) -> Option<&Release> {
        self.release.as_ref()
    }

    /// The frame of the chunk that [`Piece::Chunk`] has just told of.
    pub fn packed(&self) -> &[u8] {
        &self.bytes
    }

    /// The release and its signatures, once [`Piece::Head`] has come.
    pub fn into_head(self) -> Option<(Release, Envelope)> {
        Some((self.release?, self.envelope))
    }

    /// Takes from the front of `input` what makes one piece.
    ///
    /// # Errors
    ///
    /// [`ParcelError`]; nothing that comes after one is taken.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Piece, ParcelError> {
        let piece = self.advance(input);
        if piece.is_err() {
            self.at = At::Done;
        }
        piece
    }

    /// Whether the parcel may end here.
    ///
    /// # Errors
    ///
    /// [`ParcelError::Truncated`].
    pub fn finish(&self) -> Result<(), ParcelError> {
        let index = match self.at {
            At::Done => return Ok(()),
            At::Preamble | At::Head { .. } => {
                return Err(ParcelError::Truncated("its head".into()));
            }
            At::File(index) | At::ChunkHead { index, .. } | At::Chunk { index, .. } => index,
        };
        let name = self.file(index).map_or_else(|| "its end".into(), |file| file.path.to_string());
        Err(ParcelError::Truncated(name))
    }

    fn advance(&mut self, input: &mut &[u8]) -> Result<Piece, ParcelError> {
        loop {
            if let Some(piece) = self.end_without_bytes() {
                return Ok(piece);
            }
            if input.is_empty() {
                return Ok(Piece::More);
            }
            if self.at == At::Done {
                return Err(ParcelError::Trailing);
            }
            if !self.gather(input) {
                return Ok(Piece::More);
            }
            if let Some(piece) = self.step()? {
                return Ok(piece);
            }
        }
    }

    /// What is at its end takes no byte to say so.
    fn end_without_bytes(&mut self) -> Option<Piece> {
        match self.at {
            At::File(index) if self.file(index).is_none() => {
                self.at = At::Done;
                Some(Piece::End)
            }
            At::ChunkHead { index, done } if self.left(index, done) == 0 => {
                self.go(At::File(index.saturating_add(1)), 1);
                Some(Piece::FileEnd(index))
            }
            _ => None,
        }
    }

    /// Takes bytes for the present step; whether they are all here.
    fn gather(&mut self, input: &mut &[u8]) -> bool {
        if std::mem::take(&mut self.spent) {
            self.bytes.clear();
        }
        let missing = self.wanted.saturating_sub(self.bytes.len());
        let (taken, rest) = input.split_at(missing.min(input.len()));
        *input = rest;
        self.bytes.reserve_exact(missing);
        self.bytes.extend_from_slice(taken);
        self.spent = self.bytes.len() >= self.wanted;
        self.spent
    }

    /// Goes on to a step that takes so many bytes.
    fn go(&mut self, at: At, wanted: usize) {
        self.at = at;
        self.wanted = wanted;
    }

    /// The bytes of the present step are all here.
    fn step(&mut self) -> Result<Option<Piece>, ParcelError> {
        match self.at {
            At::Preamble => self.preamble().map(|()| None),
            At::Head { signatures } => self.head(signatures).map(Some),
            At::File(index) => self.begin(index).map(Some),
            At::ChunkHead { index, done } => self.chunk_head(index, done).map(|()| None),
            At::Chunk { index, done, source, size } => {
                let done = done.saturating_add(size as u64);
                self.go(At::ChunkHead { index, done }, CHUNK_HEAD);
                Ok(Some(Piece::Chunk { index, source, size }))
            }
            At::Done => Err(ParcelError::Trailing),
        }
    }

    fn preamble(&mut self) -> Result<(), ParcelError> {
        let mut bytes = Fields(&self.bytes);
        if bytes.take::<16>() != MAGIC {
            return Err(ParcelError::Magic);
        }
        let [log] = bytes.take();
        self.chunk = ChunkSize::new(log).ok_or(ParcelError::ChunkSize(log))?;
        let base = bytes.take();
        self.base = (base != [0; 32]).then_some(Digest(base));
        let lengths = [bytes.take(), bytes.take()].map(u32::from_le_bytes);
        let [signatures, manifest] = lengths.map(|length| length as usize);
        if signatures > MAX_ENVELOPE || manifest > MAX_MANIFEST {
            return Err(ParcelError::HeadTooLarge(lengths[0], lengths[1]));
        }
        self.go(At::Head { signatures }, signatures + manifest);
        Ok(())
    }

    fn head(&mut self, signatures: usize) -> Result<Piece, ParcelError> {
        let (signatures, manifest) = self.bytes.split_at(signatures.min(self.bytes.len()));
        self.envelope = Envelope::parse(signatures).map_err(ParcelError::Envelope)?;
        let release = Release::parse(manifest).map_err(ParcelError::Manifest)?;
        if let Some(check) = self.check.take() {
            check(&self.envelope, &release).map_err(ParcelError::Refused)?;
        }
        self.release = Some(release);
        self.bytes = Vec::new();
        self.go(At::File(0), 1);
        Ok(Piece::Head)
    }

    fn begin(&mut self, index: usize) -> Result<Piece, ParcelError> {
        let path = self.path(index)?;
        match Fields(&self.bytes).take() {
            [SAME] if self.base.is_none() => Err(ParcelError::NoBase(path)),
            [SAME] => {
                self.go(At::File(index.saturating_add(1)), 1);
                Ok(Piece::Same(index))
            }
            [CHUNKS] => {
                self.go(At::ChunkHead { index, done: 0 }, CHUNK_HEAD);
                Ok(Piece::File(index))
            }
            [kind] => Err(ParcelError::Kind { path, kind }),
        }
    }

    fn chunk_head(&mut self, index: usize, done: u64) -> Result<(), ParcelError> {
        let path = self.path(index)?;
        let left = usize::try_from(self.left(index, done)).unwrap_or(usize::MAX);
        let size = left.min(self.chunk.bytes());
        let mut bytes = Fields(&self.bytes);
        let kind = bytes.take();
        let from = u64::from_le_bytes(bytes.take());
        let length = u32::from_le_bytes(bytes.take());
        let packed = u32::from_le_bytes(bytes.take()) as usize;
        let source = match (kind, from, length) {
            ([WHOLE], 0, 0) => Source::Whole,
            ([PART], _, 1..=MAX_PART) => Source::Part { from, length },
            _ => return Err(ParcelError::ChunkHead(path)),
        };
        if self.base.is_none() && source != Source::Whole {
            return Err(ParcelError::NoBase(path));
        }
        if !(1..=chunk::most_packed(size)).contains(&packed) {
            return Err(ParcelError::ChunkHead(path));
        }
        self.go(At::Chunk { index, done, source, size }, packed);
        Ok(())
    }

    fn file(&self, index: usize) -> Option<&File> {
        self.release.as_ref()?.files().get(index)
    }

    fn path(&self, index: usize) -> Result<FilePath, ParcelError> {
        self.file(index).map(|file| file.path.clone()).ok_or(ParcelError::Trailing)
    }

    /// How many bytes of a file are not there yet.
    fn left(&self, index: usize, done: u64) -> u64 {
        self.file(index).map_or(0, |file| file.size.saturating_sub(done))
    }
}

/// Cuts numbers from bytes that are known to be enough.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    /// The next `N` bytes; zeros where there are none.
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let Some((taken, rest)) = self.0.split_first_chunk() else { return [0; N] };
        self.0 = rest;
        *taken
    }
}
