//! Commands on members with scores.

use super::call::{Call, float, range};
use super::error::{Done, Error, NOT_FLOAT, NOT_POSITIVE, SYNTAX, error};
use super::value::Zset;

/// Carries out the command; whether it is one of these.
pub(super) fn run(call: &mut Call<'_>) -> Option<Done> {
    Some(match call.command.name {
        "zadd" => zadd(call),
        "zcard" => zcard(call),
        "zcount" => zcount(call),
        "zincrby" => zincrby(call),
        "zmscore" => zmscore(call),
        "zpopmax" => pop(call, Order::Down),
        "zpopmin" => pop(call, Order::Up),
        "zrange" => zrange(call),
        "zrangebyscore" => by_score(call, Order::Up),
        "zrank" => rank(call, Order::Up),
        "zrem" => zrem(call),
        "zrevrange" => by_rank(call, Order::Down),
        "zrevrangebyscore" => by_score(call, Order::Down),
        "zrevrank" => rank(call, Order::Down),
        "zscore" => zscore(call),
        _ => return None,
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Down,
    Up,
}

/// What is told of each member.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Members,
    Scores,
}

type Scores = Vec<(Vec<u8>, f64)>;

/// Members and scores of the key in the first word.
fn all(call: &mut Call<'_>, order: Order) -> Result<Scores, Error> {
    let zset = call.read::<Zset>(call.word(1))?;
    let all = zset.map(Zset::all).unwrap_or_default();
    let mut all: Scores = all.into_iter().map(|(member, score)| (member.to_vec(), score)).collect();
    if order == Order::Down {
        all.reverse();
    }
    Ok(all)
}

/// What `ZADD` is told.
#[derive(Default)]
struct Rules {
    new: bool,
    old: bool,
    less: bool,
    greater: bool,
    changed: bool,
    sum: bool,
}

fn zadd(call: &mut Call<'_>) -> Done {
    let mut rules = Rules::default();
    let mut at = 2;
    loop {
        match call.lower(at).as_str() {
            "nx" => rules.new = true,
            "xx" => rules.old = true,
            "lt" => rules.less = true,
            "gt" => rules.greater = true,
            "ch" => rules.changed = true,
            "incr" => rules.sum = true,
            _ => break,
        }
        at += 1;
    }
    let pairs = call.from(at);
    if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
        return Err(SYNTAX);
    }
    if rules.new && rules.old {
        return Err(error("ERR XX and NX options at the same time are not compatible"));
    }
    if rules.new && (rules.less || rules.greater) || rules.less && rules.greater {
        return Err(error("ERR GT, LT, and/or NX options at the same time are not compatible"));
    }
    if rules.sum && pairs.len() > 2 {
        return Err(error("ERR INCR option supports a single increment-element pair"));
    }
    let mut given = Vec::with_capacity(pairs.len() / 2);
    for pair in pairs.chunks_exact(2) {
        let [score, member] = pair else { continue };
        given.push((*member, float(score).ok_or(NOT_FLOAT)?));
    }
    let (new, changed, last) =
        call.change(call.word(1), |zset: &mut Zset| Ok(apply(zset, &rules, &given)))?;
    match last {
        Some(score) if rules.sum => call.out.double(score),
        None if rules.sum => call.out.null(),
        _ => call.out.len(if rules.changed { new + changed } else { new }),
    }
    Ok(())
}

/// How many are new, how many changed, and the last score that was set.
fn apply(zset: &mut Zset, rules: &Rules, given: &[(&[u8], f64)]) -> (usize, usize, Option<f64>) {
    let (mut new, mut changed, mut last) = (0, 0, None);
    for (member, score) in given {
        let old = zset.score(member);
        let score = if rules.sum { old.unwrap_or(0.0) + score } else { *score };
        let refused = match old {
            Some(old) => rules.new || rules.less && score >= old || rules.greater && score <= old,
            None => rules.old,
        };
        if refused || score.is_nan() {
            continue;
        }
        last = Some(score);
        match zset.put(member, score) {
            None => new += 1,
            Some(old) if old.total_cmp(&score).is_ne() => changed += 1,
            Some(_) => {}
        }
    }
    (new, changed, last)
}

fn zincrby(call: &mut Call<'_>) -> Done {
    let (by, member) = (call.float(2)?, call.word(3));
    let sum = call.change(call.word(1), |zset: &mut Zset| {
        let sum = zset.score(member).unwrap_or(0.0) + by;
        if sum.is_nan() {
            return Err(error("ERR resulting score is not a number (NaN)"));
        }
        zset.put(member, sum);
        Ok(sum)
    })?;
    call.out.double(sum);
    Ok(())
}

fn zcard(call: &mut Call<'_>) -> Done {
    let length = call.read::<Zset>(call.word(1))?.map_or(0, Zset::len);
    call.out.len(length);
    Ok(())
}

fn score(call: &mut Call<'_>, member: &[u8]) -> Done {
    let zset = call.read::<Zset>(call.word(1))?;
    match zset.and_then(|zset| zset.score(member)) {
        Some(score) => call.out.double(score),
        None => call.out.null(),
    }
    Ok(())
}

