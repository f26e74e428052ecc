//! One update after another: what is decided is done, and what came of it is decided upon.

use std::fs;
use std::io;
use std::path::Path;

use super::{Fs, Place, Unwell, audit, self_check, spare};
use crate::edge::release::{Unsound, in_use, verify};
use crate::logic::release::{Component, Digest};
use crate::logic::update::{
    self, AttemptId, Effect, Event, Fault, Journal, OutOfPhase, Outcome, Phase, Reason,
};

/// What an update needs besides the disk.
pub trait Host {
    /// Whether the agent that a program is could be started here: asked before anything is changed.
    ///
    /// # Errors
    ///
    /// What is missing.
    fn could_start(&mut self, program: &Path) -> Result<(), Fault>;
    /// Has whoever else runs from the agent's releases run what `current` names.
    fn follow(&mut self);
    /// Waits a little.
    fn pause(&mut self);
    /// Looks at the release that runs: [`Event::Probed`].
    fn probe(&mut self, release: Digest) -> Event;
    /// Takes what was sent into the staging directory: [`Event::Staged`], [`Event::Refuse`] or
    /// [`Event::Failed`].
    fn receive(&mut self, attempt: &AttemptId, place: &Place) -> Event;
    /// Becomes the release that `current` names. It comes back when that is not possible or not
    /// needed, and with nothing when the next process goes on and this one is to end.
    fn reexec(&mut self, journal: &Journal) -> Option<Event>;
    /// Has the supervisor start what `current` names: [`Event::Restarted`],
    /// [`Event::Unstartable`] or [`Event::Failed`].
    fn restart(&mut self, journal: &Journal, release: Digest) -> Event;
    /// Has the supervisor stop what runs.
    ///
    /// # Errors
    ///
    /// What the supervisor says.
    fn stop(&mut self) -> Result<(), Fault>;
    /// The journal has changed.
    fn changed(&mut self, journal: &Journal);
}

/// Carries out updates of one component.
#[derive(Debug)]
pub struct Runner<F> {
    fs: F,
    place: Place,
    journal: Journal,
}

/// What came of an effect.
enum Done {
    Answer(Event),
    Nothing,
    /// Another process goes on.
    Over,
    Reply(Outcome),
}

impl<F: Fs> Runner<F> {
    /// Goes on from a journal.
    pub fn new(fs: F, place: Place, journal: Journal) -> Self {
        Self { fs, place, journal }
    }

    /// Where it is.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Where its releases are.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Does what follows from an event, until nothing does. The last reply is returned; `reply`
    /// has each as it comes.
    ///
    /// # Errors
    ///
    /// [`OutOfPhase`] when it cannot be done now.
    pub fn run(
        &mut self,
        mut event: Event,
        host: &mut impl Host,
        mut reply: impl FnMut(Outcome),
    ) -> Result<(), OutOfPhase> {
        loop {
            let (journal, effects) = update::step(&self.journal, event)?;
            if journal != self.journal {
                self.journal = journal;
                host.changed(&self.journal);
            }
            let mut answer = None;
            for effect in &effects {
                match self.carry_out(effect, host) {
                    Ok(Done::Answer(event)) => answer = Some(event),
                    Ok(Done::Nothing) => {}
                    Ok(Done::Over) => return Ok(()),
                    Ok(Done::Reply(outcome)) => reply(outcome),
                    Err(fault) => {
                        tracing::warn!(fault = %fault.what, "an update cannot go on as it should");
                        answer = Some(Event::Failed(fault));
                        break;
                    }
                }
            }
            if answer.is_none() && self.journal.phase == Phase::Idle {
                return Ok(());
            }
            event = answer.unwrap_or(Event::Done);
        }
    }

