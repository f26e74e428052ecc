//! A "permission denied" that says whom the system refused, and where: a daemon serves as another
//! user than the one who started it, and what is closed may be a directory far above the file.

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use nix::fcntl::AT_FDCWD;
use nix::unistd::{AccessFlags, User, faccessat, geteuid};

/// The same error, which says as which user this process asked for `path`, and which directory above
/// it that user may not enter. Errors of another kind stay as they are.
pub fn explain(path: &Path, error: Error) -> Error {
    if error.kind() != ErrorKind::PermissionDenied || error.raw_os_error().is_none() {
        return error;
    }
    let uid = geteuid();
    let name = User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name);
    let closed = closed(path).map(|dir| format!(", who may not enter `{}`", dir.display()));
    let closed = closed.unwrap_or_default();
    Error::new(ErrorKind::PermissionDenied, format!("{error} for the user `{name}`{closed}"))
}

/// The uppermost directory above `path` that this process may not enter.
fn closed(path: &Path) -> Option<PathBuf> {
    let above: Vec<&Path> = path.ancestors().skip(1).collect();
    let may_not = |dir: &&&Path| {
        dir.is_dir()
            && faccessat(AT_FDCWD, **dir, AccessFlags::X_OK, nix::fcntl::AtFlags::AT_EACCESS)
                .is_err()
    };
    above.iter().rev().find(may_not).map(|dir| dir.to_path_buf())
}
