//! Keys and roots in files.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::DiskError;
use crate::logic::release::{NotAKey, PublicKey, RootError, SecretKey, SignedRoot};

/// Most bytes of a file with a key or a root.
const MOST: u64 = 64 * 1024;

/// Why a file is not what it should hold.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// It holds no key.
    #[error("`{path}` holds no key")]
    NotAKey {
        /// Which file.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: NotAKey,
    },
    /// It holds no root.
    #[error("`{path}` holds no root of trust")]
    NotARoot {
        /// Which file.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: RootError,
    },
}

/// Writes a secret key to a file that nobody else may ever read, and the public one beside it.
///
/// # Errors
///
/// [`DiskError`], also when there is one.
pub fn write_secret(path: &Path, key: &SecretKey) -> Result<(), DiskError> {
    create(path, 0o600, key.text().as_bytes())?;
    let public = path.with_added_extension("pub");
    create(&public, 0o644, format!("{}\n", key.public()).as_bytes())
}

fn create(path: &Path, mode: u32, bytes: &[u8]) -> Result<(), DiskError> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(|error| DiskError::new("make", path, error))?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.map_err(|error| DiskError::new("write", path, error))
}

/// Reads a secret key.
///
/// # Errors
///
/// [`KeyError`].
pub fn read_secret(path: &Path) -> Result<SecretKey, KeyError> {
    let text = String::from_utf8_lossy(&read(path)?).into_owned();
    SecretKey::parse(&text).map_err(|source| KeyError::NotAKey { path: path.into(), source })
}

/// Reads a public key.
///
/// # Errors
///
/// [`KeyError`].
pub fn read_public(path: &Path) -> Result<PublicKey, KeyError> {
    let text = String::from_utf8_lossy(&read(path)?).into_owned();
    text.trim_end().parse().map_err(|source| KeyError::NotAKey { path: path.into(), source })
}

/// Reads a root of trust.
///
/// # Errors
///
/// [`KeyError`].
pub fn read_root(path: &Path) -> Result<SignedRoot, KeyError> {
    let bytes = read(path)?;
    SignedRoot::parse(&bytes).map_err(|source| KeyError::NotARoot { path: path.into(), source })
}

fn read(path: &Path) -> Result<Vec<u8>, DiskError> {
    let failed = |error| DiskError::new("read", path, error);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(MOST).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}
