//! `chmod`, `chown` and their like.

use super::{Command, quiet};
use crate::logic::files::{Kind, Owner};
use crate::logic::shell::account;
use crate::logic::shell::run::{Call, Done};

/// Most files that one `-R` changes.
const MAX_FILES: usize = 300;

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "chattr" | "setfacl" => quiet,
        "chgrp" | "chown" => chown,
        "chmod" => chmod,
        "lsattr" => lsattr,
        _ => return None,
    })
}

fn chmod(call: &mut Call<'_, '_, '_>) -> Done {
    let mut args = std::mem::take(&mut call.args);
    let flags = |arg: &String| {
        let rest = arg.strip_prefix('-').unwrap_or_default();
        arg.starts_with("--") || !rest.is_empty() && rest.chars().all(|c| "Rfvc".contains(c))
    };
    let deep = args.iter().any(|arg| flags(arg) && arg.contains('R'));
    let reach = if deep { Reach::Below } else { Reach::Itself };
    let hushed = args.iter().any(|arg| flags(arg) && arg.contains('f'));
    args.retain(|arg| !flags(arg));
    let [change, operands @ ..] = args.as_slice() else {
        return Ok(call.fail("missing operand"));
    };
    if operands.is_empty() {
        return Ok(call.fail(format!("missing operand after ‘{change}’")));
    }
    if changed(change, 0, &Kind::File).is_none() {
        return Ok(call.fail(format!("invalid mode: ‘{change}’")));
    }
    let mut status = 0;
    for operand in operands {
        call.world.step()?;
        for path in below(call, operand, reach) {
            let mut files = call.files();
            let done = files.stat(&path).and_then(|stat| {
                let mode = changed(change, stat.mode, &stat.kind).unwrap_or(stat.mode);
                files.set_mode(&path, mode)
            });
            match done {
                Err(_) if hushed => status = 1,
                Err(crate::logic::files::Fault::NotPermitted) => {
                    status = call.fail(format!(
                        "changing permissions of '{operand}': Operation not permitted"
                    ));
                }
                Err(fault) => status = call.fail(format!("cannot access '{operand}': {fault}")),
                Ok(()) => {}
            }
        }
    }
    Ok(status)
}

/// How far a change goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Below,
    Itself,
}

/// A path, and all below it when that is wanted.
fn below(call: &mut Call<'_, '_, '_>, operand: &str, reach: Reach) -> Vec<String> {
    let mut paths = vec![call.path(operand)];
    let mut at = 0;
    while let Some(path) = paths.get(at).cloned().filter(|_| reach == Reach::Below) {
        at += 1;
        let entries = call.files().list(&path).unwrap_or_default();
        paths.extend(entries.into_iter().map(|(name, _)| format!("{path}/{name}")));
        paths.truncate(MAX_FILES);
    }
    paths
}

/// A mode after a change such as `755`, `+x` or `u=rw,go-r`.
fn changed(change: &str, mode: u16, kind: &Kind) -> Option<u16> {
    if change.starts_with(|c: char| c.is_ascii_digit()) {
        return u16::from_str_radix(change, 8).ok().filter(|mode| *mode <= 0o7777);
    }
    change.split(',').try_fold(mode, |mode, clause| clause_changed(clause, mode, kind))
}

fn clause_changed(clause: &str, mode: u16, kind: &Kind) -> Option<u16> {
    let at = clause.find(['+', '-', '='])?;
    let (who, rest) = clause.split_at(at);
    let mut mask = 0;
    for c in who.chars() {
        mask |= match c {
            'u' => 0o4700,
            'g' => 0o2070,
            'o' => 0o1007,
            'a' => 0o7777,
            _ => return None,
        };
    }
    let mask: u16 = if who.is_empty() { 0o7777 } else { mask };
    let mut bits = 0;
    for c in rest.chars().skip(1) {
        bits |= match c {
            'r' => 0o444,
            'w' => 0o222,
            'x' => 0o111,
            'X' if *kind == Kind::Directory || mode & 0o111 != 0 => 0o111,
            'X' => 0,
            's' => 0o6000,
            't' => 0o1000,
            _ => return None,
        };
    }
    let bits = bits & mask;
    Some(match rest.chars().next()? {
        '+' => mode | bits,
        '-' => mode & !bits,
        _ => mode & !mask | bits,
    })
}

fn chown(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("Rfvhc", &[("recursive", 'R')])?;
    let [owner, operands @ ..] = options.operands.as_slice() else {
        return Ok(call.fail("missing operand"));
    };
    let files = call.files();
    let (accounts, groups) = (account::all(&files), account::groups(&files));
    let group_only = call.name == "chgrp";
    let (user, group) = match owner.split_once([':', '.']) {
        Some((user, group)) => (user, group),
        None if group_only => ("", owner.as_str()),
        None => (owner.as_str(), ""),
    };
    let known = accounts.iter().find(|account| account.name == user);
    let uid = user.parse::<u32>().ok().or(known.map(|account| account.uid));
    let known = groups.iter().find(|(name, ..)| name == group);
    let gid = group.parse::<u32>().ok().or(known.map(|(_, gid, _)| *gid));
    if uid.is_none() && !user.is_empty() {
        return Ok(call.fail(format!("invalid user: ‘{owner}’")));
    }
    if gid.is_none() && !group.is_empty() {
        return Ok(call.fail(format!("invalid group: ‘{owner}’")));
    }
    let reach = if options.has('R') { Reach::Below } else { Reach::Itself };
    let mut status = 0;
    for operand in operands {
        call.world.step()?;
        for path in below(call, operand, reach) {
            let mut files = call.files();
            let done = files.stat(&path).and_then(|stat| {
                let owner = Owner { uid: uid.unwrap_or(stat.uid), gid: gid.unwrap_or(stat.gid) };
                files.set_owner(&path, owner)
            });
            if let Err(fault) = done {
                status = call.fail(format!("changing ownership of '{operand}': {fault}"));
            }
        }
    }
    Ok(status)
}

fn lsattr(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("Rad", &[])?;
    for operand in &options.operands {
        call.say(format!("--------------e------- {operand}"));
    }
    Ok(0)
}
