//! Accounts: `id`, `whoami`, `passwd`, `useradd`.

use super::Command;
use crate::logic::event::{Data, Kind, text};
use crate::logic::files::Owner;
use crate::logic::services::Report;
use crate::logic::shell::account;
use crate::logic::shell::run::{Call, Done, Want};
use crate::logic::shell::text::decode;

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "adduser" | "useradd" => useradd,
        "chpasswd" => chpasswd,
        "chage" | "groupadd" | "groupdel" | "usermod" | "gpasswd" | "chsh" | "chfn" => changes,
        "deluser" | "userdel" => userdel,
        "getent" => getent,
        "groups" => groups,
        "id" => id,
        "logname" | "whoami" => |call| {
            let name = call.shell.account.name.clone();
            call.say(name);
            Ok(0)
        },
        "passwd" => passwd,
        _ => return None,
    })
}

/// The groups of a user: number and name, the own one first.
fn memberships(call: &mut Call<'_, '_, '_>, name: &str, gid: u32) -> Vec<(u32, String)> {
    let all = account::groups(&call.world.files(Owner::ROOT));
    let mut own = vec![(gid, account::group_name(&all, gid))];
    let more = all.into_iter().filter(|(_, number, members)| {
        *number != gid && members.iter().any(|member| member == name)
    });
    own.extend(more.map(|(group, number, _)| (number, group)));
    own
}

fn id(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("ugGnrz", &[])?;
    let account = match options.operands.first() {
        Some(name) => match account::find(&call.world.files(Owner::ROOT), name) {
            Some(account) => account,
            None => return Ok(call.fail(format!("‘{name}’: no such user"))),
        },
        None => call.shell.account.clone(),
    };
    let groups = memberships(call, &account.name, account.gid);
    let named = options.has('n');
    let text = if options.has('u') {
        if named { account.name } else { account.uid.to_string() }
    } else if options.has('g') || options.has('G') {
        let most = if options.has('g') { 1 } else { groups.len() };
        let shown = groups.iter().take(most);
        let shown = shown.map(|(gid, name)| if named { name.clone() } else { gid.to_string() });
        shown.collect::<Vec<_>>().join(" ")
    } else {
        let list: Vec<String> = groups.iter().map(|(gid, name)| format!("{gid}({name})")).collect();
        let first = list.first().cloned().unwrap_or_default();
        format!("uid={}({}) gid={first} groups={}", account.uid, account.name, list.join(","))
    };
    call.say(text);
    Ok(0)
}

fn groups(call: &mut Call<'_, '_, '_>) -> Done {
    let (name, gid) = (call.shell.account.name.clone(), call.shell.account.gid);
    let names: Vec<String> =
        memberships(call, &name, gid).into_iter().map(|(_, name)| name).collect();
    call.say(names.join(" "));
    Ok(0)
}

fn getent(call: &mut Call<'_, '_, '_>) -> Done {
    let path = match call.arg(0) {
        Some("passwd") => "/etc/passwd",
        Some("group") => "/etc/group",
        Some("hosts") => "/etc/hosts",
        _ => return Ok(2),
    };
    let key = call.arg(1).map(str::to_owned);
    let content = call.files().read(path).unwrap_or_default();
    let mut status = 2;
    for line in String::from_utf8_lossy(&content).lines() {
        let wanted = key.as_deref().is_none_or(|key| line.split(':').next() == Some(key));
        if wanted {
            call.say(line);
            status = 0;
        }
    }
    Ok(status)
}

fn useradd(call: &mut Call<'_, '_, '_>) -> Done {
    let valued = ["-d", "-s", "-g", "-G", "-u", "-p", "-c", "-o", "--home", "--shell", "--gecos"];
    let mut args = call.args.iter();
    let mut name = None;
    while let Some(arg) = args.next() {
        if valued.contains(&arg.as_str()) {
            args.next();
        } else if !arg.starts_with('-') {
            name = Some(arg.clone());
        }
    }
    let Some(name) = name else {
        call.complain(format!("Usage: {} [options] LOGIN", call.name));
        return Ok(2);
    };
    if call.shell.account.uid != 0 {
        call.fail("Permission denied.");
        return Ok(call.fail("cannot lock /etc/passwd; try again later."));
    }
    let family = call.world.context.decky.persona.family;
    let known = account::find(&call.world.files(Owner::ROOT), &name).is_some();
    if known {
        call.fail(format!("user '{name}' already exists"));
        return Ok(9);
    }
    let added = account::add(&mut call.world.files(Owner::ROOT), family, &name);
    Ok(match added {
        Some(_) => 0,
        None => call.fail(format!("invalid user name '{name}'")).max(3),
    })
}

