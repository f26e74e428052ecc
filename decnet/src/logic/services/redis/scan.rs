//! `SCAN` and its kin: everything, some at a time.

use super::call::Call;
use super::error::{Done, Error, NOT_INTEGER, SYNTAX, error};
use super::glob::matches;
use super::out::double;
use super::request::number;
use super::value::Zset;
use super::{hashes, sets};

/// What is asked for.
struct Wanted {
    cursor: u64,
    count: usize,
    pattern: Option<Vec<u8>>,
    kind: Option<String>,
}

/// Carries out `SCAN`, `HSCAN`, `SSCAN` or `ZSCAN`.
pub(super) fn run(call: &mut Call<'_>) -> Done {
    let keys = call.command.name == "scan";
    let wanted = wanted(call, if keys { 1 } else { 2 })?;
    match call.command.name {
        "scan" => all_keys(call, &wanted),
        "hscan" => {
            let pairs = hashes::pairs(call)?;
            let fits = |field: &[u8]| fits(&wanted, field);
            let pairs = pairs.into_iter().filter(|(field, _)| fits(field));
            let flat: Vec<_> = pairs.flat_map(|(field, value)| [field, value]).collect();
            tell(call, 0, &flat);
        }
        "sscan" => {
            let mut members = sets::members(call, call.word(1))?;
            members.retain(|member| fits(&wanted, member));
            tell(call, 0, &members);
        }
        _ => {
            let zset = call.read::<Zset>(call.word(1))?;
            let all = zset.map(Zset::all).unwrap_or_default();
            let all = all.into_iter().filter(|(member, _)| fits(&wanted, member));
            let flat =
                all.flat_map(|(member, score)| [member.to_vec(), double(score).into_bytes()]);
            let flat: Vec<_> = flat.collect();
            tell(call, 0, &flat);
        }
    }
    Ok(())
}

fn fits(wanted: &Wanted, name: &[u8]) -> bool {
    wanted.pattern.as_ref().is_none_or(|pattern| matches(pattern, name))
}

fn wanted(call: &Call<'_>, at: usize) -> Result<Wanted, Error> {
    let cursor = number(call.word(at)).and_then(|cursor| u64::try_from(cursor).ok());
    let cursor = cursor.ok_or(error("ERR invalid cursor"))?;
    let mut wanted = Wanted { cursor, count: 10, pattern: None, kind: None };
    let mut at = at + 1;
    while at < call.words.len() {
        let last = at + 1 >= call.words.len();
        match call.lower(at).as_str() {
            _ if last => return Err(SYNTAX),
            "count" => {
                let count = number(call.word(at + 1)).ok_or(NOT_INTEGER)?;
                wanted.count = usize::try_from(count).ok().filter(|c| *c > 0).ok_or(SYNTAX)?;
            }
            "match" => wanted.pattern = Some(call.word(at + 1).to_vec()),
            "type" if call.command.name == "scan" => wanted.kind = Some(call.lower(at + 1)),
            _ => return Err(SYNTAX),
        }
        at += 2;
    }
    Ok(wanted)
}

/// The keys of the database, as many at a time as are wanted.
///
/// The server counts through its table with the bits of the cursor reversed; so does this, over as
/// many places as there are keys.
fn all_keys(call: &mut Call<'_>, wanted: &Wanted) {
    let now = call.now();
    call.keys.sweep(now);
    let database = call.client.database;
    let order = call.keys.order(database);
    call.client.work += order.len() + 16 * wanted.count.min(order.len());
    let bits = (order.len().max(4) - 1).ilog2() + 1;
    let from = usize::try_from(reversed(wanted.cursor, bits)).unwrap_or(usize::MAX);
    let to = from.saturating_add(wanted.count).min(order.len());
    let next = if to < order.len() { reversed(to as u64, bits) } else { 0 };
    let entries = call.keys.database(database);
    let of_kind = |key: &&&[u8]| {
        let kind = entries.get(**key).map(|entry| entry.value.name());
        wanted.kind.is_none() || wanted.kind.as_deref() == kind
    };
    let some = order.get(from..to).unwrap_or_default().iter();
    let found: Vec<_> = some.filter(|key| fits(wanted, key)).filter(of_kind).collect();
    call.out.array(2);
    call.out.bulk(next.to_string());
    call.out.array(found.len());
    for key in found {
        call.out.bulk(key);
    }
}

fn reversed(number: u64, bits: u32) -> u64 {
    if bits == 0 { 0 } else { number.reverse_bits() >> (64 - bits.min(63)) }
}

fn tell(call: &mut Call<'_>, next: u64, items: &[Vec<u8>]) {
    call.out.array(2);
    call.out.bulk(next.to_string());
    call.list(items);
}
