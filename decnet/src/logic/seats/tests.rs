use std::net::IpAddr;

use super::*;

const LIMITS: Limits = Limits { all: 8, login: 2, source: 6, user: 4 };

fn holder(user: &str, login: u8, source: u8) -> Holder {
    let source = Source::of(IpAddr::from([192, 0, 2, source]), &[]);
    Holder { login: format!("{user}-{login}"), source, user: user.to_owned() }
}

/// Takes until it is refused; what was given up for it.
fn take_all(seats: &mut Seats, next: &mut u64, who: &Holder) -> (usize, Vec<u64>) {
    let (mut count, mut given_up) = (0, Vec::new());
    loop {
        match seats.ask(who) {
            Verdict::Free => {}
            Verdict::Instead(number) => {
                seats.leave(number);
                given_up.push(number);
            }
            Verdict::Refused => return (count, given_up),
        }
        seats.take(*next, who.clone());
        *next += 1;
        count += 1;
    }
}

#[test]
fn a_login_and_a_user_have_so_many() {
    let (mut seats, mut next) = (Seats::new(LIMITS), 0);
    for (login, expected) in [(1, 2), (2, 2), (3, 0)] {
        let taken = take_all(&mut seats, &mut next, &holder("eve", login, login));
        assert_eq!(taken, (expected, vec![]), "{login}");
    }
    seats.leave(0);
    assert_eq!(seats.ask(&holder("eve", 3, 3)), Verdict::Free);
}

#[test]
fn whoever_has_most_gives_up_the_oldest_for_whoever_has_fewer() {
    let (mut seats, mut next) = (Seats::new(LIMITS), 0);
    for (user, login) in [("eve", 1), ("eve", 2), ("bob", 1), ("bob", 2)] {
        take_all(&mut seats, &mut next, &holder(user, login, login));
    }
    // All eight are taken, from two sources.
    let late = take_all(&mut seats, &mut next, &holder("amy", 1, 9));
    assert_eq!(late, (2, vec![0, 4]));
    // Who has as many as the others takes nothing from them.
    let again = take_all(&mut seats, &mut next, &holder("amy", 2, 9));
    assert_eq!(again, (0, vec![]));
}

#[test]
fn a_source_that_is_full_shares_what_it_has() {
    let (mut seats, mut next) = (Seats::new(LIMITS), 0);
    for (user, login) in [("eve", 1), ("eve", 2), ("bob", 1)] {
        take_all(&mut seats, &mut next, &holder(user, login, 1));
    }
    let late = take_all(&mut seats, &mut next, &holder("amy", 1, 1));
    assert_eq!(late, (2, vec![0, 1]));
    // Elsewhere there is room.
    assert_eq!(seats.ask(&holder("eve", 3, 2)), Verdict::Free);
}
