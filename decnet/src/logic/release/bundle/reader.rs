//! Reads a bundle as its bytes come: decides, and touches no file.

use sha2::{Digest as _, Sha256};

use super::fault::{self, BundleError};
use super::header::{BLOCK, END, header, padding};
use crate::logic::release::gate::MAX_ENVELOPE;
use crate::logic::release::manifest::MAX_MANIFEST;
use crate::logic::release::{Digest, Envelope, File, MANIFEST, Refusal, Release, SIGNATURES};

/// Whether a release may be installed; asked before a byte of its files is read.
type Check<'c> = Box<dyn FnOnce(&Envelope, &Release) -> Result<(), Refusal> + 'c>;

/// What comes next in a bundle.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Bytes of the file that was opened last.
    Data(&'a [u8]),
    /// It was the last byte of the bundle.
    End,
    /// A file begins: which of the release's.
    File(usize),
    /// The bytes of the file that was opened last are all there, and those of the release.
    FileEnd,
    /// The head is read, and what it says may be installed.
    Head,
    /// The input is used up.
    More,
}

/// Where in the bundle it is.
#[derive(Debug)]
enum At {
    /// Before or in a header, so far.
    Header(Part, usize),
    /// In a file that is kept here.
    Head { part: Part, bytes: Vec<u8>, left: usize },
    /// In a file of the release.
    Body { index: usize, left: u64, hash: Sha256 },
    /// In the zeros after a part.
    Padding { after: Part, left: usize },
    /// In the zeros at the end.
    Zeros(usize),
    /// After the last byte, or after a refusal.
    Done,
}

/// What a bundle is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Envelope,
    Manifest,
    File(usize),
}

impl Part {
    fn next(self) -> Self {
        match self {
            Self::Envelope => Self::Manifest,
            Self::Manifest => Self::File(0),
            Self::File(index) => Self::File(index.saturating_add(1)),
        }
    }
}

