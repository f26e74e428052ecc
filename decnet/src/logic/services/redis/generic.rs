//! Commands on keys, whatever they hold.

use super::call::Call;
use super::error::{Done, Error, NO_DATABASE, NO_KEY, NOT_INTEGER, SYNTAX, error};
use super::glob::matches;
use super::keys::{DATABASES, Entry, MAX_TEXT};
use super::request::number;
use super::value::Value;
use super::{lists, scan, sort};

/// Carries out the command; whether it is one of these.
pub(super) fn run(call: &mut Call<'_>) -> Option<Done> {
    Some(match call.command.name {
        "copy" => copy(call),
        "del" | "unlink" => del(call),
        "exists" | "touch" => exists(call),
        "expire" | "expireat" | "pexpire" | "pexpireat" => expire(call),
        "expiretime" | "pexpiretime" | "pttl" | "ttl" => ttl(call),
        "hscan" | "scan" | "sscan" | "zscan" => scan::run(call),
        "keys" => keys(call),
        "migrate" => migrate(call),
        "move" => move_key(call),
        "object" => object(call),
        "persist" => persist(call),
        "randomkey" => randomkey(call),
        "rename" | "renamenx" => rename(call),
        "restore" | "restore-asking" => {
            Err(error("ERR DUMP payload version or checksum are wrong"))
        }
        "sort" | "sort_ro" => sort::run(call),
        "type" => type_of(call),
        "wait" => wait(call),
        _ => return None,
    })
}

fn del(call: &mut Call<'_>) -> Done {
    let gone = call.from(1).iter().filter(|key| call.remove(key)).count();
    call.out.len(gone);
    Ok(())
}

fn exists(call: &mut Call<'_>) -> Done {
    let there = call.from(1).iter().filter(|key| call.has(key)).count();
    call.out.len(there);
    Ok(())
}

fn type_of(call: &mut Call<'_>) -> Done {
    let name = call.entry(call.word(1)).map_or("none", |entry| entry.value.name());
    call.out.status(name);
    Ok(())
}

fn expire(call: &mut Call<'_>) -> Done {
    let name = call.command.name;
    let wrong = || error(format!("ERR invalid expire time in '{name}' command"));
    let given = call.int(2)?;
    let factor = if name.starts_with('p') { 1 } else { 1000 };
    let base = if name.ends_with("at") { 0 } else { i64::try_from(call.now()).unwrap_or(0) };
    let end = given.checked_mul(factor).and_then(|millis| millis.checked_add(base));
    let end = end.ok_or_else(wrong)?;
    let rules = Rules::of(call)?;
    let Some(old) = call.entry(call.word(1)).map(|entry| entry.expires) else {
        call.out.int(0);
        return Ok(());
    };
    let end = u64::try_from(end).unwrap_or(0);
    if rules.refuse(old, end) {
        call.out.int(0);
        return Ok(());
    }
    if end <= call.now() {
        call.remove(call.word(1));
    } else {
        call.keys.set_expiry(call.client.database, call.word(1), Some(end));
    }
    call.out.int(1);
    Ok(())
}

/// When an end is set.
#[derive(Default)]
struct Rules {
    new: bool,
    old: bool,
    later: bool,
    sooner: bool,
}

