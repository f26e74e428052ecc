//! `SORT`.

use super::call::{Call, float};
use super::error::{Done, Error, SYNTAX, WRONG_TYPE, error};
use super::generic;
use super::value::Value;

/// How it is to be sorted.
#[derive(Default)]
struct Order<'a> {
    down: bool,
    words: bool,
    limit: Option<(usize, usize)>,
    store: Option<&'a [u8]>,
    /// Not at all, for `BY` a pattern without a `*`.
    none: bool,
}

/// Carries out `SORT` or `SORT_RO`.
pub(super) fn run(call: &mut Call<'_>) -> Done {
    let order = order(call)?;
    let seed = call.keys.seed;
    let mut items: Vec<Vec<u8>> = match call.entry(call.word(1)).map(|entry| &entry.value) {
        None => Vec::new(),
        Some(Value::List(list)) => list.items().iter().cloned().collect(),
        Some(Value::Set(set)) => set.all(seed).into_iter().map(<[u8]>::to_vec).collect(),
        Some(Value::Zset(zset)) => zset.all().into_iter().map(|(m, _)| m.to_vec()).collect(),
        Some(_) => return Err(WRONG_TYPE),
    };
    if order.words && !order.none {
        items.sort();
    } else if !order.none {
        let keyed: Option<Vec<_>> =
            items.into_iter().map(|item| Some((float(&item)?, item))).collect();
        let wrong = error("ERR One or more scores can't be converted into double");
        let mut keyed = keyed.ok_or(wrong)?;
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
        items = keyed.into_iter().map(|(_, item)| item).collect();
    }
    if order.down {
        items.reverse();
    }
    if let Some((skip, most)) = order.limit {
        items = items.into_iter().skip(skip).take(most).collect();
    }
    match order.store {
        Some(key) => generic::store(call, key, items),
        None => {
            call.list(&items);
            Ok(())
        }
    }
}

fn order<'a>(call: &Call<'a>) -> Result<Order<'a>, Error> {
    let mut order = Order::default();
    let mut at = 2;
    while at < call.words.len() {
        let left = call.words.len() - at - 1;
        match call.lower(at).as_str() {
            "asc" => order.down = false,
            "desc" => order.down = true,
            "alpha" => order.words = true,
            "limit" if left >= 2 => {
                let skip = usize::try_from(call.int(at + 1)?).unwrap_or(0);
                let most = usize::try_from(call.int(at + 2)?).unwrap_or(usize::MAX);
                order.limit = Some((skip, most));
                at += 2;
            }
            "store" if left >= 1 && call.command.name == "sort" => {
                at += 1;
                order.store = Some(call.word(at));
            }
            "by" if left >= 1 => {
                at += 1;
                order.none = !call.word(at).contains(&b'*');
            }
            "get" if left >= 1 => at += 1,
            _ => return Err(SYNTAX),
        }
        at += 1;
    }
    Ok(order)
}
