//! A machine of directories: releases that are scripts, and an agent that is a word.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Failing;
use crate::edge::release::{survey, verify};
use crate::edge::update::{Fs, Host, Place, RealFs, Runner, open};
use crate::logic::kernel;
use crate::logic::release::{Arch, Component, Digest, Floor, Identity, Manifest, Release};
use crate::logic::time::Timestamp;
use crate::logic::update::audit::{Chain, Log, Record};
use crate::logic::update::{
    AttemptId, Begin, Caller, Event, Fault, Journal, Kept, Outcome, Process, Seen, Slot, Space,
};

/// Says the digest of its manifest, as `decnet selfcheck` does: it is what its directory is called.
const PROGRAM: &str = "#!/bin/sh
cd \"${0%/*}/..\" && echo \"${PWD##*/}\"
";

/// What is tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) has_old: bool,
    pub(super) is_rollback: bool,
    pub(super) is_good: bool,
}

/// What changes the journal alone.
#[derive(Clone, Copy, Debug)]
pub(super) enum Said {
    Forgive(Digest),
    Root,
}

/// A machine of directories.
pub(super) struct Bench {
    dir: tempfile::TempDir,
    kind: Kind,
    to: Identity,
}

/// Makes a release in a directory.
fn make(dir: &Path, number: u64) -> Identity {
    fs::create_dir_all(dir.join("bin")).expect("it is ours");
    fs::create_dir_all(dir.join("share")).expect("it is ours");
    fs::write(dir.join("share/words"), format!("release {number}")).expect("it is ours");
    fs::write(dir.join("bin/decnet"), PROGRAM).expect("it is ours");
    let permissions = fs::Permissions::from_mode(0o555);
    fs::set_permissions(dir.join("bin/decnet"), permissions).expect("it is ours");
    let created = Timestamp(1_700_000_000_000_000_000 + number);
    let release = Release::seal(Manifest {
        schema: Manifest::schema(),
        fleet: "lab".parse().expect("a label"),
        components: vec![Component::Agent],
        version: "1".parse().expect("a label"),
        epoch: 1,
        number,
        downgrade_from: None,
        arch: Arch::X86_64,
        min_kernel: kernel::OLDEST,
        created,
        expires: created.plus(Duration::from_hours(24)),
        files: survey(dir).expect("they are there"),
    });
    let release = release.expect("it holds together");
    fs::write(dir.join("release.json"), release.bytes()).expect("it is ours");
    let plain = fs::Permissions::from_mode(0o444);
    fs::set_permissions(dir.join("release.json"), plain).expect("it is ours");
    Identity::of(&release)
}

/// An audit log that is full.
fn full_log() -> Vec<u8> {
    let (mut chain, mut log) = (Chain::default(), Vec::new());
    for number in 0..6 {
        let record = Record {
            attempt: id(&format!("before-{number}")),
            component: Component::Agent,
            kind: None,
            to: None,
            outcome: Outcome::Updated,
        };
        let (line, next) = chain.line(&record, Timestamp(number));
        log.extend(line);
        chain = next;
    }
    log
}

/// Copies a directory with all that is in it.
pub(super) fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("it is ours");
    for entry in fs::read_dir(from).expect("it is there") {
        let entry = entry.expect("it is there");
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().expect("it is there");
        if kind.is_dir() {
            copy_tree(&path, &copy);
        } else if kind.is_symlink() {
            symlink(fs::read_link(&path).expect("it is one"), &copy).expect("it is ours");
        } else {
            fs::copy(&path, &copy).expect("it is ours");
        }
    }
}