    fn carry_out(&self, effect: &Effect, host: &mut impl Host) -> Result<Done, Fault> {
        let place = &self.place;
        tracing::debug!(?effect, "update");
        match effect {
            // Somebody else says when it is over.
            Effect::Await => return Ok(Done::Over),
            Effect::Check(digest) => return self.check(*digest, host).map(Done::Answer),
            Effect::Follow => {
                if self.is_behind() {
                    host.follow();
                }
                return Ok(Done::Nothing);
            }
            Effect::Pause => {
                host.pause();
                return Ok(Done::Answer(Event::Resume));
            }
            Effect::Probe => {
                let running = self.running();
                return Ok(Done::Answer(host.probe(running)));
            }
            Effect::Receive => {
                self.clear_staging()?;
                let attempt = self.journal.phase.attempt().map(|attempt| attempt.id.clone());
                let attempt = attempt.unwrap_or_else(|| unreachable!("one is being staged"));
                return Ok(Done::Answer(host.receive(&attempt, place)));
            }
            Effect::Reexec => {
                return Ok(host.reexec(&self.journal).map_or(Done::Over, Done::Answer));
            }
            Effect::Reply(outcome) => return Ok(Done::Reply(outcome.as_ref().clone())),
            Effect::Restart(digest) => {
                return Ok(Done::Answer(host.restart(&self.journal, *digest)));
            }
            Effect::Stop => host.stop()?,
            on_disk => self.on_disk(on_disk)?,
        }
        Ok(Done::Nothing)
    }

    /// Whether a process runs from a release that is not `current`.
    fn is_behind(&self) -> bool {
        let current = self.journal.current.as_ref().map(|current| current.digest);
        let entries = fs::read_dir(self.place.releases()).into_iter().flatten().flatten();
        let mut others = entries.filter(|entry| {
            let name = entry.file_name();
            let digest = name.to_str().and_then(|name| name.parse::<Digest>().ok());
            digest.is_some() && digest != current
        });
        others.any(|entry| in_use(&entry.path()).unwrap_or(false))
    }

    /// What `current` names by now.
    fn running(&self) -> Digest {
        match (&self.journal.phase, &self.journal.current) {
            (Phase::Reversal { .. }, Some(current)) => current.digest,
            (phase, current) => {
                let tried = phase.attempt().map(|attempt| attempt.to.digest);
                let current = current.as_ref().map(|current| current.digest);
                tried.or(current).unwrap_or_else(|| Digest::of(b""))
            }
        }
    }

    /// Carries out an effect that changes the disk and nothing else; others are passed over. On a
    /// disk that is full what was spared for that is given up, once.
    ///
    /// # Errors
    ///
    /// [`Fault`]: what was tried on what, and the system's reason.
    pub fn on_disk(&self, effect: &Effect) -> Result<(), Fault> {
        match self.change(effect) {
            Err(fault) if fault.is_full && spare::give_up(&self.fs, &self.place) => {
                tracing::warn!(fault = %fault.what, "the disk is full: what was spared is used");
                self.change(effect)
            }
            other => other,
        }
    }

    fn change(&self, effect: &Effect) -> Result<(), Fault> {
        let (fs, place) = (&self.fs, &self.place);
        let (doing, path, done) = match effect {
            Effect::Audit(record) => ("append to", place.audit(), audit::append(fs, place, record)),
            Effect::Collect(kept) => ("tidy", place.releases(), self.collect(kept)),
            Effect::MakeLink(slot, digest) => {
                let is_there = place.linked(*slot) == Some(*digest);
                let made = if is_there { Ok(()) } else { spare::link(fs, place, *slot, *digest) };
                ("make", place.next_link(*slot), made)
            }
            Effect::NameJournal => {
                let path = place.journal();
                ("name", path.clone(), swap(fs, &place.next_journal(), &path))
            }
            Effect::NameLink(slot, digest) => {
                let path = place.link(*slot);
                let is_there = place.linked(*slot) == Some(*digest);
                let named =
                    if is_there { Ok(()) } else { swap(fs, &place.next_link(*slot), &path) };
                ("name", path, named)
            }
            Effect::NameRelease(digest) => {
                let path = place.release(*digest);
                let named = if path.exists() {
                    fs.exchange(&place.staging(), &path)
                } else {
                    fs.rename(&place.staging(), &path)
                };
                ("name", path, named)
            }
            Effect::Reserve(links) => {
                ("make room in", place.state.clone(), spare::reserve(fs, place, links))
            }
            Effect::RemoveLink(slot) => {
                let path = place.link(*slot);
                ("remove", path.clone(), fs.remove(&path))
            }
            Effect::SyncAudit => ("sync", place.audit(), fs.sync_file(&place.audit())),
            Effect::SyncInstall => ("sync", place.install.clone(), fs.sync_dir(&place.install)),
            Effect::SyncJournal => {
                ("sync", place.next_journal(), fs.sync_file(&place.next_journal()))
            }
            Effect::SyncReleases => ("sync", place.releases(), fs.sync_dir(&place.releases())),
            Effect::SyncState => ("sync", place.state.clone(), fs.sync_dir(&place.state)),
            Effect::SyncTree => ("sync", place.staging(), fs.sync_tree(&place.staging())),
            Effect::TrimAudit => ("trim", place.audit(), audit::trim(fs, place)),
            Effect::WriteJournal(journal) => {
                let path = place.next_journal();
                ("write", path.clone(), fs.overwrite(&path, &journal.bytes()))
            }
            _ => return Ok(()),
        };
        done.map_err(|error| fault(doing, &path, &error))
    }

