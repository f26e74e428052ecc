use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

fn source(n: u32) -> Source {
    Source::of(Ipv4Addr::from(0x0a00_0000 + n).into(), &[])
}

/// Takes as many places as each of these gets, in turns.
fn fill(places: &mut Places, sources: impl Iterator<Item = u32> + Clone) {
    let mut next = places.taken();
    let mut going = true;
    while going {
        going = false;
        for n in sources.clone() {
            if places.ask(source(n)) == Verdict::Free {
                places.take(source(n), next);
                next += 1;
                going = true;
            }
        }
    }
}

#[test]
fn one_has_its_share_and_sixty_four_leave_others_theirs() {
    let mut places = Places::new(16_384, 256, 7);
    fill(&mut places, 0..1);
    assert!((224..=256).contains(&places.taken()), "{}", places.taken());
    let mut places = Places::new(16_384, 256, 7);
    fill(&mut places, 0..64);
    assert!(places.taken() < 12_000, "{}", places.taken());
    for n in 64..1_000 {
        assert_eq!(places.ask(source(n)), Verdict::Free, "{n}");
    }
}

#[test]
fn how_many_one_may_have_is_no_number_to_be_known_by() {
    let most = |salt| {
        let places = Places::new(16_384, 256, salt);
        (0..100).map(|n| places.most(source(n))).collect::<BTreeSet<_>>()
    };
    assert!(most(1).len() > 10);
    let places = |salt| Places::new(16_384, 256, salt).most(source(1));
    assert!((0..100).map(places).collect::<BTreeSet<_>>().len() > 10);
}

#[test]
fn when_all_are_taken_the_greediest_gives_one_up_and_keeps_the_rest() {
    let mut places = Places::new(8, 8, 0);
    for (n, place) in [(1, 0), (1, 1), (1, 2), (2, 3), (2, 4), (3, 5), (4, 6), (5, 7)] {
        places.take(source(n), place);
    }
    assert_eq!(places.ask(source(9)), Verdict::Instead(vec![0, 1, 2]));
    assert_eq!(places.ask(source(3)), Verdict::Instead(vec![0, 1, 2]));
    assert_eq!(places.ask(source(2)), Verdict::Refused, "it has as much as it would leave");
    assert_eq!(places.ask(source(1)), Verdict::Refused);
    places.leave(source(1), 0);
    assert_eq!(places.ask(source(9)), Verdict::Free);
}

#[test]
fn when_all_have_one_the_greediest_network_gives_one_up() {
    let mut places = Places::new(300, 8, 0);
    for n in 0..200 {
        places.take(source(n), n as usize);
    }
    for n in 0..100 {
        places.take(source(0x1_0000 + (n << 8)), 200 + n as usize);
    }
    let Verdict::Instead(given) = places.ask(source(0x2_0000)) else { panic!("there is one") };
    assert!(!given.is_empty() && given.iter().all(|place| *place < 200), "{given:?}");
    assert!(given.len() <= LOOKED_AT);
}

proptest! {
    #[test]
    fn what_is_kept_is_what_was_taken(moves in prop::collection::vec((0_u32..6, any::<bool>()), 0..200)) {
        let mut places = Places::new(20, 5, 3);
        let mut held: Vec<(u32, usize)> = Vec::new();
        for (at, (n, comes)) in moves.into_iter().enumerate() {
            if comes {
                places.take(source(n), at);
                held.push((n, at));
            } else if let Some(found) = held.iter().position(|(other, _)| *other == n) {
                let (n, place) = held.remove(found);
                places.leave(source(n), place);
            }
            prop_assert_eq!(places.taken(), held.len());
            let most = (0..6).map(|n| places.of(source(n))).max().unwrap_or(0);
            prop_assert_eq!(places.greediest.last().map_or(0, |(count, _)| *count), most);
            prop_assert_eq!(places.networks.values().sum::<usize>(), held.len());
        }
        for (n, place) in held {
            places.leave(source(n), place);
        }
        prop_assert!(places.by.is_empty() && places.networks.is_empty());
        prop_assert!(places.greediest.is_empty() && places.greediest_networks.is_empty());
    }
}
