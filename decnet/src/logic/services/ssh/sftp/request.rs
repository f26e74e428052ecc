//! The requests of the protocol's version 3.

use super::super::wire::{Malformed, Reader, Writer};
use super::attributes::{self, Wanted};
use super::handle::{Appends, Handle};
use super::{Call, Status, extension};
use crate::logic::event::text;
use crate::logic::files::{self, Kind, Owner, Stat};
use crate::logic::services::account;
use crate::logic::services::listing::{self, Days};
use crate::logic::services::upload::{Existing, Upload};

pub(super) const INIT: u8 = 1;
pub(super) const VERSION: u8 = 2;
const OPEN: u8 = 3;
const CLOSE: u8 = 4;
const READ: u8 = 5;
const WRITE: u8 = 6;
const LSTAT: u8 = 7;
const FSTAT: u8 = 8;
const SETSTAT: u8 = 9;
const FSETSTAT: u8 = 10;
const OPENDIR: u8 = 11;
const READDIR: u8 = 12;
const REMOVE: u8 = 13;
const MKDIR: u8 = 14;
const RMDIR: u8 = 15;
const REALPATH: u8 = 16;
const STAT: u8 = 17;
const RENAME: u8 = 18;
const READLINK: u8 = 19;
const SYMLINK: u8 = 20;
pub(super) const STATUS: u8 = 101;
const HANDLE: u8 = 102;
const DATA: u8 = 103;
pub(super) const NAME: u8 = 104;
const ATTRS: u8 = 105;
pub(super) const EXTENDED: u8 = 200;
pub(super) const EXTENDED_REPLY: u8 = 201;

/// How a file is opened.
const FOR_WRITING: u32 = 2;
const APPENDING: u32 = 4;
const CREATING: u32 = 8;
const EMPTYING: u32 = 16;
const EXCLUSIVELY: u32 = 32;

/// Most bytes of one read; OpenSSH's.
pub(super) const MAX_READ: u32 = 261_120;
/// Names in one answer; OpenSSH's.
const NAMES: usize = 100;

/// What a request came to: a message, or why not.
type Answer = Result<Writer, Status>;

impl Call<'_, '_> {
    /// Answers a request; those that nobody knows get none.
    pub(super) fn answer(
        &mut self,
        kind: u8,
        mut reader: Reader<'_>,
    ) -> Result<Option<Writer>, Malformed> {
        let answer = match kind {
            OPEN => {
                let (path, flags) = (reader.text()?, reader.u32()?);
                let wanted = Wanted::read(&mut reader)?;
                self.open(path, flags, &wanted)
            }
            CLOSE => self.close(reader.string()?),
            READ => {
                let (handle, offset) = (reader.string()?, offset(&mut reader)?);
                self.read(handle, offset, reader.u32()?)
            }
            WRITE => {
                let (handle, offset) = (reader.string()?, offset(&mut reader)?);
                self.write(handle, offset, reader.string()?)
            }
            LSTAT => self.stat(reader.text()?, |files, path| files.stat_link(path)),
            STAT => self.stat(reader.text()?, |files, path| files.stat(path)),
            FSTAT => self.fstat(reader.string()?),
            SETSTAT => {
                let path = reader.text()?;
                self.set(path, &Wanted::read(&mut reader)?)
            }
            FSETSTAT => {
                let handle = reader.string()?;
                self.fset(handle, &Wanted::read(&mut reader)?)
            }
            OPENDIR => self.open_directory(reader.text()?),
            READDIR => self.read_directory(reader.string()?),
            REMOVE => self.change("rm", reader.text()?, |files, path| files.remove(path)),
            MKDIR => self.change("mkdir", reader.text()?, |files, path| files.make_directory(path)),
            RMDIR => {
                self.change("rmdir", reader.text()?, |files, path| files.remove_directory(path))
            }
            REALPATH => self.real_path(reader.text()?),
            RENAME => self.rename(reader.text()?, reader.text()?, Replacing::No),
            READLINK => self.read_link(reader.text()?),
            SYMLINK => self.link(reader.text()?, reader.text()?),
            EXTENDED => extension::answer(self, reader)?,
            _ => return Ok(None),
        };
        Ok(Some(answer.unwrap_or_else(|status| self.status(status))))
    }

    pub(super) fn done(&self) -> Writer {
        self.status(Status::Ok)
    }