fn userdel(call: &mut Call<'_, '_, '_>) -> Done {
    let Some(name) = call.args.iter().rfind(|arg| !arg.starts_with('-')).cloned() else {
        return Ok(2);
    };
    if call.shell.account.uid != 0 {
        call.fail("Permission denied.");
        return Ok(1);
    }
    let mut files = call.world.files(Owner::ROOT);
    if account::find(&files, &name).is_none() {
        call.fail(format!("user '{name}' does not exist"));
        return Ok(6);
    }
    let content = files.read("/etc/passwd").unwrap_or_default();
    let head = format!("{name}:");
    let rest: String = String::from_utf8_lossy(&content)
        .split_inclusive('\n')
        .filter(|line| !line.starts_with(&head))
        .collect();
    let done = files.write("/etc/passwd", rest.as_bytes());
    Ok(done.map_or_else(|fault| call.fail(fault.to_string()), |()| 0))
}

fn changes(call: &mut Call<'_, '_, '_>) -> Done {
    if call.shell.account.uid != 0 {
        return Ok(call.fail("Permission denied."));
    }
    Ok(0)
}

fn passwd(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("aSlduqknxwi", &[("stdin", 'i'), ("delete", 'd'), ("lock", 'l')])?;
    let own = call.shell.account.name.clone();
    let user = options.operands.first().cloned().unwrap_or_else(|| own.clone());
    let root = call.shell.account.uid == 0;
    if user != own && !root {
        call.complain(format!(
            "passwd: You may not view or modify password information for {user}."
        ));
        return Ok(1);
    }
    if account::find(&call.world.files(Owner::ROOT), &user).is_none() {
        call.complain(format!("passwd: user '{user}' does not exist"));
        return Ok(1);
    }
    if ['S', 'l', 'd', 'u'].into_iter().any(|flag| options.has(flag)) {
        call.complain("passwd: password expiry information changed.");
        return Ok(0);
    }
    if !root {
        call.complain(format!("Changing password for {user}."));
        call.line(Want::Secret("Current password: ".to_owned()))?;
    }
    let first = call.line(Want::Secret("New password: ".to_owned()))?;
    let second = call.line(Want::Secret("Retype new password: ".to_owned()))?;
    report_password(call, &user, first.as_deref().unwrap_or_default());
    if first.is_none() || first != second {
        call.complain(
            "Sorry, passwords do not match.\npasswd: Authentication token manipulation \
            error\npasswd: password unchanged",
        );
        return Ok(10);
    }
    call.complain("passwd: password updated successfully");
    Ok(0)
}

/// Reports a password that a visitor wants to be let in with from now on.
fn report_password(call: &mut Call<'_, '_, '_>, user: &str, password: &str) {
    let by = call.shell.account.name.clone();
    let data = Data::new()
        .with("command", format!("{} {}", call.name, text(user.as_bytes())))
        .with("user", text(by.as_bytes()))
        .with("input", text(&decode(password)));
    call.world.reports.push(Report::new(Kind::CmdInput).data(data));
}

fn chpasswd(call: &mut Call<'_, '_, '_>) -> Done {
    if call.shell.account.uid != 0 {
        call.complain(
            "chpasswd: (user unknown) pam_chauthtok() failed, error:\nAuthentication \
            token manipulation error",
        );
        return Ok(1);
    }
    let input = call.input()?;
    let mut status = 0;
    for (index, line) in crate::logic::shell::text::encode(&input).lines().enumerate().take(64) {
        let Some((user, password)) = line.split_once(':') else {
            status = call.fail(format!("line {}: missing new password", index + 1));
            continue;
        };
        report_password(call, user, password);
        if account::find(&call.world.files(Owner::ROOT), user).is_none() {
            status = call.fail(format!("line {}: user '{user}' does not exist", index + 1));
        }
    }
    Ok(status)
}
