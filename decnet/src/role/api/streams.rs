//! Who listens: gives streams, and ends one for whoever comes where [`Seats`] says so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::logic::seats::{Holder, Limits, Seats, Verdict};

/// Live streams at once: more than a browser with many tabs has, and all together what 32 messages of
/// 256 KiB allow each.
const LIMITS: Limits = Limits { all: 64, login: 8, source: 32, user: 16 };

/// The streams that are open.
#[derive(Debug)]
pub(super) struct Streams(Mutex<Open>);

#[derive(Debug)]
struct Open {
    seats: Seats,
    next: u64,
    ends: BTreeMap<u64, Arc<Notify>>,
}

/// A stream that is open until this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    number: u64,
    end: Arc<Notify>,
    of: Arc<Streams>,
}

impl Streams {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Open { seats: Seats::new(LIMITS), next: 0, ends: BTreeMap::new() }))
    }

    /// One for `who`, when it may have one more; another may be told to end for it.
    pub(super) fn take(self: &Arc<Self>, who: Holder) -> Option<Seat> {
        let mut open = self.open();
        match open.seats.ask(&who) {
            Verdict::Free => {}
            Verdict::Instead(number) => {
                open.seats.leave(number);
                if let Some(end) = open.ends.remove(&number) {
                    end.notify_one();
                }
            }
            Verdict::Refused => return None,
        }
        let (number, end) = (open.next, Arc::new(Notify::new()));
        open.next = open.next.wrapping_add(1);
        open.seats.take(number, who);
        open.ends.insert(number, end.clone());
        Some(Seat { number, end, of: self.clone() })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Comes when the stream is to end, for somebody else has its place.
    pub(super) async fn is_over(&self) {
        self.end.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.of.open();
        open.seats.leave(self.number);
        open.ends.remove(&self.number);
    }
}
