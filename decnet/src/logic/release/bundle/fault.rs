//! Why a bundle is refused, and which of the reasons a wrong header shows.

use tar::{EntryType, Header};

use super::header::{BLOCK, header};
use crate::logic::release::digest::shown;
use crate::logic::release::{EnvelopeError, File, FilePath, ManifestError, PathError, Refusal};

/// Why a bundle is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// A name differs from a file's in case alone.
    #[error("`{0}` differs from a file of the release in case alone")]
    Case(String),
    /// A header's sum is wrong.
    #[error("where the header of `{0}` should be is no tar header")]
    Damaged(String),
    /// The bytes of a file are not those that were signed.
    #[error("the bytes of `{0}` are not those of the release")]
    Digest(FilePath),
    /// A file comes twice.
    #[error("`{0}` comes twice")]
    Duplicate(String),
    /// The signatures are none.
    #[error("its signatures cannot be read")]
    Envelope(#[source] EnvelopeError),
    /// A file that is not of the release.
    #[error("`{0}` is not a file of the release")]
    Extra(String),
    /// Something that is neither signatures nor a manifest comes where they should.
    #[error("it does not begin with signatures.json and release.json but with `{0}`")]
    Head(String),
    /// A file of the head is larger than any.
    #[error("`{name}` has {size} bytes, and more than {most} it never has")]
    HeadTooLarge {
        /// Which.
        name: &'static str,
        /// What its header says.
        size: u64,
        /// Most.
        most: usize,
    },
    /// Something other than a file.
    #[error("`{name}` is {kind}: a bundle holds nothing but files")]
    Kind {
        /// Which.
        name: String,
        /// What it is instead.
        kind: &'static str,
    },
    /// The manifest is none.
    #[error("its release.json is refused")]
    Manifest(#[source] ManifestError),
    /// It ends before a file of the release.
    #[error("it ends before `{0}`")]
    Missing(String),
    /// A file may be used in a way that the release does not say.
    #[error("`{name}` has mode {mode:o}, and not that of the release")]
    Mode {
        /// Which.
        name: String,
        /// What its header says.
        mode: u32,
    },
    /// A name that could lead out of the release.
    #[error("a name is refused")]
    Name(#[source] PathError),
    /// A header says something that ours do not: an owner, a time, a link.
    #[error("the header of `{0}` says more than that of a bundle")]
    Odd(String),
    /// A file comes before or after its turn.
    #[error("`{found}` comes where `{wanted}` should")]
    Order {
        /// Whose turn it is.
        wanted: String,
        /// Which comes.
        found: String,
    },
    /// There is something between files.
    #[error("there is something in the padding after `{0}`")]
    Padding(String),
    /// The release may not be installed here.
    #[error("the release is refused")]
    Refused(#[source] Refusal),
    /// A file would change who runs it, or is sticky.
    #[error("`{0}` is setuid, setgid or sticky")]
    Setuid(String),
    /// A file has another size than the release says.
    #[error("`{name}` has {found} bytes, and {wanted} in the release")]
    Size {
        /// Which.
        name: String,
        /// What the release says.
        wanted: u64,
        /// What its header says.
        found: u64,
    },
    /// There is something after the end.
    #[error("there is something after its end")]
    Trailing,
    /// It ends in the midst.
    #[error("it ends in the midst of `{0}`")]
    Truncated(String),
}

/// Why `block` is not the header of `files[at]`, or not the end after all of them.
pub(super) fn of_header(block: &[u8; BLOCK], files: &[File], at: usize) -> BundleError {
    let wanted = files.get(at);
    let name_wanted = wanted.map_or("the end", |file| file.path.as_str()).to_owned();
    let header_found = Header::from_byte_slice(block);
    if block.iter().all(|byte| *byte == 0) {
        return BundleError::Missing(name_wanted);
    }
    if !has_sum(header_found) {
        return BundleError::Damaged(name_wanted);
    }
    let name = name_of(header_found);
    if let Some(kind) = kind(header_found) {
        return BundleError::Kind { name: shown(&name), kind };
    }
    if let Some(wanted) = wanted
        && wanted.path.as_str() == name
    {
        return of_file(header_found, wanted);
    }
    of_name(&name, files, at, name_wanted)
}

/// Why `block` does not begin the head's file `name`.
pub(super) fn of_head(block: &[u8; BLOCK], name: &str) -> BundleError {
    let found = Header::from_byte_slice(block);
    if !has_sum(found) {
        return BundleError::Damaged(name.to_owned());
    }
    let found_name = name_of(found);
    match kind(found) {
        Some(kind) => BundleError::Kind { name: shown(&found_name), kind },
        None if found_name == name => BundleError::Odd(name.to_owned()),
        None => BundleError::Head(shown(&found_name)),
    }
}

fn has_sum(header: &Header) -> bool {
    let bytes = header.as_bytes();
    // As written in the header, over all bytes with the field itself taken for spaces.
    let sum: u32 = (0_usize..)
        .zip(bytes)
        .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) })
        .sum();
    header.cksum().is_ok_and(|said| said == sum)
}

