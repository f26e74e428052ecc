//! The old way to copy files: `scp -t` and `scp -f` as OpenSSH's client runs them with `-O`, and
//! older clients always.
//!
//! A line announces a file (`C0644 5 name`), a directory (`D0755 0 name`, ended by `E`) or times
//! (`T1 0 1 0`); a zero byte agrees, a one with a line refuses. There is no document but scp's
//! source; these are facts from watching it.

use crate::logic::event::text;
use crate::logic::files::{self, Access, Kind};
use crate::logic::services::account::Account;
use crate::logic::services::upload::{Existing, Upload};
use crate::logic::services::{Context, Reply};
use crate::logic::time::Timestamp;

/// Longest line.
const MAX_LINE: usize = 4096;
/// Directories that may be inside each other.
const MAX_DEPTH: usize = 32;
/// Bytes of a file that are sent at a time.
const PIECE: usize = 64 * 1024;

/// One copy.
#[derive(Debug)]
pub(super) struct Scp {
    account: Account,
    work: Work,
}

#[derive(Debug)]
enum Work {
    /// To the visitor.
    From(Source),
    /// From the visitor.
    To(Sink),
}

#[derive(Debug)]
struct Sink {
    /// Where things go, and below it the directories that were announced.
    places: Vec<String>,
    line: Vec<u8>,
    time: Option<Timestamp>,
    state: State,
    /// There was no room for one of the files.
    failed: bool,
}

/// What comes next.
#[derive(Debug)]
enum State {
    /// So many bytes of a file.
    Data(Box<Upload>, u64),
    /// The zero behind a file.
    End(Box<Upload>),
    Line,
}

#[derive(Debug)]
struct Source {
    path: String,
    times: Times,
    /// What was sent so far.
    sent: Sent,
}

/// Whether the visitor wants to know when a file changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Times {
    Told,
    Untold,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    Announcement,
    /// So much of so much of the file.
    Data(u64, u64),
    End,
    Nothing,
    Times,
}

impl Scp {
    /// Bytes that are held of what is copied.
    pub(super) fn held(&self) -> usize {
        match &self.work {
            Work::To(Sink { state: State::Data(upload, _) | State::End(upload), .. }) => {
                upload.held()
            }
            Work::From(_) | Work::To(_) => 0,
        }
    }

    /// The copy that a command asks for, if it is one.
    pub(super) fn of(command: &[u8], account: &Account) -> Option<Self> {
        let command = text(command);
        let mut words = command.split_ascii_whitespace();
        let program = words.next()?;
        if files::file_name(program) != "scp" {
            return None;
        }
        let (flags, paths): (Vec<&str>, Vec<&str>) =
            words.partition(|word| word.len() > 1 && word.starts_with('-'));
        let has = |flag: char| flags.iter().any(|word| word.contains(flag));
        let path = paths.first().copied().unwrap_or(".").trim_matches(['\'', '"']);
        let path = match path.strip_prefix('~') {
            Some(rest) => format!("{}{rest}", account.home),
            None => files::absolute(&account.home, path),
        };
        let work = if has('t') {
            let (places, line) = (vec![path], Vec::new());
            Work::To(Sink { places, line, time: None, state: State::Line, failed: false })
        } else if has('f') {
            let times = if has('p') { Times::Told } else { Times::Untold };
            Work::From(Source { path, times, sent: Sent::Nothing })
        } else {
            return None;
        };
        Some(Self { account: account.clone(), work })
    }

    /// How it ends when the visitor has no more to send.
    pub(super) fn status(&self) -> u8 {
        match &self.work {
            Work::To(sink) => sink.failed.into(),
            Work::From(_) => 0,
        }
    }

    /// What it says before anything has come.
    pub(super) fn open(&self, reply: &mut Reply) {
        if matches!(self.work, Work::To(_)) {
            reply.send([0]);
        }
    }

    /// Takes input, until what it says is `room` bytes long. The status, when it is done.
    pub(super) fn input(
        &mut self,
        bytes: &[u8],
        room: usize,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) -> Option<u8> {
        match &mut self.work {
            Work::From(source) => source.input(bytes, room, &self.account, context, reply),
            Work::To(sink) => sink.input(bytes, &self.account, context, reply),
        }
    }

