//! Whether a release that was started is well: the right one, in one process, for long enough.

use std::time::Duration;

use super::event::Process;
use super::outcome::{Cause, Fault, Words};
use crate::logic::release::Digest;

/// What is forgiven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long it may take to its first answer.
    pub start: Duration,
    /// How long its process may be gone before it is taken for dead: a supervisor starts it again.
    pub gone: Duration,
    /// Failures that are forgiven while it proves itself.
    pub forgiven: u32,
}

impl Patience {
    /// With an agent. A last look takes 3 s more, and all of it 30 s at most.
    pub const AGENT: Self =
        Self { start: Duration::from_secs(25), gone: Duration::from_secs(10), forgiven: 1 };
}

/// What a running release shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It answers, and says who it is.
    Answer {
        /// Which process answers.
        process: Process,
        /// Which release it says that it is.
        release: Digest,
    },
    /// There is no process.
    Gone,
    /// It does not answer, and says what of the machine keeps it from that.
    Hindered(Words),
    /// There is one, and it does not answer.
    Silent,
}

/// What follows from everything that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not well.
    Bad(Cause),
    /// It has proved itself.
    Good,
    /// Look again in a second.
    Wait,
}

/// What was seen of a release since it was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    release: Digest,
    /// Answers are not its own: it is still ending.
    before: Option<Process>,
    started: Duration,
    /// How long it must go on answering.
    soak: Duration,
    patience: Patience,
    /// Who answers rightly, since when.
    proving: Option<(Process, Duration)>,
    /// Since when there is no process.
    gone: Option<Duration>,
    crashes: u32,
    misses: u32,
    /// What of the machine has kept it from answering since it did last.
    hindrance: Option<Words>,
}

impl Health {
    /// Of a release that was started just now, in place of a process.
    pub fn new(release: Digest, before: Option<Process>, at: Duration, soak: Duration) -> Self {
        let (proving, gone, hindrance) = (None, None, None);
        let (crashes, misses, patience) = (0, 0, Patience::AGENT);
        let started = at;
        Self { release, before, started, soak, patience, proving, gone, crashes, misses, hindrance }
    }

    /// The same with another patience.
    pub fn with(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// Takes in what is seen now.
    pub fn see(&mut self, at: Duration, seen: &Seen) -> Verdict {
        match (self.look(at, seen), &self.hindrance) {
            // What it says of itself may be a lie: then it is taken back all the same, and no more.
            (Verdict::Bad(cause), Some(what)) if cause.is_of_answering() => {
                Verdict::Bad(Cause::Machine(Fault { what: what.clone(), is_full: false }))
            }
            (verdict, _) => verdict,
        }
    }

    fn look(&mut self, at: Duration, seen: &Seen) -> Verdict {
        match seen {
            Seen::Answer { process, .. } if Some(*process) == self.before => self.silent(at),
            Seen::Answer { release, .. } if *release != self.release => {
                Verdict::Bad(Cause::Other(*release))
            }
            Seen::Answer { process, .. } => self.answer(at, *process),
            Seen::Gone => self.absent(at),
            Seen::Hindered(what) => {
                self.hindrance = Some(what.clone());
                self.silent(at)
            }
            Seen::Silent => self.silent(at),
        }
    }

    fn answer(&mut self, at: Duration, process: Process) -> Verdict {
        let since = match self.proving {
            Some((same, since)) if same == process => since,
            Some(_) => {
                // It ended and was back between two looks.
                self.crashes += 1;
                at
            }
            None => at,
        };
        self.proving = Some((process, since));
        (self.gone, self.hindrance) = (None, None);
        match self.fault() {
            Some(cause) => Verdict::Bad(cause),
            None if at.saturating_sub(since) >= self.soak => Verdict::Good,
            None => Verdict::Wait,
        }
    }

    fn absent(&mut self, at: Duration) -> Verdict {
        let since = *self.gone.get_or_insert_with(|| {
            self.crashes += 1;
            at
        });
        self.proving = None;
        if let Some(cause) = self.fault() {
            return Verdict::Bad(cause);
        }
        if at.saturating_sub(since) >= self.patience.gone {
            return Verdict::Bad(Cause::Gone);
        }
        self.late(at)
    }

    fn silent(&mut self, at: Duration) -> Verdict {
        self.gone = None;
        if self.proving.is_some() {
            self.misses += 1;
        }
        match self.fault() {
            Some(cause) => Verdict::Bad(cause),
            None => self.late(at),
        }
    }

    fn late(&self, at: Duration) -> Verdict {
        let is_late =
            self.proving.is_none() && at.saturating_sub(self.started) >= self.patience.start;
        if is_late { Verdict::Bad(Cause::Silent) } else { Verdict::Wait }
    }

    fn fault(&self) -> Option<Cause> {
        if self.crashes > self.patience.forgiven {
            return Some(Cause::CrashLoop);
        }
        (self.crashes + self.misses > self.patience.forgiven).then_some(Cause::FlipFlop)
    }
}
