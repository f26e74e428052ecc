//! Commands on the connection itself: logging in, naming oneself, choosing how to be answered.

use super::call::Call;
use super::client::Replies;
use super::error::{Done, Error, NOT_INTEGER, SYNTAX, error};
use super::generic::database;
use super::request::number;
use crate::logic::event::{Outcome, text};
use crate::logic::services::Report;

/// Carries out the command; whether it is one of these.
pub(super) fn run(call: &mut Call<'_>) -> Option<Done> {
    Some(match call.command.name {
        "auth" => auth(call),
        "client" => client(call),
        "echo" => {
            call.out.bulk(call.word(1));
            Ok(())
        }
        "hello" => hello(call),
        "ping" => ping(call),
        "reset" => {
            call.client.reset();
            call.client.let_in = call.around.password.is_none();
            call.out.third = false;
            call.out.status("RESET");
            Ok(())
        }
        "select" => select(call),
        _ => return None,
    })
}

fn ping(call: &mut Call<'_>) -> Done {
    if call.words.len() > 2 {
        return Err(super::error::wrong_number("ping"));
    }
    if call.client.listening() > 0 && !call.out.third {
        call.out.array(2);
        call.out.bulk("pong");
        call.out.bulk(call.word(1));
    } else if call.words.len() == 2 {
        call.out.bulk(call.word(1));
    } else {
        call.out.status("PONG");
    }
    Ok(())
}

fn select(call: &mut Call<'_>) -> Done {
    number(call.word(1)).ok_or(NOT_INTEGER)?;
    call.client.database = database(call.word(1))?;
    call.out.ok();
    Ok(())
}

fn auth(call: &mut Call<'_>) -> Done {
    if call.words.len() > 3 || !call.around.version.has_users() && call.words.len() != 2 {
        return Err(SYNTAX);
    }
    let (user, password) = match call.words.len() {
        2 => (None, call.word(1)),
        _ => (Some(call.word(1)), call.word(2)),
    };
    if user.is_none() && call.around.password.is_none() {
        attempt(call, "default", password, Outcome::Failure);
        return Err(error(if call.around.version.has_users() {
            "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?"
        } else {
            "ERR Client sent AUTH, but no password is set"
        }));
    }
    log_in(call, user.unwrap_or(b"default"), password)?;
    call.out.ok();
    Ok(())
}

fn log_in(call: &mut Call<'_>, user: &[u8], password: &[u8]) -> Done {
    let right = call.around.password.is_none_or(|wanted| wanted.as_bytes() == password);
    let welcome = user == b"default" && right;
    let outcome = if welcome { Outcome::Success } else { Outcome::Failure };
    attempt(call, &text(user), password, outcome);
    if !welcome {
        return Err(error(if call.around.version.has_users() {
            "WRONGPASS invalid username-password pair or user is disabled."
        } else {
            "ERR invalid password"
        }));
    }
    call.client.let_in = true;
    Ok(())
}

fn attempt(call: &mut Call<'_>, user: &str, password: &[u8], outcome: Outcome) {
    call.told.push(Report::login(user.to_owned(), text(password), outcome));
}

fn hello(call: &mut Call<'_>) -> Done {
    let mut third = call.out.third;
    if call.words.len() > 1 {
        let wrong = error("ERR Protocol version is not an integer or out of range");
        third = match number(call.word(1)).ok_or(wrong)? {
            2 => false,
            3 => true,
            _ => return Err(error("NOPROTO unsupported protocol version")),
        };
    }
    let (mut at, mut name) = (2, None);
    while at < call.words.len() {
        let left = call.words.len() - at - 1;
        match call.lower(at).as_str() {
            "auth" if left >= 2 => {
                log_in(call, call.word(at + 1), call.word(at + 2))?;
                at += 3;
            }
            "setname" if left >= 1 => {
                name = Some(call.word(at + 1));
                at += 2;
            }
            _ => {
                let word = String::from_utf8_lossy(call.word(at)).into_owned();
                return Err(error(format!("ERR Syntax error in HELLO option '{word}'")));
            }
        }
    }
    if !call.client.let_in {
        return Err(error(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
        ));
    }
    if let Some(name) = name {
        set_name(call, name)?;
    }
    call.out.third = third;
    greet(call);
    Ok(())
}

fn greet(call: &mut Call<'_>) {
    let (id, third) = (call.client.id, call.out.third);
    let role = if call.keys.master.is_some() { "replica" } else { "master" };
    let out = &mut *call.out;
    out.map(7);
    out.bulk("server");
    out.bulk("redis");
    out.bulk("version");
    out.bulk(call.around.version_name);
    out.bulk("proto");
    out.int(if third { 3 } else { 2 });
    out.bulk("id");
    out.int(i64::try_from(id).unwrap_or(i64::MAX));
    out.bulk("mode");
    out.bulk("standalone");
    out.bulk("role");
    out.bulk(role);
    out.bulk("modules");
    out.array(0);
}

fn set_name(call: &mut Call<'_>, name: &[u8]) -> Done {
    if !name.iter().all(u8::is_ascii_graphic) {
        return Err(error(
            "ERR Client names cannot contain spaces, newlines or special characters.",
        ));
    }
    call.client.name = name.iter().take(256).copied().collect();
    Ok(())
}