impl Bench {
    /// Makes one, with a release that was sent.
    pub(super) fn make(kind: Kind) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let place = place(dir.path());
        let mut journal = Journal::new(Component::Agent);
        fs::create_dir_all(place.releases()).expect("it is ours");
        fs::create_dir_all(&place.state).expect("it is ours");
        fs::write(place.audit(), full_log()).expect("it is ours");
        let to = make(&dir.path().join("sent"), 7);
        make(&dir.path().join("next"), 9);
        if kind.has_old {
            for (number, slot) in [(5, Slot::Prev), (6, Slot::Current)] {
                let staged = dir.path().join("making");
                let identity = make(&staged, number);
                fs::rename(&staged, place.release(identity.digest)).expect("it is ours");
                symlink(Place::target(identity.digest), place.link(slot)).expect("it is ours");
                journal.floor = journal.floor.raised(&identity);
                journal.prev = journal.current.replace(identity);
            }
        }
        fs::write(place.journal(), journal.bytes()).expect("it is ours");
        let to = journal.prev.filter(|_| kind.is_rollback).unwrap_or(to);
        Self { dir, kind, to }
    }

    /// Another that is the same.
    pub(super) fn copy(&self) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        copy_tree(self.dir.path(), dir.path());
        Self { dir, kind: self.kind, to: self.to.clone() }
    }

    pub(super) fn root(&self) -> &Path {
        self.dir.path()
    }

    fn machine(&self, sent: &str) -> Machine {
        let bad = (!self.kind.is_good).then_some(self.to.digest);
        Machine {
            place: place(self.root()),
            sent: self.root().join(sent),
            bad,
            agent: None,
            clock: 0,
        }
    }

    /// Starts an updater and has it do something.
    fn run(&self, fs: impl Fs, machine: &mut Machine, event: Option<Event>) -> Option<Outcome> {
        let found = open(&RealFs, &place(self.root()), id("start"), Caller::Daemon, None);
        let found = found.expect("it can be read");
        let event = event.unwrap_or_else(|| Event::Recover(Box::new(found.observed)));
        let mut runner = Runner::new(fs, place(self.root()), found.journal);
        let mut last = None;
        let ran = runner.run(event, machine, |outcome| last = Some(outcome));
        ran.expect("nothing else is under way");
        last
    }

    /// The attempt that is tried.
    pub(super) fn attempt(&self, fs: impl Fs) -> Option<Outcome> {
        let to = (!self.kind.is_rollback).then(|| self.to.clone());
        self.run(fs, &mut self.machine("sent"), Some(begin("first", to)))
    }

    /// Makes a release count as one that has failed here.
    pub(super) fn condemn(&self) -> Digest {
        let path = place(self.root()).journal();
        let bytes = fs::read(&path).expect("it is there");
        let mut journal = Journal::parse(&bytes).expect("it is whole");
        let digest = Digest::of(b"failed");
        journal.quarantine.push(digest);
        fs::write(&path, journal.bytes()).expect("it is ours");
        digest
    }

    /// Takes a word that changes the journal alone.
    pub(super) fn tell(&self, fs: impl Fs, said: &Said) -> Option<Outcome> {
        let attempt = id("told");
        let event = match said {
            Said::Forgive(digest) => Event::Forgive { attempt, digest: *digest },
            Said::Root => Event::Rooted { attempt, version: 3, floor: Kept::Forgotten },
        };
        self.run(fs, &mut self.machine("sent"), Some(event))
    }

    /// Whether the journal says so, and how often the log does.
    pub(super) fn has_heard(&self, said: &Said) -> (bool, usize) {
        let place = place(self.root());
        let bytes = fs::read(place.journal()).expect("it is there");
        let journal = Journal::parse(&bytes).expect("it is whole");
        let (holds, outcome) = match said {
            Said::Forgive(digest) => (!journal.is_quarantined(*digest), Outcome::Forgiven),
            Said::Root => (journal.floor == Floor::default(), Outcome::NewRoot { version: 3 }),
        };
        let mut log = fs::read(place.audit().with_extension("1.log")).unwrap_or_default();
        log.extend(fs::read(place.audit()).unwrap_or_default());
        let mut lines = 0;
        Log::read(&log, |record| lines += usize::from(record.outcome == outcome));
        (holds, lines)
    }

    /// Recovers, and is left in the midst of that too, wherever the first time has written.
    pub(super) fn recover_twice(&self) -> Result<(), String> {
        let again = self.copy();
        let recording = super::Recording::new(again.root());
        again.run(&recording, &mut again.machine("sent"), None);
        again.is_sound()?;
        let operations = recording.operations();
        // One place for each disk: over all disks they are spread over all of it.
        let cut = operations.len() * (operations.len() % 3 + 1) / 4;
        super::recorded::replay(&operations[..cut], super::Variant::None, self.root());
        self.run(&Failing::never(), &mut self.machine("sent"), None);
        self.is_sound()
    }

    /// What must hold when nothing is under way.
    pub(super) fn is_sound(&self) -> Result<(), String> {
        let place = place(self.root());
        let journal = fs::read(place.journal()).map_err(|error| error.to_string())?;
        let journal = Journal::parse(&journal).map_err(|error| error.to_string())?;
        let current = place.linked(Slot::Current);
        let known = journal.current.as_ref().map(|current| current.digest);
        ensure(current == known, || format!("`current` is {current:?} and {known:?} is known"))?;
        ensure(current.is_some() || !self.kind.has_old, || "there is no release".into())?;
        ensure(self.kind.is_good || current != Some(self.to.digest), || "it is bad".into())?;
        for digest in [current, place.linked(Slot::Prev)].into_iter().flatten() {
            let dir = place.release(digest);
            let found = verify(&dir).map_err(|error| error.to_string())?;
            ensure(found.digest() == digest, || "a link names another release".into())?;
        }
        let left = fs::read_dir(place.releases()).map_err(|error| error.to_string())?.count();
        ensure(left <= 2, || format!("{left} releases are left"))?;
        // One that was set aside is where it begins.
        let mut log = fs::read(place.audit().with_extension("1.log")).unwrap_or_default();
        log.extend(fs::read(place.audit()).map_err(|error| error.to_string())?);
        let whole = Log::read(&log, |_| ()).whole;
        ensure(whole == log.len(), || "the audit log is torn".into())
    }

    /// Whether the audit log was begun anew.
    pub(super) fn has_set_its_log_aside(&self) -> bool {
        let place = place(self.root());
        let length = |path| fs::metadata(path).map_or(0, |found| found.len());
        length(place.audit().with_extension("1.log")) > 1_000 && length(place.audit()) < 1_000
    }

    /// The next good release can be installed.
    pub(super) fn next_succeeds(&self) -> Result<(), String> {
        let next = verify(&self.root().join("next")).map_err(|error| error.to_string())?;
        let next = Identity::of(&next);
        let digest = next.digest;
        let event = begin("next", Some(next));
        let outcome = self.run(&Failing::never(), &mut self.machine("next"), Some(event));
        ensure(outcome == Some(Outcome::Updated), || format!("the next ends with {outcome:?}"))?;
        let current = place(self.root()).linked(Slot::Current);
        ensure(current == Some(digest), || "the next is not installed".into())?;
        self.is_sound()
    }
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

