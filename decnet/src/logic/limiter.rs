//! Limits how often something may be tried, for many who try.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use crate::logic::time::Timestamp;

/// Counts tries by key. Each key may try `burst` times at once and once more each `pause`.
///
/// At most `capacity` keys are remembered: a further one takes the place of the key that tried
/// longest ago, which by then has the least to fear.
#[derive(Debug)]
pub struct Limiter<K> {
    burst: u32,
    pause: Duration,
    capacity: usize,
    keys: HashMap<K, Tries>,
}

/// What a key has left.
#[derive(Clone, Copy, Debug)]
struct Tries {
    left: u32,
    /// Up to when tries were given back.
    at: Timestamp,
}

impl<K: Clone + Eq + Hash> Limiter<K> {
    /// A limiter that has seen nobody.
    pub fn new(burst: u32, pause: Duration, capacity: usize) -> Self {
        Self { burst, pause, capacity, keys: HashMap::new() }
    }

    /// Takes a try of `key`.
    ///
    /// # Errors
    ///
    /// How long `key` must wait, when it has none left.
    pub fn take(&mut self, key: &K, now: Timestamp) -> Result<(), Duration> {
        if !self.keys.contains_key(key) && self.keys.len() >= self.capacity {
            self.forget_one();
        }
        let fresh = Tries { left: self.burst, at: now };
        let tries = self.keys.entry(key.clone()).or_insert(fresh);
        tries.refill(now, self.burst, self.pause);
        match tries.left.checked_sub(1) {
            Some(left) => {
                tries.left = left;
                Ok(())
            }
            None => Err(self.pause.saturating_sub(now.since(tries.at))),
        }
    }

    /// Gives a try back to `key`, because it was a good one.
    pub fn give_back(&mut self, key: &K) {
        if let Some(tries) = self.keys.get_mut(key) {
            tries.left = tries.left.saturating_add(1).min(self.burst);
        }
    }

    fn forget_one(&mut self) {
        let oldest = self.keys.iter().min_by_key(|(_, tries)| tries.at);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.keys.remove(&key);
        }
    }
}

impl Tries {
    fn refill(&mut self, now: Timestamp, burst: u32, pause: Duration) {
        // A clock that was set back would have it wait until it has come so far again.
        self.at = self.at.min(now);
        let pause = pause.as_nanos().max(1);
        let earned = now.since(self.at).as_nanos() / pause;
        self.left = self.left.saturating_add(u32::try_from(earned).unwrap_or(burst)).min(burst);
        let spent = u64::try_from(earned.saturating_mul(pause)).unwrap_or(u64::MAX);
        self.at = if self.left == burst {
            self.at.max(now)
        } else {
            Timestamp(self.at.0.saturating_add(spent))
        };
    }
}

#[cfg(test)]
mod tests;