fn client(call: &mut Call<'_>) -> Done {
    match call.lower(1).as_str() {
        "caching" => {
            return Err(error(
                "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
            ));
        }
        "getname" => {
            let name = Some(&call.client.name).filter(|name| !name.is_empty());
            call.out.maybe(name);
        }
        "getredir" => call.out.int(-1),
        "id" => call.out.int(i64::try_from(call.client.id).unwrap_or(i64::MAX)),
        "info" => {
            let line = line(call);
            call.out.text(&line);
        }
        "kill" => return kill(call),
        "list" => return list(call),
        "no-evict" | "no-touch" | "pause" | "tracking" | "unpause" => {
            if call.is(1, "pause") {
                number(call.word(2))
                    .ok_or(error("ERR timeout is not an integer or out of range"))?;
            }
            call.out.ok();
        }
        "reply" => return reply(call),
        "setinfo" => call.out.ok(),
        "setname" => {
            set_name(call, call.word(2))?;
            call.out.ok();
        }
        "trackinginfo" => tracking(call),
        "unblock" => call.out.int(0),
        _ => return Err(SYNTAX),
    }
    Ok(())
}

fn tracking(call: &mut Call<'_>) {
    call.out.map(3);
    call.out.bulk("flags");
    call.out.set(1);
    call.out.bulk("off");
    call.out.bulk("redirect");
    call.out.int(-1);
    call.out.bulk("prefixes");
    call.out.array(0);
}

fn reply(call: &mut Call<'_>) -> Done {
    call.client.replies = match call.lower(2).as_str() {
        "on" => {
            call.out.ok();
            Replies::On
        }
        "off" => Replies::Off,
        "skip" => Replies::SkipNext,
        _ => return Err(SYNTAX),
    };
    Ok(())
}

/// Only one's own connection is there to be ended.
fn kill(call: &mut Call<'_>) -> Done {
    let own = call.client.id.to_string();
    let peer = call.around.peer.to_string();
    if call.words.len() == 3 {
        if call.word(2) != peer.as_bytes() {
            return Err(error("ERR No such client"));
        }
        call.client.closing = true;
        call.out.ok();
        return Ok(());
    }
    if !call.words.len().is_multiple_of(2) {
        return Err(SYNTAX);
    }
    let mut ends = true;
    for at in (2..call.words.len()).step_by(2) {
        ends &= match call.lower(at).as_str() {
            "addr" => call.word(at + 1) == peer.as_bytes(),
            "id" => {
                let wrong = error("ERR client-id should be greater than 0");
                number(call.word(at + 1)).filter(|id| *id > 0).ok_or(wrong)?;
                call.word(at + 1) == own.as_bytes()
            }
            "skipme" => !call.is(at + 1, "yes"),
            "laddr" | "type" | "user" => false,
            _ => return Err(SYNTAX),
        };
    }
    call.client.closing |= ends;
    call.out.flag(ends);
    Ok(())
}

/// The line that `CLIENT LIST` has for this connection.
fn line(call: &Call<'_>) -> String {
    let client = &call.client;
    let age = call.now().saturating_sub(client.since) / 1000;
    let flags = if client.listening() > 0 { "P" } else { "N" };
    let multi = client
        .queue
        .as_ref()
        .map_or(-1, |queue| i64::try_from(queue.commands.len()).unwrap_or(i64::MAX));
    let command = match call.command.name {
        name @ "client" => format!("{name}|{}", call.lower(1)),
        name => name.to_owned(),
    };
    format!(
        "id={} addr={} laddr={} fd={} name={} age={age} idle=0 flags={flags} db={} sub={} psub={} ssub={} multi={multi} qbuf=26 qbuf-free=20448 argv-mem=10 multi-mem=0 rbs=1024 rbp=0 obl=0 oll=0 omem=0 tot-mem=22298 events=r cmd={command} user=default redir=-1 resp={}\n",
        client.id,
        call.around.peer,
        call.around.local,
        9 + client.id % 7,
        String::from_utf8_lossy(&client.name),
        client.database,
        client.channels.len(),
        client.patterns.len(),
        client.shards.len(),
        if call.out.third { 3 } else { 2 },
    )
}

fn list(call: &mut Call<'_>) -> Done {
    match (call.words.len(), call.lower(2).as_str()) {
        (2, _) | (4, "type") | (4.., "id") => {}
        _ => return Err(SYNTAX),
    }
    let mut text = application(call, 0);
    text.push_str(&application(call, 1));
    text.push_str(&line(call));
    call.out.text(&text);
    Ok(())
}

/// A connection of the application that the keys belong to.
fn application(call: &Call<'_>, number: u64) -> String {
    let secret = call.around.decky.secret.derive("redis application").0;
    let port = 32_768 + u32::from(u16::from_le_bytes([secret[0], secret[1]])) / 3;
    let port = u64::from(port) + number * 14;
    let local = call.around.local.port();
    let age = call.around.now.since(call.around.decky.booted).as_secs().saturating_sub(45 + number);
    format!(
        "id={} addr=127.0.0.1:{port} laddr=127.0.0.1:{local} fd={} name= age={age} idle={} flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=1024 rbp=0 obl=0 oll=0 omem=0 tot-mem=1800 events=r cmd={} user=default redir=-1 resp=2\n",
        3 + number,
        7 + number,
        call.around.now.millis() / 1000 % 9,
        if number == 0 { "get" } else { "lpop" },
    )
}

/// Why a command may not be carried out by who has not logged in.
pub(super) fn no_auth() -> Error {
    error("NOAUTH Authentication required.")
}
