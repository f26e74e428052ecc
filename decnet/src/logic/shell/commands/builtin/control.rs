//! Builtins that change what runs next.

use super::fail;
use crate::logic::shell::run::{Call, Done, Stop};
use crate::logic::shell::text::encode;

pub(super) fn source(call: &mut Call<'_, '_, '_>) -> Done {
    let Some(path) = call.arg(0).map(str::to_owned) else {
        return fail(call, "filename argument required");
    };
    match call.read(&path)? {
        Ok(content) => match call.world.run_text(call.shell, &encode(&content), call.streams) {
            Err(Stop::Return(status)) => Ok(status),
            done => done,
        },
        Err(fault) => {
            let line = format!("{}: {path}: {fault}", call.shell.complaint());
            call.complain(line);
            Ok(1)
        }
    }
}

pub(super) fn eval(call: &mut Call<'_, '_, '_>) -> Done {
    let text = call.args.join(" ");
    call.world.run_text(call.shell, &text, call.streams)
}

/// Runs another program in the shell's place, so the shell ends with it.
pub(super) fn exec(call: &mut Call<'_, '_, '_>) -> Done {
    if call.args.is_empty() {
        return Ok(0);
    }
    let args = std::mem::take(&mut call.args);
    match call.world.named(call.shell, args, call.streams)? {
        // What cannot be run leaves an interactive shell where it is.
        status @ (126 | 127) if call.shell.is_interactive() => Ok(status),
        status => Err(Stop::Exit(status)),
    }
}

/// Runs a command past functions and aliases; says where it is with `-v`.
pub(super) fn command(call: &mut Call<'_, '_, '_>) -> Done {
    if matches!(call.arg(0), Some("-v" | "-V")) {
        call.args.remove(0);
        return super::place::whereabouts(call);
    }
    if matches!(call.arg(0), Some("-p" | "--")) {
        call.args.remove(0);
    }
    let args = std::mem::take(&mut call.args);
    let hidden = args.first().and_then(|name| call.shell.functions.remove_entry(name));
    let done = call.world.named(call.shell, args, call.streams);
    call.shell.functions.extend(hidden);
    done
}

pub(super) fn exit(call: &mut Call<'_, '_, '_>) -> Done {
    Err(Stop::Exit(status(call)))
}

pub(super) fn return_(call: &mut Call<'_, '_, '_>) -> Done {
    Err(Stop::Return(status(call)))
}

pub(super) fn leave_loop(call: &mut Call<'_, '_, '_>) -> Done {
    Err(Stop::Break(levels(call)))
}

pub(super) fn next(call: &mut Call<'_, '_, '_>) -> Done {
    Err(Stop::Continue(levels(call)))
}

pub(super) fn job(call: &mut Call<'_, '_, '_>) -> Done {
    fail(call, "current: no such job")
}

pub(super) fn calculate(call: &mut Call<'_, '_, '_>) -> Done {
    let text: String = call.args.iter().map(|arg| format!("(({arg}));")).collect();
    call.world.run_text(call.shell, &text, call.streams)
}

fn status(call: &Call<'_, '_, '_>) -> u8 {
    let number = call.arg(0).and_then(|text| text.parse::<i64>().ok());
    number.map_or(call.shell.status, |number| number.to_le_bytes()[0])
}

/// How many loops further out than the innermost.
fn levels(call: &Call<'_, '_, '_>) -> u32 {
    let number = call.arg(0).and_then(|text| text.parse::<u32>().ok());
    number.unwrap_or(1).saturating_sub(1).min(64)
}
