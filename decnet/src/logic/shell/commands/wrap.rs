//! Commands that run other commands: `nohup`, `env`, `xargs`, `sudo`.

use super::Command;
use crate::logic::event::{Data, Outcome, text};
use crate::logic::files::Owner;
use crate::logic::services::Report;
use crate::logic::shell::account;
use crate::logic::shell::run::{Call, Done, Manner, Shell, Sink, Stop, Want, Way};
use crate::logic::shell::text::{decode, encode};

/// Most times that `xargs` runs its command.
const MAX_RUNS: usize = 200;

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "chroot" => |call| after(call, &[], 1),
        "env" => env,
        "ionice" => |call| after(call, &["-c", "-n", "-p"], 0),
        "nice" => |call| after(call, &["-n"], 0),
        "nohup" => nohup,
        "printenv" => printenv,
        "runuser" | "su" => su,
        "script" => |call| after(call, &["-c", "-q", "-e"], 9),
        "setsid" | "stdbuf" | "time" | "unbuffer" => |call| after(call, &["-o", "-i", "-e"], 0),
        "sudo" | "doas" => sudo,
        "taskset" => |call| after(call, &["-p"], 1),
        "xargs" => xargs,
        _ => return None,
    })
}

/// Runs what follows the options and so many arguments.
fn after(call: &mut Call<'_, '_, '_>, valued: &[&str], operands: usize) -> Done {
    let mut args = std::mem::take(&mut call.args);
    while let Some(first) = args.first().filter(|arg| arg.starts_with('-')) {
        let takes = valued.contains(&first.as_str());
        args.drain(..=usize::from(takes && args.len() > 1));
    }
    args.drain(..operands.min(args.len()));
    call.world.named(call.shell, args, call.streams)
}

fn env(call: &mut Call<'_, '_, '_>) -> Done {
    let mut args = std::mem::take(&mut call.args);
    let mut kept = Vec::new();
    while let Some(first) = args.first().cloned() {
        if let Some((name, value)) = first.split_once('=') {
            kept.push((name.to_owned(), call.shell.value(name).map(str::to_owned)));
            call.shell.set(name, value);
            call.shell.export(name);
        } else if !first.starts_with('-') {
            break;
        } else if first == "-u" {
            args.remove(0);
        }
        if !args.is_empty() {
            args.remove(0);
        }
    }
    let done = if args.is_empty() {
        printenv(call)
    } else {
        call.world.named(call.shell, args, call.streams)
    };
    for (name, value) in kept {
        match value {
            Some(value) => call.shell.set(&name, &value),
            None => call.shell.unset(&name),
        }
    }
    done
}

fn printenv(call: &mut Call<'_, '_, '_>) -> Done {
    if let Some(name) = call.arg(0).map(str::to_owned) {
        let value = call.shell.value(&name).map(str::to_owned);
        let status = u8::from(value.is_none());
        if let Some(value) = value {
            call.say(value);
        }
        return Ok(status);
    }
    let exported = call.shell.variables().filter(|(_, _, exported)| *exported);
    let text: String = exported.map(|(name, value, _)| format!("{name}={value}\n")).collect();
    call.out(text + "_=/usr/bin/env\n");
    Ok(0)
}

fn nohup(call: &mut Call<'_, '_, '_>) -> Done {
    if call.args.is_empty() {
        call.fail("missing operand");
        return Ok(125);
    }
    let args = std::mem::take(&mut call.args);
    if call.streams.output != Sink::Terminal {
        return call.world.named(call.shell, args, call.streams);
    }
    call.fail("ignoring input and appending output to 'nohup.out'");
    let mut call_to_file = call.streams;
    call_to_file.output = call.world.buffer();
    call_to_file.errors = call_to_file.output;
    let done = call.world.named(call.shell, args, call_to_file);
    let bytes = call.world.drain(call_to_file.output);
    // Without room, or in a directory of another's, what it says is lost.
    if call.store("nohup.out", &bytes, Way::Added).is_err() {
        call.fail("failed to open 'nohup.out': Permission denied");
    }
    done
}

fn xargs(call: &mut Call<'_, '_, '_>) -> Done {
    let (replace, most, command) = split_options(call);
    let text = encode(&call.input()?);
    let items: Vec<String> = match &replace {
        Some(_) => text.lines().map(str::to_owned).collect(),
        None => text
            .split([' ', '\t', '\n', '\0'])
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect(),
    };
    let size = if replace.is_some() { 1 } else { most.max(1) };
    let mut status = 0;
    for group in items.chunks(size).take(MAX_RUNS) {
        let args = match (&replace, group) {
            (Some(mark), [item, ..]) => {
                command.iter().map(|word| word.replace(mark, item)).collect()
            }
            _ => command.iter().chain(group).cloned().collect(),
        };
        if call.world.named(call.shell, args, call.streams)? != 0 {
            status = 123;
        }
    }
    Ok(status)
}

type Xargs = (Option<String>, usize, Vec<String>);

