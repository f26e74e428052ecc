//! Builtins about where the shell stands and where commands lie.

use super::fail;
use crate::logic::files::{Fault, Kind, absolute};
use crate::logic::shell::run::{Call, Done};

pub(super) fn cd(call: &mut Call<'_, '_, '_>) -> Done {
    let args: Vec<&String> =
        call.args.iter().filter(|arg| !matches!(arg.as_str(), "--" | "-P" | "-L")).collect();
    if args.len() > 1 {
        return fail(call, "too many arguments");
    }
    let target = match args.first().map(|arg| arg.as_str()) {
        None => match call.shell.value("HOME").map(str::to_owned) {
            Some(home) => home,
            None => return fail(call, "HOME not set"),
        },
        Some("-") => match call.shell.value("OLDPWD").map(str::to_owned) {
            Some(before) => {
                call.say(&before);
                before
            }
            None => return fail(call, "OLDPWD not set"),
        },
        Some(path) => path.to_owned(),
    };
    let path = call.path(&target);
    let cwd = call.shell.cwd.clone();
    match enter(call, &path) {
        Ok(()) => {
            let logical = normal(&absolute(&cwd, &target));
            call.shell.set("OLDPWD", &cwd);
            call.shell.set("PWD", &logical);
            call.shell.cwd = logical;
            Ok(0)
        }
        Err(fault) => fail(call, format!("{target}: {fault}")),
    }
}

fn enter(call: &mut Call<'_, '_, '_>, path: &str) -> Result<(), Fault> {
    let files = call.files();
    match files.stat(path)?.kind {
        Kind::Directory if files.may_enter(path) => Ok(()),
        Kind::Directory => Err(Fault::Denied),
        _ => Err(Fault::NotADirectory),
    }
}

/// A path without `.` and `..`, as the shell shows it: links stay.
fn normal(path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            _ => names.push(name),
        }
    }
    format!("/{}", names.join("/"))
}

pub(super) fn pwd(call: &mut Call<'_, '_, '_>) -> Done {
    let cwd = call.shell.cwd.clone();
    call.say(cwd);
    Ok(0)
}

/// `type`: what a name means.
pub(super) fn type_(call: &mut Call<'_, '_, '_>) -> Done {
    let only_path = call.args.first().is_some_and(|arg| arg.starts_with("-p") || arg == "-P");
    let mut status = 0;
    for name in std::mem::take(&mut call.args) {
        if name.starts_with('-') {
            continue;
        }
        let path = call.world.locate(call.shell, &name);
        if let Some(text) = call.shell.aliases.get(&name).cloned() {
            call.say(format!("{name} is aliased to `{text}'"));
        } else if call.shell.functions.contains_key(&name) {
            call.say(format!("{name} is a function"));
        } else if !only_path && super::find(&name).is_some() {
            call.say(format!("{name} is a shell builtin"));
        } else if let Some(path) = path {
            call.say(if only_path { path } else { format!("{name} is {path}") });
        } else {
            status = fail(call, format!("{name}: not found"))?;
        }
    }
    Ok(status)
}

/// `command -v`: where a name leads, in one word.
pub(super) fn whereabouts(call: &mut Call<'_, '_, '_>) -> Done {
    let mut status = 1;
    for name in std::mem::take(&mut call.args) {
        let known = call.shell.functions.contains_key(&name) || super::find(&name).is_some();
        let found = if known { Some(name) } else { call.world.locate(call.shell, &name) };
        if let Some(found) = found {
            call.say(found);
            status = 0;
        }
    }
    Ok(status)
}

pub(super) fn umask(call: &mut Call<'_, '_, '_>) -> Done {
    if call.args.is_empty() {
        call.say("0022");
    }
    Ok(0)
}

pub(super) fn ulimit(call: &mut Call<'_, '_, '_>) -> Done {
    match call.arg(0) {
        None => call.say("unlimited"),
        Some("-n") if call.args.len() == 1 => call.say("1024"),
        Some("-u") if call.args.len() == 1 => call.say("63304"),
        Some("-c") if call.args.len() == 1 => call.say("0"),
        Some("-a") => call.out(
            "core file size              (blocks, -c) 0\n\
             data seg size               (kbytes, -d) unlimited\n\
             file size                   (blocks, -f) unlimited\n\
             open files                          (-n) 1024\n\
             stack size                  (kbytes, -s) 8192\n\
             max user processes                  (-u) 63304\n\
             virtual memory              (kbytes, -v) unlimited\n",
        ),
        Some(_) => {}
    }
    Ok(0)
}
