//! What the agent tells systemd: when it is ready, that it lives, and how things are.
//!
//! All of it is said from the agent's own loop, so that a loop that hangs is silent.

use std::time::{Duration, Instant};

use super::engine::Engine;
use crate::edge::systemd::{self, Word};

/// A start in which nothing has happened for so long is over all the same: what is not up then may
/// never be, and the rest is.
const STUCK: Duration = Duration::from_secs(30);
/// How much longer a start may take after something has happened.
const MORE: Duration = Duration::from_secs(60);
/// How often it is looked whether the status has changed.
const SLOWLY: Duration = Duration::from_secs(3);

/// What was said, and when.
#[derive(Debug)]
pub(super) struct Supervision {
    listens: bool,
    /// How long the agent may be silent.
    watchdog: Option<Duration>,
    /// When it last said that it lives.
    alive: Option<Instant>,
    ready: bool,
    /// How many deckies were up or had failed, and since when.
    settled: (usize, Instant),
    status: String,
    /// When it was last looked at.
    looked: Option<Instant>,
}

impl Supervision {
    /// That of a process that starts now.
    pub(super) fn begin() -> Self {
        Self {
            listens: systemd::listens(),
            watchdog: systemd::watchdog(),
            alive: None,
            ready: false,
            settled: (0, Instant::now()),
            status: String::new(),
            looked: None,
        }
    }

    /// Whether it is time to say again that it lives.
    fn is_due(&self, now: Instant) -> bool {
        let Some(watchdog) = self.watchdog else { return false };
        self.alive.is_none_or(|alive| now.duration_since(alive) >= watchdog / 2)
    }
}

impl Engine {
    /// Says what there is to say.
    pub(super) fn tell_systemd(&mut self) {
        if !self.supervision.listens {
            return;
        }
        let (now, mut words) = (Instant::now(), Vec::new());
        if self.supervision.is_due(now) {
            self.supervision.alive = Some(now);
            words.push(Word::Alive);
        }
        self.say_status(now, &mut words);
        if !self.supervision.ready {
            self.go_on_starting(now, &mut words);
        }
        if !words.is_empty() {
            systemd::tell(&words);
        }
    }

    /// Says that the start is over as soon as it is.
    pub(super) fn tell_ready(&mut self) {
        if self.supervision.listens && !self.supervision.ready && self.fleet.is_settled() {
            self.tell_systemd();
        }
    }

    /// Says that the end has begun.
    pub(super) fn tell_stopping(&self) {
        if self.supervision.listens {
            systemd::tell(&[Word::Stopping]);
        }
    }

    fn say_status(&mut self, now: Instant, words: &mut Vec<Word>) {
        let Supervision { looked, ready, .. } = self.supervision;
        if ready && looked.is_some_and(|at| now.duration_since(at) < SLOWLY) {
            return;
        }
        self.supervision.looked = Some(now);
        let mut line = self.fleet.counts().line(self.capture.visitors().count());
        if let Some(trouble) = self.management.trouble() {
            line = format!("{line}; {trouble}");
        }
        if self.supervision.status != line {
            words.push(Word::Status(line.clone()));
            self.supervision.status = line;
        }
    }

    fn go_on_starting(&mut self, now: Instant, words: &mut Vec<Word>) {
        let counts = self.fleet.counts();
        let (settled, since) = self.supervision.settled;
        if self.fleet.is_settled() || now.duration_since(since) >= STUCK {
            self.supervision.ready = true;
            // Without more time: systemd would give that to the watchdog.
            words.push(Word::Ready);
        } else if counts.up + counts.failed != settled {
            self.supervision.settled = (counts.up + counts.failed, now);
            words.push(Word::MoreTime(MORE));
        }
    }
}