    fn open(&mut self, path: &[u8], flags: u32, wanted: &Wanted) -> Answer {
        let path = self.path(path)?;
        if flags & FOR_WRITING == 0 {
            match self.files.read_at(&path, 0, 0) {
                Ok(_) | Err(files::Fault::IsADirectory) => {}
                Err(fault) => return Err(fault.into()),
            }
            self.note(format!("get {path}"));
            return self.opened(Handle::File(path));
        }
        let existing = match self.files.stat(&path) {
            Ok(_) if flags & CREATING != 0 && flags & EXCLUSIVELY != 0 => {
                return Err(Status::Failure);
            }
            Ok(_) if flags & EMPTYING == 0 => Existing::Kept,
            Err(files::Fault::NotFound) if flags & CREATING == 0 => return Err(Status::NoSuchFile),
            Err(fault) if fault != files::Fault::NotFound => return Err(fault.into()),
            Ok(_) | Err(_) => Existing::Emptied,
        };
        let is_new = self.files.stat(&path).is_err();
        let mut file = Upload::begin(path, "sftp", existing, &mut self.files)?;
        if is_new {
            // The usual umask.
            file.mode = wanted.mode.map(|mode| mode & 0o755);
        }
        let appends = if flags & APPENDING != 0 { Appends::Yes } else { Appends::No };
        self.opened(Handle::Upload { file: Box::new(file), appends })
    }

    fn opened(&mut self, handle: Handle) -> Answer {
        let name = self.handles.open(handle)?;
        Ok(Writer::message(HANDLE).u32(self.id).string(name))
    }

    fn close(&mut self, handle: &[u8]) -> Answer {
        match self.handles.close(handle) {
            None => Err(Status::NoSuchFile),
            Some(Handle::Upload { file, .. }) => {
                file.finish(&mut self.files, self.reply)?;
                Ok(self.done())
            }
            Some(Handle::Directory { .. } | Handle::File(_)) => Ok(self.done()),
        }
    }

    fn read(&mut self, handle: &[u8], offset: u64, length: u32) -> Answer {
        let path = match self.handles.find(handle) {
            None => return Err(Status::Failure),
            Some(Handle::File(path)) => path,
            Some(Handle::Directory { .. } | Handle::Upload { .. }) => {
                return Err(Status::NoSuchFile);
            }
        };
        let length = usize::try_from(length.min(MAX_READ)).unwrap_or_default();
        let bytes = self.files.read_at(path, offset, length)?;
        if bytes.is_empty() {
            return Err(Status::Eof);
        }
        Ok(Writer::message(DATA).u32(self.id).string(bytes))
    }

    fn write(&mut self, handle: &[u8], offset: u64, bytes: &[u8]) -> Answer {
        match self.handles.find(handle) {
            None => return Err(Status::Failure),
            Some(Handle::Upload { file, appends: Appends::No }) => {
                file.write(offset, bytes, &mut self.files, self.reply);
            }
            Some(Handle::Upload { file, appends: Appends::Yes }) => {
                file.append(bytes, &mut self.files, self.reply);
            }
            Some(Handle::Directory { .. } | Handle::File(_)) => return Err(Status::NoSuchFile),
        }
        Ok(self.done())
    }

