//! Looking and reading, as one user at one time. Writing is in `alter`.

use super::content::Content;
use super::fault::Fault;
use super::overlay::Overlay;
use super::path::file_name;
use super::tree::{Content as Made, Tree};
use super::walk::{Found, Last, Thing};
use super::{Files, Owner, base};
use crate::logic::decky::Identity;
use crate::logic::time::Timestamp;

/// Permission to look names up in a directory.
pub(super) const SEARCH: u16 = 1;
/// Permission to read a file or to list a directory.
pub(super) const READ: u16 = 4;
/// Most bytes that one [`Access::read`] gives.
pub const READ_LIMIT: usize = super::MAX_FILE;
/// Most that a device gives.
const DEVICE_LIMIT: usize = 1024 * 1024;

/// The files of a decky as one user sees them. Every path is absolute; see [`super::absolute`].
#[expect(missing_debug_implementations, reason = "a bundle of borrows, made for one call")]
pub struct Access<'a> {
    pub(super) files: &'a mut Files,
    decky: &'a Identity,
    pub(super) tree: &'static Tree,
    pub(super) owner: Owner,
    pub(super) now: Timestamp,
}

/// What is known of a file without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: Kind,
    /// Permission bits, as `chmod` takes them.
    pub mode: u16,
    /// Number of its user.
    pub uid: u32,
    /// Number of its group.
    pub gid: u32,
    /// Length in bytes; 4096 for a directory, the target's for a link.
    pub size: u64,
    /// When its content changed.
    pub mtime: Timestamp,
}

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A device.
    Device,
    /// A directory.
    Directory,
    /// A file.
    File,
    /// A symbolic link, and where it points.
    Link(String),
}

impl<'a> Access<'a> {
    pub(super) fn new(
        files: &'a mut Files,
        decky: &'a Identity,
        owner: Owner,
        now: Timestamp,
    ) -> Self {
        Self { files, decky, tree: base::tree(decky.persona), owner, now }
    }

    /// The path without `.`, `..` and links.
    ///
    /// # Errors
    ///
    /// Those of looking it up.
    pub fn canonical(&self, path: &str) -> Result<String, Fault> {
        Ok(self.walk(path, Last::Follow)?.path)
    }

    /// What is known of the file that a path leads to.
    ///
    /// # Errors
    ///
    /// Those of looking it up.
    pub fn stat(&self, path: &str) -> Result<Stat, Fault> {
        Ok(self.stat_of(&self.walk(path, Last::Follow)?))
    }

    /// The same of the link itself, where the path ends in one.
    ///
    /// # Errors
    ///
    /// Those of looking it up.
    pub fn stat_link(&self, path: &str) -> Result<Stat, Fault> {
        Ok(self.stat_of(&self.walk(path, Last::Keep)?))
    }

    /// Whether the path leads to a directory.
    pub fn is_directory(&self, path: &str) -> bool {
        self.walk(path, Last::Follow).is_ok_and(|found| found.is_directory())
    }

    /// Whether the path leads to a file that may be run.
    pub fn is_program(&self, path: &str) -> bool {
        self.walk(path, Last::Follow)
            .is_ok_and(|found| !found.is_directory() && self.may(&found, SEARCH))
    }

    /// Whether the path leads to a directory that may be entered.
    pub fn may_enter(&self, path: &str) -> bool {
        self.walk(path, Last::Follow)
            .is_ok_and(|found| found.is_directory() && self.may(&found, SEARCH))
    }

    /// Whether what lies at a canonical path is as the base has it, be it under another name.
    pub fn is_of_base(&self, path: &str) -> bool {
        let found = self.walk(path, Last::Follow);
        found.is_ok_and(|found| matches!(found.thing, Thing::Base(_) | Thing::Directory(Some(_))))
    }

    /// The names in a directory, in order of their bytes, with what is known of each.
    ///
    /// # Errors
    ///
    /// [`Fault::NotADirectory`], [`Fault::Denied`], and those of looking it up.
    pub fn list(&self, path: &str) -> Result<Vec<(String, Stat)>, Fault> {
        let directory = self.walk(path, Last::Follow)?;
        let Thing::Directory(base) = &directory.thing else { return Err(Fault::NotADirectory) };
        if !self.may(&directory, READ) {
            return Err(Fault::Denied);
        }
        let mut names: Vec<String> = Vec::new();
        if let Some(base) = base {
            names.extend(self.tree.children(base.path).map(|(name, _)| name.to_owned()));
        }
        if let Some(overlay) = self.overlay() {
            let below = overlay.below(&directory.path).map(|(path, _)| path);
            let direct = below.filter(|path| super::parent(path) == directory.path);
            names.extend(direct.map(|path| file_name(path).to_owned()));
        }
        names.sort_unstable();
        names.dedup();
        let stat = |name: String| {
            let found = self.child(&directory, &name)?;
            Some((name, self.stat_of(&found)))
        };
        Ok(names.into_iter().filter_map(stat).collect())
    }

