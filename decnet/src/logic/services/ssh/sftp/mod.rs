//! File transfer: version 3 of the protocol (draft-ietf-secsh-filexfer-02) with OpenSSH's
//! extensions, over the files of the decky.
//!
//! ```text
//! uint32 length | byte kind | uint32 id | ...
//! ```
//!
//! What is answered is measured of OpenSSH 9.2's sftp-server. A visitor has at most
//! [`handle::MAX`] files open; requests wait while it does not read the answers.

mod attributes;
mod extension;
mod handle;
mod request;

use super::wire::{Malformed, Reader, Writer};
use crate::logic::event::{Data, Kind, text};
use crate::logic::files::{self, Access};
use crate::logic::services::account::Account;
use crate::logic::services::{Context, Reply, Report};
use crate::logic::time::Timestamp;
use handle::Handles;

/// Longest request, without its length; OpenSSH's.
const MAX_REQUEST: usize = 256 * 1024;
/// Most bytes of requests that wait.
const MAX_INBOX: usize = 2 * MAX_REQUEST;
/// How OpenSSH's server ends over a message that makes no sense.
const BAD_MESSAGE_EXIT: u8 = 11;

/// A file transfer.
#[derive(Debug)]
pub(super) struct Sftp {
    account: Account,
    inbox: Vec<u8>,
    handles: Handles,
    greeted: Greeted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Greeted {
    No,
    Yes,
}

/// Why something was not done, as it is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    BadMessage,
    Denied,
    Eof,
    Failure,
    NoSuchFile,
    Ok,
    Unsupported,
}

/// What it takes to answer a request.
struct Call<'c, 'a> {
    account: &'c Account,
    handles: &'c mut Handles,
    files: Access<'a>,
    reply: &'c mut Reply,
    now: Timestamp,
    id: u32,
}

impl Sftp {
    /// The transfer of a user, before it has introduced itself.
    pub(super) fn new(account: Account) -> Self {
        Self { account, inbox: Vec::new(), handles: Handles::default(), greeted: Greeted::No }
    }

    /// Takes input and answers it, until the answers are `room` bytes long. The status, when it
    /// made no sense.
    pub(super) fn input(
        &mut self,
        bytes: &[u8],
        room: usize,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) -> Option<u8> {
        self.inbox.extend_from_slice(bytes);
        if self.inbox.len() > MAX_INBOX {
            return Some(BAD_MESSAGE_EXIT);
        }
        let inbox = std::mem::take(&mut self.inbox);
        let mut reader = Reader::new(&inbox);
        while reply.bytes.len() < room {
            let mut ahead = reader;
            if ahead.u32().is_ok_and(|length| length as usize > MAX_REQUEST) {
                return Some(BAD_MESSAGE_EXIT);
            }
            let mut ahead = reader;
            let Ok(request) = ahead.string() else { break };
            reader = ahead;
            if self.request(request, context, reply).is_err() {
                self.end(context, reply);
                return Some(BAD_MESSAGE_EXIT);
            }
        }
        self.inbox = reader.rest().to_vec();
        None
    }

    /// Bytes that are held.
    pub(super) fn held(&self) -> usize {
        self.inbox.capacity() + self.handles.held()
    }

    /// Nothing more will come: files that were not closed are kept and reported.
    pub(super) fn end(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        let mut files = self.account.files(context);
        for upload in self.handles.uploads() {
            upload.leave(&mut files, reply);
        }
    }

    fn request(
        &mut self,
        request: &[u8],
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) -> Result<(), Malformed> {
        let mut reader = Reader::new(request);
        let kind = reader.u8()?;
        let id = reader.u32()?;
        if kind == request::INIT {
            self.greeted = Greeted::Yes;
            reply.send(framed(extension::version()));
            return Ok(());
        }
        if self.greeted == Greeted::No {
            return Err(Malformed);
        }
        if kind == request::EXTENDED && extension::asks_for_space(reader) {
            reply.send(framed(extension::space(id, context)));
            return Ok(());
        }
        let (account, handles, now) = (&self.account, &mut self.handles, context.now);
        let files = account.files(context);
        let mut call = Call { account, handles, files, reply, now, id };
        if let Some(answer) = call.answer(kind, reader)? {
            call.reply.send(framed(answer));
        }
        Ok(())
    }
}

impl Call<'_, '_> {
    /// A path as this user means it.
    fn path(&self, path: &[u8]) -> Result<String, Status> {
        if path.is_empty() {
            return Err(Status::NoSuchFile);
        }
        Ok(files::absolute(&self.account.home, &text(path)))
    }

    /// Reports what a visitor looks at or changes.
    fn note(&mut self, command: String) {
        let data = Data::new().with("command", command).with("subsystem", "sftp");
        self.reply.report(Report::new(Kind::CmdInput).data(data));
    }

    fn status(&self, status: Status) -> Writer {
        let (code, words) = match status {
            Status::Ok => (0, "Success"),
            Status::Eof => (1, "End of file"),
            Status::NoSuchFile => (2, "No such file"),
            Status::Denied => (3, "Permission denied"),
            Status::Failure => (4, "Failure"),
            Status::BadMessage => (5, "Bad message"),
            Status::Unsupported => (8, "Operation unsupported"),
        };
        let message = Writer::message(request::STATUS).u32(self.id).u32(code);
        message.string(words).string("")
    }
}

/// OpenSSH's errno_to_portable.
impl From<files::Fault> for Status {
    fn from(fault: files::Fault) -> Self {
        use files::Fault;
        match fault {
            Fault::Denied | Fault::NotPermitted => Self::Denied,
            Fault::Invalid | Fault::NameTooLong => Self::BadMessage,
            Fault::Loop | Fault::NotADirectory | Fault::NotFound => Self::NoSuchFile,
            Fault::DirectoryNotEmpty | Fault::Exists | Fault::IsADirectory | Fault::NoSpace => {
                Self::Failure
            }
        }
    }
}

fn framed(message: Writer) -> Vec<u8> {
    Writer::default().string(message).done()
}
