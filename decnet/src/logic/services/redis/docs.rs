//! `COMMAND`, `HELP` and what else the server says of its commands.

use std::collections::BTreeSet;

use super::call::Call;
use super::error::{Done, SYNTAX, error};
use super::glob::matches;
use super::table::{COMMANDS, Command};
use super::version::Version;

/// What each command with subcommands says of itself, as Redis 7.0 does (BSD-3-Clause).
const HELP: &str = include_str!("help.txt");

/// What `LATENCY DOCTOR` says when nothing is measured.
pub(super) const LATENCY_DOCTOR: &str = "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this Redis instance. You may use \"CONFIG SET latency-monitor-threshold <milliseconds>.\" in order to enable it. If we weren't in a deep space mission I'd suggest to take a look at https://redis.io/topics/latency-monitor.\n";

/// What `MEMORY DOCTOR` says of a small server.
pub(super) const MEMORY_DOCTOR: &str = "Hi Sam, this instance is empty or is using very little memory, my issue detector can't be used in these conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam and I will be back to our programming as soon as I finished rebooting.\n";

/// Carries out `COMMAND`.
pub(super) fn run(call: &mut Call<'_>) -> Done {
    let version = call.around.version;
    let known = || COMMANDS.iter().filter(move |command| command.since <= version);
    match call.lower(1).as_str() {
        "" => {
            call.out.array(known().count());
            known().for_each(|command| describe(call, command));
        }
        "count" => call.out.len(known().count()),
        "docs" => docs(call),
        "getkeys" => return getkeys(call),
        "info" => {
            let names: Vec<_> = match call.words.len() {
                2 => known().map(|command| command.name.to_owned()).collect(),
                _ => (2..call.words.len()).map(|at| call.lower(at)).collect(),
            };
            call.out.array(names.len());
            for name in names {
                match Command::find(&name).filter(|command| command.since <= version) {
                    Some(command) => describe(call, command),
                    None => call.out.null(),
                }
            }
        }
        "list" => return list(call),
        _ => return Err(SYNTAX),
    }
    Ok(())
}

fn describe(call: &mut Call<'_>, command: &Command) {
    let out = &mut *call.out;
    let flags: Vec<_> = command.flags.split(' ').filter(|flag| !flag.is_empty()).collect();
    let categories: Vec<_> = command.categories.split(' ').collect();
    out.array(10);
    out.bulk(command.name);
    out.int(command.arity.into());
    out.set(flags.len());
    flags.iter().for_each(|flag| out.status(flag));
    let (first, last, step) = command.keys;
    [first, last, step].into_iter().for_each(|at| out.int(at.into()));
    out.set(categories.len());
    categories.iter().for_each(|category| out.status(&format!("@{category}")));
    for _part in ["tips", "key specifications", "subcommands"] {
        out.array(0);
    }
}

fn docs(call: &mut Call<'_>) {
    let version = call.around.version;
    let names: Vec<_> = (2..call.words.len()).map(|at| call.lower(at)).collect();
    let wanted = |command: &&Command| {
        command.since <= version
            && (names.is_empty() || names.iter().any(|name| name == command.name))
    };
    let commands: Vec<_> = COMMANDS.iter().filter(wanted).collect();
    let out = &mut *call.out;
    out.map(commands.len());
    for command in commands {
        let Version { major, minor, patch } = command.since;
        out.bulk(command.name);
        out.map(3);
        out.bulk("summary");
        out.bulk(command.summary);
        out.bulk("since");
        out.bulk(format!("{major}.{minor}.{patch}"));
        out.bulk("group");
        out.bulk(command.group);
    }
}

fn getkeys(call: &mut Call<'_>) -> Done {
    let name = call.lower(2);
    let words = call.from(2);
    let none = || error("ERR The command has no key arguments");
    let Some(command) = Command::find(&name) else {
        return Err(error("ERR Invalid command specified"));
    };
    if !command.takes(words.len()) {
        return Err(error("ERR Invalid number of arguments specified for command"));
    }
    let (first, last, step) = command.keys;
    let (Ok(first), Ok(step)) = (usize::try_from(first), usize::try_from(step)) else {
        return Err(none());
    };
    if first == 0 || step == 0 {
        return Err(none());
    }
    let end = match usize::try_from(last) {
        Ok(last) => last + 1,
        Err(_) => words.len().saturating_sub(usize::from(last.unsigned_abs()) - 1),
    };
    let keys: Vec<_> = words.get(first..end).unwrap_or_default().iter().step_by(step).collect();
    call.out.array(keys.len());
    keys.iter().for_each(|key| call.out.bulk(key));
    Ok(())
}

fn list(call: &mut Call<'_>) -> Done {
    let version = call.around.version;
    let filter = (call.words.len() > 2).then(|| (call.lower(3), call.lower(4)));
    let wanted = |command: &&Command| match &filter {
        None => true,
        Some((by, value)) if by == "aclcat" => command.categories.split(' ').any(|c| c == value),
        Some((by, value)) if by == "pattern" => matches(value.as_bytes(), command.name.as_bytes()),
        Some(_) => false,
    };
    let commands = COMMANDS.iter().filter(|command| command.since <= version).filter(wanted);
    let names: Vec<_> = commands.map(|command| command.name).collect();
    call.list(&names);
    Ok(())
}

/// Carries out `ACL CAT`.
pub(super) fn categories(call: &mut Call<'_>, name: &str) -> Done {
    let all: BTreeSet<_> = COMMANDS.iter().flat_map(|c| c.categories.split(' ')).collect();
    if name.is_empty() {
        call.list(&all.into_iter().collect::<Vec<_>>());
        return Ok(());
    }
    if !all.contains(name.to_ascii_lowercase().as_str()) {
        return Err(error(format!("ERR Unknown category '{name}'")));
    }
    let within = |command: &&Command| {
        command.categories.split(' ').any(|category| category.eq_ignore_ascii_case(name))
    };
    let names: Vec<_> = COMMANDS.iter().filter(within).map(|command| command.name).collect();
    call.list(&names);
    Ok(())
}

/// What a command with subcommands says of itself.
pub(super) fn help(call: &mut Call<'_>) {
    let name = call.command.name;
    let mut sections = HELP.split("== ");
    let own = sections.find_map(|section| section.strip_prefix(name)?.strip_prefix('\n'));
    let lines: Vec<_> = own.unwrap_or_default().lines().collect();
    call.out.array(lines.len());
    lines.iter().for_each(|line| call.out.status(line));
}
