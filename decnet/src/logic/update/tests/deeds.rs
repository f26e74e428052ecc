//! What can be said of an effect before it is carried out: what it is called, whether it can fail, and
//! what it takes of a disk that is full.

use super::disk::{Data, Place};
use super::world::{World, slot};
use super::*;

impl World {
    /// Carries out an effect that changes the disk and nothing else.
    pub(super) fn on_disk(&mut self, effect: &Effect) {
        use Place::{Install, Releases, State};
        match effect {
            Effect::Audit(record) => self.audit(record),
            Effect::Collect(kept) => self.collect(kept),
            Effect::MakeLink(which, digest) => {
                if self.link(slot(*which)) != Some(*digest) {
                    self.make_link(*which, *digest);
                }
            }
            Effect::NameJournal => self.disk.rename(State, "journal.new", "journal"),
            Effect::NameLink(which, digest) => {
                if self.link(slot(*which)) != Some(*digest) {
                    self.disk.rename(Install, &format!("{}.new", slot(*which)), slot(*which));
                }
            }
            Effect::NameRelease(digest) => self.disk.rename(Releases, "staged", &digest.short()),
            Effect::RemoveLink(which) => self.disk.remove(Install, slot(*which)),
            Effect::Reserve(links) => self.reserve(links),
            Effect::SyncAudit => self.disk.sync_file(State, "audit"),
            Effect::SyncInstall => self.disk.sync_dir(Install),
            Effect::SyncJournal => self.disk.sync_file(State, "journal.new"),
            Effect::SyncReleases => self.disk.sync_dir(Releases),
            Effect::SyncState => self.disk.sync_dir(State),
            Effect::SyncTree => self.disk.sync_file(Releases, "staged"),
            Effect::TrimAudit => {
                let bytes = self.log();
                let whole = Log::read(&bytes, |_| ()).whole;
                self.disk.write(State, "audit", Data::Log(bytes[..whole].into()));
            }
            Effect::WriteJournal(journal) => self.write_journal(Data::of_journal(journal)),
            other => panic!("{other:?} is none of the disk's"),
        }
    }

    fn reserve(&mut self, links: &[(Slot, Digest)]) {
        links.iter().for_each(|(which, digest)| self.make_link(*which, *digest));
        if self.disk.get(Place::State, "journal.new").is_none() {
            self.disk.put(Place::State, "journal.new", Data::Journal(None));
        }
        self.has_room = true;
    }

    fn write_journal(&mut self, data: Data) {
        if self.disk.get(Place::State, "journal.new").is_some() {
            self.disk.write(Place::State, "journal.new", data);
        } else {
            self.disk.put(Place::State, "journal.new", data);
        }
    }

    pub(super) fn make_link(&mut self, which: Slot, digest: Digest) {
        if !self.is_at_hand(which, digest) {
            let name = format!("{}.new", slot(which));
            self.disk.remove(Place::Install, &name);
            self.disk.put(Place::Install, &name, Data::Link(digest));
        }
    }

    pub(super) fn is_at_hand(&self, which: Slot, digest: Digest) -> bool {
        self.link(&format!("{}.new", slot(which))) == Some(digest)
    }

    /// Whether an effect cannot be carried out on a disk that is full.
    pub(super) fn takes_room(&self, effect: &Effect) -> bool {
        let has_journal = self.disk.get(Place::State, "journal.new").is_some();
        match effect {
            Effect::Audit(_) => !self.has_room,
            Effect::MakeLink(which, digest) => {
                !self.is_at_hand(*which, *digest) && self.link(slot(*which)) != Some(*digest)
            }
            Effect::NameRelease(_) | Effect::Receive => true,
            Effect::Reserve(links) => {
                let is_at_hand = links.iter().all(|(which, to)| self.is_at_hand(*which, *to));
                !(is_at_hand && has_journal && self.has_room)
            }
            Effect::WriteJournal(_) => !has_journal,
            _ => false,
        }
    }
}

/// The name of a variant, without what is in it.
pub(super) fn name(what: &impl std::fmt::Debug) -> String {
    struct First(String);
    impl std::fmt::Write for First {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            let end = text.find(|c: char| !c.is_ascii_alphanumeric());
            self.0.push_str(&text[..end.unwrap_or(text.len())]);
            if end.is_some() { Err(std::fmt::Error) } else { Ok(()) }
        }
    }
    let mut first = First(String::new());
    // The rest is never made: that is what most of the time went into.
    let _cut = std::fmt::write(&mut first, format_args!("{what:?}"));
    first.0
}

/// What an effect is, and of which link.
pub(super) fn what(effect: &Effect) -> String {
    match effect {
        Effect::MakeLink(which, _) | Effect::NameLink(which, _) | Effect::RemoveLink(which) => {
            format!("{} {which:?}", name(effect))
        }
        _ => name(effect),
    }
}

/// Whether the world can refuse to do it.
pub(super) fn can_fail(effect: &Effect) -> bool {
    let never = [Effect::Await, Effect::Follow, Effect::Pause, Effect::Probe, Effect::Reexec];
    !(never.contains(effect) || matches!(effect, Effect::Reply(_)))
}

pub(super) fn failure(effect: &Effect) -> Event {
    let fault = Fault { what: "input/output error".into(), is_full: false };
    match effect {
        Effect::Restart(_) => Event::Unstartable(fault),
        _ => Event::Failed(fault),
    }
}
