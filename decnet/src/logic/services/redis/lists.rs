//! Commands on lists.

use super::call::{Call, range};
use super::error::{Done, Error, NO_KEY, NOT_POSITIVE, SYNTAX, error};
use super::value::{End, List, Value};

/// Longest that a client is kept waiting, in milliseconds.
const MAX_WAIT: u64 = 3_600_000;

/// Carries out the command; whether it is one of these.
pub(super) fn run(call: &mut Call<'_>) -> Option<Done> {
    Some(match call.command.name {
        "blpop" => block(call, End::Left),
        "brpop" => block(call, End::Right),
        "brpoplpush" => {
            let found = timeout(call, 3).and_then(|_| transfer(call, End::Right, End::Left));
            found.map(|found| {
                if !found {
                    wait(call, 3)
                }
            })
        }
        "lindex" => lindex(call),
        "linsert" => linsert(call),
        "llen" => llen(call),
        "lmove" => lmove(call),
        "lmpop" => lmpop(call),
        "lpop" => pop(call, End::Left),
        "lpos" => lpos(call),
        "lpush" => push(call, End::Left),
        "lpushx" => pushx(call, End::Left),
        "lrange" => lrange(call),
        "lrem" => lrem(call),
        "lset" => lset(call),
        "ltrim" => ltrim(call),
        "rpop" => pop(call, End::Right),
        "rpoplpush" => transfer(call, End::Right, End::Left).map(|found| {
            if !found {
                call.out.null();
            }
        }),
        "rpush" => push(call, End::Right),
        "rpushx" => pushx(call, End::Right),
        _ => return None,
    })
}

fn push(call: &mut Call<'_>, end: End) -> Done {
    let items = call.from(2);
    let length = call.change(call.word(1), |list: &mut List| {
        items.iter().for_each(|item| list.push(end, item.to_vec()));
        Ok(list.items().len())
    })?;
    call.out.len(length);
    Ok(())
}

fn pushx(call: &mut Call<'_>, end: End) -> Done {
    if call.read::<List>(call.word(1))?.is_none() {
        call.out.int(0);
        return Ok(());
    }
    push(call, end)
}

fn pop(call: &mut Call<'_>, end: End) -> Done {
    let counted = call.words.len() > 2;
    if call.words.len() > 3 {
        return Err(super::error::wrong_number(call.command.name));
    }
    let count = if counted { call.int(2).or(Err(NOT_POSITIVE))? } else { 1 };
    let count = usize::try_from(count).or(Err(NOT_POSITIVE))?;
    if call.read::<List>(call.word(1))?.is_none() {
        if counted {
            call.out.null_array()
        } else {
            call.out.null()
        }
        return Ok(());
    }
    let items = take(call, call.word(1), end, count)?;
    match items.first() {
        Some(item) if !counted => call.out.bulk(item),
        _ => call.list(&items),
    }
    Ok(())
}

fn take(call: &mut Call<'_>, key: &[u8], end: End, count: usize) -> Result<Vec<Vec<u8>>, Error> {
    call.change(key, |list: &mut List| {
        Ok(std::iter::from_fn(|| list.pop(end)).take(count).collect())
    })
}

fn llen(call: &mut Call<'_>) -> Done {
    let length = call.read::<List>(call.word(1))?.map_or(0, |list| list.items().len());
    call.out.len(length);
    Ok(())
}

/// The place that an index names in a list of this length.
fn place(index: i64, length: usize) -> Option<usize> {
    let absolute = if index < 0 { index.checked_add(i64::try_from(length).ok()?)? } else { index };
    usize::try_from(absolute).ok().filter(|at| *at < length)
}

fn lindex(call: &mut Call<'_>) -> Done {
    let index = call.int(2)?;
    let list = call.read::<List>(call.word(1))?;
    let item = list.and_then(|list| list.items().get(place(index, list.items().len())?)).cloned();
    call.out.maybe(item);
    Ok(())
}

