//! A way in for the fuzz targets: a visitor who knows the protocol says whatever it is told to, in
//! packets that are sealed as they must be. Built for them alone.

#[allow(dead_code, reason = "tests of ours need all of it")]
#[path = "tests/client.rs"]
mod client;

use std::cell::RefCell;

use super::wire::Writer;
use super::{Keys, Settings, number};
use crate::logic::services::Report;
use client::{Offer, Visitor};

thread_local! {
    /// Host keys, which take too long to be made for every visitor.
    static KEYS: RefCell<Keys> = RefCell::default();
}

/// How far a visitor has come before it says what it is told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// It has a key, and may log in.
    Encrypted,
    /// It is logged in.
    LoggedIn,
    /// It has introduced itself.
    Met,
}

/// Lets a visitor say `script`, and gives what was reported of it.
///
/// **Shape**: any number of a byte for what to do, a byte for how many further bytes belong to it,
/// and these. See [`act`].
pub fn speak(depth: Depth, mut script: &[u8]) -> Vec<Report> {
    let mut visitor = Visitor::of("debian-12", &Settings::default());
    visitor.state.ssh = KEYS.take();
    visitor.line();
    match depth {
        Depth::Encrypted => {
            visitor.exchange(Offer::default());
            visitor.say(Writer::message(number::SERVICE_REQUEST).string("ssh-userauth"));
        }
        Depth::LoggedIn => {
            visitor.exchange(Offer::default());
            visitor.log_in("root");
        }
        Depth::Met => visitor.send(format!("{}\r\n", client::IDENT).as_bytes()),
    }
    while let Some(([verb, length], rest)) = script.split_first_chunk() {
        let (told, rest) = rest.split_at_checked(usize::from(*length)).unwrap_or((rest, &[]));
        act(&mut visitor, *verb, told);
        script = rest;
    }
    visitor.hang_up();
    KEYS.set(std::mem::take(&mut visitor.state.ssh));
    visitor.reports
}

/// One act: a message as it is, or one of those that take long to be guessed.
fn act(visitor: &mut Visitor, verb: u8, told: &[u8]) {
    let (at, rest) = told.split_first().map_or((0, told), |(at, rest)| (u32::from(at % 4), rest));
    let request = |name| Writer::message(number::CHANNEL_REQUEST).u32(at).string(name).flag(true);
    let data = |bytes: &[u8]| Writer::message(number::CHANNEL_DATA).u32(at).string(bytes);
    let login = Writer::message(number::USERAUTH_REQUEST).string("root").string("ssh-connection");
    let message = match verb {
        b'a' => login.raw(told),
        b'd' => data(rest),
        b'e' => request("exec").string(rest),
        b'f' => data(Writer::default().string(rest).as_ref()),
        b'o' => {
            let open = Writer::message(number::CHANNEL_OPEN).string("session");
            open.u32(at).u32(1 << 20).u32(1 << 15)
        }
        b'p' => login.string("password").flag(false).string(told),
        b'r' => Writer::message(number::CHANNEL_REQUEST).u32(at).raw(rest),
        b's' => request("shell"),
        b't' => request("subsystem").string("sftp"),
        b'w' => Writer::message(number::CHANNEL_WINDOW_ADJUST).u32(at).u32(1 << 20),
        b'y' => request("pty-req").string("xterm").u32(80).u32(24).u32(0).u32(0).string(rest),
        b'z' => Writer::message(number::CHANNEL_EOF).u32(at),
        _ => Writer::default().raw(told),
    };
    visitor.say(message);
}