impl Rules {
    fn of(call: &Call<'_>) -> Result<Self, Error> {
        let mut rules = Self::default();
        for at in 3..call.words.len() {
            match call.lower(at).as_str() {
                "nx" => rules.new = true,
                "xx" => rules.old = true,
                "gt" => rules.later = true,
                "lt" => rules.sooner = true,
                _ => {
                    let word = String::from_utf8_lossy(call.word(at)).into_owned();
                    return Err(error(format!("ERR Unsupported option {word}")));
                }
            }
        }
        if rules.new && (rules.old || rules.later || rules.sooner) {
            return Err(error(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if rules.later && rules.sooner {
            return Err(error("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(rules)
    }

    /// Whether the end is not to be set; without one a key lasts longest.
    fn refuse(&self, old: Option<u64>, new: u64) -> bool {
        self.new && old.is_some()
            || self.old && old.is_none()
            || self.later && old.is_none_or(|old| new <= old)
            || self.sooner && old.is_some_and(|old| new >= old)
    }
}

fn ttl(call: &mut Call<'_>) -> Done {
    let now = call.now();
    let name = call.command.name;
    let answer = match call.entry(call.word(1)).map(|entry| entry.expires) {
        None => -2,
        Some(None) => -1,
        Some(Some(end)) => {
            let millis = match name {
                "expiretime" | "pexpiretime" => end,
                _ => end.saturating_sub(now),
            };
            let whole = match name {
                "ttl" => (millis + 500) / 1000,
                "expiretime" => millis / 1000,
                _ => millis,
            };
            i64::try_from(whole).unwrap_or(i64::MAX)
        }
    };
    call.out.int(answer);
    Ok(())
}

fn persist(call: &mut Call<'_>) -> Done {
    let ends = call.entry(call.word(1)).is_some_and(|entry| entry.expires.is_some());
    if ends {
        call.keys.set_expiry(call.client.database, call.word(1), None);
    }
    call.out.flag(ends);
    Ok(())
}

fn keys(call: &mut Call<'_>) -> Done {
    let now = call.now();
    call.keys.sweep(now);
    let pattern = call.word(1);
    let all = call.keys.order(call.client.database);
    call.client.work += 16 * all.len();
    let found: Vec<_> = all.into_iter().filter(|key| matches(pattern, key)).collect();
    call.out.array(found.len());
    for key in found {
        call.out.bulk(key);
    }
    Ok(())
}

fn randomkey(call: &mut Call<'_>) -> Done {
    let now = call.now();
    call.keys.sweep(now);
    let length = call.keys.database(call.client.database).len();
    let at = call.dice(length);
    let key = call.keys.database(call.client.database).keys().nth(at).cloned();
    call.out.maybe(key);
    Ok(())
}

fn rename(call: &mut Call<'_>) -> Done {
    let (from, to) = (call.word(1), call.word(2));
    let Some(entry) = call.entry(from).cloned() else { return Err(NO_KEY) };
    let unless = call.command.name == "renamenx";
    if unless && call.has(to) {
        call.out.int(0);
        return Ok(());
    }
    call.remove(from);
    call.keys.put(call.client.database, to, entry)?;
    if unless {
        call.out.int(1)
    } else {
        call.out.ok()
    }
    Ok(())
}

/// The number of a database.
pub(super) fn database(text: &[u8]) -> Result<usize, Error> {
    let number = number(text).ok_or(NOT_INTEGER)?;
    usize::try_from(number).ok().filter(|index| *index < DATABASES).ok_or(NO_DATABASE)
}

fn copy(call: &mut Call<'_>) -> Done {
    let (mut target, mut replace, mut at) = (call.client.database, false, 3);
    while at < call.words.len() {
        match call.lower(at).as_str() {
            "replace" => replace = true,
            "db" if at + 1 < call.words.len() => {
                at += 1;
                target = database(call.word(at))?;
            }
            _ => return Err(SYNTAX),
        }
        at += 1;
    }
    let (from, to) = (call.word(1), call.word(2));
    if target == call.client.database && from == to {
        return Err(error("ERR source and destination objects are the same"));
    }
    let now = call.now();
    let entry = call.entry(from).cloned();
    let free = replace || call.keys.entry(target, to, now).is_none();
    match entry {
        Some(entry) if free => {
            call.keys.put(target, to, entry)?;
            call.out.int(1);
        }
        _ => call.out.int(0),
    }
    Ok(())
}

fn move_key(call: &mut Call<'_>) -> Done {
    let target = database(call.word(2))?;
    if target == call.client.database {
        return Err(error("ERR source and destination objects are the same"));
    }
    let (key, now) = (call.word(1), call.now());
    let entry = call.entry(key).cloned();
    let free = call.keys.entry(target, key, now).is_none();
    match entry {
        Some(entry) if free => {
            call.remove(key);
            call.keys.put(target, key, entry)?;
            call.out.int(1);
        }
        _ => call.out.int(0),
    }
    Ok(())
}

fn object(call: &mut Call<'_>) -> Done {
    let word = call.lower(1);
    let now = call.around.now;
    let Some(entry) = call.entry(call.word(2)) else {
        call.out.null();
        return Ok(());
    };
    match word.as_str() {
        "encoding" => {
            let name = encoding(entry);
            call.out.bulk(name);
        }
        "refcount" => call.out.int(1),
        "idletime" => call.out.len(usize::try_from(now.millis() / 1000 % 600).unwrap_or(0)),
        _ => {
            return Err(error(
                "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
            ));
        }
    }
    Ok(())
}

fn encoding(entry: &Entry) -> &'static str {
    match &entry.value {
        Value::Hash(hash) if hash.len() > 512 => "hashtable",
        Value::Hash(hash) if hash.all().iter().any(|(f, v)| f.len().max(v.len()) > 64) => {
            "hashtable"
        }
        Value::Hash(_) => "listpack",
        Value::List(_) => "quicklist",
        Value::Set(set) if set.is_numeric() => "intset",
        Value::Set(_) => "hashtable",
        Value::Text(text) if text.len() <= 20 && number(text).is_some() => "int",
        Value::Text(text) if text.len() <= 44 => "embstr",
        Value::Text(_) => "raw",
        Value::Zset(zset) if zset.len() > 128 => "skiplist",
        Value::Zset(_) => "listpack",
    }
}

fn wait(call: &mut Call<'_>) -> Done {
    if call.int(2)? < 0 {
        return Err(error("ERR timeout is negative"));
    }
    call.int(1)?;
    call.out.int(0);
    Ok(())
}

/// Never goes anywhere.
fn migrate(call: &mut Call<'_>) -> Done {
    if !call.has(call.word(3)) {
        call.out.status("NOKEY");
        return Ok(());
    }
    Err(error("IOERR error or timeout connecting to the client"))
}

/// Stores what `SORT` found.
pub(super) fn store(call: &mut Call<'_>, key: &[u8], items: Vec<Vec<u8>>) -> Done {
    let count = items.len();
    if items.iter().map(Vec::len).sum::<usize>() > 8 * MAX_TEXT {
        return Err(super::error::NO_ROOM);
    }
    call.put(key, lists::of(items))?;
    call.out.len(count);
    Ok(())
}
