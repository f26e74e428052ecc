//! Commands on sets.

use std::collections::BTreeSet;

use super::call::Call;
use super::error::{Done, Error, NOT_POSITIVE, SYNTAX, error};
use super::hashes::choose;
use super::value::{Set, Value};

/// Carries out the command; whether it is one of these.
pub(super) fn run(call: &mut Call<'_>) -> Option<Done> {
    Some(match call.command.name {
        "sadd" => sadd(call),
        "scard" => scard(call),
        "sdiff" | "sinter" | "sunion" => combine(call, 1).map(|members| tell(call, &members)),
        "sdiffstore" | "sinterstore" | "sunionstore" => store(call),
        "sintercard" => sintercard(call),
        "sismember" => sismember(call),
        "smembers" => members(call, call.word(1)).map(|members| tell(call, &members)),
        "smismember" => smismember(call),
        "smove" => smove(call),
        "spop" => spop(call),
        "srandmember" => srandmember(call),
        "srem" => srem(call),
        _ => return None,
    })
}

type Members = Vec<Vec<u8>>;

/// The members of a key's set.
pub(super) fn members(call: &mut Call<'_>, key: &[u8]) -> Result<Members, Error> {
    let seed = call.keys.seed;
    let set = call.read::<Set>(key)?;
    let members = set.map(|set| set.all(seed)).unwrap_or_default();
    Ok(members.into_iter().map(<[u8]>::to_vec).collect())
}

fn tell(call: &mut Call<'_>, members: &Members) {
    call.out.set(members.len());
    members.iter().for_each(|member| call.out.bulk(member));
}

fn of(members: &Members) -> Set {
    let mut set = Set::default();
    for member in members {
        set.add(member);
    }
    set
}

fn sadd(call: &mut Call<'_>) -> Done {
    let members = call.from(2);
    let new = call.change(call.word(1), |set: &mut Set| {
        Ok(members.iter().filter(|member| set.add(member)).count())
    })?;
    call.out.len(new);
    Ok(())
}

fn srem(call: &mut Call<'_>) -> Done {
    let members = call.from(2);
    let gone = match call.read::<Set>(call.word(1))? {
        None => 0,
        Some(_) => call.change(call.word(1), |set: &mut Set| {
            Ok(members.iter().filter(|member| set.remove(member)).count())
        })?,
    };
    call.out.len(gone);
    Ok(())
}

fn scard(call: &mut Call<'_>) -> Done {
    let length = call.read::<Set>(call.word(1))?.map_or(0, Set::len);
    call.out.len(length);
    Ok(())
}

fn contains(call: &mut Call<'_>, member: &[u8]) -> Result<bool, Error> {
    Ok(call.read::<Set>(call.word(1))?.is_some_and(|set| set.contains(member)))
}

fn sismember(call: &mut Call<'_>) -> Done {
    let found = contains(call, call.word(2))?;
    call.out.flag(found);
    Ok(())
}

fn smismember(call: &mut Call<'_>) -> Done {
    call.read::<Set>(call.word(1))?;
    call.out.array(call.from(2).len());
    for member in call.from(2) {
        let found = contains(call, member)?;
        call.out.flag(found);
    }
    Ok(())
}

fn smove(call: &mut Call<'_>) -> Done {
    let (from, to, member) = (call.word(1), call.word(2), call.word(3));
    call.read::<Set>(to)?;
    let found = contains(call, member)?;
    if found && from != to {
        call.change(from, |set: &mut Set| Ok(set.remove(member)))?;
        call.change(to, |set: &mut Set| Ok(set.add(member)))?;
    }
    call.out.flag(found);
    Ok(())
}

/// What the command makes of the sets of the keys from a place on.
fn combine(call: &mut Call<'_>, at: usize) -> Result<Members, Error> {
    let mut all: Option<BTreeSet<Vec<u8>>> = None;
    for key in call.from(at) {
        let next: BTreeSet<_> = members(call, key)?.into_iter().collect();
        all = Some(match all {
            None => next,
            Some(all) if call.command.name.starts_with("sdiff") => {
                all.into_iter().filter(|member| !next.contains(member)).collect()
            }
            Some(all) if call.command.name.starts_with("sinter") => {
                all.into_iter().filter(|member| next.contains(member)).collect()
            }
            Some(mut all) => {
                all.extend(next);
                all
            }
        });
    }
    let all: Members = all.unwrap_or_default().into_iter().collect();
    let seed = call.keys.seed;
    Ok(of(&all).all(seed).into_iter().map(<[u8]>::to_vec).collect())
}

fn store(call: &mut Call<'_>) -> Done {
    let members = combine(call, 2)?;
    call.put(call.word(1), Value::Set(of(&members)))?;
    call.out.len(members.len());
    Ok(())
}

fn sintercard(call: &mut Call<'_>) -> Done {
    let wrong = error("ERR numkeys should be greater than 0");
    let count = call.int(1).ok().and_then(|count| usize::try_from(count).ok());
    let Some(count) = count.filter(|count| *count > 0) else { return Err(wrong) };
    let words = call.words;
    let Some(keys) = words.get(2..count.saturating_add(2)) else {
        return Err(error("ERR Number of keys can't be greater than number of args"));
    };
    let limit = match words.len() - count {
        2 => 0,
        4 if call.is(count + 2, "limit") => {
            let wrong = error("ERR LIMIT can't be negative");
            usize::try_from(call.int(count + 3)?).or(Err(wrong))?
        }
        _ => return Err(SYNTAX),
    };
    let mut all: Option<Members> = None;
    for key in keys {
        let next: BTreeSet<_> = members(call, key)?.into_iter().collect();
        all = Some(match all {
            None => next.into_iter().collect(),
            Some(all) => all.into_iter().filter(|member| next.contains(member)).collect(),
        });
    }
    let found = all.map_or(0, |all| all.len());
    call.out.len(if limit > 0 { found.min(limit) } else { found });
    Ok(())
}

fn spop(call: &mut Call<'_>) -> Done {
    let counted = call.words.len() > 2;
    if call.words.len() > 3 {
        return Err(SYNTAX);
    }
    let count = if counted { call.int(2).or(Err(NOT_POSITIVE))? } else { 1 };
    if count < 0 {
        return Err(NOT_POSITIVE);
    }
    let members = members(call, call.word(1))?;
    let chosen = choose(call, members.len(), count);
    let chosen: Members = chosen.into_iter().filter_map(|at| members.get(at)).cloned().collect();
    if !chosen.is_empty() {
        call.change(call.word(1), |set: &mut Set| {
            Ok(chosen.iter().filter(|member| set.remove(member)).count())
        })?;
    }
    if counted {
        tell(call, &chosen)
    } else {
        call.out.maybe(chosen.first())
    }
    Ok(())
}

fn srandmember(call: &mut Call<'_>) -> Done {
    let counted = call.words.len() > 2;
    if call.words.len() > 3 {
        return Err(SYNTAX);
    }
    let count = if counted { call.int(2)? } else { 1 };
    let members = members(call, call.word(1))?;
    let chosen = choose(call, members.len(), count);
    let chosen: Members = chosen.into_iter().filter_map(|at| members.get(at)).cloned().collect();
    if counted {
        call.list(&chosen)
    } else {
        call.out.maybe(chosen.first())
    }
    Ok(())
}
