//! What the shell does itself.

mod control;
mod echo;
mod names;
mod place;
mod read;
mod test;

use super::Command;
use crate::logic::shell::run::{Call, Done};

/// The builtin of this name.
pub(in crate::logic::shell) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "." | "source" => control::source,
        ":" | "true" => |_| Ok(0),
        "false" => |_| Ok(1),
        "[" | "[[" | "test" => test::test,
        "alias" => names::alias,
        "bg" | "fg" | "disown" => control::job,
        "break" => control::leave_loop,
        "builtin" | "command" => control::command,
        "cd" | "chdir" => place::cd,
        "continue" => control::next,
        "declare" | "export" | "local" | "readonly" | "typeset" => names::declare,
        "dirs" => place::pwd,
        "echo" => echo::echo,
        "enable" => names::enable,
        "getopts" | "help" | "mapfile" | "shopt" | "times" | "trap" | "wait" | "suspend"
        | "bind" | "complete" => |_| Ok(0),
        "eval" => control::eval,
        "exec" => control::exec,
        "exit" | "logout" => control::exit,
        "hash" | "jobs" => |_| Ok(0),
        "history" => names::history,
        "let" => control::calculate,
        "printf" => echo::printf,
        "pwd" => place::pwd,
        "read" => read::read,
        "return" => control::return_,
        "set" => names::set,
        "shift" => names::shift,
        "type" => place::type_,
        "ulimit" => place::ulimit,
        "umask" => place::umask,
        "unalias" => names::unalias,
        "unset" => names::unset,
        _ => return None,
    })
}

/// The builtins that are programs as well.
pub(super) fn program(name: &str) -> Option<Command> {
    let both = ["[", "echo", "false", "printf", "pwd", "test", "true"];
    both.contains(&name).then(|| find(name)).flatten()
}

/// Complains as the shell does, with its name before the builtin's.
fn fail(call: &mut Call<'_, '_, '_>, text: impl AsRef<str>) -> Done {
    let line = format!("{}: {}: {}", call.shell.complaint(), call.name, text.as_ref());
    call.complain(line);
    Ok(1)
}