fn split_options(call: &mut Call<'_, '_, '_>) -> Xargs {
    let mut args = std::mem::take(&mut call.args).into_iter().peekable();
    let (mut replace, mut most) = (None, usize::MAX);
    while let Some(arg) = args.next_if(|arg| arg.starts_with('-')) {
        match arg.get(..2).unwrap_or_default() {
            "-I" | "-i" => {
                let mark = arg.get(2..).filter(|mark| !mark.is_empty()).map(str::to_owned);
                replace = mark.or_else(|| args.next());
            }
            "-n" | "-L" => {
                let text = arg.get(2..).filter(|text| !text.is_empty()).map(str::to_owned);
                most = text.or_else(|| args.next()).and_then(|text| text.parse().ok()).unwrap_or(1);
            }
            "-P" | "-d" | "-a" | "-s" if arg.len() == 2 => drop(args.next()),
            _ => {}
        }
    }
    let command: Vec<String> = args.collect();
    (replace, most, if command.is_empty() { vec!["echo".to_owned()] } else { command })
}

/// Runs a command as another user, root unless said.
fn sudo(call: &mut Call<'_, '_, '_>) -> Done {
    let mut args = std::mem::take(&mut call.args);
    let (mut user, mut alone) = ("root".to_owned(), Alone::Refused);
    while let Some(first) = args.first().cloned().filter(|arg| arg.starts_with('-')) {
        args.remove(0);
        match first.as_str() {
            "-u" | "-g" if !args.is_empty() => user = args.remove(0),
            "-i" => alone = Alone::Home,
            "-s" => alone = Alone::Here,
            "-l" => {
                let (name, host) = (&call.shell.account.name, &call.world.context.decky.hostname);
                let text = format!(
                    "User {name} may run the following commands on {host}:\n    (ALL : ALL) ALL"
                );
                call.say(text);
                return Ok(0);
            }
            "-k" | "-K" | "-v" => return Ok(0),
            "-S" => drop(call.line(Want::Line)?),
            _ => {}
        }
    }
    if call.shell.account.uid != 0 && call.reads_terminal() {
        let name = call.shell.account.name.clone();
        password(call, &name, format!("[sudo] password for {name}: "))?;
    }
    become_user(call, &user, args, alone)
}

fn su(call: &mut Call<'_, '_, '_>) -> Done {
    let mut args = std::mem::take(&mut call.args);
    let login = args.iter().any(|arg| matches!(arg.as_str(), "-" | "-l" | "--login"));
    args.retain(|arg| !matches!(arg.as_str(), "-" | "-l" | "--login" | "-m" | "-p"));
    let command = match args.iter().position(|arg| matches!(arg.as_str(), "-c" | "--command")) {
        Some(at) => args.drain(at..).nth(1),
        None => None,
    };
    let user = args.first().cloned().unwrap_or_else(|| "root".to_owned());
    if call.shell.account.uid != 0 {
        if !call.reads_terminal() {
            call.complain("su: Authentication failure");
            return Ok(1);
        }
        password(call, &user, "Password: ".to_owned())?;
    }
    let args = match command {
        Some(command) => vec!["sh".to_owned(), "-c".to_owned(), command],
        None => Vec::new(),
    };
    become_user(call, &user, args, if login { Alone::Home } else { Alone::Here })
}

/// What happens without a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alone {
    /// A shell where this one stands.
    Here,
    /// A shell in the user's home.
    Home,
    Refused,
}

/// Asks for a password, and reports it: whatever it is, it is right.
fn password(call: &mut Call<'_, '_, '_>, user: &str, prompt: String) -> Result<(), Stop> {
    let password = call.line(Want::Secret(prompt))?.unwrap_or_default();
    let user = text(user.as_bytes());
    let report = Report::login(user, text(&decode(&password)), Outcome::Success);
    let via = Data::new().with("via", call.name.clone());
    call.world.reports.push(report.data(via));
    Ok(())
}

fn become_user(call: &mut Call<'_, '_, '_>, user: &str, args: Vec<String>, alone: Alone) -> Done {
    let found = account::find(&call.world.files(Owner::ROOT), user);
    let Some(account) = found else {
        let line = match call.name.as_str() {
            "sudo" => format!(
                "sudo: unknown user {user}\nsudo: error initializing audit plugin sudoers_audit"
            ),
            _ => format!(
                "su: user {user} does not exist or the user entry does not contain all the \
                 required fields"
            ),
        };
        call.complain(line);
        return Ok(1);
    };
    if args.is_empty() {
        if alone == Alone::Refused {
            call.complain(
                "usage: sudo -h | -K | -k | -V\nusage: sudo [-ABbEHnPS] [-p prompt] \
                [-u user] [VAR=value] [-i | -s] [command [arg ...]]",
            );
            return Ok(1);
        }
        let name = if call.shell.name.ends_with("bash") { "bash" } else { "sh" };
        let cwd = call.shell.cwd.clone();
        let mut shell = Box::new(Shell::new(account, name, Manner::Interactive));
        if alone == Alone::Here {
            shell.cwd = cwd;
        }
        return if call.reads_terminal() { Err(Stop::Enter(shell)) } else { Ok(0) };
    }
    let before = std::mem::replace(&mut call.shell.account, account);
    let done = call.world.named(call.shell, args, call.streams);
    call.shell.account = before;
    done
}
