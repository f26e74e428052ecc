//! A stand-in for the shell until it is there.
#![allow(clippy::needless_pass_by_ref_mut, reason = "the shell will need them")]

use crate::logic::event::{Data, Kind, text};
use crate::logic::services::{Context, Reply, Report};

#[derive(Debug)]
pub(super) struct Console {
    user: String,
    line: Vec<u8>,
}

impl Console {
    pub(super) fn new(user: &str, _columns: u16, _rows: u16) -> Self {
        Self { user: user.to_owned(), line: Vec::new() }
    }

    pub(super) fn open(&mut self, _context: &mut Context<'_>, reply: &mut Reply) {
        reply.send(format!("{}$ ", self.user));
    }

    pub(super) fn input(
        &mut self,
        bytes: &[u8],
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) -> Option<u8> {
        for byte in bytes {
            match byte {
                b'\r' | b'\n' => {
                    reply.send("\r\n");
                    let line = std::mem::take(&mut self.line);
                    if line == b"exit" {
                        return Some(0);
                    }
                    exec(&self.user, &line, context, reply);
                    reply.send(format!("{}$ ", self.user));
                }
                _ if self.line.len() < 4096 => {
                    self.line.push(*byte);
                    reply.send([*byte]);
                }
                _ => {}
            }
        }
        None
    }

    pub(super) fn wake(&mut self, _context: &mut Context<'_>, _reply: &mut Reply) -> Option<u8> {
        None
    }

    pub(super) fn resize(&mut self, _columns: u16, _rows: u16) {}
}

pub(super) fn exec(
    _user: &str,
    command: &[u8],
    _context: &mut Context<'_>,
    reply: &mut Reply,
) -> u8 {
    let data = Data::new().with("command", text(command));
    reply.report(Report::new(Kind::CmdInput).data(data));
    let words: Vec<_> = command.split(|c| *c == b' ').collect();
    match words.as_slice() {
        [b"echo", rest @ ..] => reply.send([rest.join(&b' '), b"\n".to_vec()].concat()),
        [b"big"] => reply.send(b"0123456789abcde\n".repeat(10_000)),
        [b"sleep", ..] => reply.wait = Some(std::time::Duration::from_secs(2)),
        [b"false"] => return 1,
        _ => {}
    }
    0
}
