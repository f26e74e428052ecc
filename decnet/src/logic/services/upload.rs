//! Files that visitors leave, by whatever way: what is sent is kept whole beside the events, up to
//! [`MAX_WHOLE`] bytes, and beyond that told as length and digest; and the decky has the file, as
//! far as it has room. Where it has not, the visitor is told so once all of it has come.

use crate::logic::event::{Data, Kind, MAX_RAW, MAX_WHOLE, Raw, RawDigest};
use crate::logic::files::{Access, Fault};
use crate::logic::services::{Piece, Reply, Report};
use crate::logic::time::Timestamp;

pub(super) use crate::logic::files::Existing;

/// A file that is arriving.
#[derive(Debug)]
pub(super) struct Upload {
    path: String,
    how: &'static str,
    /// Where it lies; nowhere if what is written there is discarded.
    at: Option<String>,
    digest: RawDigest,
    len: u64,
    whole: Whole,
    /// Whether the file held nothing but what is sent.
    was_empty: bool,
    /// Why the file has not all of it.
    fault: Option<Fault>,
    pub(super) mode: Option<u16>,
    pub(super) time: Option<Timestamp>,
}

/// What is sent, on its way to where it is kept.
#[derive(Debug)]
struct Whole {
    number: u32,
    /// Where the next byte belongs; none when not all is kept: it came out of order, or there is
    /// too much.
    next: Option<u64>,
    sent: usize,
}

impl Whole {
    fn take(&mut self, offset: u64, bytes: &[u8], reply: &mut Reply) {
        let fits = self.sent.saturating_add(bytes.len()) <= MAX_WHOLE;
        let first = self.sent == 0;
        if !fits || !self.next.is_some_and(|next| first || next == offset) {
            if self.next.take().is_some() && !first {
                // What has been sent of it is not kept for nothing.
                reply.pieces.push(Piece { of: self.number, bytes: None });
            }
            return;
        }
        self.next = Some(offset.saturating_add(bytes.len() as u64));
        self.sent += bytes.len();
        reply.pieces.push(Piece { of: self.number, bytes: Some(bytes.to_vec()) });
    }
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
        let at = files.open(&path, existing)?;
        let len = match (&at, existing) {
            (Some(at), Existing::Kept) => files.stat(at)?.size,
            _ => 0,
        };
        Ok(Self {
            path,
            how,
            at,
            digest: RawDigest::default(),
            len,
            whole: Whole { number: files.number(), next: Some(0), sent: 0 },
            was_empty: len == 0,
            fault: None,
            mode: None,
            time: None,
        })
    }

    /// Takes bytes that belong at `offset`. Nearly every client sends them in order.
    pub(super) fn write(
        &mut self,
        offset: u64,
        bytes: &[u8],
        files: &mut Access<'_>,
        reply: &mut Reply,
    ) {
        self.digest.update(bytes);
        self.whole.take(offset, bytes, reply);
        self.len = self.len.max(offset.saturating_add(bytes.len() as u64));
        if let Some(at) = &self.at
            && let Err(fault) = files.write_at(at, offset, bytes)
        {
            self.fault = Some(fault);
        }
    }

    /// Adds bytes at the end.
    pub(super) fn append(&mut self, bytes: &[u8], files: &mut Access<'_>, reply: &mut Reply) {
        self.write(self.len, bytes, files, reply);
    }

    /// Bytes that are held of it, besides those that the decky holds.
    pub(super) fn held(&self) -> usize {
        size_of::<Self>() + self.path.len() + MAX_RAW
    }

    /// How long it is.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Where it was to lie.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The same where nobody is there to be told that there was no room.
    pub(super) fn leave(self, files: &mut Access<'_>, reply: &mut Reply) {
        if self.finish(files, reply).is_err() {}
    }

    /// Nothing more will come: reports it.
    ///
    /// # Errors
    ///
    /// The decky has not all of it.
    pub(super) fn finish(self, files: &mut Access<'_>, reply: &mut Reply) -> Result<(), Fault> {
        let Self { path, how, at, digest, whole, was_empty, fault, mode, time, .. } = self;
        let mut raw = digest.finish();
        let in_order = whole.next.is_some_and(|next| next == whole.sent as u64);
        let kept = at.as_deref().and_then(|at| files.stat(at).ok()).map_or(0, |stat| stat.size);
        if let Some(at) = &at {
            let same = in_order && was_empty && fault.is_none() && kept == raw.len;
            files.close(at, same.then(|| raw.sha256.as_str().into()));
        }
        let moded = mode.map_or(Ok(()), |mode| files.set_mode(&path, mode));
        let timed = time.map_or(Ok(()), |time| files.set_time(&path, time));
        let mut data = Data::new().with("path", path).with("how", how);
        data.put("bytes", raw.len);
        data.put("kept", kept);
        if let Some(mode) = mode.filter(|_| moded.is_ok()) {
            data.put("mode", format!("{mode:04o}"));
        }
        if let Some(time) = time.filter(|_| timed.is_ok()) {
            data.put("mtime", time.to_string());
        }
        let mut all = whole.next.is_some() && whole.sent > 0;
        if let Some(made) = at.as_deref().filter(|_| !all && fault.is_none() && raw.len > 0)
            && let Ok(made) = files.read(made)
        {
            // It came in another order than that of its bytes.
            data.put("assembled", true);
            raw = Raw { whole: None, ..Raw::of(&made) };
            reply.pieces.push(Piece { of: whole.number, bytes: Some(made) });
            all = true;
        }
        let report = Report::new(Kind::FileUpload).data(data).raw(raw);
        reply.report(Report { whole: all.then_some(whole.number), ..report });
        fault.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests;
