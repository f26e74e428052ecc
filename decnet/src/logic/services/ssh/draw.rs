//! `cat file` as a command: how files are fetched by whoever has no scp.
//!
//! The shell does it too, but makes all of its output before any of it is sent, and so no more than
//! little; here it is read as it is sent.

use crate::logic::files::{self, Kind};
use crate::logic::persona::Family;
use crate::logic::services::account::Account;
use crate::logic::services::{Context, Reply};

/// Shorter files are the shell's.
const LARGE: u64 = 128 * 1024;
/// Bytes that are read at a time.
const PIECE: usize = 32 * 1024;

/// A file that the visitor is sent.
#[derive(Debug)]
pub(super) struct Draw {
    account: Account,
    path: String,
    at: u64,
    size: u64,
}

impl Draw {
    /// What a command asks for, if it is that, and the file is large and may be read.
    pub(super) fn of(command: &[u8], account: &Account, context: &mut Context<'_>) -> Option<Self> {
        if !matches!(context.decky.persona.family, Family::Bsd | Family::Linux) {
            return None;
        }
        let mut words = std::str::from_utf8(command).ok()?.split_ascii_whitespace();
        let (cat, word) = (words.next()?, words.next()?);
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@=".contains(c);
        if words.next().is_some() || !matches!(cat, "cat" | "/bin/cat" | "/usr/bin/cat") {
            return None;
        }
        if !word.chars().all(plain) || word.starts_with('-') {
            return None;
        }
        let path = files::absolute(&account.home, word);
        let files = account.files(context);
        let stat = files.stat(&path).ok().filter(|stat| stat.kind == Kind::File)?;
        files.read_at(&path, 0, 0).ok()?;
        let size = stat.size;
        (size > LARGE).then(|| Self { account: account.clone(), path, at: 0, size })
    }

    /// Sends on, until what is sent is `room` bytes long. The status, when that was all.
    pub(super) fn send(
        &mut self,
        room: usize,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) -> Option<u8> {
        let files = self.account.files(context);
        while reply.bytes.len() < room {
            let left = usize::try_from(self.size.saturating_sub(self.at)).unwrap_or(PIECE);
            let most = left.min(PIECE).min(room - reply.bytes.len());
            let piece = files.read_at(&self.path, self.at, most).unwrap_or_default();
            if piece.is_empty() {
                return Some(0);
            }
            self.at = self.at.saturating_add(piece.len() as u64);
            reply.send(piece);
        }
        None
    }
}
