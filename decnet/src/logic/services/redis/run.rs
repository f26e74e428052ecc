//! Takes a command from its words to its answer, in the order in which the server decides.

use super::call::{Around, Call};
use super::client::{Client, MAX_QUEUED, MAX_QUEUED_BYTES, Queue, Replies};
use super::connection::no_auth;
use super::error::{Done, Error, NO_ROOM, error, wrong_number};
use super::keys::Keys;
use super::out::Out;
use super::request::Words;
use super::subtable::SUBCOMMANDS;
use super::table::Command;
use super::version::Version;
use super::{
    connection, docs, generic, hashes, lists, pubsub, rdb, report, server, sets, strings, zsets,
};
use crate::logic::services::Report;

/// Chapters of commands that nobody may use here.
const DENIED: [&str; 5] = ["bitmap", "geo", "hyperloglog", "scripting", "stream"];

/// Most keys that a client watches.
const MAX_WATCHED: usize = 64;

/// What every command costs.
const COMMAND: usize = 8;

/// Most bytes of an unknown command that are said back.
const MAX_ECHO: usize = 128;

/// All that commands work on.
pub(super) struct Desk<'a> {
    pub(super) around: Around<'a>,
    pub(super) keys: &'a mut Keys,
    pub(super) client: &'a mut Client,
    pub(super) out: &'a mut Out,
    pub(super) random: &'a mut dyn FnMut(&mut [u8]),
    pub(super) told: &'a mut Vec<Report>,
}

/// What is refused, and how.
enum Refusal {
    /// With an error.
    Error(Error),
    /// With an error that is no text.
    Raw(Vec<u8>),
    /// By ending the connection, without any answer that waits.
    Silence,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl Desk<'_> {
    /// Carries out a command.
    pub(super) fn process(&mut self, words: Words) {
        self.keys.commands += 1;
        self.client.work += COMMAND;
        let (before, from) = (self.client.replies, self.out.bytes.len());
        self.answer(words);
        let silent = match (before, self.client.replies) {
            (Replies::Off, Replies::Off) => true,
            (_, Replies::SkipNext) => {
                self.client.replies = Replies::SkipThis;
                true
            }
            (Replies::SkipThis, Replies::SkipThis) => {
                self.client.replies = Replies::On;
                true
            }
            _ => false,
        };
        if silent {
            self.out.bytes.truncate(from);
        }
    }

    fn answer(&mut self, words: Words) {
        let parts = words.all();
        let Some(name) = parts.first() else {
            // Not even its name had room.
            self.out.error(&NO_ROOM);
            return;
        };
        if name.eq_ignore_ascii_case(b"quit") {
            self.out.ok();
            self.client.closing = true;
            return;
        }
        match self.judge(&parts, &words) {
            Ok(command) if self.is_queued(command) => self.queue(words),
            Ok(command) => {
                let told = self.client.monitor;
                let done = self.perform(&parts, command);
                if let Err(error) = done {
                    self.out.error(&error);
                }
                if told && self.client.monitor {
                    let line = report::monitored(&self.around, self.client.database, &parts);
                    self.out.status(&line);
                }
            }
            Err(refusal) => self.refuse(&refusal),
        }
    }

    fn refuse(&mut self, refusal: &Refusal) {
        match refusal {
            Refusal::Error(error) => self.out.error(error),
            Refusal::Raw(text) => self.out.error_bytes(text),
            Refusal::Silence => {
                self.out.bytes.clear();
                self.client.closing = true;
            }
        }
        if let Some(queue) = &mut self.client.queue {
            queue.broken = true;
        }
    }

