//! A file system of which one operation fails.

use std::cell::Cell;
use std::io;
use std::path::Path;

use crate::edge::update::{Fs, RealFs};

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is done, and said to have failed.
    Afterwards,
    /// There is no space.
    Full,
    /// The disk does not answer.
    Io,
    /// The process has too many files open.
    Many,
    /// The disk takes nothing any more.
    ReadOnly,
    /// A part was written.
    Short,
}

impl Fault {
    pub(super) const ALL: [Self; 6] =
        [Self::Afterwards, Self::Full, Self::Io, Self::Many, Self::ReadOnly, Self::Short];

    fn error(self) -> io::Error {
        let errno = match self {
            Self::Afterwards | Self::Io => nix::libc::EIO,
            Self::Full | Self::Short => nix::libc::ENOSPC,
            Self::Many => nix::libc::EMFILE,
            Self::ReadOnly => nix::libc::EROFS,
        };
        io::Error::from_raw_os_error(errno)
    }
}

/// A file system of which one operation fails, counted from 0. Nothing is synced: the power does not
/// go while these tests run.
#[derive(Debug)]
pub(super) struct Failing {
    at: Option<(usize, Fault)>,
    count: Cell<usize>,
}

impl Failing {
    pub(super) fn never() -> Self {
        Self { at: None, count: Cell::new(0) }
    }

    pub(super) fn at(at: usize, fault: Fault) -> Self {
        Self { at: Some((at, fault)), ..Self::never() }
    }

    pub(super) fn count(&self) -> usize {
        self.count.get()
    }

    fn fault(&self) -> Option<Fault> {
        let now = self.count.replace(self.count.get() + 1);
        self.at.filter(|(at, _)| *at == now).map(|(_, fault)| fault)
    }

    fn run(&self, act: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        match self.fault() {
            None => act(),
            Some(Fault::Afterwards) => act().and(Err(Fault::Afterwards.error())),
            Some(fault) => Err(fault.error()),
        }
    }

    fn put(&self, bytes: &[u8], act: impl FnOnce(&[u8]) -> io::Result<()>) -> io::Result<()> {
        match self.fault() {
            None => act(bytes),
            Some(Fault::Afterwards) => act(bytes).and(Err(Fault::Afterwards.error())),
            Some(Fault::Short) => act(&bytes[..bytes.len() / 2]).and(Err(Fault::Short.error())),
            Some(fault) => Err(fault.error()),
        }
    }
}

impl Fs for &Failing {
    fn allocate(&self, path: &Path, room: u64) -> io::Result<()> {
        self.run(|| RealFs.allocate(path, room))
    }

    fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.put(bytes, |bytes| RealFs.append(path, bytes))
    }

    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()> {
        self.run(|| RealFs.exchange(one, other))
    }

    fn link(&self, target: &Path, path: &Path) -> io::Result<()> {
        self.run(|| RealFs.link(target, path))
    }

    fn overwrite(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.put(bytes, |bytes| RealFs.overwrite(path, bytes))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.run(|| RealFs.remove(path))
    }

    fn remove_tree(&self, path: &Path) -> io::Result<()> {
        self.run(|| RealFs.remove_tree(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.run(|| RealFs.rename(from, to))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.run(|| path.metadata().map(drop))
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.run(|| path.metadata().map(drop))
    }

    fn sync_tree(&self, path: &Path) -> io::Result<()> {
        self.run(|| path.metadata().map(drop))
    }

    fn truncate(&self, path: &Path, length: u64) -> io::Result<()> {
        self.run(|| RealFs.truncate(path, length))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.put(bytes, |bytes| RealFs.write(path, bytes))
    }
}
