//! Builtins about variables, aliases, arguments and history.

use super::fail;
use crate::logic::shell::run::{Call, Done};

fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !text.is_empty() && text.chars().all(plain) && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// `export` and those that are near enough to it.
pub(super) fn declare(call: &mut Call<'_, '_, '_>) -> Done {
    let export = call.name == "export" || call.args.iter().any(|arg| arg == "-x");
    let args: Vec<String> = call.args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    if args.is_empty() {
        let lines: Vec<String> = call
            .shell
            .variables()
            .filter(|(_, _, exported)| *exported || !export)
            .map(|(name, value, exported)| {
                let mark = if exported { "-x" } else { "--" };
                format!("declare {mark} {name}=\"{value}\"\n")
            })
            .collect();
        call.out(lines.concat());
        return Ok(0);
    }
    let mut status = 0;
    for arg in args {
        let (name, value) = match arg.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (arg.as_str(), None),
        };
        if !is_name(name) {
            status = fail(call, format!("`{arg}': not a valid identifier"))?;
            continue;
        }
        if call.name != "export" {
            call.shell.make_local(name);
        }
        if let Some(value) = value {
            call.shell.set(name, value);
        }
        if export {
            call.shell.export(name);
        }
    }
    Ok(status)
}

pub(super) fn unset(call: &mut Call<'_, '_, '_>) -> Done {
    for name in std::mem::take(&mut call.args) {
        call.shell.unset(&name);
        call.shell.functions.remove(&name);
    }
    Ok(0)
}

pub(super) fn alias(call: &mut Call<'_, '_, '_>) -> Done {
    let args = std::mem::take(&mut call.args);
    if args.is_empty() {
        let lines: Vec<String> = call
            .shell
            .aliases
            .iter()
            .map(|(name, text)| format!("alias {name}='{text}'\n"))
            .collect();
        call.out(lines.concat());
    }
    let mut status = 0;
    for arg in args {
        match arg.split_once('=') {
            Some((name, text)) => call.shell.alias(name, text),
            None => match call.shell.aliases.get(&arg).cloned() {
                Some(text) => call.say(format!("alias {arg}='{text}'")),
                None => status = fail(call, format!("{arg}: not found"))?,
            },
        }
    }
    Ok(status)
}

pub(super) fn unalias(call: &mut Call<'_, '_, '_>) -> Done {
    for name in std::mem::take(&mut call.args) {
        if name == "-a" {
            call.shell.aliases.clear();
        } else if call.shell.aliases.remove(&name).is_none() {
            return fail(call, format!("{name}: not found"));
        }
    }
    Ok(0)
}

pub(super) fn set(call: &mut Call<'_, '_, '_>) -> Done {
    let args = std::mem::take(&mut call.args);
    if args.is_empty() {
        let lines: Vec<String> =
            call.shell.variables().map(|(name, value, _)| format!("{name}={value}\n")).collect();
        call.out(lines.concat());
        return Ok(0);
    }
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--" => {
                call.shell.arguments = args.by_ref().collect();
                return Ok(0);
            }
            "-o" | "+o" => drop(args.next()),
            flags if flags.starts_with('-') => call.shell.strict |= flags.contains('e'),
            flags if flags.starts_with('+') => call.shell.strict &= !flags.contains('e'),
            _ => {
                call.shell.arguments = std::iter::once(arg).chain(args.by_ref()).collect();
                return Ok(0);
            }
        }
    }
    Ok(0)
}

pub(super) fn shift(call: &mut Call<'_, '_, '_>) -> Done {
    let count = call.arg(0).and_then(|text| text.parse().ok()).unwrap_or(1);
    if count > call.shell.arguments.len() {
        return Ok(1);
    }
    call.shell.arguments.drain(..count);
    Ok(0)
}

pub(super) fn history(call: &mut Call<'_, '_, '_>) -> Done {
    if let Some(flags) = call.arg(0).filter(|arg| arg.starts_with('-')) {
        if flags.contains('c') {
            call.shell.history.clear();
        }
        return Ok(0);
    }
    let all = call.shell.history.len();
    let count = call.arg(0).and_then(|text| text.parse().ok()).unwrap_or(all);
    let lines = call.shell.history.iter().enumerate().skip(all.saturating_sub(count));
    let text: String = lines.map(|(index, line)| format!("{:>5}  {line}\n", index + 1)).collect();
    call.out(text);
    Ok(0)
}

/// `enable`: every builtin, as bash lists them.
pub(super) fn enable(call: &mut Call<'_, '_, '_>) -> Done {
    if !call.args.is_empty() || !call.shell.name.ends_with("bash") {
        return Ok(0);
    }
    let names = ". : [ alias bg bind break builtin caller cd command compgen complete compopt \
                 continue declare dirs disown echo enable eval exec exit export false fc fg getopts \
                 hash help history jobs kill let local logout mapfile popd printf pushd pwd read \
                 readarray readonly return set shift shopt source suspend test times trap true type \
                 typeset ulimit umask unalias unset wait";
    let text: String = names.split(' ').map(|name| format!("enable {name}\n")).collect();
    call.out(text);
    Ok(0)
}