    /// The content of a file, at most [`READ_LIMIT`] bytes of it.
    ///
    /// # Errors
    ///
    /// [`Fault::IsADirectory`], [`Fault::Denied`], and those of looking it up.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, Fault> {
        self.read_at(path, 0, READ_LIMIT)
    }

    /// At most `limit` bytes of a file from `offset` on.
    ///
    /// # Errors
    ///
    /// As for [`Access::read`].
    pub fn read_at(&self, path: &str, offset: u64, limit: usize) -> Result<Vec<u8>, Fault> {
        let found = self.walk(path, Last::Follow)?;
        if found.is_directory() {
            return Err(Fault::IsADirectory);
        }
        if !self.may(&found, READ) {
            return Err(Fault::Denied);
        }
        Ok(match &found.thing {
            Thing::Base(entry) => {
                let device = matches!(entry.content, Made::Device(_));
                let most = if device { DEVICE_LIMIT } else { READ_LIMIT };
                base::content(entry, self.decky, self.now, offset, limit.min(most))
            }
            Thing::File { bytes, len } => part(bytes, *len, offset, limit.min(READ_LIMIT)),
            Thing::Directory(_) | Thing::Link(_) => Vec::new(),
        })
    }

    pub(super) fn decky(&self) -> &'a Identity {
        self.decky
    }

    /// Whether this user has the permissions `wanted` (of 4, 2 and 1) on it.
    pub(super) fn may(&self, found: &Found, wanted: u16) -> bool {
        let Owner { uid, gid } = self.owner;
        if uid == 0 {
            return wanted & SEARCH == 0 || found.is_directory() || found.mode & 0o111 != 0;
        }
        let shift = match () {
            () if uid == found.uid => 6,
            () if gid == found.gid => 3,
            () => 0,
        };
        found.mode >> shift & wanted == wanted
    }

    pub(super) fn overlay(&self) -> Option<&Overlay> {
        self.files.overlay.as_deref()
    }

    pub(super) fn stat_of(&self, found: &Found) -> Stat {
        let (kind, size) = match &found.thing {
            Thing::Base(entry) if matches!(entry.content, Made::Device(_)) => (Kind::Device, 0),
            Thing::Base(entry) => (Kind::File, base::size(entry, self.decky, self.now)),
            Thing::Directory(_) => (Kind::Directory, 4096),
            Thing::File { bytes, len } => (Kind::File, (*len).max(bytes.len() as u64)),
            Thing::Link(target) => (Kind::Link(target.to_string()), target.len() as u64),
        };
        let Found { mode, uid, gid, .. } = *found;
        Stat { kind, mode, uid, gid, size, mtime: self.mtime(found) }
    }

    /// When the content of something changed; of a directory also when a name in it did.
    fn mtime(&self, found: &Found) -> Timestamp {
        let of_base = match &found.thing {
            Thing::Base(entry) | Thing::Directory(Some(entry)) => Some(*entry),
            Thing::Directory(None) | Thing::File { .. } => None,
            Thing::Link(_) => self.tree.entry(&found.path),
        };
        let overlay = self.overlay();
        let own = overlay.and_then(|overlay| overlay.node(&found.path)).map(|node| node.mtime);
        let mtime = own.or_else(|| of_base.map(|entry| entry.age.on(self.decky, self.now)));
        let mtime = mtime.unwrap_or(self.now);
        let Some(overlay) = overlay.filter(|_| found.is_directory()) else { return mtime };
        let below = overlay.below(&found.path);
        let direct = below.filter(|(path, _)| super::parent(path) == found.path);
        direct.map(|(_, node)| node.mtime).fold(mtime, Timestamp::max)
    }
}

/// At most `limit` bytes from `offset` on of a file that ends in zeros.
fn part(content: &Content, len: u64, offset: u64, limit: usize) -> Vec<u8> {
    let left = usize::try_from(len.saturating_sub(offset)).unwrap_or(usize::MAX);
    let mut bytes = content.read(usize::try_from(offset).unwrap_or(usize::MAX), limit.min(left));
    bytes.resize(limit.min(left), 0);
    bytes
}
