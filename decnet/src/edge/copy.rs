//! Copying a directory, or what of it is wanted.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use super::files::{FileError, make_dir};

/// Deepest directory that is looked into.
const MAX_DEPTH: usize = 16;
/// Most things that are looked at.
const MOST: usize = 64 * 1024;

/// Copies the files below `from` that are `wanted` by their paths; says when the latest of them
/// was changed. Links are not followed.
///
/// # Errors
///
/// [`FileError`], also for what is wanted and no file, and for a tree that is too deep or too large.
pub fn copy(
    from: &Path,
    into: &Path,
    wanted: impl Fn(&str) -> bool,
) -> Result<SystemTime, FileError> {
    let mut latest = SystemTime::UNIX_EPOCH;
    let mut folders = vec![(String::new(), 0)];
    let mut seen = 0;
    while let Some((folder, depth)) = folders.pop() {
        let dir = from.join(&folder);
        for entry in fs::read_dir(&dir).map_err(failed("read", &dir))? {
            let entry = entry.map_err(failed("read", &dir))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let name = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            seen += 1;
            if seen > MOST || depth > MAX_DEPTH {
                return Err(failed("copy all of", from)(nix::errno::Errno::E2BIG.into()));
            }
            if !wanted(&name) {
                continue;
            }
            let path = entry.path();
            let found = entry.metadata().map_err(failed("look at", &path))?;
            if found.is_dir() {
                folders.push((name, depth + 1));
                continue;
            }
            if !found.is_file() {
                let why = std::io::Error::other("it is neither a file nor a directory");
                return Err(failed("copy", &path)(why));
            }
            let place = into.join(&name);
            make_dir(place.parent().unwrap_or(into))?;
            fs::copy(&path, &place).map_err(failed("copy", &path))?;
            latest = latest.max(found.modified().map_err(failed("look at", &path))?);
        }
    }
    Ok(latest)
}

fn failed<'a>(doing: &'static str, path: &'a Path) -> impl Fn(std::io::Error) -> FileError + 'a {
    move |source| FileError { doing, path: path.into(), source }
}
