//! What a visitor reads right after logging in.

use super::account;
use super::console::Door;
use crate::logic::files::{Access, MAX_INLINE, Owner, load};
use crate::logic::machine::{Hardware, Lan};
use crate::logic::persona::Family;
use crate::logic::services::Context;
use crate::logic::time::Timestamp;

/// Length of a record of `/var/log/lastlog`: a time, a terminal of 32 bytes, a host of 256
/// (utmp.h).
const RECORD: usize = 292;
/// Highest user number whose record is kept.
const MAX_UID: u32 = 200;

/// The greeting of a decky. Writes down that the user has logged in.
pub(super) fn greeting(user: &str, door: Door, context: &mut Context<'_>) -> String {
    let persona = context.decky.persona;
    match persona.family {
        Family::Printer => {
            "\nPlease type \"menu\" for the MENU system, \nor \"?\" for help, or \"/\" for current \
             settings.\n"
                .to_owned()
        }
        Family::WindowsClient | Family::WindowsServer => match door {
            Door::Login => {
                let rule = "=".repeat(63);
                format!("*{rule}\nMicrosoft Telnet Server.\n*{rule}\n")
            }
            Door::Sshd => format!(
                "{}\n(c) Microsoft Corporation. All rights reserved.\n\n",
                persona.kernel_build
            ),
        },
        Family::Bsd | Family::Linux => {
            let last = last_login(user, door, context);
            let motd = motd(context);
            if persona.family == Family::Bsd { last + &motd } else { motd + &last }
        }
    }
}

fn motd(context: &mut Context<'_>) -> String {
    let (decky, now) = (context.decky, context.now);
    let persona = decky.persona;
    let files = context.state.files.by(decky, Owner::ROOT, now);
    let read =
        |path: &str| String::from_utf8_lossy(&files.read(path).unwrap_or_default()).into_owned();
    if persona.family == Family::Bsd {
        return read("/etc/motd");
    }
    if !persona.is_ubuntu() {
        let kernel = (persona.kernel, persona.kernel_build);
        return format!(
            "Linux {} {} {} x86_64\n{}",
            decky.hostname,
            kernel.0,
            kernel.1,
            read("/etc/motd"),
        );
    }
    let hardware = Hardware::of(persona);
    let [one, ..] = load(decky, now);
    format!(
        "Welcome to {} (GNU/Linux {} x86_64)\n\n * Documentation:  https://help.ubuntu.com\n * \
         Management:     https://landscape.canonical.com\n * Support:        \
         https://ubuntu.com/pro\n\n System information as of {}\n\n  System load:  {one:<16} \
         Processes:             {}\n  Usage of /:   9.4% of {}.25GB   Users logged in:       0\n  \
         Memory usage: 8%               IPv4 address for {}: {}\n  Swap usage:   0%\n\nExpanded \
         Security Maintenance for Applications is not enabled.\n\n0 updates can be applied \
         immediately.\n\nEnable ESM Apps to receive additional future security updates.\nSee \
         https://ubuntu.com/esm or run: sudo pro status\n\n\n",
        persona.system,
        persona.kernel,
        now.format("%a %b %e %H:%M:%S UTC %Y"),
        118 + decky.secret.derive("processes").0.first().map_or(0, |byte| byte % 9),
        hardware.disk_gib - 2,
        hardware.interface,
        decky.ip,
    )
}

/// When and from where the user logged in last, which is now from then on.
fn last_login(user: &str, door: Door, context: &mut Context<'_>) -> String {
    let (decky, now, peer) = (context.decky, context.now, context.peer.ip());
    let mut files = context.state.files.by(decky, Owner::ROOT, now);
    let account = account::enter(&mut files, decky.persona.family, user);
    let path = if decky.persona.family == Family::Bsd {
        "/var/log/utx.lastlogin"
    } else {
        "/var/log/lastlog"
    };
    let before = match kept(&files, path, account.uid) {
        Some(before) => Some(before),
        None if account.uid == 0 => {
            // Somebody of the house looked after the machine when it was new.
            let at = decky.booted.plus(std::time::Duration::from_secs(5_460));
            Some((at.min(now), format!("{}.12", Lan::of(decky).prefix())))
        }
        None => None,
    };
    if account.uid <= MAX_UID {
        keep(&mut files, path, account.uid, now, &peer.to_string());
    }
    let Some((at, host)) = before else { return String::new() };
    let at = at.format("%a %b %e %H:%M:%S");
    let year = now.format("%Y");
    match (decky.persona.family, door) {
        (Family::Bsd, _) => format!("Last login: {at} {year} from {host}\n"),
        (_, Door::Login) => format!("Last login: {at} UTC {year} from {host} on pts/0\n"),
        (_, Door::Sshd) => format!("Last login: {at} {year} from {host}\n"),
    }
}

/// The record of a user, when a visitor has made one.
fn kept(files: &Access<'_>, path: &str, uid: u32) -> Option<(Timestamp, String)> {
    if files.is_of_base(path) {
        return None;
    }
    let content = files.read(path).ok()?;
    let begin = usize::try_from(uid).ok()?.checked_mul(RECORD)?;
    let record = content.get(begin..begin.checked_add(RECORD)?)?;
    let seconds = u32::from_le_bytes(record.first_chunk().copied()?);
    let host = record.get(36..)?.split(|byte| *byte == 0).next()?;
    let at = Timestamp(u64::from(seconds) * 1_000_000_000);
    (seconds > 0).then(|| (at, String::from_utf8_lossy(host).into_owned()))
}

fn keep(files: &mut Access<'_>, path: &str, uid: u32, now: Timestamp, host: &str) {
    let mut content =
        if files.is_of_base(path) { Vec::new() } else { files.read(path).unwrap_or_default() };
    let begin = usize::try_from(uid).unwrap_or(0) * RECORD;
    if begin + RECORD > MAX_INLINE {
        // Zeros before one record are not worth to be kept at every login.
        return;
    }
    if content.len() < begin + RECORD {
        content.resize(begin + RECORD, 0);
    }
    let seconds = u32::try_from(now.0 / 1_000_000_000).unwrap_or(u32::MAX);
    let mut record = seconds.to_le_bytes().to_vec();
    record.extend(b"pts/0");
    record.resize(36, 0);
    record.extend(host.bytes().take(255));
    record.resize(RECORD, 0);
    content.splice(begin..begin + RECORD, record);
    let size = files.stat(path).map_or(0, |stat| stat.size).max(content.len() as u64);
    // Without room the next greeting tells of an older login, which harms nobody.
    if files.keep(path, &content, size).is_err() {}
}
