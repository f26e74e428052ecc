//! `CONFIG`: what the server is set to, and what visitors set it to.
//!
//! Setting `dir` and `dbfilename` is let pass: whoever then saves has told where a file was to be
//! planted, and its content is reported. Nothing is ever written.

use super::call::Call;
use super::error::{Done, Error, error, wrong_number};
use super::glob::matches;
use super::parameters::PARAMETERS;
use crate::logic::persona::Family;

/// Parameters that can be set in the file alone.
const FIXED: [&str; 22] = [
    "aclfile",
    "always-show-logo",
    "appenddirname",
    "appendfilename",
    "cluster-config-file",
    "cluster-enabled",
    "daemonize",
    "databases",
    "enable-debug-command",
    "enable-module-command",
    "enable-protected-configs",
    "io-threads",
    "io-threads-do-reads",
    "logfile",
    "pidfile",
    "set-proc-title",
    "supervised",
    "syslog-enabled",
    "syslog-facility",
    "syslog-ident",
    "tcp-backlog",
    "unixsocket",
];

/// Folders that a system has at its root.
const ROOTS: [&str; 22] = [
    "bin", "boot", "data", "dev", "etc", "home", "lib", "lib64", "media", "mnt", "opt", "proc",
    "root", "run", "sbin", "srv", "sys", "tmp", "usr", "var", "www", "",
];

/// Longest value that is kept.
const MAX_VALUE: usize = 1024;

/// Carries out `CONFIG`.
pub(super) fn run(call: &mut Call<'_>) -> Done {
    match call.lower(1).as_str() {
        "get" => get(call),
        "set" => set(call)?,
        "resetstat" => {
            (call.keys.looked, call.keys.expired, call.keys.evicted) = ((0, 0), 0, 0);
            call.out.ok();
        }
        "rewrite" => call.out.ok(),
        _ => return Err(error("ERR syntax error")),
    }
    Ok(())
}

/// What a parameter is set to.
pub(super) fn value(call: &Call<'_>, name: &str) -> String {
    if let Some(set) = call.keys.set.get(name) {
        return set.clone();
    }
    let default = PARAMETERS.binary_search_by(|(other, _)| other.cmp(&name)).ok();
    let default = default.and_then(|at| PARAMETERS.get(at)).map_or("", |(_, value)| value);
    let (windows, bsd) = match call.around.decky.persona.family {
        Family::WindowsClient | Family::WindowsServer => (true, false),
        Family::Bsd => (false, true),
        Family::Linux | Family::Printer => (false, false),
    };
    match default {
        "@dir" if windows => "C:\\Program Files\\Redis".to_owned(),
        "@dir" if bsd => "/var/db/redis".to_owned(),
        "@dir" => "/var/lib/redis".to_owned(),
        "@log" if windows => "server_log.txt".to_owned(),
        "@log" if bsd => "/var/log/redis/redis.log".to_owned(),
        "@log" => "/var/log/redis/redis-server.log".to_owned(),
        "@pid" if windows => String::new(),
        "@pid" if bsd => "/var/run/redis/redis.pid".to_owned(),
        "@pid" => "/run/redis/redis-server.pid".to_owned(),
        "@port" => call.around.local.port().to_string(),
        default => default.to_owned(),
    }
}

/// Whether the next `SAVE` would write a file that is not the server's own; its path.
pub(super) fn planted(call: &Call<'_>) -> Option<String> {
    let moved = ["dir", "dbfilename"].iter().any(|name| call.keys.set.contains_key(name));
    let (dir, file) = (value(call, "dir"), value(call, "dbfilename"));
    let end = if dir.ends_with(['/', '\\']) { "" } else { "/" };
    moved.then(|| format!("{dir}{end}{file}"))
}

fn get(call: &mut Call<'_>) {
    let seed = call.keys.seed;
    let patterns: Vec<_> = (2..call.words.len()).map(|at| call.lower(at)).collect();
    let wanted =
        |name: &str| patterns.iter().any(|pattern| matches(pattern.as_bytes(), name.as_bytes()));
    let mut names: Vec<_> =
        PARAMETERS.iter().map(|(name, _)| *name).filter(|name| wanted(name)).collect();
    if names.len() > 2 {
        names.sort_by_cached_key(|name| super::value::scatter(name.as_bytes(), seed));
    }
    call.out.map(names.len());
    for name in names {
        let value = value(call, name);
        call.out.bulk(name);
        call.out.bulk(value);
    }
}

