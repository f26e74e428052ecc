//! How lives of a machine begin and end: starts, crashes, and what is found after them.

use super::disk::{Data, Place};
use super::world::{Behaviour, World, id};
use super::*;

impl World {
    /// Starts an updater: what it finds is what there is. For the updater's own releases it is
    /// the one that `current` names which starts, and when that cannot, the one of `prev`.
    pub(super) fn boot(&mut self) -> Tried<Event> {
        self.journal = match self.disk.get(Place::State, "journal") {
            Some(Data::Journal(Some((_, journal)))) => journal.as_ref().clone(),
            other => return Err(format!("the journal is {other:?}")),
        };
        let (mut caller, mut running) = (Caller::Daemon, None);
        if self.scenario.component == Component::Updater {
            let current = self.link("current").ok_or("no updater is there to start")?;
            if self.memory.condemned && current == self.scenario.to.digest {
                return Err("an updater that was found dead was started again".into());
            }
            running = match self.behaviour(current) {
                Behaviour::Deaf | Behaviour::Good | Behaviour::Unfit => Some(current),
                Behaviour::Lying => Some(Digest::of(b"lie")),
                Behaviour::Crashing | Behaviour::Hanging => {
                    caller = Caller::Rescue(Cause::Gone);
                    let prev = self.link("prev").filter(|prev| self.is_whole(*prev));
                    let prev = prev.filter(|prev| self.behaviour(*prev) == Behaviour::Good);
                    Some(prev.ok_or("nobody is there to rescue")?)
                }
            };
        }
        Ok(Event::Recover(Box::new(self.observe(caller, running))))
    }

    /// Whoever looks at an updater on trial from outside: it is reached, or the one of `prev` takes
    /// it back.
    pub(super) fn judged(&mut self) -> Tried<Event> {
        let current = self.link("current").ok_or("no updater is there to judge")?;
        if self.behaviour(current) != Behaviour::Deaf {
            return Ok(Event::Proved);
        }
        self.boot()?;
        let prev = self.link("prev").filter(|prev| self.is_whole(*prev));
        let prev = prev.ok_or("nobody is there to judge")?;
        Ok(Event::Recover(Box::new(self.observe(Caller::Rescue(Cause::Silent), Some(prev)))))
    }

    fn observe(&self, caller: Caller, running: Option<Digest>) -> Observed {
        let log = self.log();
        let known = [Some(&self.scenario.to), self.scenario.old.as_ref()];
        let known = known.into_iter().chain([self.scenario.older.as_ref()]).flatten();
        let whole: Vec<Identity> = known.filter(|k| self.is_whole(k.digest)).cloned().collect();
        let kept = self.journal.kept();
        let is_kept = |name: &String| kept.iter().any(|digest| digest.short() == *name);
        Observed {
            attempt: id("start"),
            caller,
            current: self.link("current"),
            prev: self.link("prev"),
            whole,
            clutter: !self.disk.names(Place::Releases).iter().all(is_kept),
            audit_is_torn: Log::read(&log, |_| ()).whole != log.len(),
            running,
        }
    }

    pub(super) fn link(&self, name: &str) -> Option<Digest> {
        match self.disk.get(Place::Install, name)? {
            Data::Link(digest) => Some(*digest),
            other => panic!("{name} is {other:?}"),
        }
    }

    pub(super) fn is_whole(&self, digest: Digest) -> bool {
        let found = self.disk.get(Place::Releases, &digest.short());
        found == Some(&Data::Tree { release: digest, whole: true })
    }

    /// Every world that a crash can leave: the updater is killed, or the power is cut.
    pub(super) fn after_crash(&self) -> Vec<Self> {
        let killed = Self { done: 0, sites: Vec::new(), ..self.clone() };
        let cut = self.disk.after_cut().into_iter().map(|disk| {
            let mut world = Self { disk, ..killed.clone() };
            world.starts += 1;
            world.agent = world.link("current");
            world.follower = world.follower.and(world.link("current"));
            world
        });
        let mut all: Vec<Self> = cut.collect();
        // Hands may have tidied up before the next start.
        let mut tidied = killed.clone();
        for slot in ["current.new", "prev.new"] {
            tidied.disk.remove(Place::Install, slot);
        }
        tidied.disk.sync();
        all.extend([tidied, killed]);
        all
    }
}