    fn check(&self, digest: Digest, host: &mut impl Host) -> Result<Event, Fault> {
        let dir = self.place.release(digest);
        if self.place.component == Component::Agent {
            host.could_start(&dir.join("bin/decnet"))?;
        }
        let checked = match verify(&dir) {
            Ok(release) if release.digest() == digest => match self_check(&dir, digest) {
                Err(Unwell::Unasked(why)) => {
                    return Err(Fault { what: why.into(), is_full: false });
                }
                Err(Unwell::Unfit(why)) => Err(Reason::Unfit(why.into())),
                Ok(()) => Ok(()),
            },
            Ok(_) => Err(Reason::Bundle("it holds another release".into())),
            Err(Unsound::Disk(error)) => {
                return Err(Fault { what: error.to_string().into(), is_full: error.is_full() });
            }
            Err(error) => Err(Reason::Bundle(error.to_string().into())),
        };
        Ok(Event::Checked(checked))
    }

    /// What is left of an attempt that was broken off.
    fn clear_staging(&self) -> Result<(), Fault> {
        let path = self.place.staging();
        if fs::symlink_metadata(&path).is_err() {
            return Ok(());
        }
        self.fs.remove_tree(&path).map_err(|error| fault("remove", &path, &error))
    }

    /// Removes everything but these releases and those from which a process runs.
    fn collect(&self, kept: &[Digest]) -> io::Result<()> {
        let mut collected = Ok(());
        for entry in fs::read_dir(self.place.releases())? {
            let entry = entry?;
            let named = entry.file_name().to_str().and_then(|name| name.parse::<Digest>().ok());
            let stays = named.is_some_and(|digest| {
                kept.contains(&digest) || in_use(&entry.path()).unwrap_or(true)
            });
            if stays {
                continue;
            }
            let removed = if entry.file_type()?.is_dir() {
                self.fs.remove_tree(&entry.path())
            } else {
                self.fs.remove(&entry.path())
            };
            collected = collected.and(removed);
        }
        collected
    }
}

/// Gives one thing the name of another, which gets its own: so nothing is made and nothing is lost.
fn swap(fs: &impl Fs, from: &Path, to: &Path) -> io::Result<()> {
    use nix::libc::{EINVAL, ENOENT, ENOSYS};
    match fs.exchange(from, to) {
        // There is none yet, or the file system cannot.
        Err(error) if matches!(error.raw_os_error(), Some(ENOENT | EINVAL | ENOSYS)) => {
            fs.rename(from, to)
        }
        other => other,
    }
}

/// What was tried on what, and the system's reason.
pub(super) fn fault(doing: &str, path: &Path, error: &io::Error) -> Fault {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    Fault {
        what: format!("cannot {doing} `{}`: {error}", path.display()).into(),
        is_full: matches!(error.kind(), StorageFull | QuotaExceeded),
    }
}
