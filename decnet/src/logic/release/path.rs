//! The name of a file in a release, which becomes a path on a node.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::digest::shown;

/// Longest path: what a tar header holds without an extension.
const MAX_PATH: usize = 100;
/// Deepest path.
const MAX_DEPTH: usize = 8;

/// Where a file is in a release.
///
/// **Shape**: up to 100 bytes, up to eight parts between `/`, each of `A-Z a-z 0-9 . _ + @ -` and
/// not beginning with a dot; the first is `bin` or `share`. So no name is absolute, climbs, hides,
/// or looks like another in Unicode.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FilePath(String);

/// A name that no file of a release has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It begins with `/`.
    #[error("`{0}` is absolute")]
    Absolute(String),
    /// It has `.` or `..` for a part.
    #[error("`{0}` climbs out of the release")]
    Climbs(String),
    /// It has more than eight parts.
    #[error("`{0}` is deeper than 8 parts")]
    Deep(String),
    /// A part is empty or begins with a dot.
    #[error("`{0}` has a part that is empty or begins with a dot")]
    Hidden(String),
    /// It is empty or longer than 100 bytes.
    #[error("`{0}` is not 1 to 100 bytes long")]
    Length(String),
    /// It is in neither `bin` nor `share`.
    #[error("`{0}` is neither in `bin/` nor in `share/`")]
    Place(String),
    /// It has a character that could be taken for something else.
    #[error("`{0}` has a character other than A-Z a-z 0-9 . _ + @ -")]
    Strange(String),
}

impl FilePath {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let bad = |kind: fn(String) -> PathError| Err(kind(shown(text)));
        let plain = |c: u8| c.is_ascii_alphanumeric() || b"._+@-".contains(&c);
        if !(1..=MAX_PATH).contains(&text.len()) {
            return bad(PathError::Length);
        }
        if text.starts_with('/') {
            return bad(PathError::Absolute);
        }
        if !text.bytes().all(|c| plain(c) || c == b'/') {
            return bad(PathError::Strange);
        }
        if text.split('/').any(|part| part == "." || part == "..") {
            return bad(PathError::Climbs);
        }
        if text.split('/').any(|part| part.is_empty() || part.starts_with('.')) {
            return bad(PathError::Hidden);
        }
        if text.split('/').count() > MAX_DEPTH {
            return bad(PathError::Deep);
        }
        match text.split_once('/') {
            Some(("bin" | "share", _)) => Ok(Self(text.to_owned())),
            _ => bad(PathError::Place),
        }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The directories above it, the outermost first.
    pub fn parents(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').filter_map(|(at, _)| self.0.get(..at))
    }
}

impl TryFrom<String> for FilePath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        Self::parse(&text)
    }
}

impl From<FilePath> for String {
    fn from(path: FilePath) -> Self {
        path.0
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
