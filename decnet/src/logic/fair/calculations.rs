//! Calculations that take long, in pieces.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use super::Turns;

/// Calculations that are begun at a time: each holds its intermediate results.
const BEGUN: usize = 128;

/// Calculations of some, in turns: one of each at a time, and a bounded number of all.
#[derive(Debug)]
pub struct Calculations<K, W> {
    /// What each still has, the one that is begun first.
    queues: HashMap<K, VecDeque<W>>,
    /// Who has one begun.
    begun: HashSet<K>,
    /// Who waits to begin one.
    lobby: VecDeque<K>,
    turns: Turns<K, W>,
}

impl<K, W> Default for Calculations<K, W> {
    fn default() -> Self {
        Self {
            queues: HashMap::new(),
            begun: HashSet::new(),
            lobby: VecDeque::new(),
            turns: Turns::default(),
        }
    }
}

impl<K: Copy + Eq + Hash + Ord, W: Copy + Eq + Hash> Calculations<K, W> {
    /// Lets a calculation wait behind those that `key` has already.
    pub fn push(&mut self, key: K, what: W) {
        let queue = self.queues.entry(key).or_default();
        if queue.contains(&what) {
            return;
        }
        queue.push_back(what);
        if queue.len() == 1 {
            self.lobby.push_back(key);
            self.let_begin();
        }
    }

    /// Whose turn it is, and with what. It lasts until [`Self::over`] is called.
    pub fn begin(&mut self) -> Option<(K, W)> {
        self.turns.begin()
    }

    /// The turn of `key` is over, and was so dear; with [`Left::Some`] another is wanted.
    pub fn over(&mut self, key: K, cost: Duration, left: Left) {
        let Some(queue) = self.queues.get_mut(&key) else { return };
        match left {
            Left::Some => {
                if let Some(what) = queue.front() {
                    self.turns.push(key, *what);
                }
            }
            Left::None => {
                queue.pop_front();
                self.begun.remove(&key);
                if queue.is_empty() {
                    self.queues.remove(&key);
                } else {
                    // Behind those who have none begun.
                    self.lobby.push_back(key);
                }
            }
        }
        self.let_begin();
        self.turns.over(cost);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    fn let_begin(&mut self) {
        while self.begun.len() < BEGUN
            && let Some(key) = self.lobby.pop_front()
        {
            let Some(what) = self.queues.get(&key).and_then(VecDeque::front) else { continue };
            self.turns.push(key, *what);
            self.begun.insert(key);
        }
    }
}

/// Whether something is left of a calculation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// It is done, or nobody wants it any more.
    None,
    /// It goes on.
    Some,
}

#[cfg(test)]
mod tests;
