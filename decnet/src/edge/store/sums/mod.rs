//! What a batch of events adds up to: counted in memory, saved once a batch.
//!
//! Every table beside `events` that can be had by counting events is written here and nowhere else,
//! in the transaction that takes the events, so the counts and the events always agree.

mod logins;
mod minutes;
mod prints;
mod sessions;
mod sources;

use rusqlite::Transaction;

use super::append::signed;
use super::{Result, doing};
use crate::logic::event::{Event, Kind};
use logins::Logins;
use minutes::Minutes;
use prints::Prints;
use sessions::Sessions;
use sources::Sources;

/// The sums of a batch.
#[derive(Default)]
pub(super) struct Sums<'a> {
    events: i64,
    sessions: i64,
    logins: i64,
    by_login: Logins<'a>,
    by_minute: Minutes,
    by_print: Prints,
    by_session: Sessions<'a>,
    by_source: Sources<'a>,
}

impl<'a> Sums<'a> {
    /// Adds the event that the store took as its `n`th.
    pub(super) fn add(&mut self, n: i64, event: &'a Event) -> Result<()> {
        self.events += 1;
        self.sessions += i64::from(event.event == Kind::ConnOpen);
        self.logins += i64::from(event.event == Kind::AuthAttempt);
        self.by_minute.add(n, event);
        self.by_session.add(event);
        self.by_source.add(event);
        self.by_login.add(event);
        self.by_print.add(event)
    }

    /// Adds the sums to those of the batches before.
    pub(super) fn save(self, step: &Transaction<'_>) -> Result<()> {
        if self.events == 0 {
            return Ok(());
        }
        self.by_minute.save(step)?;
        self.by_session.save(step)?;
        self.by_login.save(step)?;
        self.by_print.save(step)?;
        let new_sources = self.by_source.save(step)?;
        step.prepare_cached(
            "UPDATE totals SET events = events + ?1, sources = sources + ?2,
                sessions = sessions + ?3, logins = logins + ?4",
        )
        .and_then(|mut save| save.execute([self.events, new_sources, self.sessions, self.logins]))
        .map_err(doing("save totals"))?;
        Ok(())
    }
}

/// The first and the last time, and how often.
#[derive(Clone, Copy, Default)]
struct Span {
    first: i64,
    last: i64,
    count: i64,
}

impl Span {
    fn add(&mut self, event: &Event) {
        let ts = signed(event.ts.0);
        self.join(Self { first: ts, last: ts, count: 1 });
    }

    fn join(&mut self, other: Self) {
        let empty = self.count == 0;
        self.first = if empty { other.first } else { self.first.min(other.first) };
        self.last = if empty { other.last } else { self.last.max(other.last) };
        self.count += other.count;
    }
}
