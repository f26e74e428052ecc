//! Visitors who were turned away, and are told of.

use std::collections::HashMap;

use super::outbox::Outbox;
use crate::logic::source::Source;
use crate::logic::wire::Reported;

/// Sources whose refusals are gathered; those of others are told one by one.
const GATHERED: usize = 4_096;

/// Refusals that are not told yet, because those of the same source that are have used up its share
/// of what may wait for the agent: the last of them, and how many there were.
#[derive(Default)]
pub(super) struct Refused {
    by: HashMap<Source, (Reported, u64)>,
}

impl Refused {
    /// Tells that somebody was turned away, now or later with others.
    pub(super) fn put(&mut self, source: Source, reported: Reported, outbox: &mut Outbox) {
        let known = self.by.len() >= GATHERED && !self.by.contains_key(&source);
        if outbox.has_room(source) || known {
            return outbox.put(source, reported);
        }
        let (last, count) = self.by.entry(source).or_insert_with(|| (reported.clone(), 0));
        *last = reported;
        *count += 1;
    }

    /// Tells of those who were not told of, as far as there is room.
    pub(super) fn tell(&mut self, outbox: &mut Outbox) {
        self.by.retain(|source, (last, count)| {
            if !outbox.has_room(*source) {
                return true;
            }
            last.report.data.put("count", *count);
            outbox.put(*source, last.clone());
            false
        });
    }
}
