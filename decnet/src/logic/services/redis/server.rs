//! Commands on the server.

use super::call::{Call, unless_syntax};
use super::error::{Done, NO_DATABASE, SYNTAX, error};
use super::generic::database;
use super::request::number;
use super::{config, docs, info, rdb};
use crate::logic::event::{Data, Kind, Raw};
use crate::logic::services::Report;

/// Carries out the command; whether it is one of these.
pub(super) fn run(call: &mut Call<'_>) -> Option<Done> {
    Some(match call.command.name {
        "acl" => acl(call),
        "asking" | "cluster" | "readonly" | "readwrite" => {
            Err(error("ERR This instance has cluster support disabled"))
        }
        "bgrewriteaof" => {
            call.out.status("Background append only file rewriting started");
            Ok(())
        }
        "bgsave" | "save" => save(call),
        "command" => docs::run(call),
        "config" => config::run(call),
        "dbsize" => {
            let now = call.now();
            call.keys.sweep(now);
            call.out.len(call.keys.database(call.client.database).len());
            Ok(())
        }
        "debug" => debug(call),
        "failover" => Err(error("ERR FAILOVER requires connected replicas.")),
        "flushall" => flush(call, None),
        "flushdb" => flush(call, Some(call.client.database)),
        "info" => info::run(call),
        "lastsave" => {
            let at = call.keys.saved.unwrap_or(call.around.decky.booted).millis() / 1000;
            call.out.int(i64::try_from(at).unwrap_or(0));
            Ok(())
        }
        "latency" => latency(call),
        "lolwut" => {
            let text = format!("Redis ver. {}\n", call.around.version_name);
            call.out.text(&text);
            Ok(())
        }
        "memory" => memory(call),
        "module" => module(call),
        "monitor" => {
            call.client.monitor = true;
            call.out.ok();
            Ok(())
        }
        "psync" | "sync" => sync(call),
        "replconf" => {
            call.out.ok();
            Ok(())
        }
        "replicaof" | "slaveof" => replicaof(call),
        "role" => role(call),
        "shutdown" => shutdown(call),
        "slowlog" => slowlog(call),
        "swapdb" => swapdb(call),
        "time" => {
            let micros = call.around.now.0 / 1000;
            call.list(&[(micros / 1_000_000).to_string(), (micros % 1_000_000).to_string()]);
            Ok(())
        }
        _ => return None,
    })
}

/// What nobody may do here, as the list of rights has it.
pub(super) const DENIED: &str = "user default on nopass ~* &* +@all -@stream -@scripting -@geo -@bitmap -@hyperloglog -lcs -dump";

fn acl(call: &mut Call<'_>) -> Done {
    match call.lower(1).as_str() {
        "cat" => {
            let name = String::from_utf8_lossy(call.word(2)).into_owned();
            return docs::categories(call, &name);
        }
        "list" => call.list(&[DENIED]),
        "log" if call.is(2, "reset") => call.out.ok(),
        "log" => call.out.array(0),
        "users" => call.list(&["default"]),
        "whoami" => call.out.bulk("default"),
        "load" | "save" => {
            return Err(error(
                "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis configuration.",
            ));
        }
        "setuser" => call.out.ok(),
        "deluser" => call.out.int(0),
        "getuser" => call.out.null_array(),
        "genpass" => {
            let mut bytes = [0; 32];
            (call.random)(&mut bytes);
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            call.out.bulk(digits);
        }
        _ => return Err(SYNTAX),
    }
    Ok(())
}

/// Says what would be written, when it is not the server's own file.
fn save(call: &mut Call<'_>) -> Done {
    let background = call.command.name == "bgsave";
    if background && call.words.len() > 1 {
        unless_syntax(call.words.len() == 2 && call.is(1, "schedule"))?;
    }
    if let Some(path) = config::planted(call) {
        let file = rdb::write(call.keys, call.around.version_name, call.around.now);
        let data = Data::new().with("name", path).with("bytes", file.len());
        call.told.push(Report::new(Kind::FileUpload).data(data).raw(Raw::of(&file)));
    }
    call.keys.saved = Some(call.around.now);
    call.keys.changes = 0;
    if background {
        call.out.status("Background saving started")
    } else {
        call.out.ok()
    }
    Ok(())
}

fn flush(call: &mut Call<'_>, database: Option<usize>) -> Done {
    let how = call.lower(1);
    unless_syntax(
        call.words.len() == 1 || call.words.len() == 2 && matches!(how.as_str(), "async" | "sync"),
    )?;
    call.keys.flush(database);
    call.out.ok();
    Ok(())
}

fn swapdb(call: &mut Call<'_>) -> Done {
    let wrong = |which: &str| error(format!("ERR invalid {which} DB index"));
    number(call.word(1)).ok_or_else(|| wrong("first"))?;
    number(call.word(2)).ok_or_else(|| wrong("second"))?;
    let (one, other) = (database(call.word(1)), database(call.word(2)));
    let (Ok(one), Ok(other)) = (one, other) else { return Err(NO_DATABASE) };
    call.keys.swap(one, other);
    call.out.ok();
    Ok(())
}

