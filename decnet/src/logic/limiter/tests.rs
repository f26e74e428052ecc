use std::time::Duration;

use proptest::prelude::*;

use super::Limiter;
use crate::logic::time::Timestamp;

const PAUSE: Duration = Duration::from_secs(10);

fn at(seconds: u64) -> Timestamp {
    Timestamp(seconds * 1_000_000_000)
}

#[test]
fn a_burst_then_one_each_pause() {
    let mut limiter = Limiter::new(3, PAUSE, 8);
    for _ in 0..3 {
        assert_eq!(limiter.take(&"eve", at(100)), Ok(()));
    }
    assert_eq!(limiter.take(&"eve", at(100)), Err(PAUSE));
    assert_eq!(limiter.take(&"eve", at(104)), Err(Duration::from_secs(6)));
    assert_eq!(limiter.take(&"eve", at(110)), Ok(()));
    assert_eq!(limiter.take(&"eve", at(110)), Err(PAUSE));
    assert_eq!(limiter.take(&"bob", at(110)), Ok(()));
}

#[test]
fn a_long_rest_gives_a_burst_and_no_more() {
    let mut limiter = Limiter::new(2, PAUSE, 8);
    assert_eq!(limiter.take(&1, at(0)), Ok(()));
    for expected in [Ok(()), Ok(()), Err(PAUSE)] {
        assert_eq!(limiter.take(&1, at(1_000_000)), expected);
    }
}

#[test]
fn a_good_try_is_free() {
    let mut limiter = Limiter::new(1, PAUSE, 8);
    for _ in 0..100 {
        assert_eq!(limiter.take(&1, at(0)), Ok(()));
        limiter.give_back(&1);
    }
    limiter.give_back(&1);
    assert_eq!(limiter.take(&1, at(0)), Ok(()));
    assert_eq!(limiter.take(&1, at(0)), Err(PAUSE));
}

#[test]
fn a_clock_that_goes_back_gives_nothing() {
    let mut limiter = Limiter::new(1, PAUSE, 8);
    assert_eq!(limiter.take(&1, at(100)), Ok(()));
    assert_eq!(limiter.take(&1, at(50)), Err(PAUSE));
    assert_eq!(limiter.take(&1, at(110)), Ok(()));
}

proptest! {
    #[test]
    fn no_key_gets_more_than_its_share_and_memory_is_bounded(
        tries in prop::collection::vec((0_u8..20, 0_u64..5), 0..400),
    ) {
        let mut limiter = Limiter::new(3, PAUSE, 64);
        let (mut now, mut taken) = (0, [0_u64; 20]);
        for (key, wait) in tries {
            now += wait;
            let ok = limiter.take(&key, at(now)).is_ok();
            taken[usize::from(key)] += u64::from(ok);
            prop_assert!(limiter.keys.len() <= 64);
        }
        prop_assert!(taken.iter().all(|taken| *taken <= 3 + now / 10));
    }

    #[test]
    fn strangers_do_not_fill_the_memory(keys in prop::collection::vec(any::<u32>(), 0..300)) {
        let mut limiter = Limiter::new(3, PAUSE, 16);
        for (key, second) in keys.iter().zip(0..) {
            prop_assert!(limiter.take(key, at(second)).is_ok() || keys.len() > 3);
            prop_assert!(limiter.keys.len() <= 16);
        }
    }
}
