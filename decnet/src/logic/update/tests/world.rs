//! A machine with a disk, an agent and an updater, on which effects are carried out.

use std::rc::Rc;

use super::deeds::{can_fail, failure, name, what};
use super::disk::{Data, Disk, Place};
use super::*;
use crate::logic::release::samples::NOW;

/// How a release behaves once it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behaviour {
    Crashing,
    /// It comes up, and cannot be reached.
    Deaf,
    Good,
    Hanging,
    Lying,
    /// Its self-check fails.
    Unfit,
}

/// What is tried.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) component: Component,
    pub(super) kind: Kind,
    /// The release that runs, and the one before it.
    pub(super) old: Option<Identity>,
    pub(super) older: Option<Identity>,
    pub(super) to: Identity,
    pub(super) behaviour: Behaviour,
    /// The release that runs comes up once after it was left, and not again.
    pub(super) is_tired: bool,
}

/// Where in the decision an effect stands: on which occasion, in which phase, and what it is.
pub(super) type Site = (&'static str, &'static str, String);

/// What goes wrong, counted in effects.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    /// This one fails, or is done and said to have failed.
    pub(super) error: Option<(usize, bool)>,
    /// From this one on the disk is full, for ever.
    pub(super) full: Option<usize>,
    /// This one is never done.
    pub(super) skip: Option<Site>,
}

/// What whoever watches from outside remembers, whatever crashes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Memory {
    /// The attempt had begun: something was done for it.
    pub(super) begun: bool,
    pub(super) replies: Vec<(AttemptId, Outcome)>,
    /// The new release was found bad, and the one before was started in its place.
    pub(super) condemned: bool,
    /// How often the release before was started in place of the new one.
    pub(super) returns: u32,
}

#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) scenario: Rc<Scenario>,
    pub(super) disk: Disk,
    pub(super) journal: Journal,
    /// The release that the agent runs.
    pub(super) agent: Option<Digest>,
    /// The release that others run beside it.
    pub(super) follower: Option<Digest>,
    pub(super) memory: Memory,
    /// Whether an effect could not be carried out.
    pub(super) was_hindered: bool,
    /// Whether the log may grow on a disk that is full.
    pub(super) has_room: bool,
    pub(super) asked: AttemptId,
    pub(super) sites: Vec<Site>,
    pub(super) done: usize,
    /// How it was before each effect, and at last: wherever a crash can fall.
    pub(super) moments: Vec<Self>,
    pub(super) starts: u32,
    pub(super) clock: Duration,
}

pub(super) fn id(text: &str) -> AttemptId {
    AttemptId(text.parse().expect("it is a label"))
}

pub(super) fn slot(slot: Slot) -> &'static str {
    match slot {
        Slot::Current => "current",
        Slot::Prev => "prev",
    }
}

impl World {
    pub(super) fn new(scenario: &Rc<Scenario>) -> Self {
        let mut disk = Disk::default();
        let mut journal = Journal::new(scenario.component);
        (journal.current, journal.prev) = (scenario.old.clone(), scenario.older.clone());
        for (release, slot) in [(&scenario.old, "current"), (&scenario.older, "prev")] {
            let Some(release) = release else { continue };
            let tree = Data::Tree { release: release.digest, whole: true };
            disk.put(Place::Releases, &release.digest.short(), tree);
            disk.put(Place::Install, slot, Data::Link(release.digest));
            journal.floor = journal.floor.raised(release);
        }
        disk.put(Place::State, "journal", Data::of_journal(&journal));
        disk.put(Place::State, "audit", Data::Log([].into()));
        disk.sync();
        Self {
            agent: scenario.old.as_ref().map(|old| old.digest),
            follower: scenario.old.as_ref().map(|old| old.digest),
            scenario: Rc::clone(scenario),
            disk,
            journal,
            memory: Memory::default(),
            was_hindered: false,
            has_room: false,
            asked: id("first"),
            sites: Vec::new(),
            done: 0,
            moments: Vec::new(),
            starts: 1,
            clock: Duration::ZERO,
        }
    }

