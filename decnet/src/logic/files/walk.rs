//! From a path to what is there: overlay before base, through links, as far as permissions allow.

use std::sync::Arc;

use super::access::Access;
use super::change::Body;
use super::content::Content;
use super::fault::Fault;
use super::path::{MAX_NAME, MAX_PATH, join};
use super::tree::{Content as Made, Entry};

/// Most links followed on the way, as Linux has it.
const MAX_LINKS: usize = 40;

/// Something that is there.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Absolute and normal.
    pub(super) path: String,
    pub(super) mode: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) thing: Thing,
}

/// What it is, and where its content lies.
#[derive(Clone, Debug)]
pub(super) enum Thing {
    /// A file or a device of the base.
    Base(&'static Entry),
    /// A directory; its path in the base, when some of it is there.
    Directory(Option<&'static Entry>),
    /// A file of the overlay.
    File { bytes: Content, len: u64 },
    /// A symbolic link.
    Link(Arc<str>),
}

/// Whether a link at the very end of a path is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    Follow,
    Keep,
}

impl Found {
    pub(super) fn is_directory(&self) -> bool {
        matches!(self.thing, Thing::Directory(_))
    }
}

impl Access<'_> {
    /// What an absolute path leads to.
    pub(super) fn walk(&self, path: &str, last: Last) -> Result<Found, Fault> {
        if path.len() > MAX_PATH {
            return Err(Fault::NameTooLong);
        }
        let mut trail = vec![self.root()];
        let mut pending: Vec<String> = names(path);
        let mut links = 0;
        while let Some(name) = pending.pop() {
            let here = trail.last().expect("the root is never taken off");
            if !here.is_directory() {
                return Err(Fault::NotADirectory);
            }
            if name == ".." {
                trail.truncate(trail.len().saturating_sub(1).max(1));
                continue;
            }
            if matches!(name.as_str(), "" | ".") {
                continue;
            }
            let next = self.step(here, &name)?;
            match &next.thing {
                Thing::Link(target) if last == Last::Follow || !pending.is_empty() => {
                    links += 1;
                    if links > MAX_LINKS || pending.len() > MAX_PATH {
                        return Err(Fault::Loop);
                    }
                    if target.starts_with('/') {
                        trail.truncate(1);
                    }
                    pending.extend(names(target));
                }
                _ => trail.push(next),
            }
        }
        Ok(trail.pop().expect("the root is never taken off"))
    }

    /// The directory in which the last name of an absolute path lies, and that name as it is
    /// written there.
    pub(super) fn walk_parent(&self, path: &str) -> Result<(Found, String), Fault> {
        let name = super::file_name(path);
        if matches!(name, "" | "." | "..") {
            return Err(Fault::Invalid);
        }
        if name.len() > MAX_NAME {
            return Err(Fault::NameTooLong);
        }
        let parent = self.walk(super::parent(path), Last::Follow)?;
        if !parent.is_directory() {
            return Err(Fault::NotADirectory);
        }
        let known = self.child(&parent, name).map(|found| super::file_name(&found.path).to_owned());
        Ok((parent, known.unwrap_or_else(|| name.to_owned())))
    }

    /// What lies in a directory under `name`.
    pub(super) fn child(&self, directory: &Found, name: &str) -> Option<Found> {
        let Thing::Directory(base) = &directory.thing else { return None };
        let path = join(&directory.path, name);
        if let Some(node) = self.overlay().and_then(|overlay| overlay.node(&path)) {
            return self.own(path, node);
        }
        let entry = base.and_then(|base| self.tree.child(base.path, name));
        let Some(entry) = entry else { return self.own_by_case(directory, name) };
        let known = join(&directory.path, super::file_name(entry.path));
        match self.overlay().and_then(|overlay| overlay.node(&known)) {
            Some(node) => self.own(known, node),
            None => Some(shown(known, entry)),
        }
    }

    /// What the overlay has in a directory under `name` where the case of letters is ignored.
    fn own_by_case(&self, directory: &Found, name: &str) -> Option<Found> {
        if self.tree.case == super::tree::Case::Kept {
            return None;
        }
        let wanted = join(&directory.path, name);
        let mut below = self.overlay()?.below(&directory.path);
        let (path, node) = below.find(|(path, _)| path.eq_ignore_ascii_case(&wanted))?;
        self.own(path.to_owned(), node)
    }

    /// What an entry of the overlay shows.
    pub(super) fn own(&self, path: String, node: &super::Node) -> Option<Found> {
        let thing = match &node.body {
            Body::Base(base) => shown(String::new(), self.tree.entry(base)?).thing,
            Body::Directory => Thing::Directory(None),
            Body::File { bytes, len } => Thing::File { bytes: bytes.clone(), len: *len },
            Body::Gone | Body::Stored { .. } => return None,
            Body::Link(target) => Thing::Link(target.as_str().into()),
        };
        Some(Found { path, mode: node.mode, uid: node.uid, gid: node.gid, thing })
    }

    fn step(&self, here: &Found, name: &str) -> Result<Found, Fault> {
        if name.len() > MAX_NAME {
            return Err(Fault::NameTooLong);
        }
        if !self.may(here, super::access::SEARCH) {
            return Err(Fault::Denied);
        }
        self.child(here, name).ok_or(Fault::NotFound)
    }

    fn root(&self) -> Found {
        let entry = self.tree.entry("/").expect("every manifest has a root");
        shown("/".to_owned(), entry)
    }
}

/// An entry of the base as it shows at `path`.
pub(super) fn shown(path: String, entry: &'static Entry) -> Found {
    let thing = match entry.content {
        Made::Directory => Thing::Directory(Some(entry)),
        Made::Link(target) => Thing::Link(target.into()),
        _ => Thing::Base(entry),
    };
    Found { path, mode: entry.mode, uid: entry.uid, gid: entry.gid, thing }
}

/// The names of a path, the first one last. A `/` at the end asks for a directory.
fn names(path: &str) -> Vec<String> {
    let mut names: Vec<String> =
        path.split('/').rev().filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if path.ends_with('/') && !names.is_empty() {
        names.insert(0, ".".to_owned());
    }
    names
}
