//! A bundle in a file: what it holds, and the same bundle with other signatures.

use std::io::{Read, Write};

use super::DiskError;
use super::pack::put_head;
use super::unpack::{BUFFER, UnpackError, fill};
use crate::logic::release::bundle::{BundleError, Piece, Reader};
use crate::logic::release::{Envelope, Refusal, Release};

/// Reads a whole bundle and keeps none of its files.
///
/// # Errors
///
/// [`UnpackError`].
pub fn read(
    bundle: &mut impl Read,
    check: impl FnOnce(&Envelope, &Release) -> Result<(), Refusal>,
) -> Result<(Release, Envelope), UnpackError> {
    let mut reader = Reader::new(check);
    let mut buffer = vec![0; BUFFER];
    while let count @ 1.. = fill(bundle, &mut buffer)? {
        let mut input = buffer.get(..count).unwrap_or_default();
        while reader.next(&mut input)? != Piece::More {}
    }
    reader.finish()?;
    Ok(reader.into_head().ok_or(BundleError::Trailing)?)
}

/// Reads a bundle up to where it says what it is.
///
/// # Errors
///
/// [`UnpackError`].
pub(super) fn peek(
    bundle: &mut impl Read,
    check: impl FnOnce(&Envelope, &Release) -> Result<(), Refusal>,
) -> Result<(Release, Envelope), UnpackError> {
    let mut reader = Reader::new(check);
    let mut buffer = vec![0; BUFFER];
    while let count @ 1.. = fill(bundle, &mut buffer)? {
        let mut input = buffer.get(..count).unwrap_or_default();
        loop {
            match reader.next(&mut input)? {
                Piece::Head => return Ok(reader.into_head().ok_or(BundleError::Trailing)?),
                Piece::More => break,
                _ => {}
            }
        }
    }
    // It ends before that.
    reader.finish()?;
    Ok(reader.into_head().ok_or(BundleError::Trailing)?)
}

/// Writes a bundle's files behind another head of the same release.
///
/// # Errors
///
/// [`UnpackError`].
pub fn resign(
    bundle: &mut impl Read,
    sign: impl FnOnce(&Release, &mut Envelope),
    out: &mut impl Write,
) -> Result<(), UnpackError> {
    let mut reader = Reader::new(|_, _| Ok(()));
    let unwritten = |error| UnpackError::Disk(DiskError::new("write", "bundle", error));
    let mut sign = Some(sign);
    let mut buffer = vec![0; BUFFER];
    while let count @ 1.. = fill(bundle, &mut buffer)? {
        let mut input = buffer.get(..count).unwrap_or_default();
        loop {
            let before = input;
            let piece = reader.next(&mut input)?;
            let taken = before.get(..before.len() - input.len()).unwrap_or_default();
            if sign.is_none() {
                out.write_all(taken).map_err(unwritten)?;
            }
            match piece {
                Piece::Head => {
                    let mut envelope = reader.envelope().clone();
                    if let (Some(release), Some(sign)) = (reader.release(), sign.take()) {
                        sign(release, &mut envelope);
                        put_head(release, &envelope, out).map_err(unwritten)?;
                    }
                }
                Piece::More => break,
                _ => {}
            }
        }
    }
    Ok(reader.finish()?)
}
