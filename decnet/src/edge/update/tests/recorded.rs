//! A file system that remembers what is done, and what of it a power cut leaves.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::bench::copy_tree;
use crate::edge::update::{Fs, RealFs};

/// One operation. Paths are below the root.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    Append(PathBuf, Vec<u8>),
    Exchange(PathBuf, PathBuf),
    Link(PathBuf, PathBuf),
    Overwrite(PathBuf, Vec<u8>),
    Remove(PathBuf),
    RemoveTree(PathBuf),
    Rename(PathBuf, PathBuf),
    SyncDir(PathBuf),
    SyncFile(PathBuf),
    SyncTree,
    Truncate(PathBuf, u64),
    /// A directory that was put together, and a copy of it.
    Tree(PathBuf, PathBuf),
    Write(PathBuf, Vec<u8>),
}

/// What becomes of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// It is there.
    All,
    /// It is not.
    None,
    /// Names are there, and of bytes one half.
    Torn,
    /// Only this operation is not.
    Without(usize),
}

impl Variant {
    /// Every way in which a power cut can leave the disk after these.
    pub(super) fn all(operations: &[Operation]) -> Vec<Self> {
        let pending = pending(operations);
        let without = pending.iter().copied().map(Self::Without);
        [Self::All, Self::None, Self::Torn].into_iter().chain(without).collect()
    }
}

/// Remembers, and does it too.
#[derive(Debug)]
pub(super) struct Recording {
    root: PathBuf,
    operations: RefCell<Vec<Operation>>,
    trees: tempfile::TempDir,
}

impl Recording {
    pub(super) fn new(root: &Path) -> Self {
        let trees = tempfile::tempdir().expect("a directory");
        Self { root: root.into(), operations: RefCell::default(), trees }
    }

    pub(super) fn operations(&self) -> Vec<Operation> {
        self.operations.borrow().clone()
    }

    fn below(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).expect("it is of this disk").into()
    }

    fn note(&self, operation: Operation) {
        self.operations.borrow_mut().push(operation);
    }

    /// Something that is not done through the file system: the staging directory is filled.
    fn find_tree(&self, path: &Path) {
        let copy = self.trees.path().join(self.operations.borrow().len().to_string());
        copy_tree(path, &copy);
        self.note(Operation::Tree(self.below(path), copy));
    }
}

impl Fs for &Recording {
    fn allocate(&self, path: &Path, room: u64) -> io::Result<()> {
        // A power cut takes no room from a disk that is not full.
        RealFs.allocate(path, room)
    }

    fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.note(Operation::Append(self.below(path), bytes.into()));
        RealFs.append(path, bytes)
    }

    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()> {
        self.note(Operation::Exchange(self.below(one), self.below(other)));
        RealFs.exchange(one, other)
    }

    fn link(&self, target: &Path, path: &Path) -> io::Result<()> {
        self.note(Operation::Link(target.into(), self.below(path)));
        RealFs.link(target, path)
    }

    fn overwrite(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.note(Operation::Overwrite(self.below(path), bytes.into()));
        RealFs.overwrite(path, bytes)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.note(Operation::Remove(self.below(path)));
        RealFs.remove(path)
    }

    fn remove_tree(&self, path: &Path) -> io::Result<()> {
        self.note(Operation::RemoveTree(self.below(path)));
        RealFs.remove_tree(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.note(Operation::Rename(self.below(from), self.below(to)));
        RealFs.rename(from, to)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.note(Operation::SyncDir(self.below(path)));
        Ok(())
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.note(Operation::SyncFile(self.below(path)));
        path.metadata().map(drop)
    }

    fn sync_tree(&self, path: &Path) -> io::Result<()> {
        // What is to be synced has come by now.
        self.find_tree(path);
        self.note(Operation::SyncTree);
        Ok(())
    }

    fn truncate(&self, path: &Path, length: u64) -> io::Result<()> {
        self.note(Operation::Truncate(self.below(path), length));
        RealFs.truncate(path, length)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.note(Operation::Write(self.below(path), bytes.into()));
        RealFs.write(path, bytes)
    }
}

/// The operations of which a power cut now could lose something: the names that no sync of their
/// directory came after, and the bytes that no sync of their file came after.
fn pending(operations: &[Operation]) -> BTreeSet<usize> {
    let mut pending = BTreeSet::new();
    for (at, operation) in operations.iter().enumerate() {
        match operation {
            Operation::SyncDir(dir) => {
                pending.retain(|old| directory(&operations[*old]) != Some(dir.as_path()));
            }
            Operation::SyncFile(file) => {
                pending.retain(|old| bytes_of(&operations[*old]) != Some(file.as_path()));
            }
            Operation::SyncTree => pending.clear(),
            _ => drop(pending.insert(at)),
        }
    }
    pending
}

/// The directory in which an operation changes names.
fn directory(operation: &Operation) -> Option<&Path> {
    match operation {
        Operation::Exchange(path, _)
        | Operation::Link(_, path)
        | Operation::Remove(path)
        | Operation::RemoveTree(path)
        | Operation::Rename(_, path) => path.parent(),
        // What is empty is a name and nothing more.
        Operation::Write(path, bytes) if bytes.is_empty() => path.parent(),
        _ => None,
    }
}

/// The file of which an operation changes bytes. (Its name is synced with its bytes, as on ext4,
/// btrfs and xfs.)
fn bytes_of(operation: &Operation) -> Option<&Path> {
    match operation {
        Operation::Append(path, _)
        | Operation::Overwrite(path, _)
        | Operation::Truncate(path, _)
        | Operation::Write(path, _) => Some(path),
        _ => None,
    }
}

/// Makes below `root` what a power cut after these leaves.
pub(super) fn replay(operations: &[Operation], variant: Variant, root: &Path) {
    let pending = pending(operations);
    for (at, operation) in operations.iter().enumerate() {
        let is_lost = pending.contains(&at)
            && match variant {
                Variant::All | Variant::Torn => false,
                Variant::None => true,
                Variant::Without(lost) => lost == at,
            };
        if !is_lost {
            let is_torn = pending.contains(&at) && variant == Variant::Torn;
            // What another that was lost should have made is not there to be changed.
            drop(apply(operation, root, is_torn));
        }
    }
}

fn apply(operation: &Operation, root: &Path, is_torn: bool) -> io::Result<()> {
    let half = |bytes: &[u8]| if is_torn { bytes.len() / 2 } else { bytes.len() };
    match operation {
        Operation::Append(path, bytes) => RealFs.append(&root.join(path), &bytes[..half(bytes)]),
        Operation::Exchange(one, other) => RealFs.exchange(&root.join(one), &root.join(other)),
        Operation::Link(target, path) => RealFs.link(target, &root.join(path)),
        Operation::Overwrite(path, bytes) => {
            RealFs.overwrite(&root.join(path), &bytes[..half(bytes)])
        }
        Operation::Remove(path) => RealFs.remove(&root.join(path)),
        Operation::RemoveTree(path) => RealFs.remove_tree(&root.join(path)),
        Operation::Rename(from, to) => RealFs.rename(&root.join(from), &root.join(to)),
        Operation::SyncDir(_) | Operation::SyncFile(_) | Operation::SyncTree => Ok(()),
        Operation::Truncate(path, length) => RealFs.truncate(&root.join(path), *length),
        Operation::Tree(path, copy) => {
            let path = root.join(path);
            copy_tree(copy, &path);
            if is_torn { fs::write(path.join("share/words"), "wo") } else { Ok(()) }
        }
        Operation::Write(path, bytes) => RealFs.write(&root.join(path), &bytes[..half(bytes)]),
    }
}
