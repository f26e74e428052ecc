//! Directories and files that are made for something that may yet be refused.

use std::path::{Path, PathBuf};

use super::files::{self, Result};

/// What was made here; it goes again when this is dropped before it is kept.
#[derive(Debug, Default)]
pub struct Fresh {
    /// In the order in which it was made.
    made: Vec<PathBuf>,
}

impl Fresh {
    /// Makes a directory and those above it, as [`files::make_dir`] does.
    ///
    /// # Errors
    ///
    /// As [`files::make_dir`].
    pub fn make_dir(&mut self, path: &Path) -> Result<()> {
        let missing: Vec<_> = path.ancestors().take_while(|dir| !dir.exists()).collect();
        let made = missing.into_iter().rev().filter(|dir| !dir.as_os_str().is_empty());
        self.made.extend(made.map(Path::to_path_buf));
        files::make_dir(path)
    }

    /// Writes a file that was not there, as [`files::replace`] does.
    ///
    /// # Errors
    ///
    /// As [`files::replace`].
    pub fn write(&mut self, path: &Path, bytes: &[u8]) -> Result<()> {
        self.made.push(path.to_path_buf());
        files::replace(path, bytes)
    }

    /// It stays.
    pub fn keep(mut self) {
        self.made.clear();
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        for path in self.made.iter().rev() {
            // What somebody else has put in there meanwhile is theirs, and keeps its directory.
            drop(std::fs::remove_file(path).or_else(|_| std::fs::remove_dir(path)));
        }
    }
}

#[cfg(test)]
mod tests;