fn set(call: &mut Call<'_>) -> Done {
    let pairs = call.from(2);
    if !pairs.len().is_multiple_of(2) {
        return Err(wrong_number("config|set"));
    }
    let mut accepted: Vec<(&'static str, String)> = Vec::new();
    for pair in pairs.chunks_exact(2) {
        let [name, value] = pair else { continue };
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let found = PARAMETERS.iter().find(|(other, _)| *other == name);
        let Some((name, default)) = found else { return Err(unknown(call, &name)) };
        if accepted.iter().any(|(other, _)| other == name) {
            return Err(refused(call, name, "duplicate parameter"));
        }
        let value = String::from_utf8_lossy(value.get(..MAX_VALUE).unwrap_or(value)).into_owned();
        match check(call, name, default, &value) {
            Ok(value) => accepted.push((name, value)),
            Err(why) => return Err(refused(call, name, why)),
        }
    }
    call.keys.set.extend(accepted);
    call.out.ok();
    Ok(())
}

fn unknown(call: &Call<'_>, name: &str) -> Error {
    error(match call.around.version.major {
        0..7 => format!("ERR Unsupported CONFIG parameter: {name}"),
        _ => format!("ERR Unknown option or number of arguments for CONFIG SET - '{name}'"),
    })
}

fn refused(call: &Call<'_>, name: &str, why: &str) -> Error {
    error(match call.around.version.major {
        0..7 if name == "dir" => format!("ERR Changing directory: {why}"),
        0..7 => format!("ERR Invalid argument for CONFIG SET '{name}' - {why}"),
        _ => format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {why}"),
    })
}

/// The value as it is kept, or why it cannot be.
fn check(call: &Call<'_>, name: &str, default: &str, value: &str) -> Result<String, &'static str> {
    if FIXED.contains(&name) {
        return Err("can't set immutable config");
    }
    match (name, default) {
        ("dbfilename", _) if value.contains('/') => {
            Err("dbfilename can't be a path, just a filename")
        }
        ("dir", _) if !is_folder(call, value) => Err("No such file or directory"),
        ("maxmemory-policy", _) if !is_policy(value) => Err(
            "argument(s) must be one of the following: volatile-lru, volatile-lfu, volatile-random, volatile-ttl, allkeys-lru, allkeys-lfu, allkeys-random, noeviction",
        ),
        (_, "yes" | "no") if !matches!(value, "yes" | "no") => {
            Err("argument must be 'yes' or 'no'")
        }
        ("maxmemory" | "repl-backlog-size" | "client-query-buffer-limit", _) => {
            bytes(value).map(|bytes| bytes.to_string()).ok_or("argument must be a memory value")
        }
        (_, default) if default.parse::<u64>().is_ok() && value.parse::<u64>().is_err() => {
            Err("argument couldn't be parsed into an integer")
        }
        _ => Ok(value.to_owned()),
    }
}

fn is_folder(call: &Call<'_>, path: &str) -> bool {
    if call.around.decky.persona.family.is_windows() {
        return true;
    }
    let first = path.strip_prefix('/').and_then(|rest| rest.split('/').next());
    match first {
        Some(first) => ROOTS.contains(&first),
        None => matches!(path, "." | "./"),
    }
}

fn is_policy(value: &str) -> bool {
    let (keys, how) = value.split_once('-').unwrap_or((value, ""));
    match keys {
        "noeviction" => how.is_empty(),
        "allkeys" => matches!(how, "lru" | "lfu" | "random"),
        "volatile" => matches!(how, "lru" | "lfu" | "random" | "ttl"),
        _ => false,
    }
}

/// A number of bytes with its unit.
fn bytes(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let end = lower.find(|c: char| !c.is_ascii_digit()).unwrap_or(lower.len());
    let (digits, unit) = lower.split_at(end);
    let factor = match unit {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1024,
        "m" => 1_000_000,
        "mb" => 1024 * 1024,
        "g" => 1_000_000_000,
        "gb" => 1024 * 1024 * 1024,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}