    /// Whether the command may be carried out; which it is.
    fn judge(&self, parts: &[&[u8]], words: &Words) -> Result<&'static Command, Refusal> {
        let name = parts.first().copied().unwrap_or_default();
        let lower = String::from_utf8_lossy(name.get(..64).unwrap_or(name)).to_ascii_lowercase();
        let version = self.around.version;
        let denied = |command: &Command| DENIED.contains(&command.group);
        let known = Command::find(&lower).filter(|command| command.since <= version);
        let known = known.filter(|command| version.has_users() || !denied(command));
        let Some(command) = known else {
            return Err(match lower.as_str() {
                "host:" | "post" => Refusal::Silence,
                _ => Refusal::Raw(unknown(parts, version)),
            });
        };
        if words.lost {
            return Err(NO_ROOM.into());
        }
        arity(command, parts, version)?;
        if !self.client.let_in && !command.is("no_auth") {
            return Err(no_auth().into());
        }
        if self.client.queue.is_some() && command.is("no_multi") && command.name != "watch" {
            return Err(error("ERR Command not allowed inside a transaction").into());
        }
        if denied(command) {
            return Err(no_right(command, parts).into());
        }
        self.fits_role(command)?;
        Ok(command)
    }

    /// Whether a replica, or a client that listens, may do this.
    fn fits_role(&self, command: &Command) -> Result<(), Error> {
        let read_only = self.keys.set.get("replica-read-only").is_none_or(|set| set == "yes");
        if self.keys.master.is_some() && read_only && command.is("write") {
            return Err(error("READONLY You can't write against a read only replica."));
        }
        let name = command.name;
        let free = name.ends_with("subscribe") || matches!(name, "ping" | "reset");
        if self.client.listening() > 0 && !self.out.third && !free {
            return Err(error(format!(
                "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
            )));
        }
        Ok(())
    }

    fn is_queued(&self, command: &Command) -> bool {
        let now = matches!(command.name, "discard" | "exec" | "multi" | "reset" | "watch");
        self.client.queue.is_some() && !now
    }

    fn queue(&mut self, words: Words) {
        let Some(queue) = &mut self.client.queue else { return };
        queue.held += words.held();
        if queue.commands.len() >= MAX_QUEUED || queue.held > MAX_QUEUED_BYTES {
            queue.broken = true;
            self.out.error(&NO_ROOM);
            return;
        }
        queue.commands.push(words);
        self.out.status("QUEUED");
    }

    fn perform(&mut self, parts: &[&[u8]], command: &'static Command) -> Done {
        match command.name {
            "discard" => return self.discard(),
            "exec" => return self.exec(),
            "multi" => return self.multi(),
            "unwatch" => {
                self.client.watched.clear();
                self.out.ok();
                return Ok(());
            }
            "watch" => return self.watch(parts),
            _ => {}
        }
        let mut call = Call {
            words: parts,
            command,
            around: self.around,
            keys: self.keys,
            client: self.client,
            out: self.out,
            random: self.random,
            told: self.told,
        };
        let helps = is_container(command.name) && command.group != "cluster";
        if parts.len() == 2 && call.is(1, "help") && helps {
            docs::help(&mut call);
            return Ok(());
        }
        let done = match command.group {
            "string" => strings::run(&mut call),
            "list" => lists::run(&mut call),
            "hash" => hashes::run(&mut call),
            "set" => sets::run(&mut call),
            "sorted-set" => zsets::run(&mut call),
            "connection" => connection::run(&mut call),
            "pubsub" => pubsub::run(&mut call),
            "cluster" | "server" => server::run(&mut call),
            _ => None,
        };
        let done = done.or_else(|| generic::run(&mut call));
        done.unwrap_or_else(|| Err(no_right(command, parts)))
    }

    fn multi(&mut self) -> Done {
        if self.client.queue.is_some() {
            return Err(error("ERR MULTI calls can not be nested"));
        }
        self.client.queue = Some(Queue::default());
        self.out.ok();
        Ok(())
    }

    fn discard(&mut self) -> Done {
        self.client.watched.clear();
        if self.client.queue.take().is_none() {
            return Err(error("ERR DISCARD without MULTI"));
        }
        self.out.ok();
        Ok(())
    }

    fn exec(&mut self) -> Done {
        let Some(queue) = self.client.queue.take() else {
            return Err(error("ERR EXEC without MULTI"));
        };
        let watched = std::mem::take(&mut self.client.watched);
        if queue.broken {
            return Err(error("EXECABORT Transaction discarded because of previous errors."));
        }
        let changed =
            |(index, key, digest): &(usize, Vec<u8>, u64)| self.digest(*index, key) != *digest;
        if watched.iter().any(changed) {
            self.out.null_array();
            return Ok(());
        }
        self.out.array(queue.commands.len());
        for words in queue.commands {
            let parts = words.all();
            let name = parts.first().copied().unwrap_or_default();
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            let Some(command) = Command::find(&name) else { continue };
            if let Err(error) = self.perform(&parts, command) {
                self.out.error(&error);
            }
            // Within a transaction nobody waits.
            if self.client.blocked.take().is_some() {
                self.out.null_array();
            }
        }
        Ok(())
    }

    fn watch(&mut self, parts: &[&[u8]]) -> Done {
        if self.client.queue.is_some() {
            return Err(error("ERR WATCH inside MULTI is not allowed"));
        }
        let index = self.client.database;
        for key in parts.iter().skip(1) {
            if self.client.watched.len() < MAX_WATCHED {
                let digest = self.digest(index, key);
                self.client.watched.push((index, key.to_vec(), digest));
            }
        }
        self.out.ok();
        Ok(())
    }

    /// A number for what a key holds.
    fn digest(&self, index: usize, key: &[u8]) -> u64 {
        let entry = self.keys.database(index).get(key);
        entry.map_or(0, |entry| rdb::digest(key, &entry.value, self.keys.seed))
    }
}

