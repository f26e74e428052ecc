//! The key that api and web share: a file, or what whoever starts them says to them.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::files::{self, FileError};
use crate::logic::vouch::{BadKey, WebKey};

/// The path of what is said on standard input.
const INPUT: &str = "-";
/// Most bytes that are read there.
const MAX_BYTES: u64 = 1_024;

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum WebKeyError {
    /// It is none.
    #[error("`{path}` is no key of web and api")]
    Bad {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: BadKey,
    },
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The key in a file, when there is one; for `-` the one on standard input.
///
/// # Errors
///
/// [`WebKeyError`], by what is wrong.
pub fn read(path: &Path) -> Result<Option<WebKey>, WebKeyError> {
    let bytes = if path == Path::new(INPUT) {
        let mut bytes = Vec::new();
        let read = std::io::stdin().take(MAX_BYTES).read_to_end(&mut bytes);
        read.map_err(|error| FileError::new("read", path, error))?;
        bytes
    } else {
        let Some(bytes) = files::read(path)? else { return Ok(None) };
        bytes
    };
    // What is no text is no key either.
    let key = String::from_utf8_lossy(&bytes).parse();
    key.map(Some).map_err(|source| WebKeyError::Bad { path: path.to_owned(), source })
}
