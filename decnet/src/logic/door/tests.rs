//! Whoever has most gives way, and nobody known is kept out by those that are not.

use super::*;

const PLACES: Places = Places {
    strangers: 8,
    reserved: 2,
    strangers_each: 3,
    guests: 6,
    guests_each: 3,
    nameless_each: 1,
    bytes: 100,
    bytes_each: 60,
};

fn source(n: u8) -> Source {
    Source::of([192, 0, 2, n].into(), &[])
}

fn holder(n: u8) -> Holder {
    Holder::Certificate(Fingerprint([n; 32]))
}

/// Somebody known comes in.
fn come(door: &mut Door, n: u8) -> Result<(Id, Option<Id>), NoPlace> {
    let (id, _) = door.arrive(source(n));
    let entered = door.introduce(id, holder(n));
    if entered.is_err() {
        door.leave(id);
    }
    entered.map(|evicted| (id, evicted))
}

#[test]
fn a_source_that_says_nothing_keeps_only_itself_waiting() {
    let mut door = Door::new(PLACES);
    let first: Vec<Id> = (0..3).map(|_| door.arrive(source(1)).0).collect();
    assert_eq!(door.arrive(source(1)).1, Some(first[0]));
    assert_eq!(door.arrive(source(1)).1, Some(first[1]));
    assert_eq!(door.arrive(source(2)).1, None);
}

#[test]
fn at_a_full_door_the_greediest_gives_way_and_then_the_oldest() {
    let mut door = Door::new(PLACES);
    let lone = door.arrive(source(9)).0;
    for _ in 0..3 {
        door.arrive(source(1));
    }
    let two = door.arrive(source(2)).0;
    assert_eq!(door.arrive(source(3)).1, None, "six of the eight are for anybody");
    assert_eq!(door.arrive(source(4)).1, Some(1), "the first of the three");
    assert_eq!(door.arrive(source(5)).1, Some(2));
    assert_eq!(door.arrive(source(6)).1, Some(lone), "now each has one");
    assert!(door.has(two));
}

#[test]
fn those_that_nobody_knows_leave_places_for_those_that_are_known() {
    let mut door = Door::new(PLACES);
    let (id, _) = come(&mut door, 7).unwrap();
    door.leave(id);
    for n in 100..200 {
        door.arrive(source(n));
    }
    assert_eq!(door.arrive(source(7)).1, None);
    let waiting = door.arrive(source(7)).0;
    for n in 100..200 {
        let (_, evicted) = door.arrive(source(n));
        assert!(evicted.is_some_and(|id| id != waiting));
    }
    assert!(door.has(waiting));
}

#[test]
fn one_holder_has_few_places_and_the_idle_ones_go_first() {
    let mut door = Door::new(PLACES);
    let ids: Vec<Id> = (0..3).map(|_| come(&mut door, 1).unwrap().0).collect();
    door.become_stage(ids[0], Stage::Busy);
    door.become_stage(ids[1], Stage::Asking);
    let (fourth, evicted) = come(&mut door, 1).unwrap();
    assert_eq!(evicted, Some(ids[2]), "the idle one");
    door.become_stage(fourth, Stage::Busy);
    let (fifth, evicted) = come(&mut door, 1).unwrap();
    assert_eq!(evicted, Some(ids[1]));
    door.become_stage(fifth, Stage::Busy);
    assert_eq!(come(&mut door, 1), Err(NoPlace));
    assert_eq!(come(&mut door, 2).unwrap().1, None, "another is served");
}

#[test]
fn a_full_house_takes_from_the_holder_with_most() {
    let mut door = Door::new(PLACES);
    let first = come(&mut door, 1).unwrap().0;
    come(&mut door, 1).unwrap();
    come(&mut door, 1).unwrap();
    for n in 2..5 {
        come(&mut door, n).unwrap();
    }
    assert_eq!(come(&mut door, 9).unwrap().1, Some(first));
}

#[test]
fn a_source_without_a_certificate_has_its_own_few() {
    let mut door = Door::new(PLACES);
    let enter = |door: &mut Door, n| {
        let (id, _) = door.arrive(source(n));
        (id, door.introduce(id, Holder::Nameless(source(n))))
    };
    let (first, _) = enter(&mut door, 1);
    assert_eq!(enter(&mut door, 1).1, Ok(Some(first)));
    assert!(enter(&mut door, 2).1.is_ok());
}

#[test]
fn bytes_are_shared_and_the_one_with_most_gives_way() {
    let mut door = Door::new(PLACES);
    let ids: Vec<Id> = (1..4).map(|n| come(&mut door, n).unwrap().0).collect();
    ids.iter().for_each(|id| door.become_stage(*id, Stage::Asking));
    assert_eq!(door.hold(ids[0], 61), Err(NoPlace), "more than anybody may");
    assert_eq!(door.hold(ids[0], 60), Ok(None));
    assert_eq!(door.hold(ids[1], 40), Ok(None));
    assert_eq!(door.hold(ids[2], 1), Ok(Some(ids[0])));
    assert!(!door.has(ids[0]));
    assert_eq!(door.hold(ids[2], 59), Ok(None));
    assert_eq!(door.hold(ids[2], 1), Err(NoPlace), "it has most itself");
    door.become_stage(ids[2], Stage::Idle);
    assert_eq!(door.hold(ids[1], 20), Ok(None), "what was done with is held no more");
}
