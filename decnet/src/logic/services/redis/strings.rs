//! Commands on texts.

use super::call::{Call, range};
use super::error::{Done, Error, NOT_FLOAT, NOT_INTEGER, SYNTAX, TOO_LONG, error, wrong_number};
use super::keys::{Entry, MAX_TEXT};
use super::out::double;
use super::request::number;
use super::value::Value;

/// The longest string that a server takes, and we do not.
const MAX_SERVER_TEXT: i64 = 512 * 1024 * 1024;

/// Carries out the command; whether it is one of these.
pub(super) fn run(call: &mut Call<'_>) -> Option<Done> {
    Some(match call.command.name {
        "append" => append(call),
        "decr" => count(call, Some(-1)),
        "decrby" => decrby(call),
        "get" => get(call),
        "getdel" => getdel(call),
        "getex" => getex(call),
        "getrange" | "substr" => getrange(call),
        "getset" => getset(call),
        "incr" => count(call, Some(1)),
        "incrby" => call.int(2).and_then(|by| count(call, Some(by))),
        "incrbyfloat" => incrbyfloat(call),
        "mget" => mget(call),
        "mset" => mset(call),
        "msetnx" => msetnx(call),
        "psetex" | "setex" => setex(call),
        "set" => set(call),
        "setnx" => setnx(call),
        "setrange" => setrange(call),
        "strlen" => strlen(call),
        _ => return None,
    })
}

fn text(call: &mut Call<'_>, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    Ok(call.read::<Vec<u8>>(key)?.cloned())
}

fn get(call: &mut Call<'_>) -> Done {
    let text = text(call, call.word(1))?;
    call.out.maybe(text);
    Ok(())
}

fn getdel(call: &mut Call<'_>) -> Done {
    get(call)?;
    call.remove(call.word(1));
    Ok(())
}

fn getset(call: &mut Call<'_>) -> Done {
    let old = text(call, call.word(1))?;
    call.put(call.word(1), Value::Text(call.word(2).to_vec()))?;
    call.out.maybe(old);
    Ok(())
}

fn mget(call: &mut Call<'_>) -> Done {
    let keys = call.from(1);
    call.out.array(keys.len());
    for key in keys {
        let text = text(call, key).unwrap_or_default();
        call.out.maybe(text);
    }
    Ok(())
}

fn mset(call: &mut Call<'_>) -> Done {
    let pairs = call.from(1).chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return Err(wrong_number(call.command.name));
    }
    for pair in pairs {
        let [key, value] = pair else { continue };
        call.put(key, Value::Text(value.to_vec()))?;
    }
    call.out.ok();
    Ok(())
}

fn msetnx(call: &mut Call<'_>) -> Done {
    let pairs = call.from(1);
    if !pairs.len().is_multiple_of(2) {
        return Err(wrong_number("msetnx"));
    }
    if pairs.iter().step_by(2).any(|key| call.has(key)) {
        call.out.int(0);
        return Ok(());
    }
    for pair in pairs.chunks_exact(2) {
        let [key, value] = pair else { continue };
        call.put(key, Value::Text(value.to_vec()))?;
    }
    call.out.int(1);
    Ok(())
}

/// What `SET` and `GETEX` may say of an end.
enum Expiry {
    At(u64),
    Keep,
    None,
    Persist,
}

/// The end that `word` with the number behind it sets, in milliseconds since 1970.
pub(super) fn expiry(call: &Call<'_>, unit: &str, at: usize) -> Result<u64, Error> {
    let given = call.int(at)?;
    let wrong = || error(format!("ERR invalid expire time in '{}' command", call.command.name));
    if given <= 0 {
        return Err(wrong());
    }
    let factor = if unit.starts_with('p') { 1 } else { 1000 };
    let millis = given.checked_mul(factor).ok_or_else(wrong)?;
    let now = if unit.ends_with("at") { 0 } else { call.now() };
    let end = now.checked_add(millis.unsigned_abs()).ok_or_else(wrong)?;
    if i64::try_from(end).is_ok() { Ok(end) } else { Err(wrong()) }
}

fn set(call: &mut Call<'_>) -> Done {
    let (mut only_new, mut only_old, mut tell, mut expires) = (false, false, false, Expiry::None);
    let mut at = 3;
    while at < call.words.len() {
        let word = call.lower(at);
        let last = at + 1 >= call.words.len();
        match (word.as_str(), &expires) {
            ("nx", _) if !only_old => only_new = true,
            ("xx", _) if !only_new => only_old = true,
            ("get", _) => tell = true,
            ("keepttl", Expiry::None) => expires = Expiry::Keep,
            ("ex" | "px" | "exat" | "pxat", Expiry::None) if !last => {
                at += 1;
                expires = Expiry::At(expiry(call, &word, at)?);
            }
            _ => return Err(SYNTAX),
        }
        at += 1;
    }
    let key = call.word(1);
    let old = if tell { text(call, key)? } else { None };
    let there = call.entry(key).map(|entry| entry.expires);
    if only_new && there.is_some() || only_old && there.is_none() {
        call.out.maybe(old);
        return Ok(());
    }
    let expires = match expires {
        Expiry::At(end) => Some(end),
        Expiry::Keep => there.flatten(),
        Expiry::None | Expiry::Persist => None,
    };
    let value = Value::Text(call.word(2).to_vec());
    call.keys.put(call.client.database, key, Entry { value, expires })?;
    if tell {
        call.out.maybe(old)
    } else {
        call.out.ok()
    }
    Ok(())
}