/// Whether the command has subcommands.
pub(super) fn is_container(name: &str) -> bool {
    matches!(
        name,
        "acl"
            | "client"
            | "cluster"
            | "command"
            | "config"
            | "function"
            | "latency"
            | "memory"
            | "module"
            | "object"
            | "pubsub"
            | "script"
            | "slowlog"
            | "xgroup"
            | "xinfo"
    )
}

fn arity(command: &Command, parts: &[&[u8]], version: Version) -> Result<(), Refusal> {
    let second = parts.get(1).copied().unwrap_or_default();
    if parts.len() > 1 && is_container(command.name) {
        let sub = String::from_utf8_lossy(second).to_ascii_lowercase();
        let full = format!("{}|{sub}", command.name);
        let found = SUBCOMMANDS.binary_search_by(|(other, ..)| other.cmp(&full.as_str()));
        let found = found.ok().and_then(|at| SUBCOMMANDS.get(at));
        let known = |since: (u8, u8, u8)| {
            Version { major: since.0, minor: since.1, patch: since.2 } <= version
        };
        return match found {
            Some((_, arity, since, _)) if known(*since) => {
                let least = usize::from(arity.unsigned_abs());
                let fits = if *arity < 0 { parts.len() >= least } else { parts.len() == least };
                if fits { Ok(()) } else { Err(wrong_number(&full).into()) }
            }
            _ => {
                let upper = command.name.to_ascii_uppercase();
                let shown = second.get(..MAX_ECHO).unwrap_or(second);
                let text =
                    [b"ERR unknown subcommand '", shown, b"'. Try ", upper.as_bytes(), b" HELP."];
                Err(Refusal::Raw(text.concat()))
            }
        };
    }
    if command.takes(parts.len()) { Ok(()) } else { Err(wrong_number(command.name).into()) }
}

fn no_right(command: &Command, parts: &[&[u8]]) -> Error {
    let mut name = command.name.to_owned();
    if let (true, Some(sub)) = (is_container(command.name), parts.get(1)) {
        name.push('|');
        name.push_str(&String::from_utf8_lossy(sub).to_ascii_lowercase());
    }
    error(format!("NOPERM this user has no permissions to run the '{name}' command"))
}

/// What is said of an unknown command: up to a null, as C reads it.
fn unknown(parts: &[&[u8]], version: Version) -> Vec<u8> {
    let (open, close): (&[u8], &[u8]) = if version.major < 7 { (b"`", b"`") } else { (b"'", b"'") };
    let (between, end): (&[u8], &[u8]) = if version.major < 7 { (b", ", b"") } else { (b" ", b"") };
    let cut = |text: &[u8], most: usize| -> Vec<u8> {
        let text = text.get(..most).unwrap_or(text);
        text.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()
    };
    let name = cut(parts.first().copied().unwrap_or_default(), MAX_ECHO);
    let mut args = Vec::new();
    for part in parts.iter().skip(1) {
        let Some(room) = MAX_ECHO.checked_sub(args.len()).filter(|room| *room > 0) else { break };
        args.extend([open, &cut(part, room), close, between].concat());
    }
    [b"ERR unknown command ", open, &name, close, b", with args beginning with: ", &args, end]
        .concat()
}
