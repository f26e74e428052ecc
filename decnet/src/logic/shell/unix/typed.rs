//! A command that waits for what is typed, and what was typed for it.

use crate::logic::event::{Data, Kind, Raw, RawDigest, text};
use crate::logic::services::Report;
use crate::logic::shell::language::Item;
use crate::logic::shell::run::Typed;
use crate::logic::shell::text::decode;

/// Most bytes typed for one command.
const MAX_TYPED: usize = 4 * 1024 * 1024;

/// A pipeline of a line, and what was typed for it.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) item: Item,
    pub(super) typed: Typed,
    /// All that was typed, where that is more than is held.
    beyond: Option<Box<RawDigest>>,
}

impl Job {
    /// With nothing typed for it yet.
    pub(super) fn new(item: Item) -> Self {
        Self { item, typed: Typed::default(), beyond: None }
    }

    /// Takes what was typed, as much of it as is held.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        let room = MAX_TYPED.saturating_sub(self.typed.bytes.len());
        let (some, rest) = bytes.split_at(room.min(bytes.len()));
        if !rest.is_empty() && self.beyond.is_none() {
            let mut all = RawDigest::default();
            all.update(&self.typed.bytes);
            self.beyond = Some(Box::new(all));
        }
        self.typed.bytes.extend_from_slice(some);
        if let Some(all) = &mut self.beyond {
            all.update(bytes);
        }
    }

    /// What there is to say of what was typed: what was more than is held, or all when nothing is
    /// made of it any more.
    pub(super) fn say(&mut self, rest: Rest, line: &str, user: &str) -> Option<Report> {
        let raw = match (self.beyond.take(), rest) {
            (Some(all), _) => all.finish(),
            (None, Rest::Lost) if !self.typed.bytes.is_empty() => Raw::of(&self.typed.bytes),
            (None, _) => return None,
        };
        let data = Data::new()
            .with("typed_for", text(&decode(line)))
            .with("kept", self.typed.bytes.len())
            .with("bytes", raw.len)
            .with("user", text(user.as_bytes()));
        Some(Report::new(Kind::Payload).data(data).raw(raw))
    }
}

/// What becomes of what was typed for a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    Lost,
    Used,
}
