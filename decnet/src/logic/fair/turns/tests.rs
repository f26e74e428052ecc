use std::collections::BTreeMap;

use super::*;

const MS: Duration = Duration::from_millis(1);

/// Gives so many turns, of which each costs what `cost` says and leads to another; how much each
/// lane has cost.
fn run(
    turns: &mut Turns<u8, u16>,
    count: usize,
    cost: impl Fn(u8) -> Duration,
) -> BTreeMap<u8, Duration> {
    let mut all = BTreeMap::new();
    for _ in 0..count {
        let (key, what) = turns.begin().unwrap();
        *all.entry(key).or_default() += cost(key);
        turns.push(key, what);
        turns.over(cost(key));
    }
    all
}

#[test]
fn lanes_share_time_and_not_turns_or_things() {
    let mut turns = Turns::default();
    (0..100).for_each(|what| turns.push(1, what));
    turns.push(2, 200);
    turns.push(3, 300);
    let spent = run(&mut turns, 3_000, |key| MS * if key == 2 { 10 } else { 1 });
    let mean = spent.values().sum::<Duration>() / 3;
    for (key, spent) in spent {
        assert!(spent.abs_diff(mean) <= MS * 10, "{key}: {spent:?} of {mean:?}");
    }
}

#[test]
fn who_comes_waits_for_at_most_one_turn_of_each() {
    let mut turns = Turns::default();
    for key in 1..=64 {
        (0..100).for_each(|n| turns.push(key, u16::from(key) * 100 + n));
    }
    run(&mut turns, 1_000, |_| MS);
    turns.push(0, 0);
    let before = std::iter::from_fn(|| {
        let (key, what) = turns.begin()?;
        turns.push(key, what);
        turns.over(MS);
        (key > 0).then_some(key)
    });
    let before: Vec<u8> = before.collect();
    let mut once = before.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), before.len(), "{before:?}");
}

#[test]
fn who_leaves_and_comes_back_has_no_more_than_who_stays() {
    let mut turns = Turns::<u8, u8>::default();
    turns.push(1, 1);
    turns.push(2, 2);
    let mut spent = [Duration::ZERO; 3];
    for _ in 0..1_000 {
        let (key, what) = turns.begin().unwrap();
        spent[usize::from(key)] += MS;
        turns.over(MS);
        // The second is back only after its lane was empty.
        turns.push(key, what);
    }
    assert!(spent[1].abs_diff(spent[2]) <= MS, "{spent:?}");
}

#[test]
fn nothing_waits_twice_and_nothing_is_kept_of_who_left() {
    let mut turns = Turns::default();
    turns.push(1, 1);
    turns.push(1, 1);
    assert_eq!(turns.begin(), Some((1, 1)));
    turns.over(MS);
    assert_eq!(turns.begin(), None);
    assert!(turns.is_empty() && turns.lanes.is_empty());
    turns.push(0, 0);
    for key in 0..10_000 {
        turns.push(key, key);
        turns.begin();
        turns.over(MS);
    }
    assert!(turns.lanes.len() <= IDLE + 4, "{}", turns.lanes.len());
}
