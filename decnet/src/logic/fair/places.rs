//! Places for connections: how many there are, and who has them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::Network;
use crate::logic::source::Source;

/// One who has less than this part of the free places may have another.
const PART: usize = 32;
/// The most that one may have differs from source to source by up to this part of it.
const SPREAD: usize = 8;
/// Sources of a network that are looked at for a place to be given up.
const LOOKED_AT: usize = 64;

/// The places that are taken, and whose they are.
#[derive(Debug)]
pub struct Places {
    all: usize,
    each: usize,
    salt: u64,
    taken: usize,
    /// What each has taken, the oldest first.
    by: BTreeMap<Source, Vec<usize>>,
    networks: HashMap<Network, usize>,
    greediest: BTreeSet<(usize, Source)>,
    greediest_networks: BTreeSet<(usize, Network)>,
}

/// Whether somebody may come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is a place.
    Free,
    /// There is one as soon as one of these is given up: that which was left alone for longest.
    Instead(Vec<usize>),
    /// No: it has had its share.
    Refused,
}

impl Places {
    /// So many places for all, of which each may have a part of what is free, and `each` at most.
    /// How many exactly follows from `salt` and who it is, lest the number be known by.
    pub fn new(all: usize, each: usize, salt: u64) -> Self {
        Self {
            all,
            each,
            salt,
            taken: 0,
            by: BTreeMap::new(),
            networks: HashMap::new(),
            greediest: BTreeSet::new(),
            greediest_networks: BTreeSet::new(),
        }
    }

    /// Whether `source` may have one place more.
    pub fn ask(&self, source: Source) -> Verdict {
        let own = self.of(source);
        let free = self.all.saturating_sub(self.taken);
        if free > 0 {
            let share = self.most(source).min((free / PART).max(1));
            return if own < share { Verdict::Free } else { Verdict::Refused };
        }
        match self.instead(source, own) {
            places if places.is_empty() => Verdict::Refused,
            places => Verdict::Instead(places),
        }
    }

    /// `source` has a place, by a number of its own.
    pub fn take(&mut self, source: Source, place: usize) {
        self.taken += 1;
        let places = self.by.entry(source).or_default();
        places.push(place);
        let count = places.len();
        self.greediest.remove(&(count - 1, source));
        self.greediest.insert((count, source));
        let network = Network::of(source);
        let count = self.networks.entry(network).or_default();
        *count += 1;
        self.greediest_networks.remove(&(*count - 1, network));
        self.greediest_networks.insert((*count, network));
    }

    /// The place is free again.
    pub fn leave(&mut self, source: Source, place: usize) {
        let Some(places) = self.by.get_mut(&source) else { return };
        let Some(at) = places.iter().position(|other| *other == place) else { return };
        places.remove(at);
        let count = places.len();
        self.taken = self.taken.saturating_sub(1);
        self.greediest.remove(&(count + 1, source));
        if count > 0 {
            self.greediest.insert((count, source));
        } else {
            self.by.remove(&source);
        }
        let network = Network::of(source);
        let Some(count) = self.networks.get_mut(&network) else { return };
        self.greediest_networks.remove(&(*count, network));
        *count = count.saturating_sub(1);
        if *count > 0 {
            self.greediest_networks.insert((*count, network));
        } else {
            self.networks.remove(&network);
        }
    }

    /// How many places `source` has.
    pub fn of(&self, source: Source) -> usize {
        self.by.get(&source).map_or(0, Vec::len)
    }

    /// The places that `source` has, the oldest first.
    pub fn places_of(&self, source: Source) -> &[usize] {
        self.by.get(&source).map_or(&[], Vec::as_slice)
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// The most that `source` ever has.
    fn most(&self, source: Source) -> usize {
        let mut hasher = DefaultHasher::new();
        (self.salt, source).hash(&mut hasher);
        let spread = u64::try_from(self.each / SPREAD).unwrap_or(0).max(1);
        let less = usize::try_from(hasher.finish() % spread).unwrap_or(0);
        self.each.saturating_sub(less).max(1)
    }

    /// Places of which one may be taken away for `source`, who has `own`: those of whoever has
    /// most; when all have equally much, those of the network that has most.
    fn instead(&self, source: Source, own: usize) -> Vec<usize> {
        if own >= self.most(source) {
            return Vec::new();
        }
        if let Some((count, greediest)) = self.greediest.last()
            && *count > own + 1
        {
            return self.places_of(*greediest).to_vec();
        }
        let Some((_, network)) = self.greediest_networks.last() else { return Vec::new() };
        if own > 0 {
            return Vec::new();
        }
        // Beginning somewhere else each time, for which the newcomer's own address does.
        let of_network = |(other, _): &(&Source, &Vec<usize>)| Network::of(**other) == *network;
        let (before, after) = (self.by.range(..source), self.by.range(source..));
        let found = after.chain(before).filter(of_network).take(LOOKED_AT);
        found.flat_map(|(_, places)| places.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests;
