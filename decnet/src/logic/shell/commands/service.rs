//! Services and their timetable: `systemctl`, `service`, `crontab`, `at`.

use super::Command;
use crate::logic::files::Owner;
use crate::logic::shell::run::{Call, Done, Way};

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "at" | "batch" => |call| {
            call.input()?;
            call.complain("warning: commands will be executed using /bin/sh");
            Ok(0)
        },
        "crontab" => crontab,
        "init" | "telinit" | "update-rc.d" | "chkconfig" | "update-alternatives" => super::quiet,
        "halt" | "poweroff" | "reboot" | "shutdown" => reboot,
        "journalctl" => journalctl,
        "rc-service" | "service" => service,
        "runlevel" => |call| {
            call.say("N 5");
            Ok(0)
        },
        "systemctl" => systemctl,
        _ => return None,
    })
}

/// Units that run.
const UNITS: [(&str, &str); 7] = [
    ("cron", "Regular background program processing daemon"),
    ("dbus", "D-Bus System Message Bus"),
    ("networking", "Raise network interfaces"),
    ("rsyslog", "System Logging Service"),
    ("ssh", "OpenBSD Secure Shell server"),
    ("systemd-journald", "Journal Service"),
    ("systemd-logind", "User Login Management"),
];

fn systemctl(call: &mut Call<'_, '_, '_>) -> Done {
    let words: Vec<String> =
        call.args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    let verb = words.first().cloned().unwrap_or_else(|| "list-units".to_owned());
    let unit = words.get(1).map(|unit| unit.trim_end_matches(".service").to_owned());
    let known = unit.as_deref().and_then(|unit| {
        UNITS.iter().find(|(name, _)| *name == unit || unit == "sshd" && *name == "ssh")
    });
    match (verb.as_str(), unit, known) {
        ("list-units" | "list-unit-files", ..) => {
            call.say("  UNIT                       LOAD   ACTIVE SUB     DESCRIPTION");
            for (name, what) in UNITS {
                call.say(format!(
                    "  {:<26} loaded active running {what}",
                    format!("{name}.service")
                ));
            }
            Ok(0)
        }
        ("is-active" | "is-enabled", _, Some(_)) => {
            call.say(if verb == "is-active" { "active" } else { "enabled" });
            Ok(0)
        }
        ("is-active", ..) => {
            call.say("inactive");
            Ok(3)
        }
        ("is-system-running", ..) => {
            call.say("running");
            Ok(0)
        }
        ("status", Some(_), Some((name, what))) => {
            let now = call.world.context.decky.booted.format("%a %Y-%m-%d %H:%M:%S UTC");
            call.out(format!(
                "● {name}.service - {what}\n     Loaded: loaded \
                 (/lib/systemd/system/{name}.service; \
                 enabled; preset: enabled)\n     Active: active (running) since {now}\n   Main \
                 PID: \
                 712 ({name})\n      Tasks: 1 (limit: 19094)\n     Memory: 5.1M\n        CPU: \
                 214ms\n"
            ));
            Ok(0)
        }
        ("status", Some(unit), None) => {
            call.complain(format!("Unit {unit}.service could not be found."));
            Ok(4)
        }
        ("daemon-reload" | "daemon-reexec", ..) => change(call, None),
        (_, unit, known) => change(call, unit.filter(|_| known.is_none())),
    }
}

/// Starts, stops or changes a unit, which must be none of those that run.
fn change(call: &mut Call<'_, '_, '_>, unit: Option<String>) -> Done {
    if call.shell.account.uid != 0 {
        call.complain("Failed to execute operation: Interactive authentication required.");
        return Ok(1);
    }
    let Some(unit) = unit else { return Ok(0) };
    let own = format!("/etc/systemd/system/{unit}.service");
    if call.files().stat(&own).is_ok() {
        return Ok(0);
    }
    let verb = call.arg(0).unwrap_or("start").to_owned();
    call.complain(format!("Failed to {verb} {unit}.service: Unit {unit}.service not found."));
    Ok(5)
}

fn service(call: &mut Call<'_, '_, '_>) -> Done {
    let Some(name) = call.arg(0).map(str::to_owned) else {
        call.complain(
            "Usage: service < option > | --status-all | [ service_name [ command | \
            --full-restart ] ]",
        );
        return Ok(1);
    };
    if name == "--status-all" {
        for (name, _) in UNITS {
            call.say(format!(" [ + ]  {name}"));
        }
        return Ok(0);
    }
    if UNITS.iter().any(|(known, _)| *known == name) {
        return Ok(0);
    }
    call.complain(format!("{name}: unrecognized service"));
    Ok(1)
}

/// The timetable of a user lies where cron keeps it, so it is there for the next visitor.
fn crontab(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("u:lrei", &[])?;
    let user = options.value('u').unwrap_or(&call.shell.account.name).to_owned();
    let path = format!("/var/spool/cron/crontabs/{}", user.replace('/', ""));
    if options.has('l') {
        let content = call.world.files(Owner::ROOT).read(&path);
        return Ok(match content {
            Ok(content) => {
                call.write(&content);
                0
            }
            Err(_) => {
                call.complain(format!("no crontab for {user}"));
                1
            }
        });
    }
    if options.has('r') {
        let removed = call.world.files(Owner::ROOT).remove(&path);
        return Ok(u8::from(removed.is_err()));
    }
    if options.has('e') {
        call.complain("No modification made");
        return Ok(0);
    }
    let from = options.operands.first().cloned().unwrap_or_else(|| "-".to_owned());
    match call.read(&from)? {
        Ok(content) => {
            let before = std::mem::replace(&mut call.shell.account.uid, 0);
            let done = call.store(&path, &content, Way::Whole);
            call.shell.account.uid = before;
            Ok(done.map_or_else(|fault| call.fail(fault.to_string()), |()| 0))
        }
        Err(fault) => Ok(call.fail(format!("{from}: {fault}"))),
    }
}

fn reboot(call: &mut Call<'_, '_, '_>) -> Done {
    if call.shell.account.uid != 0 {
        call.complain(
            "Failed to set wall message, ignoring: Interactive authentication \
            required.\nFailed to reboot system via logind: Interactive authentication required.",
        );
        return Ok(1);
    }
    call.complain("Failed to talk to init daemon: Operation timed out");
    Ok(1)
}

fn journalctl(call: &mut Call<'_, '_, '_>) -> Done {
    let content = call.files().read("/var/log/syslog");
    match content {
        Ok(content) => call.write(&content),
        Err(_) => call.complain(
            "Hint: You are currently not seeing messages from other users \
            and the system.\nNo journal files were opened due to insufficient permissions.",
        ),
    }
    Ok(0)
}