    /// Nothing more will come. A file that is not whole is kept and reported as far as it came.
    pub(super) fn end(&mut self, context: &mut Context<'_>, reply: &mut Reply) {
        if let Work::To(sink) = &mut self.work {
            match std::mem::replace(&mut sink.state, State::Line) {
                State::Data(file, _) | State::End(file) => {
                    file.leave(&mut self.account.files(context), reply);
                }
                State::Line => {}
            }
        }
    }
}

impl Sink {
    fn input(
        &mut self,
        mut bytes: &[u8],
        account: &Account,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) -> Option<u8> {
        while !bytes.is_empty() {
            match std::mem::replace(&mut self.state, State::Line) {
                State::Line => {
                    let (first, rest) = bytes.split_first()?;
                    bytes = rest;
                    if *first != b'\n' {
                        self.line.push(*first);
                        if self.line.len() > MAX_LINE {
                            return Some(1);
                        }
                        continue;
                    }
                    let line = text(&std::mem::take(&mut self.line));
                    match self.line(&line, account, context) {
                        Ok(()) => reply.send([0]),
                        Err(Refusal::Fatal(why)) => {
                            reply.send(format!("\x01{why}\n"));
                            return Some(1);
                        }
                        Err(Refusal::Skipped(why)) => reply.send(format!("\x01{why}\n")),
                    }
                }
                State::Data(mut file, left) => {
                    let some = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    let (some, rest) = bytes.split_at_checked(some)?;
                    file.append(some, &mut account.files(context), reply);
                    bytes = rest;
                    let left = left.saturating_sub(some.len() as u64);
                    self.state = if left > 0 { State::Data(file, left) } else { State::End(file) };
                }
                State::End(file) => {
                    bytes = bytes.get(1..)?;
                    let path = file.path().to_owned();
                    match file.finish(&mut account.files(context), reply) {
                        Ok(()) => reply.send([0]),
                        Err(fault) => {
                            self.failed = true;
                            reply.send(format!("\x01scp: {path}: {fault}\n"));
                        }
                    }
                }
            }
        }
        None
    }

    /// A whole line.
    fn line(
        &mut self,
        line: &str,
        account: &Account,
        context: &mut Context<'_>,
    ) -> Result<(), Refusal> {
        let protocol = |why: &str| Refusal::Fatal(format!("scp: protocol error: {why}"));
        let kind = line.chars().next().unwrap_or_default();
        let rest = line.get(kind.len_utf8()..).unwrap_or_default();
        match kind {
            'T' => {
                let seconds = rest.split(' ').next().and_then(|word| word.parse::<u64>().ok());
                let seconds = seconds.ok_or_else(|| protocol("mtime.sec not delimited"))?;
                self.time = Some(Timestamp(seconds.saturating_mul(1_000_000_000)));
                Ok(())
            }
            'E' => {
                if self.places.len() > 1 {
                    self.places.pop();
                }
                Ok(())
            }
            'C' | 'D' => {
                let mut words = rest.splitn(3, ' ');
                let mode = words.next().and_then(|word| u16::from_str_radix(word, 8).ok());
                let mode = mode.ok_or_else(|| protocol("bad mode"))?;
                let size = words.next().and_then(|word| word.parse::<u64>().ok());
                let size = size.ok_or_else(|| protocol("size not delimited"))?;
                let name = words.next().unwrap_or_default();
                if name.is_empty() || name.contains('/') || name == "." || name == ".." {
                    let why = format!("scp: error: unexpected filename: {name}");
                    return Err(Refusal::Fatal(why));
                }
                let path = self.path(name, account, context);
                if kind == 'D' {
                    return self.directory(path, account, context);
                }
                self.file(path, mode, size, account, context)
            }
            '\x01' | '\x02' => Ok(()),
            _ => Err(protocol("expected control record")),
        }
    }

