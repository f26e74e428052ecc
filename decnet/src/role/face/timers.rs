//! Connections that asked to be woken.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Wake-up times. One whose connection is gone is found out when it is due.
#[derive(Default)]
pub(super) struct Timers {
    due: BinaryHeap<Reverse<(Instant, usize)>>,
}

impl Timers {
    /// Wakes `connection` at `at`.
    pub(super) fn set(&mut self, at: Instant, connection: usize) {
        self.due.push(Reverse((at, connection)));
    }

    /// When the next is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.peek().map(|Reverse((at, _))| *at)
    }

    /// The next that is due at `now`.
    pub(super) fn pop(&mut self, now: Instant) -> Option<usize> {
        if self.next()? > now {
            return None;
        }
        self.due.pop().map(|Reverse((_, connection))| connection)
    }
}
