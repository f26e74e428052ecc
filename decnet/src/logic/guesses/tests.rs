//! Whoever guesses waits, and nobody else.

use super::*;

fn at(seconds: u64) -> Timestamp {
    Timestamp(seconds * 1_000_000_000)
}

fn source(n: u8) -> Source {
    Source::of([192, 0, 2, n].into(), &[])
}

/// Wrong guesses at once until one must wait, and for how long.
fn guess(guesses: &mut Guesses, from: u8, name: &str, now: u64) -> (u32, Duration) {
    for count in 0..1_000 {
        if let Err(wait) = guesses.take(source(from), name, at(now)) {
            return (count, wait);
        }
    }
    panic!("it never waits");
}

#[test]
fn who_guesses_waits_longer_each_time_and_others_do_not() {
    let mut guesses = Guesses::new([]);
    let mut now = 100_000;
    assert_eq!(guess(&mut guesses, 1, "admin", now), (5, Duration::from_secs(4)));
    for wait in [4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
        let (_, left) = guess(&mut guesses, 1, "admin", now);
        assert_eq!(left, Duration::from_secs(wait));
        now += wait;
        assert_eq!(guesses.take(source(1), "admin", at(now)), Ok(()));
    }
    assert_eq!(guesses.take(source(2), "admin", at(now)), Ok(()));
    assert!(guesses.right(source(2), "admin", at(now)));
    // A source has ten guesses, at whatever names.
    for n in 0..10 {
        assert_eq!(guesses.take(source(3), &format!("user-{n}"), at(now)), Ok(()));
    }
    assert!(guesses.take(source(3), "another", at(now)).is_err());
    assert_eq!(guesses.take(source(3), "another", at(now + 4_000)), Ok(()));
}

#[test]
fn who_has_logged_in_before_never_waits_for_others() {
    let mut guesses = Guesses::new([(source(9), "admin".to_owned(), at(1))]);
    // Many who are new use up what they have together.
    let refused = (0..=255u8).filter(|n| guesses.take(source(*n), "x", at(5)).is_err()).count();
    assert_eq!(refused, 256 - 60);
    for _ in 0..50 {
        assert_eq!(guesses.take(source(9), "admin", at(5)), Ok(()));
    }
    assert!(!guesses.right(source(9), "admin", at(5)));
    assert!(guesses.take(source(10), "admin", at(5)).is_err());
    assert_eq!(guesses.logins().count(), 1);
}

#[test]
fn a_clock_that_was_wrong_locks_nobody_out() {
    let mut guesses = Guesses::new([]);
    guess(&mut guesses, 1, "admin", 4_000_000_000);
    assert_eq!(guesses.take(source(1), "admin", at(1_800_000_000)), Ok(()));
}

#[test]
fn a_right_guess_clears_the_wrong_ones_before_it() {
    let mut guesses = Guesses::new([]);
    for n in 0..100 {
        for _ in 0..3 {
            assert_eq!(guesses.take(source(n), "eve", at(100 + 10 * u64::from(n))), Ok(()));
        }
        assert!(guesses.right(source(n), "eve", at(100)));
        assert_eq!(guesses.take(source(n), "eve", at(100 + 10 * u64::from(n))), Ok(()));
    }
}
