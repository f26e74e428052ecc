//! A directory becomes a release, and a release a bundle.

use std::fs::Permissions;
use std::io::{Read as _, Write};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::tree::Kind;
use super::verify::MOST;
use super::{DiskError, Tree};
use crate::logic::release::bundle::{END, header, padding};
use crate::logic::release::{
    Digest, Envelope, File, FilePath, MANIFEST, Mode, PathError, Release, SIGNATURES,
};

const BUFFER: usize = 64 * 1024;

/// Why a directory is no release.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// Its files cannot be read, or the bundle not written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Something that is neither a file nor a directory.
    #[error("`{0}` is neither a file nor a directory, and a release holds nothing else")]
    Kind(String),
    /// A file's name that no file of a release has.
    #[error("a file cannot be in a release")]
    Name(#[source] PathError),
    /// A file changed while it was read.
    #[error("`{0}` has changed while it was packed")]
    Changed(FilePath),
}

/// The files below a directory, as a manifest lists them. Their modes become those that a release
/// has; a `release.json` that is there is passed over.
///
/// # Errors
///
/// [`PackError`].
pub fn survey(dir: &Path) -> Result<Vec<File>, PackError> {
    let tree = Tree::open(dir)?;
    let mut files = Vec::new();
    for (path, kind) in tree.list(MOST)? {
        match kind {
            Kind::Directory => {}
            Kind::File if path == MANIFEST => {}
            Kind::File => files.push(look(&tree, &path)?),
            Kind::Other => return Err(PackError::Kind(path)),
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn look(tree: &Tree, path: &str) -> Result<File, PackError> {
    let name = FilePath::parse(path).map_err(PackError::Name)?;
    let failed = |error| DiskError::new("read", tree.path().join(path), error);
    let mut open = tree.open_file(path)?;
    let may_run = open.metadata().map_err(failed)?.mode() & 0o111 != 0;
    let mode = if may_run { Mode::Program } else { Mode::Plain };
    open.set_permissions(Permissions::from_mode(mode.bits())).map_err(failed)?;
    let mut hash = Sha256::new();
    let mut size = 0;
    let mut buffer = vec![0; BUFFER];
    while let count @ 1.. = open.read(&mut buffer).map_err(failed)? {
        hash.update(buffer.get(..count).unwrap_or_default());
        size += count as u64;
    }
    Ok(File { path: name, size, mode, sha256: Digest(hash.finalize().into()) })
}

/// Writes a release that lies in `dir` as a bundle.
///
/// # Errors
///
/// [`PackError`].
pub fn pack(
    dir: &Path,
    (release, envelope): (&Release, &Envelope),
    out: &mut impl Write,
) -> Result<(), PackError> {
    let tree = Tree::open(dir)?;
    let unwritten = |error| DiskError::new("write", "bundle", error);
    put_head(release, envelope, out).map_err(unwritten)?;
    pad(release.bytes().len() as u64, out).map_err(unwritten)?;
    for file in release.files() {
        copy(&tree, file, out)?;
    }
    out.write_all(&END).map_err(unwritten)?;
    Ok(())
}

/// Writes the two files that a bundle begins with, up to the padding after the second.
pub(super) fn put_head(
    release: &Release,
    envelope: &Envelope,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let signatures = envelope.bytes();
    put(SIGNATURES, &signatures, out)?;
    pad(signatures.len() as u64, out)?;
    put(MANIFEST, release.bytes(), out)
}

fn put(name: &str, bytes: &[u8], out: &mut impl Write) -> std::io::Result<()> {
    let head = header(name, bytes.len() as u64, Mode::Plain).expect("these names are short");
    out.write_all(&head)?;
    out.write_all(bytes)
}

fn pad(size: u64, out: &mut impl Write) -> std::io::Result<()> {
    out.write_all(END.get(..padding(size)).unwrap_or_default())
}

fn copy(tree: &Tree, file: &File, out: &mut impl Write) -> Result<(), PackError> {
    let name = file.path.as_str();
    let failed = |error| DiskError::new("read", tree.path().join(name), error);
    let unwritten = |error| DiskError::new("write", "bundle", error);
    let mut open = tree.open_file(name)?.take(file.size);
    let head = header(name, file.size, file.mode).ok_or_else(|| PackError::Kind(name.into()))?;
    out.write_all(&head).map_err(unwritten)?;
    let mut left = file.size;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    while let count @ 1.. = open.read(&mut buffer).map_err(failed)? {
        let bytes = buffer.get(..count).unwrap_or_default();
        hash.update(bytes);
        out.write_all(bytes).map_err(unwritten)?;
        left -= count as u64;
    }
    if left != 0 || Digest(hash.finalize().into()) != file.sha256 {
        return Err(PackError::Changed(file.path.clone()));
    }
    pad(file.size, out).map_err(unwritten)?;
    Ok(())
}
