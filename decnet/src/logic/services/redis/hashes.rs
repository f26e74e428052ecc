//! Commands on fields with values.

use super::call::{Call, float};
use super::error::{Done, Error, NOT_INTEGER, SYNTAX, error, wrong_number};
use super::request::number;
use super::strings::short;
use super::value::Hash;

/// Carries out the command; whether it is one of these.
pub(super) fn run(call: &mut Call<'_>) -> Option<Done> {
    Some(match call.command.name {
        "hdel" => hdel(call),
        "hexists" => hexists(call),
        "hget" => hget(call),
        "hgetall" => all(call, Part::Both),
        "hincrby" => hincrby(call),
        "hincrbyfloat" => hincrbyfloat(call),
        "hkeys" => all(call, Part::Field),
        "hlen" => hlen(call),
        "hmget" => hmget(call),
        "hmset" | "hset" => hset(call),
        "hrandfield" => hrandfield(call),
        "hsetnx" => hsetnx(call),
        "hstrlen" => hstrlen(call),
        "hvals" => all(call, Part::Value),
        _ => return None,
    })
}

/// Which part of a field is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Both,
    Field,
    Value,
}

fn hset(call: &mut Call<'_>) -> Done {
    let pairs = call.from(2);
    if !pairs.len().is_multiple_of(2) {
        return Err(wrong_number(call.command.name));
    }
    let new = call.change(call.word(1), |hash: &mut Hash| {
        let put = |pair: &&[&[u8]]| match pair {
            [field, value] => hash.put(field, value.to_vec()),
            _ => false,
        };
        Ok(pairs.chunks_exact(2).filter(put).count())
    })?;
    if call.command.name == "hmset" {
        call.out.ok()
    } else {
        call.out.len(new)
    }
    Ok(())
}

fn hsetnx(call: &mut Call<'_>) -> Done {
    let (field, value) = (call.word(2), call.word(3));
    let new = call.change(call.word(1), |hash: &mut Hash| {
        Ok(hash.value(field).is_none() && hash.put(field, value.to_vec()))
    })?;
    call.out.flag(new);
    Ok(())
}

fn value(call: &mut Call<'_>, field: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    let hash = call.read::<Hash>(call.word(1))?;
    Ok(hash.and_then(|hash| hash.value(field)).cloned())
}

fn hget(call: &mut Call<'_>) -> Done {
    let value = value(call, call.word(2))?;
    call.out.maybe(value);
    Ok(())
}

fn hmget(call: &mut Call<'_>) -> Done {
    call.read::<Hash>(call.word(1))?;
    call.out.array(call.from(2).len());
    for field in call.from(2) {
        let value = value(call, field)?;
        call.out.maybe(value);
    }
    Ok(())
}

fn hexists(call: &mut Call<'_>) -> Done {
    let value = value(call, call.word(2))?;
    call.out.flag(value.is_some());
    Ok(())
}

fn hstrlen(call: &mut Call<'_>) -> Done {
    let value = value(call, call.word(2))?;
    call.out.len(value.map_or(0, |value| value.len()));
    Ok(())
}

fn hlen(call: &mut Call<'_>) -> Done {
    let length = call.read::<Hash>(call.word(1))?.map_or(0, Hash::len);
    call.out.len(length);
    Ok(())
}

fn hdel(call: &mut Call<'_>) -> Done {
    let fields = call.from(2);
    let gone = match call.read::<Hash>(call.word(1))? {
        None => 0,
        Some(_) => call.change(call.word(1), |hash: &mut Hash| {
            Ok(fields.iter().filter(|field| hash.remove(field)).count())
        })?,
    };
    call.out.len(gone);
    Ok(())
}

fn all(call: &mut Call<'_>, part: Part) -> Done {
    let fields = pairs(call)?;
    if part == Part::Both {
        call.out.map(fields.len());
    } else {
        call.out.array(fields.len());
    }
    for (field, value) in &fields {
        if part != Part::Value {
            call.out.bulk(field);
        }
        if part != Part::Field {
            call.out.bulk(value);
        }
    }
    Ok(())
}

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Fields and values of the key in the first word.
pub(super) fn pairs(call: &mut Call<'_>) -> Result<Pairs, Error> {
    let hash = call.read::<Hash>(call.word(1))?;
    let pairs = hash.map(Hash::all).unwrap_or_default();
    Ok(pairs.into_iter().map(|(field, value)| (field.to_vec(), value.to_vec())).collect())
}

fn hincrby(call: &mut Call<'_>) -> Done {
    let (field, by) = (call.word(2), call.int(3)?);
    let sum = call.change(call.word(1), |hash: &mut Hash| {
        let old = hash.value(field).map_or(Some(0), |text| number(text));
        let old = old.ok_or(error("ERR hash value is not an integer"))?;
        let sum = old.checked_add(by).ok_or(error("ERR increment or decrement would overflow"))?;
        hash.put(field, sum.to_string().into_bytes());
        Ok(sum)
    })?;
    call.out.int(sum);
    Ok(())
}

fn hincrbyfloat(call: &mut Call<'_>) -> Done {
    let (field, by) = (call.word(2), call.float(3)?);
    let sum = call.change(call.word(1), |hash: &mut Hash| {
        let old = hash.value(field).map_or(Some(0.0), |text| float(text));
        let sum = old.ok_or(error("ERR hash value is not a float"))? + by;
        if !sum.is_finite() {
            return Err(error("ERR increment would produce NaN or Infinity"));
        }
        hash.put(field, short(sum).into_bytes());
        Ok(short(sum))
    })?;
    call.out.bulk(sum);
    Ok(())
}

fn hrandfield(call: &mut Call<'_>) -> Done {
    let values = call.words.len() == 4;
    if values && !call.is(3, "withvalues") || call.words.len() > 4 {
        return Err(SYNTAX);
    }
    let counted = call.words.len() > 2;
    let count = if counted { call.int(2).or(Err(NOT_INTEGER))? } else { 1 };
    let fields = pairs(call)?;
    if !counted {
        let at = call.dice(fields.len());
        call.out.maybe(fields.get(at).map(|(field, _)| field));
        return Ok(());
    }
    let chosen = choose(call, fields.len(), count);
    let each = values && call.out.third;
    call.out.array(if values && !each { chosen.len() * 2 } else { chosen.len() });
    for at in chosen {
        let Some((field, value)) = fields.get(at) else { continue };
        if each {
            call.out.array(2);
        }
        call.out.bulk(field);
        if values {
            call.out.bulk(value);
        }
    }
    Ok(())
}

/// Most things that are chosen when each may be chosen again.
const MAX_CHOICE: u64 = 4096;

/// `count` of `length` things: each once, or with a negative count as often as it comes.
pub(super) fn choose(call: &mut Call<'_>, length: usize, count: i64) -> Vec<usize> {
    if length == 0 {
        return Vec::new();
    }
    if count < 0 {
        let count = count.unsigned_abs().min(MAX_CHOICE);
        return (0..count).map(|_| call.dice(length)).collect();
    }
    let mut all: Vec<_> = (0..length).collect();
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(length);
    for at in 0..count {
        let other = at + call.dice(length - at);
        all.swap(at, other);
    }
    all.truncate(count);
    all
}
