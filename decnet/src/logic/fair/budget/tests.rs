use proptest::prelude::*;

use super::*;

/// Each takes a byte in turn as long as it may.
fn fill(budget: &mut Budget<usize>, count: usize) {
    let mut going = true;
    while going {
        going = false;
        for key in 0..count {
            if budget.has_room(key) {
                budget.take(key, 1);
                going = true;
            }
        }
    }
}

#[test]
fn one_alone_gets_a_ninth_and_whoever_comes_then_as_much_of_the_rest() {
    let mut budget = Budget::new(9_000);
    fill(&mut budget, 1);
    assert_eq!(budget.of(0), 1_000);
    assert!(budget.has_room(1));
}

#[test]
fn however_many_take_all_they_may_another_has_room() {
    for count in [1, 2, 64, 500] {
        let mut budget = Budget::new(1_000_000);
        fill(&mut budget, count);
        assert!(budget.has_room(count), "{count}");
        assert!(!budget.is_used_up(), "{count}");
        assert!(!budget.has_room(0), "{count}");
    }
}

#[test]
fn who_holds_most_is_known() {
    let mut budget = Budget::new(100);
    assert_eq!(budget.greediest(), None);
    budget.take(1, 10);
    budget.take(2, 30);
    budget.take(3, 20);
    assert_eq!(budget.greediest(), Some(2));
    budget.give_back(2, 30);
    assert_eq!(budget.greediest(), Some(3));
    budget.take(3, 70);
    assert!(budget.is_used_up());
}

proptest! {
    #[test]
    fn the_sum_is_that_of_the_parts(moves in prop::collection::vec((0_u8..4, 0_usize..50, any::<bool>()), 0..200)) {
        let mut budget = Budget::new(1_000);
        for (key, bytes, takes) in moves {
            if takes { budget.take(key, bytes) } else { budget.give_back(key, bytes) }
            prop_assert_eq!(budget.used(), (0..4).map(|key| budget.of(key)).sum::<usize>());
        }
    }
}