    fn stat(
        &self,
        path: &[u8],
        look: impl FnOnce(&files::Access<'_>, &str) -> Result<Stat, files::Fault>,
    ) -> Answer {
        let path = self.path(path)?;
        let stat = look(&self.files, &path)?;
        Ok(attributes::write(Writer::message(ATTRS).u32(self.id), &stat))
    }

    fn fstat(&mut self, handle: &[u8]) -> Answer {
        let (path, length) = match self.handles.find(handle) {
            None => return Err(Status::Failure),
            Some(Handle::Directory { path, .. } | Handle::File(path)) => (path.as_str(), None),
            Some(Handle::Upload { file, .. }) => (file.path(), Some(file.len())),
        };
        let mut stat = self.files.stat(path)?;
        stat.size = length.unwrap_or(stat.size);
        Ok(attributes::write(Writer::message(ATTRS).u32(self.id), &stat))
    }

    /// Sets attributes of what lies at a path.
    pub(super) fn set(&mut self, path: &[u8], wanted: &Wanted) -> Answer {
        let path = self.path(path)?;
        self.files.stat_link(&path)?;
        if let Some(mode) = wanted.mode {
            self.note(format!("chmod {mode:o} {path}"));
        }
        let mut result = Ok(());
        if let Some(size) = wanted.size {
            let cut = usize::try_from(size).unwrap_or(usize::MAX);
            let head = self.files.read_at(&path, 0, cut)?;
            result = result.and(self.files.keep(&path, &head, size).map(drop));
        }
        if let Some(mode) = wanted.mode {
            result = result.and(self.files.set_mode(&path, mode));
        }
        if let Some(time) = wanted.time {
            result = result.and(self.files.set_time(&path, time));
        }
        if let Some((uid, gid)) = wanted.owner {
            result = result.and(self.files.set_owner(&path, Owner { uid, gid }));
        }
        result?;
        Ok(self.done())
    }

    fn fset(&mut self, handle: &[u8], wanted: &Wanted) -> Answer {
        let path = match self.handles.find(handle) {
            None => return Err(Status::Failure),
            Some(Handle::Directory { path, .. } | Handle::File(path)) => path.clone(),
            Some(Handle::Upload { file, .. }) => {
                // Writing goes on, so these wait for its end.
                file.mode = wanted.mode.or(file.mode);
                file.time = wanted.time.or(file.time);
                return Ok(self.done());
            }
        };
        self.set(path.as_bytes(), wanted)
    }

    fn open_directory(&mut self, path: &[u8]) -> Answer {
        let path = self.path(path)?;
        let mut rest = self.files.list(&path)?;
        for name in ["..", "."] {
            if let Ok(stat) = self.files.stat(&format!("{path}/{name}")) {
                rest.insert(0, (name.to_owned(), stat));
            }
        }
        // They are taken from the end.
        rest.reverse();
        self.note(format!("ls {path}"));
        self.opened(Handle::Directory { path, rest })
    }

    fn read_directory(&mut self, handle: &[u8]) -> Answer {
        let Some(Handle::Directory { rest, .. }) = self.handles.find(handle) else {
            return Err(Status::Failure);
        };
        if rest.is_empty() {
            return Err(Status::Eof);
        }
        let some = rest.split_off(rest.len().saturating_sub(NAMES));
        let (users, groups) = (account::all(&self.files), account::groups(&self.files));
        let now = self.now;
        let count = u32::try_from(some.len()).unwrap_or_default();
        let message = Writer::message(NAME).u32(self.id).u32(count);
        Ok(some.iter().rev().fold(message, |message, (name, stat)| {
            let user = users.iter().find(|user| user.owner.uid == stat.uid);
            let user = user.map_or_else(|| stat.uid.to_string(), |user| user.name.clone());
            let group = groups.iter().find(|(_, gid)| *gid == stat.gid);
            let group = group.map_or_else(|| stat.gid.to_string(), |(name, _)| name.clone());
            let line = listing::line(name, stat, [&user, &group], now, Days::Spaced);
            attributes::write(message.string(name).string(line), stat)
        }))
    }

    /// Does something to what lies at a path.
    fn change(
        &mut self,
        command: &str,
        path: &[u8],
        act: impl FnOnce(&mut files::Access<'_>, &str) -> Result<(), files::Fault>,
    ) -> Answer {
        let path = self.path(path)?;
        self.note(format!("{command} {path}"));
        act(&mut self.files, &path)?;
        Ok(self.done())
    }

    /// The path without links and dots. Its last name need not be there.
    pub(super) fn real_path(&self, path: &[u8]) -> Answer {
        let path = self.path(if path.is_empty() { b"." } else { path })?;
        let real = match self.files.canonical(&path) {
            Err(files::Fault::NotFound) => {
                let parent = self.files.canonical(files::parent(&path))?;
                format!("{}/{}", parent.trim_end_matches('/'), files::file_name(&path))
            }
            real => real?,
        };
        Ok(self.name(&real))
    }

    /// A single name, without attributes.
    pub(super) fn name(&self, name: &str) -> Writer {
        Writer::message(NAME).u32(self.id).u32(1).string(name).string(name).u32(0)
    }

    pub(super) fn rename(&mut self, from: &[u8], to: &[u8], replacing: Replacing) -> Answer {
        let (from, to) = (self.path(from)?, self.path(to)?);
        self.note(format!("rename {from} {to}"));
        self.files.stat_link(&from)?;
        if replacing == Replacing::No && self.files.stat_link(&to).is_ok() {
            return Err(Status::Failure);
        }
        self.files.rename(&from, &to)?;
        Ok(self.done())
    }

    fn read_link(&self, path: &[u8]) -> Answer {
        let path = self.path(path)?;
        match self.files.stat_link(&path)?.kind {
            Kind::Link(target) => Ok(self.name(&target)),
            Kind::Device | Kind::Directory | Kind::File => Err(Status::BadMessage),
        }
    }

    fn link(&mut self, target: &[u8], path: &[u8]) -> Answer {
        let (target, path) = (text(target), self.path(path)?);
        self.note(format!("symlink {target} {path}"));
        self.files.link(&target, &path)?;
        Ok(self.done())
    }
}

/// Whether a file at the new place is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replacing {
    No,
    Yes,
}

fn offset(reader: &mut Reader<'_>) -> Result<u64, Malformed> {
    let (high, low) = (reader.u32()?, reader.u32()?);
    Ok(u64::from(high) << 32 | u64::from(low))
}
