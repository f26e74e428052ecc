//! The data connection: how it comes to be, and what goes over it.

use super::list::{self, Form};
use super::place::User;
use super::words::Server;
use crate::logic::event::{Data, Kind as EventKind, Outcome, RawDigest, text};
use crate::logic::files::{Fault, Kind};
use crate::logic::services::upload::{Existing, Upload};
use crate::logic::services::{Context, DataEnd, Reply, Report};

/// Bytes of a file that are sent at a time.
const PIECE: usize = 64 * 1024;
/// Most bytes that are held of a visitor who sends before it is asked to.
const MAX_EARLY: usize = 256 * 1024;

/// The data connection.
#[derive(Debug, Default)]
pub(super) enum Channel {
    /// There is none, and none is expected.
    #[default]
    None,
    /// A port for it was asked for.
    Asked(Asked),
    /// The visitor knows the port.
    Expected,
    /// It is there. What came over it before it was wanted, and how it has ended since.
    Open(Vec<u8>, Option<DataEnd>),
    /// The visitor wants to be called, which never happens.
    Active,
}

/// Which command asked for a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Extended,
    Passive,
}

/// What goes over a data connection.
#[derive(Debug)]
pub(super) enum Transfer {
    List(Vec<u8>),
    Retrieve(Box<Download>),
    /// The bytes of it that go before those that come are as they were: so many.
    Store(Box<Upload>, u64),
}

impl Transfer {
    /// Bytes that are held for it.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::List(list) => list.capacity(),
            Self::Retrieve(_) => 0,
            Self::Store(upload, _) => upload.held(),
        }
    }
}

/// A file on its way to the visitor.
#[derive(Debug)]
pub(super) struct Download {
    /// The path on the decky.
    path: String,
    command: String,
    user: String,
    at: u64,
    size: u64,
    digest: RawDigest,
}

/// What a store does to what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Store {
    Append,
    Replace,
    /// From this byte on.
    Resume(u64),
}

impl Channel {
    /// Takes what came before it was wanted; false when that is too much.
    pub(super) fn early(&mut self, bytes: &[u8]) -> bool {
        let Self::Open(early, _) = self else { return true };
        early.extend_from_slice(bytes);
        early.len() <= MAX_EARLY
    }
}

impl Transfer {
    pub(super) fn list(
        user: &User,
        argument: &str,
        form: Form,
        server: Server,
        context: &mut Context<'_>,
    ) -> Result<Self, Fault> {
        match list::listing(user, argument, form, server, context) {
            Ok(text) => Ok(Self::List(text)),
            // An empty listing is how it says so.
            Err(_) if server == Server::Vsftpd => Ok(Self::List(Vec::new())),
            Err(fault) => Err(fault),
        }
    }

    /// A file to be sent from its byte `at` on, and its length.
    pub(super) fn retrieve(
        user: &User,
        path: &str,
        command: String,
        at: u64,
        context: &mut Context<'_>,
    ) -> Result<(Self, u64), Fault> {
        let path = user.real(path);
        let files = user.files(context);
        let stat = files.stat(&path)?;
        if stat.kind != Kind::File {
            return Err(Fault::IsADirectory);
        }
        files.read_at(&path, 0, 0)?;
        let size = stat.size;
        let (user, digest) = (user.account.name.clone(), RawDigest::default());
        Ok((Self::Retrieve(Box::new(Download { path, command, user, at, size, digest })), size))
    }

    /// A file to be taken.
    pub(super) fn store(
        user: &User,
        path: &str,
        store: Store,
        context: &mut Context<'_>,
    ) -> Result<Self, Fault> {
        let path = user.real(path);
        let mut files = user.files(context);
        let existing = match store {
            Store::Replace => Existing::Emptied,
            Store::Append | Store::Resume(_) if files.stat(&path).is_err() => Existing::Emptied,
            Store::Append | Store::Resume(_) => Existing::Kept,
        };
        let file = Upload::begin(path, "ftp", existing, &mut files)?;
        let offset = match store {
            Store::Append => file.len(),
            Store::Replace => 0,
            Store::Resume(at) => at,
        };
        Ok(Self::Store(Box::new(file), offset))
    }

    /// Whether there is nothing more to send; sends the next piece otherwise.
    pub(super) fn send(
        &mut self,
        user: &User,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) -> bool {
        match self {
            Self::List(text) => {
                reply.data.bytes.append(text);
                reply.data.bytes.is_empty()
            }
            Self::Retrieve(file) => {
                let left = usize::try_from(file.size.saturating_sub(file.at)).unwrap_or(PIECE);
                let files = user.files(context);
                let piece = files.read_at(&file.path, file.at, left.min(PIECE)).unwrap_or_default();
                file.digest.update(&piece);
                file.at = file.at.saturating_add(piece.len() as u64);
                let done = piece.is_empty();
                reply.data.bytes.extend_from_slice(&piece);
                done
            }
            Self::Store(..) => false,
        }
    }

    /// Takes bytes of the visitor.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        user: &User,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) {
        if let Self::Store(file, offset) = self {
            file.write(*offset, bytes, &mut user.files(context), reply);
            *offset = offset.saturating_add(bytes.len() as u64);
        }
    }

    /// It is over: reports it.
    ///
    /// # Errors
    ///
    /// There was no room for all of what came.
    pub(super) fn finish(
        self,
        outcome: Outcome,
        user: &User,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) -> Result<(), Fault> {
        match self {
            Self::List(_) => {}
            Self::Store(file, _) => return file.finish(&mut user.files(context), reply),
            Self::Retrieve(file) => {
                let data = Data::new()
                    .with("command", file.command)
                    .with("user", text(file.user.as_bytes()))
                    .with("path", text(file.path.as_bytes()))
                    .with("bytes", file.digest.len());
                let report = Report::new(EventKind::CmdInput).data(data).outcome(outcome);
                reply.report(report.raw(file.digest.finish()));
            }
        }
        Ok(())
    }
}
