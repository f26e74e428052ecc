//! Files that visitors leave, by whatever way: recorded whole as a digest, kept as far as a decky
//! keeps files.

use crate::logic::event::{Data, Kind, MAX_RAW, RawDigest};
use crate::logic::files::{Access, Fault, MAX_FILE};
use crate::logic::services::{Reply, Report};
use crate::logic::time::Timestamp;

/// A file that is arriving.
#[derive(Debug)]
pub(super) struct Upload {
    path: String,
    how: &'static str,
    digest: RawDigest,
    /// The first bytes, with what was there before where nothing was written.
    head: Vec<u8>,
    len: u64,
    pub(super) mode: Option<u16>,
    pub(super) time: Option<Timestamp>,
}

impl Upload {
    /// Begins a file, empty or with what is already there.
    ///
    /// # Errors
    ///
    /// It may not be written.
    pub(super) fn begin(
        path: String,
        how: &'static str,
        existing: Existing,
        files: &mut Access<'_>,
    ) -> Result<Self, Fault> {
        let (head, len) = match existing {
            Existing::Emptied => (Vec::new(), 0),
            Existing::Kept => {
                let head = files.read_at(&path, 0, MAX_FILE)?;
                (head, files.stat(&path)?.size)
            }
        };
        files.keep(&path, &head, len)?;
        let digest = RawDigest::default();
        Ok(Self { path, how, digest, head, len, mode: None, time: None })
    }

    /// Takes bytes that belong at `offset`. Nearly every client sends them in order.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        self.digest.update(bytes);
        let end = offset.saturating_add(bytes.len() as u64);
        self.len = self.len.max(end);
        let Some(begin) = usize::try_from(offset).ok().filter(|begin| *begin < MAX_FILE) else {
            return;
        };
        let room = MAX_FILE.saturating_sub(begin);
        let bytes = bytes.get(..room).unwrap_or(bytes);
        let end = begin.saturating_add(bytes.len());
        if self.head.len() < end {
            self.head.resize(end, 0);
        }
        if let Some(place) = self.head.get_mut(begin..end) {
            place.copy_from_slice(bytes);
        }
    }

    /// Adds bytes at the end.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.write(self.len, bytes);
    }

    /// Bytes that are held of it.
    pub(super) fn held(&self) -> usize {
        self.head.capacity() + MAX_RAW
    }

    /// How long it is.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Where it will lie.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Nothing more will come: keeps it, as far as there is room, and reports it.
    pub(super) fn finish(self, files: &mut Access<'_>, reply: &mut Reply) {
        let Self { path, how, digest, head, len, mode, time } = self;
        let kept = files.keep(&path, &head, len);
        let moded = mode.map_or(Ok(()), |mode| files.set_mode(&path, mode));
        let timed = time.map_or(Ok(()), |time| files.set_time(&path, time));
        let mut data = Data::new().with("path", path).with("how", how);
        data.put("bytes", digest.len());
        data.put("kept", kept.unwrap_or_default());
        if let Some(mode) = mode.filter(|_| moded.is_ok()) {
            data.put("mode", format!("{mode:04o}"));
        }
        if let Some(time) = time.filter(|_| timed.is_ok()) {
            data.put("mtime", time.to_string());
        }
        reply.report(Report::new(Kind::FileUpload).data(data).raw(digest.finish()));
    }
}

/// What becomes of a file that is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existing {
    /// Nothing of it is left.
    Emptied,
    /// It stays where nothing is written.
    Kept,
}