fn zscore(call: &mut Call<'_>) -> Done {
    score(call, call.word(2))
}

fn zmscore(call: &mut Call<'_>) -> Done {
    call.read::<Zset>(call.word(1))?;
    call.out.array(call.from(2).len());
    call.from(2).iter().try_for_each(|member| score(call, member))
}

fn zrem(call: &mut Call<'_>) -> Done {
    let members = call.from(2);
    let gone = match call.read::<Zset>(call.word(1))? {
        None => 0,
        Some(_) => call.change(call.word(1), |zset: &mut Zset| {
            Ok(members.iter().filter(|member| zset.remove(member).is_some()).count())
        })?,
    };
    call.out.len(gone);
    Ok(())
}

fn rank(call: &mut Call<'_>, order: Order) -> Done {
    let member = call.word(2);
    let all = all(call, order)?;
    match all.iter().position(|(other, _)| other == member) {
        Some(at) => call.out.len(at),
        None => call.out.null(),
    }
    Ok(())
}

fn tell(call: &mut Call<'_>, chosen: &[(Vec<u8>, f64)], told: Told) {
    let scores = told == Told::Scores;
    let each = scores && call.out.third;
    call.out.array(if scores && !each { chosen.len() * 2 } else { chosen.len() });
    for (member, score) in chosen {
        if each {
            call.out.array(2);
        }
        call.out.bulk(member);
        if scores {
            call.out.double(*score);
        }
    }
}

fn zrange(call: &mut Call<'_>) -> Done {
    let words: Vec<_> = (4..call.words.len()).map(|at| call.lower(at)).collect();
    let order = if words.iter().any(|word| word == "rev") { Order::Down } else { Order::Up };
    if words.iter().any(|word| word == "byscore") {
        return by_score(call, order);
    }
    by_rank(call, order)
}

fn by_rank(call: &mut Call<'_>, order: Order) -> Done {
    let (from, to) = (call.int(2)?, call.int(3)?);
    let mut told = Told::Members;
    for at in 4..call.words.len() {
        match call.lower(at).as_str() {
            "withscores" => told = Told::Scores,
            "rev" if call.command.name == "zrange" => {}
            _ => return Err(SYNTAX),
        }
    }
    let all = all(call, order)?;
    tell(call, all.get(range(from, to, all.len())).unwrap_or_default(), told);
    Ok(())
}

/// A score that bounds a range, and whether it is itself outside.
fn bound(text: &[u8]) -> Result<(f64, bool), Error> {
    let open = text.strip_prefix(b"(");
    let number = float(open.unwrap_or(text)).ok_or(error("ERR min or max is not a float"))?;
    Ok((number, open.is_some()))
}

fn within(score: f64, (min, above): (f64, bool), (max, below): (f64, bool)) -> bool {
    (if above { score > min } else { score >= min })
        && (if below { score < max } else { score <= max })
}

fn by_score(call: &mut Call<'_>, order: Order) -> Done {
    let (first, second) = (bound(call.word(2))?, bound(call.word(3))?);
    let (min, max) = if order == Order::Up { (first, second) } else { (second, first) };
    let (mut told, mut skip, mut most, mut at) = (Told::Members, 0, usize::MAX, 4);
    while at < call.words.len() {
        match call.lower(at).as_str() {
            "withscores" => told = Told::Scores,
            "byscore" | "rev" if call.command.name == "zrange" => {}
            "limit" if at + 2 < call.words.len() => {
                skip = usize::try_from(call.int(at + 1)?).unwrap_or(usize::MAX);
                most = usize::try_from(call.int(at + 2)?).unwrap_or(usize::MAX);
                at += 2;
            }
            _ => return Err(SYNTAX),
        }
        at += 1;
    }
    let all = all(call, order)?.into_iter().filter(|(_, score)| within(*score, min, max));
    let chosen: Scores = all.skip(skip).take(most).collect();
    tell(call, &chosen, told);
    Ok(())
}

fn zcount(call: &mut Call<'_>) -> Done {
    let (min, max) = (bound(call.word(2))?, bound(call.word(3))?);
    let all = all(call, Order::Up)?;
    let count = all.iter().filter(|(_, score)| within(*score, min, max)).count();
    call.out.len(count);
    Ok(())
}

fn pop(call: &mut Call<'_>, order: Order) -> Done {
    let counted = call.words.len() > 2;
    if call.words.len() > 3 {
        return Err(SYNTAX);
    }
    let count = if counted { call.int(2).or(Err(NOT_POSITIVE))? } else { 1 };
    let count = usize::try_from(count).or(Err(NOT_POSITIVE))?;
    let mut chosen = all(call, order)?;
    chosen.truncate(count);
    if !chosen.is_empty() {
        call.change(call.word(1), |zset: &mut Zset| {
            Ok(chosen.iter().filter(|(member, _)| zset.remove(member).is_some()).count())
        })?;
    }
    if !counted && call.out.third {
        call.out.array(chosen.len() * 2);
        for (member, score) in &chosen {
            call.out.bulk(member);
            call.out.double(*score);
        }
        return Ok(());
    }
    tell(call, &chosen, Told::Scores);
    Ok(())
}