fn protected(call: &Call<'_>, name: &str, option: &str) -> Done {
    if call.around.version.major < 7 {
        return Ok(());
    }
    Err(error(format!(
        "ERR {name} command not allowed. If the {option} option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server."
    )))
}

fn debug(call: &mut Call<'_>) -> Done {
    protected(call, "DEBUG", "enable-debug-command")?;
    match call.lower(1).as_str() {
        "sleep" | "set-active-expire" | "jmap" | "reload" => {
            call.out.ok();
            Ok(())
        }
        "object" if !call.has(call.word(2)) => Err(super::error::NO_KEY),
        _ => {
            let word = String::from_utf8_lossy(call.word(1)).into_owned();
            Err(error(format!(
                "ERR Unknown subcommand or wrong number of arguments for '{word}'. Try DEBUG HELP."
            )))
        }
    }
}

fn module(call: &mut Call<'_>) -> Done {
    let word = call.lower(1);
    if word == "list" {
        call.out.array(0);
        return Ok(());
    }
    protected(call, "MODULE", "enable-module-command")?;
    Err(error(if word == "unload" {
        "ERR Error unloading module: no such module with that name"
    } else {
        "ERR Error loading the extension. Please check the server logs."
    }))
}

/// Says yes, and goes nowhere.
fn replicaof(call: &mut Call<'_>) -> Done {
    if call.is(1, "no") && call.is(2, "one") {
        call.keys.master = None;
        call.out.ok();
        return Ok(());
    }
    let port = number(call.word(2)).and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or(error("ERR Invalid master port"))?;
    let host: String = String::from_utf8_lossy(call.word(1)).chars().take(256).collect();
    let host: String = host.chars().filter(|c| !c.is_control()).collect();
    if call.keys.master.as_ref().is_some_and(|old| *old == (host.clone(), port)) {
        call.out.status("OK Already connected to specified master");
        return Ok(());
    }
    call.keys.master = Some((host, port));
    call.out.ok();
    Ok(())
}

fn role(call: &mut Call<'_>) -> Done {
    match call.keys.master.clone() {
        None => {
            call.out.array(3);
            call.out.bulk("master");
            call.out.int(0);
            call.out.array(0);
        }
        Some((host, port)) => {
            call.out.array(5);
            call.out.bulk("slave");
            call.out.bulk(host);
            call.out.int(port.into());
            call.out.bulk("connect");
            call.out.int(-1);
        }
    }
    Ok(())
}

/// Hands all keys to whoever calls himself a replica: they are bait.
fn sync(call: &mut Call<'_>) -> Done {
    if call.keys.master.is_some() {
        return Err(error("NOMASTERLINK Can't SYNC while not connected with my master"));
    }
    if call.command.name == "psync" {
        let id = info::replication_id(call);
        call.out.status(&format!("FULLRESYNC {id} 0"));
    }
    let file = rdb::write(call.keys, call.around.version_name, call.around.now);
    call.out.file(&file);
    Ok(())
}

fn shutdown(call: &mut Call<'_>) -> Done {
    for at in 1..call.words.len() {
        let word = call.lower(at);
        unless_syntax(matches!(word.as_str(), "nosave" | "save" | "now" | "force" | "abort"))?;
        if word == "abort" {
            return Err(error("ERR No shutdown in progress."));
        }
    }
    call.client.closing = true;
    Ok(())
}

fn slowlog(call: &mut Call<'_>) -> Done {
    match call.lower(1).as_str() {
        "get" => {
            let wrong = error("ERR count should be greater than or equal to -1");
            let count = if call.words.len() > 2 { number(call.word(2)) } else { Some(10) };
            count.filter(|count| *count >= -1).ok_or(wrong)?;
            call.out.array(0);
        }
        "len" => call.out.int(0),
        _ => call.out.ok(),
    }
    Ok(())
}

fn latency(call: &mut Call<'_>) -> Done {
    match call.lower(1).as_str() {
        "doctor" => call.out.text(docs::LATENCY_DOCTOR),
        "graph" => {
            let event = String::from_utf8_lossy(call.word(2)).into_owned();
            return Err(error(format!("ERR No samples available for event '{event}'")));
        }
        "histogram" => call.out.map(0),
        "reset" => call.out.int(0),
        _ => call.out.array(0),
    }
    Ok(())
}

fn memory(call: &mut Call<'_>) -> Done {
    match call.lower(1).as_str() {
        "doctor" => call.out.text(docs::MEMORY_DOCTOR),
        "purge" => call.out.ok(),
        "usage" => {
            let cost = call.entry(call.word(2)).map(|entry| entry.value.cost());
            match cost {
                Some(cost) => call.out.len(cost / 8 * 8 + 56),
                None => call.out.null(),
            }
        }
        "stats" => {
            let keys = call.keys.database(0).len();
            call.out.map(3);
            call.out.bulk("peak.allocated");
            call.out.int(1_310_720);
            call.out.bulk("total.allocated");
            call.out.len(920_000 + call.keys.cost());
            call.out.bulk("keys.count");
            call.out.len(keys);
        }
        _ => call.out.text("Stats not supported for the current allocator\n"),
    }
    Ok(())
}