    /// Asks for a release.
    pub(super) fn ask(
        &mut self,
        attempt: &str,
        to: Option<Identity>,
        faults: &Faults,
    ) -> Tried<()> {
        self.asked = id(attempt);
        let room = Space { bytes: 1_000, files: 10 };
        let begin = Begin { attempt: id(attempt), to, is_here: false, needs: room, free: room };
        self.run(Event::Begin(Box::new(begin)), faults)
    }

    pub(super) fn recover(&mut self, faults: &Faults) -> Tried<()> {
        let event = self.boot()?;
        self.run(event, faults)
    }

    /// Carries out what follows, until nothing does.
    fn run(&mut self, mut event: Event, faults: &Faults) -> Tried<()> {
        for _ in 0..400 {
            let name = name(&event);
            let (journal, effects) =
                step(&self.journal, event).map_err(|error| error.to_string())?;
            self.journal = journal;
            let phase = self.journal.phase.name();
            let mut answer = None;
            for (at, effect) in effects.iter().enumerate() {
                let occasion = self.occasion(&name, at, effect);
                // What a start begins with is the same in every phase.
                let phase = if occasion == "start" { "" } else { phase };
                let site = (occasion, phase, what(effect));
                // One look is as good as another to crash at.
                let is_again = matches!(effect, Effect::Probe) && name == "Probed";
                if !is_again {
                    self.remember();
                }
                let error = faults.error.filter(|(at, _)| !is_again && *at == self.done);
                let is_full = faults.full.is_some_and(|from| from <= self.done);
                let error =
                    if is_full && self.takes_room(effect) { Some((0, false)) } else { error };
                self.done += usize::from(!is_again);
                self.sites.push(site.clone());
                if faults.skip.as_ref() == Some(&site) {
                    continue;
                }
                match error {
                    Some((_, is_done)) if can_fail(effect) => {
                        if is_done {
                            self.carry_out(effect)?;
                        }
                        self.was_hindered = true;
                        answer = Some(failure(effect));
                        break;
                    }
                    _ => answer = self.carry_out(effect)?,
                }
            }
            if answer.is_none() && self.journal.phase == Phase::Idle {
                self.remember();
                return Ok(());
            }
            event = answer.unwrap_or(Event::Done);
        }
        Err(format!("it does not end: {:?}", self.journal.phase))
    }

    fn remember(&mut self) {
        let moments = std::mem::take(&mut self.moments);
        let now = self.clone();
        self.moments = moments;
        self.moments.push(now);
    }