/// The whole field up to its zeros: a name that goes on after one is not cut there.
fn name_of(header: &Header) -> String {
    let field = &header.as_old().name;
    let end = field.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    String::from_utf8_lossy(field.get(..end).unwrap_or_default()).into_owned()
}

fn kind(header: &Header) -> Option<&'static str> {
    Some(match header.entry_type() {
        EntryType::Regular => return None,
        EntryType::Block | EntryType::Char => "a device",
        EntryType::Directory => "a directory",
        EntryType::Fifo => "a fifo",
        EntryType::Link => "a hard link",
        EntryType::Symlink => "a symbolic link",
        EntryType::GNULongName | EntryType::GNULongLink => "a long name",
        EntryType::XGlobalHeader | EntryType::XHeader => "a pax extension",
        EntryType::GNUSparse => "a sparse file",
        _ => "of an unknown kind",
    })
}

/// The name is right and the header is not.
fn of_file(found: &Header, wanted: &File) -> BundleError {
    let name = wanted.path.to_string();
    let size = found.entry_size().unwrap_or(u64::MAX);
    let mode = found.mode().unwrap_or(u32::MAX);
    if mode & 0o7000 != 0 {
        return BundleError::Setuid(name);
    }
    if mode != wanted.mode.bits() {
        return BundleError::Mode { name, mode };
    }
    if size != wanted.size {
        return BundleError::Size { name, wanted: wanted.size, found: size };
    }
    BundleError::Odd(name)
}

/// The name is not that of the file whose turn it is.
fn of_name(name: &str, files: &[File], at: usize, wanted: String) -> BundleError {
    let same = |file: &&File| file.path.as_str() == name;
    if files.iter().take(at).any(|file| same(&file)) {
        return BundleError::Duplicate(name.to_owned());
    }
    if files.iter().any(|file| same(&file)) {
        return BundleError::Order { wanted, found: name.to_owned() };
    }
    if files.iter().any(|file| file.path.as_str().eq_ignore_ascii_case(name)) {
        return BundleError::Case(shown(name));
    }
    match FilePath::parse(name) {
        Ok(_) => BundleError::Extra(name.to_owned()),
        Err(error) => BundleError::Name(error),
    }
}

/// Whether a header begins a file of the head; then how large it is.
pub(super) fn head_size(block: &[u8; BLOCK], name: &'static str) -> Result<u64, BundleError> {
    let size = Header::from_byte_slice(block).entry_size().unwrap_or(u64::MAX);
    let plain = crate::logic::release::Mode::Plain;
    if header(name, size, plain).as_ref() == Some(block) {
        return Ok(size);
    }
    Err(of_head(block, name))
}
