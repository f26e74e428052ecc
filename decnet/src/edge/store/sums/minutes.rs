//! How many events of each kind there were in each minute, and which.

use std::collections::HashMap;

use rusqlite::{Transaction, params};

use crate::edge::store::append::signed;
use crate::edge::store::{ALL_KINDS, MINUTE, Result, doing};
use crate::logic::event::Event;

/// What a batch adds to the minutes.
#[derive(Default)]
pub(super) struct Minutes {
    minutes: HashMap<(&'static str, i64), MinuteSum>,
}

struct MinuteSum {
    events: i64,
    first_n: i64,
    last_n: i64,
}

impl Minutes {
    pub(super) fn add(&mut self, n: i64, event: &Event) {
        let minute = signed(event.ts.0) / MINUTE;
        for kind in [event.event.as_str(), ALL_KINDS] {
            let empty = MinuteSum { events: 0, first_n: n, last_n: n };
            let sum = self.minutes.entry((kind, minute)).or_insert(empty);
            sum.events += 1;
            sum.last_n = n;
        }
    }

    pub(super) fn save(self, step: &Transaction<'_>) -> Result<()> {
        let mut save = step
            .prepare_cached(
                "INSERT INTO minutes (kind, minute, events, first_n, last_n)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (kind, minute) DO UPDATE SET
                    events = events + excluded.events, last_n = excluded.last_n",
            )
            .map_err(doing("save minute"))?;
        for ((kind, minute), sum) in self.minutes {
            save.execute(params![kind, minute, sum.events, sum.first_n, sum.last_n])
                .map_err(doing("save minute"))?;
        }
        Ok(())
    }
}