fn lset(call: &mut Call<'_>) -> Done {
    if call.read::<List>(call.word(1))?.is_none() {
        return Err(NO_KEY);
    }
    let (index, item) = (call.int(2)?, call.word(3));
    let done = call.change(call.word(1), |list: &mut List| {
        let at = place(index, list.items().len());
        Ok(at.is_some_and(|at| list.replace(at, item.to_vec())))
    })?;
    if !done {
        return Err(error("ERR index out of range"));
    }
    call.out.ok();
    Ok(())
}

fn lrange(call: &mut Call<'_>) -> Done {
    let (from, to) = (call.int(2)?, call.int(3)?);
    let list = call.read::<List>(call.word(1))?;
    let items: Vec<_> = list.map_or_else(Vec::new, |list| {
        list.items().range(range(from, to, list.items().len())).cloned().collect()
    });
    call.list(&items);
    Ok(())
}

fn lrem(call: &mut Call<'_>) -> Done {
    let (count, item) = (call.int(2)?, call.word(3));
    if call.read::<List>(call.word(1))?.is_none() {
        call.out.int(0);
        return Ok(());
    }
    let most = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let removed = call.change(call.word(1), |list: &mut List| {
        let equal = list.items().iter().filter(|other| *other == item).count();
        let most = if most == 0 { equal } else { most.min(equal) };
        // From the end the first of them stay.
        let skip = if count < 0 { equal - most } else { 0 };
        let mut seen = 0;
        list.retain(|_, other| {
            if other != item {
                return true;
            }
            seen += 1;
            seen <= skip || seen > skip + most
        });
        Ok(most)
    })?;
    call.out.len(removed);
    Ok(())
}

fn ltrim(call: &mut Call<'_>) -> Done {
    let (from, to) = (call.int(2)?, call.int(3)?);
    if call.read::<List>(call.word(1))?.is_some() {
        call.change(call.word(1), |list: &mut List| {
            let kept = range(from, to, list.items().len());
            list.retain(|at, _| kept.contains(&at));
            Ok(())
        })?;
    }
    call.out.ok();
    Ok(())
}

fn linsert(call: &mut Call<'_>) -> Done {
    let behind = match call.lower(2).as_str() {
        "before" => 0,
        "after" => 1,
        _ => return Err(SYNTAX),
    };
    let (pivot, item) = (call.word(3), call.word(4));
    if call.read::<List>(call.word(1))?.is_none() {
        call.out.int(0);
        return Ok(());
    }
    let length = call.change(call.word(1), |list: &mut List| {
        let found = list.items().iter().position(|other| other == pivot);
        let Some(at) = found else { return Ok(-1) };
        list.insert(at + behind, item.to_vec());
        Ok(i64::try_from(list.items().len()).unwrap_or(i64::MAX))
    })?;
    call.out.int(length);
    Ok(())
}

fn end(call: &Call<'_>, at: usize) -> Result<End, Error> {
    match call.lower(at).as_str() {
        "left" => Ok(End::Left),
        "right" => Ok(End::Right),
        _ => Err(SYNTAX),
    }
}

fn lmove(call: &mut Call<'_>) -> Done {
    let (from, to) = (end(call, 3)?, end(call, 4)?);
    if !transfer(call, from, to)? {
        call.out.null();
    }
    Ok(())
}

/// Moves an item between the lists of the first two words; whether there was one.
fn transfer(call: &mut Call<'_>, from: End, to: End) -> Result<bool, Error> {
    if call.read::<List>(call.word(1))?.is_none() {
        return Ok(false);
    }
    // The target must be a list before anything is taken.
    call.read::<List>(call.word(2))?;
    let Some(item) = take(call, call.word(1), from, 1)?.pop() else { return Ok(false) };
    call.change(call.word(2), |list: &mut List| {
        list.push(to, item.clone());
        Ok(())
    })?;
    call.out.bulk(item);
    Ok(true)
}

