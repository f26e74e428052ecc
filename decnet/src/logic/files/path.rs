//! Paths as text: `/` divides, nothing is looked up.

/// `path` as it is meant in the directory `cwd`: begins with `/`; `.`, `..` and links are still
/// in it.
pub fn absolute(cwd: &str, path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { join(cwd, path) }
}

/// The last name of a path, without the `/`s behind it; empty for the root.
pub fn file_name(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// All of a path but its last name; the root is its own parent.
pub fn parent(path: &str) -> &str {
    match path.trim_end_matches('/').rsplit_once('/') {
        None | Some(("", _)) => "/",
        Some((parent, _)) => parent,
    }
}

/// A name inside a directory.
pub(super) fn join(directory: &str, name: &str) -> String {
    if directory.ends_with('/') {
        format!("{directory}{name}")
    } else {
        format!("{directory}/{name}")
    }
}

/// Whether `path` lies below `directory`, at any depth, and is not it.
pub(super) fn is_below(path: &str, directory: &str) -> bool {
    let rest = path.strip_prefix(directory.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'))
}

/// Whether a path is one that the overlay may hold: absolute and normal, and not the root.
pub(super) fn is_normal(path: &str) -> bool {
    let names = path.strip_prefix('/').unwrap_or_default();
    let fine = |name: &str| !matches!(name, "" | "." | "..") && name.len() <= MAX_NAME;
    path.len() <= MAX_PATH && names.split('/').all(fine)
}

/// Longest name, in bytes.
pub(super) const MAX_NAME: usize = 255;
/// Longest path, in bytes.
pub(super) const MAX_PATH: usize = 4095;