    fn path(&self, name: &str, account: &Account, context: &mut Context<'_>) -> String {
        let place = self.places.last().map(String::as_str).unwrap_or("/");
        if account.files(context).is_directory(place) {
            format!("{}/{name}", place.trim_end_matches('/'))
        } else {
            place.to_owned()
        }
    }

    fn directory(
        &mut self,
        path: String,
        account: &Account,
        context: &mut Context<'_>,
    ) -> Result<(), Refusal> {
        let mut files = account.files(context);
        if self.places.len() > MAX_DEPTH {
            return Err(Refusal::Fatal(format!("scp: {path}: {}", files::Fault::NameTooLong)));
        }
        if !files.is_directory(&path) {
            let made = files.make_directory(&path);
            made.map_err(|fault| Refusal::Fatal(format!("scp: {path}: {fault}")))?;
        }
        self.places.push(path);
        Ok(())
    }

    fn file(
        &mut self,
        path: String,
        mode: u16,
        size: u64,
        account: &Account,
        context: &mut Context<'_>,
    ) -> Result<(), Refusal> {
        let begun =
            Upload::begin(path.clone(), "scp", Existing::Emptied, &mut account.files(context));
        let mut file = begun.map_err(|fault| Refusal::Skipped(format!("scp: {path}: {fault}")))?;
        file.mode = Some(mode & 0o755);
        file.time = self.time.take();
        let file = Box::new(file);
        self.state = if size > 0 { State::Data(file, size) } else { State::End(file) };
        Ok(())
    }
}

/// Why a line is not followed.
enum Refusal {
    /// And it is over.
    Fatal(String),
    /// And the next may be.
    Skipped(String),
}

impl Source {
    fn input(
        &mut self,
        bytes: &[u8],
        room: usize,
        account: &Account,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) -> Option<u8> {
        let files = account.files(context);
        for answer in bytes {
            // Whatever is no consent is the end.
            if *answer != 0 {
                return Some(1);
            }
            match self.sent {
                Sent::Nothing | Sent::Times => {
                    if let Err(why) = self.announce(&files, reply) {
                        reply.send(format!("\x01scp: {}: {why}\n", self.path));
                        return Some(1);
                    }
                }
                Sent::Announcement => {
                    let size = files.stat(&self.path).map_or(0, |stat| stat.size);
                    self.sent = Sent::Data(0, size);
                }
                Sent::Data(..) => {}
                Sent::End => return Some(0),
            }
        }
        self.send(room, &files, reply);
        None
    }

    /// Says what will come: when it changed, if that is wanted, then what it is.
    fn announce(&mut self, files: &Access<'_>, reply: &mut Reply) -> Result<(), String> {
        let stat = files.stat(&self.path).map_err(|fault| fault.to_string())?;
        if stat.kind != Kind::File {
            return Err("not a regular file".to_owned());
        }
        files.read_at(&self.path, 0, 0).map_err(|fault| fault.to_string())?;
        let size = stat.size;
        if self.sent == Sent::Nothing && self.times == Times::Told {
            let seconds = stat.mtime.millis() / 1000;
            reply.send(format!("T{seconds} 0 {seconds} 0\n"));
            self.sent = Sent::Times;
        } else {
            let name = files::file_name(&self.path);
            reply.send(format!("C{:04o} {size} {name}\n", stat.mode));
            self.sent = Sent::Announcement;
        }
        Ok(())
    }

    /// Sends what is to be sent, as far as there is room.
    fn send(&mut self, room: usize, files: &Access<'_>, reply: &mut Reply) {
        while let Sent::Data(done, size) = self.sent
            && reply.bytes.len() < room
        {
            if done >= size {
                reply.send([0]);
                self.sent = Sent::End;
                break;
            }
            let room = room.saturating_sub(reply.bytes.len()).min(PIECE);
            let most = usize::try_from(size - done).unwrap_or(usize::MAX).min(room);
            let piece = files.read_at(&self.path, done, most).unwrap_or_default();
            // A file that became shorter is filled up, as scp fills it up.
            let piece = if piece.is_empty() { vec![0; most] } else { piece };
            self.sent = Sent::Data(done.saturating_add(piece.len() as u64), size);
            reply.send(piece);
        }
    }
}