fn place(root: &Path) -> Place {
    Place::of(Component::Agent, &root.join("install"), &root.join("state"))
}

fn id(text: &str) -> AttemptId {
    AttemptId(text.parse().expect("a label"))
}

fn begin(attempt: &str, to: Option<Identity>) -> Event {
    let room = Space { bytes: 1 << 30, files: 1_000 };
    let needs = Space { bytes: 1_000, files: 10 };
    Event::Begin(Box::new(Begin { attempt: id(attempt), to, is_here: false, needs, free: room }))
}

/// The machine besides its disk: an agent that is what it was started from.
struct Machine {
    place: Place,
    sent: PathBuf,
    bad: Option<Digest>,
    agent: Option<Digest>,
    clock: u64,
}

impl Host for Machine {
    fn could_start(&mut self, _program: &Path) -> Result<(), Fault> {
        Ok(())
    }

    fn follow(&mut self) {}

    fn pause(&mut self) {}

    fn probe(&mut self, _release: Digest) -> Event {
        self.clock += 1;
        let process = Process { pid: 1, nonce: self.clock.min(1) };
        let seen = match self.agent {
            Some(release) if Some(release) != self.bad => Seen::Answer { process, release },
            _ => Seen::Gone,
        };
        Event::Probed { at: Duration::from_secs(self.clock), seen }
    }

    fn receive(&mut self, _attempt: &AttemptId, place: &Place) -> Event {
        copy_tree(&self.sent, &place.staging());
        Event::Staged
    }

    fn reexec(&mut self, _journal: &Journal) -> Option<Event> {
        None
    }

    fn restart(&mut self, _journal: &Journal, release: Digest) -> Event {
        let current = self.place.linked(Slot::Current);
        assert_eq!(current, Some(release), "another is started than was decided");
        self.agent = current;
        Event::Restarted {
            at: Duration::from_secs(self.clock),
            before: None,
            soak: Duration::from_secs(2),
        }
    }

    fn stop(&mut self) -> Result<(), Fault> {
        self.agent = None;
        Ok(())
    }

    fn changed(&mut self, _journal: &Journal) {}
}
