//! Whose turn it is, where work is dear.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::time::Duration;

/// Lanes that are kept although nothing waits in them, before those are looked through.
const IDLE: usize = 1_024;

/// Things that wait for their turn, in a lane for each who has some. The lane that has cost least
/// goes next, so that time is shared by lanes, whatever one turn costs and however many things wait
/// in a lane. Who comes anew begins where the others are: neither with a claim for the past nor
/// behind anybody.
///
/// **Source**: start-time fair queueing (Goyal, Vin and Cheng, 1996), with the cost told afterwards.
#[derive(Debug)]
pub struct Turns<K, W> {
    lanes: HashMap<K, Lane<W>>,
    /// Lanes in which something waits, but for the one whose turn it is: by what they have cost,
    /// then by when they came.
    order: BinaryHeap<Reverse<(Duration, u64, K)>>,
    /// What waits: nothing waits twice.
    waiting: HashSet<W>,
    /// Whose turn it is.
    current: Option<K>,
    /// What the lane whose turn it is or was had cost before.
    floor: Duration,
    /// How often a lane was put in order.
    came: u64,
}

#[derive(Debug)]
struct Lane<W> {
    queue: VecDeque<W>,
    cost: Duration,
}

impl<K, W> Default for Turns<K, W> {
    fn default() -> Self {
        Self {
            lanes: HashMap::new(),
            order: BinaryHeap::new(),
            waiting: HashSet::new(),
            current: None,
            floor: Duration::ZERO,
            came: 0,
        }
    }
}

impl<K: Copy + Eq + Hash + Ord, W: Copy + Eq + Hash> Turns<K, W> {
    /// Lets `what` wait in the lane of `key`, if it does not wait yet.
    pub fn push(&mut self, key: K, what: W) {
        if !self.waiting.insert(what) {
            return;
        }
        let floor = self.floor;
        let fresh = || Lane { queue: VecDeque::new(), cost: floor };
        let lane = self.lanes.entry(key).or_insert_with(fresh);
        lane.queue.push_back(what);
        if lane.queue.len() == 1 && self.current != Some(key) {
            lane.cost = lane.cost.max(floor);
            let cost = lane.cost;
            self.put_in_order(key, cost);
        }
    }

    /// Whose turn it is, and what for. It lasts until [`Self::over`] is called.
    pub fn begin(&mut self) -> Option<(K, W)> {
        let Reverse((_, _, key)) = self.order.pop()?;
        let lane = self.lanes.get_mut(&key)?;
        let what = lane.queue.pop_front()?;
        self.waiting.remove(&what);
        self.floor = self.floor.max(lane.cost);
        self.current = Some(key);
        Some((key, what))
    }

    /// The turn is over, and was so dear.
    pub fn over(&mut self, cost: Duration) {
        let Some(key) = self.current.take() else { return };
        let Some(lane) = self.lanes.get_mut(&key) else { return };
        lane.cost = lane.cost.saturating_add(cost);
        let cost = lane.cost;
        if !lane.queue.is_empty() {
            self.put_in_order(key, cost);
        } else if self.order.is_empty() {
            // Nobody waits: what was before is over.
            self.lanes.clear();
        } else if self.lanes.len() > 2 * self.order.len() + IDLE {
            let floor = self.floor;
            self.lanes.retain(|_, lane| !lane.queue.is_empty() || lane.cost > floor);
        }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn put_in_order(&mut self, key: K, cost: Duration) {
        self.came = self.came.wrapping_add(1);
        self.order.push(Reverse((cost, self.came, key)));
    }
}

#[cfg(test)]
mod tests;