fn lpos(call: &mut Call<'_>) -> Done {
    let (mut rank, mut count, mut most) = (1, None, 0);
    for pair in (3..call.words.len()).step_by(2) {
        let number = call.int(pair + 1)?;
        match call.lower(pair).as_str() {
            "rank" if number != 0 => rank = number,
            "rank" => {
                return Err(error(
                    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
                ));
            }
            "count" => {
                let wrong = error("ERR COUNT can't be negative");
                count = Some(usize::try_from(number).or(Err(wrong))?);
            }
            "maxlen" => most = usize::try_from(number).or(Err(NOT_POSITIVE))?,
            _ => return Err(SYNTAX),
        }
    }
    let item = call.word(2);
    let list = call.read::<List>(call.word(1))?;
    let empty = List::default();
    let items = list.unwrap_or(&empty).items();
    let most = if most == 0 { items.len() } else { most };
    let places = items.iter().enumerate().filter(|(_, other)| *other == item).map(|(at, _)| at);
    let skip = usize::try_from(rank.unsigned_abs() - 1).unwrap_or(usize::MAX);
    let mut found: Vec<_> = if rank > 0 {
        places.filter(|at| *at < most).skip(skip).collect()
    } else {
        let first = items.len().saturating_sub(most);
        places.rev().filter(|at| *at >= first).skip(skip).collect()
    };
    match count {
        None => match found.first() {
            Some(at) => call.out.len(*at),
            None => call.out.null(),
        },
        Some(count) => {
            found.truncate(if count == 0 { found.len() } else { count });
            call.out.array(found.len());
            found.into_iter().for_each(|at| call.out.len(at));
        }
    }
    Ok(())
}

fn lmpop(call: &mut Call<'_>) -> Done {
    let wrong = error("ERR numkeys should be greater than 0");
    let Ok(count) = usize::try_from(call.int(1).unwrap_or(0)) else { return Err(wrong) };
    if count == 0 {
        return Err(wrong);
    }
    let from = end(call, count.saturating_add(2))?;
    let most = match call.words.len().saturating_sub(count) {
        3 => 1,
        5 if call.is(count + 3, "count") => {
            usize::try_from(call.int(count + 4)?).unwrap_or(0).max(1)
        }
        _ => return Err(SYNTAX),
    };
    for at in 2..count + 2 {
        let key = call.word(at);
        if call.read::<List>(key)?.is_some() {
            let items = take(call, key, from, most)?;
            call.out.array(2);
            call.out.bulk(key);
            call.list(&items);
            return Ok(());
        }
    }
    call.out.null_array();
    Ok(())
}

/// How long to wait, in milliseconds.
fn timeout(call: &Call<'_>, at: usize) -> Result<u64, Error> {
    let wrong = error("ERR timeout is not a float or out of range");
    let seconds = call.float(at).or(Err(wrong))?;
    if seconds < 0.0 {
        return Err(error("ERR timeout is negative"));
    }
    let wait = std::time::Duration::try_from_secs_f64(seconds).map_or(u128::MAX, |d| d.as_millis());
    let wait = u64::try_from(wait).unwrap_or(MAX_WAIT).min(MAX_WAIT);
    Ok(if wait == 0 { MAX_WAIT } else { wait })
}

fn wait(call: &mut Call<'_>, at: usize) {
    call.client.blocked = timeout(call, at).ok();
}

fn block(call: &mut Call<'_>, from: End) -> Done {
    let last = call.words.len() - 1;
    timeout(call, last)?;
    for key in call.words.get(1..last).unwrap_or_default() {
        if call.read::<List>(key)?.is_some() {
            let items = take(call, key, from, 1)?;
            call.out.array(2);
            call.out.bulk(key);
            call.out.maybe(items.first());
            return Ok(());
        }
    }
    wait(call, last);
    Ok(())
}

/// A list of these items.
pub(super) fn of(items: impl IntoIterator<Item = Vec<u8>>) -> Value {
    let mut list = List::default();
    items.into_iter().for_each(|item| list.push(End::Right, item));
    Value::List(list)
}