fn getex(call: &mut Call<'_>) -> Done {
    let word = call.lower(2);
    let expires = match (word.as_str(), call.words.len()) {
        (_, 2) => Expiry::None,
        ("persist", 3) => Expiry::Persist,
        ("ex" | "px" | "exat" | "pxat", 4) => Expiry::At(expiry(call, &word, 3)?),
        _ => return Err(SYNTAX),
    };
    get(call)?;
    match expires {
        Expiry::At(end) => call.keys.set_expiry(call.client.database, call.word(1), Some(end)),
        Expiry::Persist => call.keys.set_expiry(call.client.database, call.word(1), None),
        Expiry::Keep | Expiry::None => {}
    }
    Ok(())
}

fn setex(call: &mut Call<'_>) -> Done {
    let unit = if call.command.name == "setex" { "ex" } else { "px" };
    let expires = Some(expiry(call, unit, 2)?);
    let value = Value::Text(call.word(3).to_vec());
    call.keys.put(call.client.database, call.word(1), Entry { value, expires })?;
    call.out.ok();
    Ok(())
}

fn setnx(call: &mut Call<'_>) -> Done {
    let new = !call.has(call.word(1));
    if new {
        call.put(call.word(1), Value::Text(call.word(2).to_vec()))?;
    }
    call.out.flag(new);
    Ok(())
}

fn decrby(call: &mut Call<'_>) -> Done {
    let by = call.int(2)?;
    if by == i64::MIN {
        return Err(error("ERR decrement would overflow"));
    }
    count(call, by.checked_neg())
}

fn count(call: &mut Call<'_>, by: Option<i64>) -> Done {
    let sum = call.change(call.word(1), |text: &mut Vec<u8>| {
        let old = if text.is_empty() { Some(0) } else { number(text) };
        let sum = old.ok_or(NOT_INTEGER)?.checked_add(by.unwrap_or(0));
        let sum = sum.ok_or(error("ERR increment or decrement would overflow"))?;
        *text = sum.to_string().into_bytes();
        Ok(sum)
    })?;
    call.out.int(sum);
    Ok(())
}

fn incrbyfloat(call: &mut Call<'_>) -> Done {
    let by = call.float(2)?;
    let sum = call.change(call.word(1), |text: &mut Vec<u8>| {
        let old = if text.is_empty() { Some(0.0) } else { super::call::float(text) };
        let sum = old.ok_or(NOT_FLOAT)? + by;
        if !sum.is_finite() {
            return Err(error("ERR increment would produce NaN or Infinity"));
        }
        *text = short(sum).into_bytes();
        Ok(text.clone())
    })?;
    call.out.bulk(sum);
    Ok(())
}

/// A number in few digits, as sums of fractions are shown.
pub(super) fn short(number: f64) -> String {
    let text = format!("{number}");
    if text.len() > 20 { double(number) } else { text }
}

fn append(call: &mut Call<'_>) -> Done {
    let more = call.word(2);
    let length = call.change(call.word(1), |text: &mut Vec<u8>| {
        if text.len() + more.len() > MAX_TEXT {
            return Err(super::error::NO_ROOM);
        }
        text.extend_from_slice(more);
        Ok(text.len())
    })?;
    call.out.len(length);
    Ok(())
}

fn setrange(call: &mut Call<'_>) -> Done {
    let (at, more) = (call.int(2)?, call.word(3));
    let Ok(from) = usize::try_from(at) else { return Err(error("ERR offset is out of range")) };
    if more.is_empty() {
        return strlen(call);
    }
    if at.saturating_add(more.len().try_into().unwrap_or(i64::MAX)) > MAX_SERVER_TEXT {
        return Err(TOO_LONG);
    }
    let length = call.change(call.word(1), |text: &mut Vec<u8>| {
        let end = from + more.len();
        if end > MAX_TEXT {
            return Err(super::error::NO_ROOM);
        }
        text.resize(text.len().max(end), 0);
        if let Some(place) = text.get_mut(from..end) {
            place.copy_from_slice(more);
        }
        Ok(text.len())
    })?;
    call.out.len(length);
    Ok(())
}

fn getrange(call: &mut Call<'_>) -> Done {
    let (from, to) = (call.int(2)?, call.int(3)?);
    let text = text(call, call.word(1))?.unwrap_or_default();
    call.out.bulk(text.get(range(from, to, text.len())).unwrap_or_default());
    Ok(())
}

fn strlen(call: &mut Call<'_>) -> Done {
    let length = call.read::<Vec<u8>>(call.word(1))?.map_or(0, Vec::len);
    call.out.len(length);
    Ok(())
}