/// Reads a bundle as its bytes come.
///
/// It keeps the head (at most 1.25 MiB) and one block, however large the bundle is.
pub struct Reader<'c> {
    at: At,
    block: [u8; BLOCK],
    check: Option<Check<'c>>,
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
            at: At::Header(Part::Envelope, 0),
            block: [0; BLOCK],
            check: Some(Box::new(check)),
            envelope: Envelope::default(),
            release: None,
        }
    }

    /// The release, once [`Piece::Head`] has come.
    pub fn release(&self) -> Option<&Release> {
        self.release.as_ref()
    }

    /// The signatures, once [`Piece::Head`] has come.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The release and its signatures, once [`Piece::Head`] has come.
    pub fn into_head(self) -> Option<(Release, Envelope)> {
        Some((self.release?, self.envelope))
    }

    /// Takes from the front of `input` what makes one piece.
    ///
    /// # Errors
    ///
    /// [`BundleError`]; nothing that comes after one is taken.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Piece<'a>, BundleError> {
        let piece = self.advance(input);
        if piece.is_err() {
            self.at = At::Done;
        }
        piece
    }

    /// Whether the bundle may end here.
    ///
    /// # Errors
    ///
    /// [`BundleError::Truncated`].
    pub fn finish(&self) -> Result<(), BundleError> {
        let part = match &self.at {
            At::Done => return Ok(()),
            At::Header(part, _) | At::Head { part, .. } => *part,
            At::Body { index, .. } => Part::File(*index),
            At::Padding { after, .. } => *after,
            At::Zeros(_) => Part::File(usize::MAX),
        };
        Err(BundleError::Truncated(self.name(part)))
    }

    fn advance<'a>(&mut self, input: &mut &'a [u8]) -> Result<Piece<'a>, BundleError> {
        loop {
            // What has no bytes left ends without any.
            match &mut self.at {
                At::Body { index, left: 0, .. } => {
                    let index = *index;
                    return self.end_file(index);
                }
                At::Head { left: 0, .. } => {
                    if let Some(piece) = self.end_head()? {
                        return Ok(piece);
                    }
                    continue;
                }
                At::Padding { after, left: 0 } => {
                    self.at = At::Header(after.next(), 0);
                    continue;
                }
                _ => {}
            }
            if input.is_empty() {
                return Ok(Piece::More);
            }
            if let Some(piece) = self.take(input)? {
                return Ok(piece);
            }
        }
    }

    /// Takes bytes for where it is.
    fn take<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Piece<'a>>, BundleError> {
        match &mut self.at {
            At::Header(part, have) => {
                let part = *part;
                let room = self.block.get_mut(*have..).unwrap_or_default();
                let bytes = split(input, room.len());
                for (to, from) in room.iter_mut().zip(bytes) {
                    *to = *from;
                }
                *have += bytes.len();
                if *have < BLOCK { Ok(None) } else { self.begin(part) }
            }
            At::Head { bytes, left, .. } => {
                let taken = split(input, *left);
                bytes.extend_from_slice(taken);
                *left -= taken.len();
                Ok(None)
            }
            At::Body { left, hash, .. } => {
                let taken = split(input, usize::try_from(*left).unwrap_or(usize::MAX));
                hash.update(taken);
                *left -= taken.len() as u64;
                Ok(Some(Piece::Data(taken)))
            }
            At::Padding { after, left } => {
                let after = *after;
                let taken = split(input, *left);
                *left -= taken.len();
                if taken.iter().any(|byte| *byte != 0) {
                    return Err(BundleError::Padding(self.name(after)));
                }
                Ok(None)
            }
            At::Zeros(left) => {
                let taken = split(input, *left);
                *left -= taken.len();
                let over = *left == 0;
                if taken.iter().any(|byte| *byte != 0) {
                    return Err(BundleError::Trailing);
                }
                if over {
                    self.at = At::Done;
                    return Ok(Some(Piece::End));
                }
                Ok(None)
            }
            At::Done => Err(BundleError::Trailing),
        }
    }

    /// A header is whole.
    fn begin<'a>(&mut self, part: Part) -> Result<Option<Piece<'a>>, BundleError> {
        match part {
            Part::Envelope => self.begin_head(part, SIGNATURES, MAX_ENVELOPE).map(|()| None),
            Part::Manifest => self.begin_head(part, MANIFEST, MAX_MANIFEST).map(|()| None),
            Part::File(index) => {
                let files = self.release.as_ref().map(Release::files).unwrap_or_default();
                let Some(file) = files.get(index) else {
                    if self.block.iter().any(|byte| *byte != 0) {
                        return Err(fault::of_header(&self.block, files, index));
                    }
                    self.at = At::Zeros(END.len() - BLOCK);
                    return Ok(None);
                };
                if header(file.path.as_str(), file.size, file.mode).as_ref() != Some(&self.block) {
                    return Err(fault::of_header(&self.block, files, index));
                }
                self.at = At::Body { index, left: file.size, hash: Sha256::new() };
                Ok(Some(Piece::File(index)))
            }
        }
    }

    fn begin_head(
        &mut self,
        part: Part,
        name: &'static str,
        most: usize,
    ) -> Result<(), BundleError> {
        let size = fault::head_size(&self.block, name)?;
        let left = usize::try_from(size).unwrap_or(usize::MAX);
        if left > most {
            return Err(BundleError::HeadTooLarge { name, size, most });
        }
        self.at = At::Head { part, bytes: Vec::new(), left };
        Ok(())
    }

    /// A file of the head is whole.
    fn end_head<'a>(&mut self) -> Result<Option<Piece<'a>>, BundleError> {
        let At::Head { part, bytes, .. } = std::mem::replace(&mut self.at, At::Done) else {
            return Ok(None);
        };
        self.at = At::Padding { after: part, left: padding(bytes.len() as u64) };
        if part == Part::Envelope {
            self.envelope = Envelope::parse(&bytes).map_err(BundleError::Envelope)?;
            return Ok(None);
        }
        let release = Release::parse(&bytes).map_err(BundleError::Manifest)?;
        if let Some(check) = self.check.take() {
            check(&self.envelope, &release).map_err(BundleError::Refused)?;
        }
        self.release = Some(release);
        Ok(Some(Piece::Head))
    }

    /// A file of the release is whole.
    fn end_file<'a>(&mut self, index: usize) -> Result<Piece<'a>, BundleError> {
        let At::Body { hash, .. } = std::mem::replace(&mut self.at, At::Done) else {
            return Err(BundleError::Trailing);
        };
        let Some(file) = self.file(index) else { return Err(BundleError::Trailing) };
        if Digest(hash.finalize().into()) != file.sha256 {
            return Err(BundleError::Digest(file.path.clone()));
        }
        self.at = At::Padding { after: Part::File(index), left: padding(file.size) };
        Ok(Piece::FileEnd)
    }

    fn file(&self, index: usize) -> Option<&File> {
        self.release.as_ref()?.files().get(index)
    }

    fn name(&self, part: Part) -> String {
        match part {
            Part::Envelope => SIGNATURES.to_owned(),
            Part::Manifest => MANIFEST.to_owned(),
            Part::File(index) => {
                self.file(index).map_or_else(|| "its end".to_owned(), |file| file.path.to_string())
            }
        }
    }
}

/// Cuts up to `most` bytes from the front.
fn split<'a>(input: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (taken, rest) = input.split_at(most.min(input.len()));
    *input = rest;
    taken
}