    /// Tells places of the decision apart that look alike.
    fn occasion(&self, event: &str, at: usize, effect: &Effect) -> &'static str {
        let is_save = at < 8
            && matches!(
                effect,
                Effect::WriteJournal(_)
                    | Effect::SyncJournal
                    | Effect::NameJournal
                    | Effect::SyncState
            );
        match (&self.journal.phase, event) {
            (_, "Recover") if at < 2 || matches!(effect, Effect::TrimAudit) => "start",
            (Phase::Trial { .. }, "Recover") if is_save => "again",
            (Phase::Settling { is_over: true, .. }, _) => "over",
            _ => "",
        }
    }

    fn carry_out(&mut self, effect: &Effect) -> Tried<Option<Event>> {
        match effect {
            Effect::Await => return self.judged().map(Some),
            Effect::Check(digest) => return Ok(Some(self.check(*digest))),
            Effect::Follow => self.follower = self.follower.and(self.link("current")),
            Effect::Pause => return Ok(Some(Event::Resume)),
            Effect::Probe => return Ok(Some(self.probe())),
            Effect::Receive => {
                self.memory.begun = true;
                let tree = Data::Tree { release: self.wanted(), whole: true };
                self.disk.put(Place::Releases, "staged", tree);
                return Ok(Some(Event::Staged));
            }
            Effect::Reexec => {
                self.note_condemned();
                return self.boot().map(Some);
            }
            Effect::Reply(outcome) => self.reply(outcome),
            Effect::Restart(digest) => return self.restart(*digest).map(Some),
            Effect::Stop => {
                self.note_condemned();
                self.agent = None;
            }
            on_disk => self.on_disk(on_disk),
        }
        Ok(None)
    }

    fn reply(&mut self, outcome: &Outcome) {
        // Nothing is held against it when the one before fails like it, or when what was found could
        // not be written down before the updater became another process.
        self.memory.condemned &= match outcome {
            Outcome::RolledBackBadly { .. } => false,
            Outcome::RolledBack { cause } | Outcome::FirstFailed { cause } => {
                cause.is_of_release() || !self.was_hindered
            }
            _ => true,
        };
        self.memory.replies.push((self.asked.clone(), outcome.clone()));
    }

    fn wanted(&self) -> Digest {
        self.journal.phase.attempt().expect("one is under way").to.digest
    }

    pub(super) fn behaviour(&self, digest: Digest) -> Behaviour {
        let is_old = self.scenario.old.as_ref().is_some_and(|old| old.digest == digest);
        if digest == self.scenario.to.digest {
            self.scenario.behaviour
        } else if self.scenario.is_tired && is_old && self.memory.returns > 1 {
            Behaviour::Hanging
        } else {
            Behaviour::Good
        }
    }

    pub(super) fn log(&self) -> Rc<[u8]> {
        match self.disk.get(Place::State, "audit") {
            Some(Data::Log(bytes)) => bytes.clone(),
            other => panic!("the log is {other:?}"),
        }
    }

    pub(super) fn audit(&mut self, record: &Record) {
        let mut bytes = self.log().to_vec();
        let log = Log::read(&bytes, |_| ());
        if log.last.as_ref() != Some(record) {
            bytes.extend(log.chain.line(record, NOW).0);
            self.disk.write(Place::State, "audit", Data::Log(bytes.into()));
        }
    }

    fn check(&mut self, digest: Digest) -> Event {
        self.memory.begun = true;
        let is_fit = self.is_whole(digest) && self.behaviour(digest) != Behaviour::Unfit;
        Event::Checked(if is_fit { Ok(()) } else { Err(Reason::Unfit("it said so".into())) })
    }

    pub(super) fn collect(&mut self, kept: &[Digest]) {
        let kept: Vec<String> = kept.iter().map(Digest::short).collect();
        for name in self.disk.names(Place::Releases) {
            if !kept.contains(&name) {
                self.disk.remove(Place::Releases, &name);
            }
        }
    }

    /// The new release was found bad, and that is acted on.
    fn note_condemned(&mut self) {
        if let Phase::Reversal { cause, .. } = &self.journal.phase {
            self.memory.condemned |= cause.is_of_release();
        }
    }

    fn restart(&mut self, digest: Digest) -> Tried<Event> {
        self.note_condemned();
        let current = self.link("current");
        if current != Some(digest) {
            return Err(format!("{digest:?} was to start, and `current` is {current:?}"));
        }
        if self.memory.condemned && digest == self.scenario.to.digest {
            return Err("a release that was found bad was started again".into());
        }
        self.memory.returns += u32::from(digest != self.scenario.to.digest);
        let before = self.agent.map(|_| self.process());
        (self.agent, self.starts) = (Some(digest), self.starts + 1);
        Ok(Event::Restarted { at: self.clock, before, soak: Duration::from_secs(10) })
    }

    fn process(&self) -> Process {
        Process { pid: self.starts, nonce: 7 }
    }

    fn probe(&mut self) -> Event {
        self.clock += Duration::from_secs(1);
        let process = self.process();
        let seen = match self.agent.map(|agent| (self.behaviour(agent), agent)) {
            None | Some((Behaviour::Crashing, _)) => Seen::Gone,
            Some((Behaviour::Deaf | Behaviour::Hanging, _)) => Seen::Silent,
            Some((Behaviour::Lying, _)) => Seen::Answer { process, release: Digest::of(b"lie") },
            Some((Behaviour::Good | Behaviour::Unfit, release)) => {
                Seen::Answer { process, release }
            }
        };
        Event::Probed { at: self.clock, seen }
    }
}
