//! A disk that may lose, reorder and tear whatever was not synced.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use super::*;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Data {
    /// The audit log.
    Log(Rc<[u8]>),
    /// A journal, with a sum that tells it from others; `None` when it is torn.
    Journal(Option<(u64, Rc<Journal>)>),
    /// A link to a release.
    Link(Digest),
    /// A release's directory.
    Tree { release: Digest, whole: bool },
}

impl Data {
    pub(super) fn of_journal(journal: &Journal) -> Self {
        let mut hasher = DefaultHasher::new();
        journal.bytes().hash(&mut hasher);
        Self::Journal(Some((hasher.finish(), Rc::new(journal.clone()))))
    }
}

impl Hash for Data {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        match self {
            Self::Journal(written) => written.as_ref().map(|(sum, _)| sum).hash(hasher),
            Self::Link(release) => release.hash(hasher),
            Self::Log(bytes) => bytes.hash(hasher),
            Self::Tree { release, whole } => (release, whole).hash(hasher),
        }
    }
}

/// A directory that is synced by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Install,
    Releases,
    State,
}

const PLACES: [Place; 3] = [Place::Install, Place::Releases, Place::State];

#[derive(Clone, Debug, Hash)]
struct File {
    data: Data,
    /// What a power cut leaves for certain: nothing of it, or an earlier state.
    durable: Option<Data>,
}

#[derive(Clone, Debug, Hash)]
enum Change {
    Drop(String),
    Move {
        from: String,
        to: String,
        file: usize,
    },
    Put(String, usize),
    /// The first gets what the second was, and the other way round.
    Swap([(String, usize); 2]),
}

type Names = BTreeMap<String, usize>;

impl Change {
    fn apply(&self, names: &mut Names) {
        match self {
            Self::Drop(name) => drop(names.remove(name)),
            Self::Move { from, to, file } => {
                names.remove(from);
                names.insert(to.clone(), *file);
            }
            Self::Put(name, file) => drop(names.insert(name.clone(), *file)),
            Self::Swap([(a, x), (b, y)]) => {
                names.insert(a.clone(), *y);
                names.insert(b.clone(), *x);
            }
        }
    }
}

#[derive(Clone, Debug, Default, Hash)]
struct Dir {
    durable: Names,
    pending: Vec<Change>,
    now: Names,
}

impl Dir {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.now);
        self.pending.push(change);
    }

    /// What is in it after a power cut: any of the changes may have been kept.
    fn after_cut(&self) -> Vec<Names> {
        assert!(self.pending.len() <= 10, "{:?}", self.pending);
        let every = 1_usize << self.pending.len();
        let kept = |chosen: usize| {
            let mut names = self.durable.clone();
            for (at, change) in self.pending.iter().enumerate() {
                if chosen >> at & 1 == 1 {
                    change.apply(&mut names);
                }
            }
            names
        };
        let mut all: Vec<Names> = (0..every).map(kept).collect();
        all.sort();
        all.dedup();
        all
    }
}

#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Disk {
    dirs: [Dir; 3],
    files: Vec<File>,
}

impl Disk {
    fn dir(&mut self, place: Place) -> &mut Dir {
        &mut self.dirs[place as usize]
    }

    /// What is there now, as a running process sees it.
    pub(super) fn get(&self, place: Place, name: &str) -> Option<&Data> {
        let file = self.dirs[place as usize].now.get(name)?;
        Some(&self.files[*file].data)
    }

    pub(super) fn names(&self, place: Place) -> Vec<String> {
        self.dirs[place as usize].now.keys().cloned().collect()
    }

    pub(super) fn put(&mut self, place: Place, name: &str, data: Data) {
        // The text of a link is kept with its name.
        let durable = matches!(data, Data::Link(_)).then(|| data.clone());
        self.files.push(File { data, durable });
        let file = self.files.len() - 1;
        self.dir(place).change(Change::Put(name.into(), file));
    }

