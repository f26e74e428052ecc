//! Writing, as one user at one time: all of it goes into the overlay.

use super::access::{Access, READ, SEARCH};
use super::change::{Body, Node};
use super::fault::Fault;
use super::path::{is_below, join};
use super::tree::Content;
use super::walk::{Found, Last, Thing};
use super::{MAX_FILE, Owner, base, parent};
use crate::logic::time::Timestamp;

/// Permission to write a file or to change the names in a directory.
pub(super) const WRITE: u16 = 2;
/// In a directory with this bit only the owner of an entry removes it.
const STICKY: u16 = 0o1000;

impl Access<'_> {
    /// Puts `bytes` in place of a file's content, and makes the file where there is none.
    ///
    /// # Errors
    ///
    /// [`Fault::NoSpace`] with as much written as fits, [`Fault::IsADirectory`],
    /// [`Fault::Denied`], and those of looking it up.
    pub fn write(&mut self, path: &str, bytes: &[u8]) -> Result<(), Fault> {
        match self.keep(path, bytes, bytes.len() as u64)? {
            kept if kept < bytes.len() => Err(Fault::NoSpace),
            _ => Ok(()),
        }
    }

    /// Puts a file there of which more came than is at hand: `head` is kept as far as it fits,
    /// `len` is the length it shows. Says how much of `head` is kept.
    ///
    /// # Errors
    ///
    /// [`Fault::NoSpace`] when not even the name fits, and those of [`Access::write`].
    pub fn keep(&mut self, path: &str, head: &[u8], len: u64) -> Result<usize, Fault> {
        let Some((at, mode, owner)) = self.place(path)? else { return Ok(head.len()) };
        let overlay = self.files.overlay.get_or_insert_default();
        let kept = head.get(..overlay.room(&at)).unwrap_or(head);
        // Whoever looks at it sees the length that can be read.
        let len =
            if kept.len() == head.len() { len.max(kept.len() as u64) } else { kept.len() as u64 };
        let body = Body::File { bytes: kept.into(), len };
        overlay.set(&at, node(body, mode, owner, self.now))?;
        Ok(kept.len())
    }

    /// Puts a copy of a file there. What is not written to is shared with what it is a copy of.
    ///
    /// # Errors
    ///
    /// [`Fault::NoSpace`] with nothing written, and those of reading one and writing the other.
    pub fn copy(&mut self, from: &str, to: &str) -> Result<(), Fault> {
        let found = self.walk(from, Last::Follow)?;
        if found.is_directory() {
            return Err(Fault::IsADirectory);
        }
        if !self.may(&found, READ) {
            return Err(Fault::Denied);
        }
        // What is made anew whenever it is read is another thing than a copy of it.
        if matches!(found.thing, Thing::Base(entry)
            if matches!(entry.content, Content::Device(_) | Content::Made(_)))
        {
            let content = self.read(from)?;
            return self.write(to, &content);
        }
        let Some((at, mode, owner)) = self.place(to)? else { return Ok(()) };
        self.set(&at, body_of(&found), mode, owner)
    }

    /// Where a file is to be put, with which permissions and whose; nowhere when it is discarded.
    fn place(&self, path: &str) -> Result<Option<(String, u16, Owner)>, Fault> {
        Ok(Some(match self.walk(path, Last::Follow) {
            Ok(found) if found.is_directory() => return Err(Fault::IsADirectory),
            Ok(found) if !self.may(&found, WRITE) => return Err(Fault::Denied),
            Ok(found) if discards(&found) => return Ok(None),
            Ok(found) => (found.path, found.mode, Owner { uid: found.uid, gid: found.gid }),
            Err(Fault::NotFound) => (self.free_place(path)?, 0o644, self.owner),
            Err(fault) => return Err(fault),
        }))
    }

    /// Makes a directory.
    ///
    /// # Errors
    ///
    /// [`Fault::Exists`], [`Fault::Denied`], [`Fault::NoSpace`], and those of looking it up.
    pub fn make_directory(&mut self, path: &str) -> Result<(), Fault> {
        let at = self.vacant(path)?;
        self.set(&at, Body::Directory, 0o755, self.owner)
    }

    /// Makes a symbolic link at `path` to `target`, which need not be there.
    ///
    /// # Errors
    ///
    /// As for [`Access::make_directory`].
    pub fn link(&mut self, target: &str, path: &str) -> Result<(), Fault> {
        let at = self.vacant(path)?;
        self.set(&at, Body::Link(target.to_owned()), 0o777, self.owner)
    }

    /// Removes a file or a link.
    ///
    /// # Errors
    ///
    /// [`Fault::IsADirectory`], [`Fault::Denied`], [`Fault::NotPermitted`], [`Fault::NoSpace`],
    /// and those of looking it up.
    pub fn remove(&mut self, path: &str) -> Result<(), Fault> {
        let found = self.removable(path)?;
        if found.is_directory() {
            return Err(Fault::IsADirectory);
        }
        self.take_away(&found.path)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    ///
    /// [`Fault::DirectoryNotEmpty`], [`Fault::NotADirectory`], and those of [`Access::remove`].
    pub fn remove_directory(&mut self, path: &str) -> Result<(), Fault> {
        let found = self.removable(path)?;
        if !found.is_directory() {
            return Err(Fault::NotADirectory);
        }
        if !self.list(&found.path)?.is_empty() {
            return Err(Fault::DirectoryNotEmpty);
        }
        self.take_away(&found.path)
    }

    /// Removes whatever is there, with all below it.
    ///
    /// # Errors
    ///
    /// Those of [`Access::remove`].
    pub fn remove_all(&mut self, path: &str) -> Result<(), Fault> {
        let found = self.removable(path)?;
        self.take_away(&found.path)
    }

    /// Moves a file or a directory; a file at the new place is replaced.
    ///
    /// # Errors
    ///
    /// [`Fault::Invalid`] for a directory into itself, [`Fault::IsADirectory`] over a directory,
    /// [`Fault::NoSpace`], and those of looking both up.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), Fault> {
        let found = self.removable(from)?;
        let target = match self.walk(to, Last::Keep) {
            Ok(there) if there.path == found.path => return Ok(()),
            Ok(there) if there.is_directory() => return Err(Fault::IsADirectory),
            Ok(there) if found.is_directory() && !there.is_directory() => {
                return Err(Fault::NotADirectory);
            }
            Ok(there) => self.removable(&there.path)?.path,
            Err(Fault::NotFound) => self.vacant(to)?,
            Err(fault) => return Err(fault),
        };
        if is_below(&target, &found.path) {
            return Err(Fault::Invalid);
        }
        self.transfer(&found, &target)
    }

    /// Sets the permission bits.
    ///
    /// # Errors
    ///
    /// [`Fault::NotPermitted`], [`Fault::NoSpace`], and those of looking it up.
    pub fn set_mode(&mut self, path: &str, mode: u16) -> Result<(), Fault> {
        let found = self.owned(path)?;
        let owner = Owner { uid: found.uid, gid: found.gid };
        let mtime = self.stat_of(&found).mtime;
        self.set_node(&found.path, node(body_of(&found), mode & 0o7777, owner, mtime))
    }

    /// Gives it to another user and group.
    ///
    /// # Errors
    ///
    /// [`Fault::NotPermitted`] unless the superuser asks, and those of [`Access::set_mode`].
    pub fn set_owner(&mut self, path: &str, owner: Owner) -> Result<(), Fault> {
        let found = self.owned(path)?;
        if self.owner.uid != 0 && owner.uid != found.uid {
            return Err(Fault::NotPermitted);
        }
        let mtime = self.stat_of(&found).mtime;
        self.set_node(&found.path, node(body_of(&found), found.mode, owner, mtime))
    }

    /// Sets when its content changed.
    ///
    /// # Errors
    ///
    /// Those of [`Access::set_mode`].
    pub fn set_time(&mut self, path: &str, mtime: Timestamp) -> Result<(), Fault> {
        let found = self.owned(path)?;
        let owner = Owner { uid: found.uid, gid: found.gid };
        self.set_node(&found.path, node(body_of(&found), found.mode, owner, mtime))
    }

    fn set(&mut self, path: &str, body: Body, mode: u16, owner: Owner) -> Result<(), Fault> {
        self.set_node(path, node(body, mode, owner, self.now))
    }

    fn set_node(&mut self, path: &str, node: Node) -> Result<(), Fault> {
        if is_below(path, "/proc") || is_below(path, "/sys") || path == "/" {
            return Ok(());
        }
        self.files.overlay.get_or_insert_default().set(path, node)
    }

    /// Where a new entry would lie, or the fault that nothing may be there.
    fn free_place(&self, path: &str) -> Result<String, Fault> {
        let (directory, name) = self.walk_parent(path)?;
        let at = join(&directory.path, &name);
        if is_below(&at, "/proc") || is_below(&at, "/sys") {
            return Err(Fault::NotFound);
        }
        if self.may(&directory, WRITE | SEARCH) { Ok(at) } else { Err(Fault::Denied) }
    }

    /// The same, where nothing may be yet.
    fn vacant(&self, path: &str) -> Result<String, Fault> {
        match self.walk(path, Last::Keep) {
            Ok(_) => Err(Fault::Exists),
            Err(Fault::NotFound) => self.free_place(path),
            Err(fault) => Err(fault),
        }
    }

    /// What is there, when this user may take it away.
    fn removable(&self, path: &str) -> Result<Found, Fault> {
        let found = self.walk(path, Last::Keep)?;
        if found.path == "/" || is_below(&found.path, "/proc") || is_below(&found.path, "/sys") {
            return Err(Fault::NotPermitted);
        }
        let directory = self.walk(parent(&found.path), Last::Follow)?;
        if !self.may(&directory, WRITE | SEARCH) {
            return Err(Fault::Denied);
        }
        let uid = self.owner.uid;
        let bound = directory.mode & STICKY != 0 && uid != 0;
        if bound && uid != found.uid && uid != directory.uid {
            return Err(Fault::NotPermitted);
        }
        Ok(found)
    }

    /// What is there, when it belongs to this user.
    fn owned(&self, path: &str) -> Result<Found, Fault> {
        let found = self.walk(path, Last::Follow)?;
        let uid = self.owner.uid;
        if uid == 0 || uid == found.uid { Ok(found) } else { Err(Fault::NotPermitted) }
    }

    /// Removes an entry and all below it, looking at no permissions.
    fn take_away(&mut self, path: &str) -> Result<(), Fault> {
        let directory = self.walk_as_root(parent(path))?;
        let Thing::Directory(base) = directory.thing else { return Err(Fault::NotADirectory) };
        let name = super::file_name(path);
        let in_base = base.is_some_and(|base| self.tree.child(base.path, name).is_some());
        let now = self.now;
        let overlay = self.files.overlay.get_or_insert_default();
        overlay.forget_below(path);
        if in_base {
            return overlay.set(path, node(Body::Gone, 0, Owner::ROOT, now));
        }
        overlay.forget(path);
        Ok(())
    }

    pub(super) fn walk_as_root(&mut self, path: &str) -> Result<Found, Fault> {
        let owner = std::mem::replace(&mut self.owner, Owner::ROOT);
        let found = self.walk(path, Last::Follow);
        self.owner = owner;
        found
    }

    /// Moves what was found to a path where nothing is, or only a file.
    fn transfer(&mut self, found: &Found, target: &str) -> Result<(), Fault> {
        let mtime = self.stat_of(found).mtime;
        let owner = Owner { uid: found.uid, gid: found.gid };
        let before: Vec<(String, Node)> = self.overlay().map_or_else(Vec::new, |overlay| {
            let own = overlay.node(&found.path).map(|node| (found.path.as_str(), node));
            let all = own.into_iter().chain(overlay.below(&found.path));
            all.map(|(path, node)| (path.to_owned(), node.clone())).collect()
        });
        let mut moved = vec![(target.to_owned(), node(body_of(found), found.mode, owner, mtime))];
        moved.extend(before.iter().filter(|(path, _)| *path != found.path).map(|(path, node)| {
            let rest = path.strip_prefix(&found.path).unwrap_or_default();
            (format!("{target}{rest}"), node.clone())
        }));
        let done = self.take_away(&found.path).and_then(|()| {
            moved.into_iter().try_for_each(|(path, node)| self.set_node(&path, node))
        });
        if done.is_err() {
            // All of this fitted a moment ago, so it fits again.
            let overlay = self.files.overlay.get_or_insert_default();
            overlay.forget_below(target);
            overlay.forget(target);
            overlay.forget(&found.path);
            before.into_iter().try_for_each(|(path, node)| overlay.set(&path, node))?;
        }
        done
    }

    /// The content of a file as far as the overlay could keep it, whoever may read it.
    pub(super) fn content_of(&self, found: &Found) -> Vec<u8> {
        match &found.thing {
            Thing::Base(entry) => base::content(entry, self.decky(), self.now, 0, MAX_FILE),
            Thing::File { bytes, .. } => bytes.to_vec(),
            Thing::Directory(_) | Thing::Link(_) => Vec::new(),
        }
    }
}

fn node(body: Body, mode: u16, owner: Owner, mtime: Timestamp) -> Node {
    Node { body, mode, uid: owner.uid, gid: owner.gid, mtime }
}

fn body_of(found: &Found) -> Body {
    match &found.thing {
        Thing::Base(entry) | Thing::Directory(Some(entry)) => Body::Base(entry.path.to_owned()),
        Thing::Directory(None) => Body::Directory,
        Thing::File { bytes, len } => Body::File { bytes: bytes.clone(), len: *len },
        Thing::Link(target) => Body::Link(target.to_string()),
    }
}

/// Whether what is written to a file of the base goes nowhere.
pub(super) fn discards(found: &Found) -> bool {
    let Thing::Base(entry) = found.thing else { return false };
    let kernel = is_below(entry.path, "/proc") || is_below(entry.path, "/sys");
    kernel || matches!(entry.content, Content::Device(_))
}
