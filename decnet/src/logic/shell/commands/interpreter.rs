//! Interpreters: shells in earnest, the others as far as visitors use them to get a shell.

use super::Command;
use crate::logic::shell::run::{Call, Done, Manner, Stop};
use crate::logic::shell::text::encode;

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "ash" | "bash" | "csh" | "dash" | "ksh" | "rbash" | "sh" | "tcsh" | "zsh" => shell,
        "perl" | "perl5.36.0" => perl,
        "python" | "python2" | "python3" | "python3.11" => python,
        "nano" | "vi" | "vim" | "vim.tiny" | "editor" => editor,
        _ => return None,
    })
}

fn shell(call: &mut Call<'_, '_, '_>) -> Done {
    let mut args = std::mem::take(&mut call.args).into_iter().peekable();
    let mut command = None;
    while let Some(arg) = args.next_if(|arg| arg.starts_with(['-', '+'])) {
        match arg.as_str() {
            "--version" => {
                call.say("GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)");
                return Ok(0);
            }
            "--" => break,
            "-o" | "-O" | "--rcfile" | "--init-file" => drop(args.next()),
            flags if !flags.starts_with("--") && flags.contains('c') => command = args.next(),
            _ => {}
        }
    }
    let name = call.name.clone();
    if let Some(command) = command {
        let own = args.next().unwrap_or(name);
        let mut child = call.shell.child(&own, Manner::Script);
        if own.contains('/') || own.contains(' ') {
            call.name.clone_into(&mut child.name);
        }
        child.arguments = args.collect();
        return ended(call.world.run_text(&mut child, &command, call.streams));
    }
    if let Some(path) = args.next().filter(|path| path != "-") {
        return match call.read(&path)? {
            Ok(content) if content.contains(&0) => {
                call.complain(format!("{path}: {path}: cannot execute binary file"));
                Ok(126)
            }
            Ok(content) => {
                call.world.script(call.shell, &path, &content, args.collect(), call.streams)
            }
            Err(fault) => {
                call.complain(format!("{name}: {path}: {fault}"));
                Ok(127)
            }
        };
    }
    if call.reads_terminal() {
        return Err(Stop::Enter(Box::new(call.shell.child(&name, Manner::Interactive))));
    }
    let script = encode(&call.input()?);
    let mut child = call.shell.child(&name, Manner::Script);
    ended(call.world.run_text(&mut child, &script, call.streams))
}

fn ended(done: Done) -> Done {
    match done {
        Err(Stop::Exit(status) | Stop::Return(status)) => Ok(status),
        Err(Stop::Break(_) | Stop::Continue(_)) => Ok(0),
        done => done,
    }
}

fn python(call: &mut Call<'_, '_, '_>) -> Done {
    match call.args.as_slice() {
        [flag, ..] if flag == "--version" || flag == "-V" => {
            call.say("Python 3.11.2");
            Ok(0)
        }
        [flag, code, ..] if flag == "-c" => {
            let code = code.clone();
            // `pty.spawn` is how visitors turn a pipe into a terminal.
            if code.contains("pty.spawn") || code.contains("os.system(\"/bin") {
                return Err(Stop::Enter(Box::new(call.shell.child("bash", Manner::Interactive))));
            }
            if let Some(text) = printed(&code) {
                call.say(text);
                return Ok(0);
            }
            call.complain(
                "Traceback (most recent call last):\n  File \"<string>\", line 1, in \
                <module>\nModuleNotFoundError: No module named 'encodings'",
            );
            Ok(1)
        }
        [path, ..] if !path.starts_with('-') => {
            let path = path.clone();
            let at = call.path(&path);
            let found = call.files().stat(&at);
            if let Err(fault) = found {
                let errno = if fault == crate::logic::files::Fault::Denied { 13 } else { 2 };
                call.complain(format!("python3: can't open file '{at}': [Errno {errno}] {fault}"));
                return Ok(2);
            }
            call.complain(
                "Fatal Python error: init_fs_encoding: failed to get the Python codec \
                of the filesystem encoding\nPython runtime state: core \
                initialized\nModuleNotFoundError: No module named 'encodings'",
            );
            Ok(1)
        }
        _ => {
            call.complain(
                "Fatal Python error: init_fs_encoding: failed to get the Python codec \
                of the filesystem encoding\nPython runtime state: core \
                initialized\nModuleNotFoundError: No module named 'encodings'",
            );
            Ok(1)
        }
    }
}

/// What a program prints that is nothing but `print("text")`.
fn printed(code: &str) -> Option<String> {
    let inner = code.trim().strip_prefix("print(")?.strip_suffix(')')?;
    let quote = inner.chars().next()?;
    let text = inner.strip_prefix(quote)?.strip_suffix(quote)?;
    if matches!(quote, '"' | '\'') && !text.contains(quote) {
        return Some(text.to_owned());
    }
    inner.parse::<i64>().ok().map(|number| number.to_string())
}

fn perl(call: &mut Call<'_, '_, '_>) -> Done {
    match call.args.as_slice() {
        [flag, ..] if flag == "-v" || flag == "--version" => {
            call.say(
                "\nThis is perl 5, version 36, subversion 0 (v5.36.0) built for \
                x86_64-linux-gnu-thread-multi",
            );
            Ok(0)
        }
        [flag, code, ..] if flag.starts_with("-e") => {
            let code = code.trim().trim_end_matches(';').to_owned();
            if code.contains("exec") && code.contains("/bin/") {
                return Err(Stop::Enter(Box::new(call.shell.child("bash", Manner::Interactive))));
            }
            let text = code.strip_prefix("print").map(str::trim);
            let text = text.and_then(|text| text.strip_prefix('"')?.strip_suffix('"'));
            if let Some(text) = text {
                call.out(text.replace("\\n", "\n"));
                return Ok(0);
            }
            call.complain(
                "Can't locate strict.pm in @INC (you may need to install the strict \
                module) (@INC contains: /etc/perl /usr/local/lib/x86_64-linux-gnu/perl/5.36.0 \
                /usr/lib/x86_64-linux-gnu/perl-base).\nBEGIN failed--compilation aborted.",
            );
            Ok(2)
        }
        [path, ..] => {
            let path = path.clone();
            let at = call.path(&path);
            let found = call.files().stat(&at);
            call.complain(match found {
                Ok(_) => "Can't locate strict.pm in @INC (you may need to install the strict \
                    module).\nBEGIN failed--compilation aborted."
                    .to_owned(),
                Err(fault) => format!("Can't open perl script \"{path}\": {fault}"),
            });
            Ok(2)
        }
        [] => {
            call.input()?;
            Ok(0)
        }
    }
}

fn editor(call: &mut Call<'_, '_, '_>) -> Done {
    call.complain("Error opening terminal: unknown.");
    Ok(1)
}