    /// Changes a file in place.
    pub(super) fn write(&mut self, place: Place, name: &str, data: Data) {
        let file = self.dirs[place as usize].now[name];
        self.files[file].data = data;
    }

    pub(super) fn remove(&mut self, place: Place, name: &str) {
        if self.get(place, name).is_some() {
            self.dir(place).change(Change::Drop(name.into()));
        }
    }

    /// Renames, exchanging the two as RENAME_EXCHANGE does where both are there; nothing when there
    /// is nothing.
    pub(super) fn rename(&mut self, place: Place, from: &str, to: &str) {
        let Some(file) = self.dirs[place as usize].now.get(from).copied() else { return };
        let there = self.dirs[place as usize].now.get(to).copied();
        let (from, to) = (from.to_owned(), to.to_owned());
        self.dir(place).change(match there {
            Some(other) => Change::Swap([(from, file), (to, other)]),
            None => Change::Move { from, to, file },
        });
    }

    pub(super) fn sync_dir(&mut self, place: Place) {
        let dir = self.dir(place);
        dir.durable = dir.now.clone();
        dir.pending.clear();
    }

    pub(super) fn sync_file(&mut self, place: Place, name: &str) {
        if let Some(file) = self.dirs[place as usize].now.get(name).copied() {
            self.files[file].durable = Some(self.files[file].data.clone());
        }
    }

    /// Syncs everything, as after a start.
    pub(super) fn sync(&mut self) {
        PLACES.into_iter().for_each(|place| self.sync_dir(place));
        self.files.iter_mut().for_each(|file| file.durable = Some(file.data.clone()));
    }

    /// The links and releases, and whether any of them could still be lost.
    pub(super) fn settled(&self) -> Vec<(&String, &Data, bool)> {
        let dirs = [&self.dirs[Place::Install as usize], &self.dirs[Place::Releases as usize]];
        let all = dirs.into_iter().flat_map(|dir| {
            dir.now
                .iter()
                .map(|(name, file)| (name, &self.files[*file].data, dir.pending.is_empty()))
        });
        all.collect()
    }

    /// Every disk that a power cut can leave.
    pub(super) fn after_cut(&self) -> Vec<Self> {
        let mut all = vec![Self::default()];
        for place in PLACES {
            let choices = self.dirs[place as usize].after_cut();
            let grown = |disk: &Self| -> Vec<Self> {
                choices.iter().flat_map(|names| self.with(disk, place, names)).collect()
            };
            all = all.iter().flat_map(grown).collect();
        }
        all.iter_mut().for_each(Self::sync);
        all
    }

    /// `disk` and these names, with whatever may be in the files behind them.
    fn with(&self, disk: &Self, place: Place, names: &Names) -> Vec<Self> {
        let mut all = vec![disk.clone()];
        for (name, file) in names {
            let contents = self.files[*file].after_cut();
            let grown = |disk: &Self| -> Vec<Self> {
                let one = |data: &Data| {
                    let mut disk = disk.clone();
                    disk.put(place, name, data.clone());
                    disk
                };
                contents.iter().map(one).collect()
            };
            all = all.iter().flat_map(grown).collect();
        }
        all
    }
}

impl File {
    fn after_cut(&self) -> Vec<Data> {
        if self.durable.as_ref() == Some(&self.data) {
            return vec![self.data.clone()];
        }
        let durable = self.durable.iter().cloned();
        // What was synced of a log stays: it is only ever added to, or cut at its end.
        if let (Some(Data::Log(old)), Data::Log(new)) = (&self.durable, &self.data)
            && old.starts_with(new.as_ref())
        {
            return durable.chain([self.data.clone()]).collect();
        }
        let torn = match &self.data {
            Data::Journal(_) => Data::Journal(None),
            Data::Tree { release, .. } => Data::Tree { release: *release, whole: false },
            Data::Log(bytes) => Data::Log(bytes[..bytes.len().saturating_sub(7)].into()),
            Data::Link(_) => self.data.clone(),
        };
        durable.chain([torn, self.data.clone()]).collect()
    }
}
