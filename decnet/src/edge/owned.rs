//! Files that are root's word: nobody else may have put them there, or could put others in their
//! place.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;

/// Why a file is not root's word.
#[derive(Debug, thiserror::Error)]
pub enum OwnedError {
    /// Others may write to it or to a directory above it.
    #[error("`{path}` can be written by others than root: `chmod go-w {path}`")]
    Open {
        /// What is open.
        path: PathBuf,
    },
    /// It, or a directory above it, belongs to somebody else.
    #[error("`{path}` belongs to the user {uid}, who could change it: `chown root: {path}`")]
    Stranger {
        /// What is somebody else's.
        path: PathBuf,
        /// Whose.
        uid: u32,
    },
    /// It cannot be read.
    #[error("cannot read `{path}`")]
    Unread {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Reads up to `most` bytes of a file, when it and every directory above it are root's and nobody
/// else may write to them. What is looked at is what is read: each step goes through the descriptor of
/// the one before.
///
/// # Errors
///
/// [`OwnedError`].
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, OwnedError> {
    let unread = |source: io::Error| OwnedError::Unread { path: path.into(), source };
    let whole = path.canonicalize().map_err(unread)?;
    let parts: Vec<_> =
        whole.components().filter(|part| matches!(part, Component::Normal(_))).collect();
    let (last, folders) =
        parts.split_last().ok_or_else(|| unread(io::Error::from(io::ErrorKind::IsADirectory)))?;
    let through = OFlag::O_DIRECTORY | OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let through = through | OFlag::O_PATH;
    let errno = |errno: nix::Error| unread(errno.into());
    let mut seen = PathBuf::from("/");
    let mut dir = open(&seen, through, Mode::empty()).map_err(errno)?;
    is_roots(&dir, &seen)?;
    for folder in folders {
        seen.push(folder);
        dir = openat(&dir, folder.as_os_str(), through, Mode::empty()).map_err(errno)?;
        is_roots(&dir, &seen)?;
    }
    // A fifo must not make us wait for whoever writes into it.
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let file = openat(&dir, last.as_os_str(), flags, Mode::empty()).map_err(errno)?;
    is_roots(&file, &whole)?;
    let mut bytes = Vec::new();
    File::from(file).take(most).read_to_end(&mut bytes).map_err(unread)?;
    Ok(bytes)
}

fn is_roots(fd: &OwnedFd, path: &Path) -> Result<(), OwnedError> {
    let unread = |source: io::Error| OwnedError::Unread { path: path.into(), source };
    let found = fd.try_clone().and_then(|fd| File::from(fd).metadata()).map_err(unread)?;
    if found.uid() != 0 {
        return Err(OwnedError::Stranger { path: path.into(), uid: found.uid() });
    }
    // In a directory such as /tmp nobody can touch what is another's.
    let is_shared = found.is_dir() && found.mode() & 0o1000 != 0;
    if found.mode() & 0o022 != 0 && !is_shared {
        return Err(OwnedError::Open { path: path.into() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    use super::*;

    #[test]
    fn what_others_could_change_is_not_roots_word() {
        if !nix::unistd::geteuid().is_root() {
            panic!("this test gives files away, and needs root for that");
        }
        let dir = tempfile::tempdir().expect("a directory");
        let (folder, file) = (dir.path().join("etc"), dir.path().join("etc/root.json"));
        fs::create_dir(&folder).expect("it is ours");
        fs::write(&file, "word").expect("it is ours");
        let link = dir.path().join("link");
        symlink(&file, &link).expect("it is ours");
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
        };
        let why = |path: &Path| read(path, 100).map_err(|error| error.to_string());
        assert_eq!(why(&file), Ok(b"word".to_vec()));
        assert_eq!(why(&link), Ok(b"word".to_vec()));
        assert_eq!(read(&file, 2).expect("it is root's"), b"wo");
        for (path, named) in [(&file, "root.json"), (&folder, "etc")] {
            chown(path, Some(12), None).expect("we are root");
            for asked in [&file, &link] {
                let said = why(asked).expect_err("it is somebody else's");
                assert!(said.contains("the user 12") && said.contains(named), "{said}");
            }
            chown(path, Some(0), None).expect("we are root");
            mode(path, 0o775);
            let said = why(&file).expect_err("others can write it");
            assert!(said.contains("chmod go-w"), "{said}");
            mode(path, 0o755);
        }
        fs::remove_file(&file).expect("it is ours");
        assert!(why(&file).is_err());
        fs::create_dir(&file).expect("it is ours");
        assert!(why(&file).is_err());
    }
}
