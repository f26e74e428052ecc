//! Who has a place at a server: in turn by source before it is known who comes, and by holder
//! after. Nobody waits outside: when a place is missing, one is taken from whoever has most.

use std::collections::BTreeMap;

use super::source::Source;
use super::trust::Fingerprint;

/// How many places there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// For connections that have not shown yet who they are.
    pub strangers: usize,
    /// Of those, for sources from which somebody known has come before.
    pub reserved: usize,
    /// Of those, for one source.
    pub strangers_each: usize,
    /// For connections of which it is known.
    pub guests: usize,
    /// Of those, for one holder.
    pub guests_each: usize,
    /// Of those, for a source that showed no certificate where others do.
    pub nameless_each: usize,
    /// Bytes of requests that are held at a time.
    pub bytes: u64,
    /// Of those, of one holder.
    pub bytes_each: u64,
}

/// By what a guest is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// By a certificate.
    Certificate(Fingerprint),
    /// By nothing, at a server that knows others by their certificates.
    Nameless(Source),
    /// By where it comes from, at a server without certificates.
    Source(Source),
}

/// How far a guest is: the sooner in this order, the sooner its place is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It has asked for nothing, or has been answered.
    Idle,
    /// What it asks for is coming.
    Asking,
    /// The answer is going.
    Answered,
    /// What it asks for is being done: it keeps its place.
    Busy,
}

/// There is no place, and none can be taken from anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no place left")]
pub struct NoPlace;

/// Number of a connection: later ones have larger ones.
pub type Id = u64;

#[derive(Clone, Copy, Debug)]
struct Guest {
    source: Source,
    /// None while it is a stranger.
    holder: Option<Holder>,
    stage: Stage,
    bytes: u64,
}

/// Sources that are remembered as known.
const REMEMBERED: usize = 4_096;

/// The connections of a server.
#[derive(Debug)]
pub struct Door {
    places: Places,
    next: Id,
    guests: BTreeMap<Id, Guest>,
    /// Sources from which somebody known has come, and the number of the last such connection.
    known: BTreeMap<Source, Id>,
}

impl Door {
    /// One at which nobody is.
    pub fn new(places: Places) -> Self {
        Self { places, next: 0, guests: BTreeMap::new(), known: BTreeMap::new() }
    }

    /// Somebody comes from `source` and gets a place, perhaps that of another.
    pub fn arrive(&mut self, source: Source) -> (Id, Option<Id>) {
        let known = self.known.contains_key(&source);
        let Places { strangers, reserved, strangers_each, .. } = self.places;
        let each = match known {
            _ if source.is_local() => strangers,
            true => strangers_each.max(reserved),
            false => strangers_each,
        };
        let own = self.strangers().filter(|(_, guest)| guest.source == source).count();
        let evicted = if own >= each {
            self.strangers().find(|(_, guest)| guest.source == source).map(|(id, _)| id)
        } else if known && self.strangers().count() >= strangers {
            self.greediest_stranger(true).or_else(|| self.greediest_stranger(false))
        } else if !known && self.unknown().count() >= strangers.saturating_sub(reserved) {
            self.greediest_stranger(true)
        } else {
            None
        };
        evicted.map(|id| self.guests.remove(&id));
        let id = self.next;
        self.next += 1;
        self.guests.insert(id, Guest { source, holder: None, stage: Stage::Idle, bytes: 0 });
        (id, evicted)
    }

    /// It is known now who `id` is; says whose place it has got, if it is another's.
    ///
    /// # Errors
    ///
    /// [`NoPlace`]: all that may be taken are taken, and used.
    pub fn introduce(&mut self, id: Id, holder: Holder) -> Result<Option<Id>, NoPlace> {
        let source = match self.guests.get(&id) {
            None => return Err(NoPlace),
            Some(guest) if guest.holder.is_some() => return Ok(None),
            Some(guest) => guest.source,
        };
        let each = self.most(holder);
        let own = self.held(|other| other == holder).count();
        let evicted = if own >= each {
            // Two with one certificate may be its owner and a thief: they take turns as well.
            Some(self.replaceable(|other| other == holder).ok_or(NoPlace)?)
        } else if self.held(|_| true).count() >= self.places.guests {
            let greediest = self.greediest_holder().ok_or(NoPlace)?;
            Some(self.replaceable(|other| other == greediest).ok_or(NoPlace)?)
        } else {
            None
        };
        evicted.map(|id| self.guests.remove(&id));
        if let Holder::Certificate(_) | Holder::Source(_) = holder {
            self.remember(source, id);
        }
        if let Some(guest) = self.guests.get_mut(&id) {
            guest.holder = Some(holder);
        }
        Ok(evicted)
    }

    /// A guest has come so far. What it sent is held until it is idle.
    pub fn become_stage(&mut self, id: Id, stage: Stage) {
        if let Some(guest) = self.guests.get_mut(&id) {
            guest.stage = stage;
            if stage == Stage::Idle {
                guest.bytes = 0;
            }
        }
    }

    /// More bytes of a guest are held; says whose place was taken for them.
    ///
    /// # Errors
    ///
    /// [`NoPlace`]: they cannot be held.
    pub fn hold(&mut self, id: Id, bytes: u64) -> Result<Option<Id>, NoPlace> {
        if self.places.bytes == u64::MAX {
            return Ok(None);
        }
        let Some(Guest { holder: Some(holder), .. }) = self.guests.get(&id).copied() else {
            return Err(NoPlace);
        };
        let mut each: BTreeMap<Holder, u64> = BTreeMap::new();
        for guest in self.guests.values() {
            if let Some(holder) = guest.holder {
                *each.entry(holder).or_default() += guest.bytes;
            }
        }
        let (own, all) = (each.get(&holder).copied().unwrap_or(0), each.values().sum::<u64>());
        if own.saturating_add(bytes) > self.places.bytes_each {
            return Err(NoPlace);
        }
        let mut evicted = None;
        if all.saturating_add(bytes) > self.places.bytes {
            let most = each.into_iter().max_by_key(|(_, held)| *held);
            let (greediest, held) = most.ok_or(NoPlace)?;
            let asking = self.guests.iter().filter(|(_, guest)| {
                guest.holder == Some(greediest) && guest.stage == Stage::Asking
            });
            let largest = asking.max_by_key(|(_, guest)| guest.bytes).map(|(id, _)| *id);
            if greediest == holder || held <= own {
                return Err(NoPlace);
            }
            evicted = Some(largest.ok_or(NoPlace)?);
            evicted.map(|id| self.guests.remove(&id));
        }
        if let Some(guest) = self.guests.get_mut(&id) {
            guest.bytes = guest.bytes.saturating_add(bytes);
        }
        Ok(evicted)
    }

    /// A connection has ended.
    pub fn leave(&mut self, id: Id) {
        self.guests.remove(&id);
    }

    /// Whether it has its place still.
    pub fn has(&self, id: Id) -> bool {
        self.guests.contains_key(&id)
    }

    /// How many places one holder may have.
    fn most(&self, holder: Holder) -> usize {
        match holder {
            Holder::Certificate(_) => self.places.guests_each,
            Holder::Nameless(_) => self.places.nameless_each,
            // `decnet web` comes from here with everybody's requests.
            Holder::Source(source) if source.is_local() => self.places.guests,
            Holder::Source(_) => self.places.guests_each,
        }
    }

    fn strangers(&self) -> impl Iterator<Item = (Id, &Guest)> {
        let all = self.guests.iter().map(|(id, guest)| (*id, guest));
        all.filter(|(_, guest)| guest.holder.is_none())
    }

    /// Strangers from sources that nobody known has come from.
    fn unknown(&self) -> impl Iterator<Item = (Id, &Guest)> {
        self.strangers().filter(|(_, guest)| !self.known.contains_key(&guest.source))
    }

    fn held(&self, whose: impl Fn(Holder) -> bool) -> impl Iterator<Item = (Id, &Guest)> {
        let all = self.guests.iter().map(|(id, guest)| (*id, guest));
        all.filter(move |(_, guest)| guest.holder.is_some_and(&whose))
    }

    /// The oldest stranger of the source that has most.
    fn greediest_stranger(&self, unknown: bool) -> Option<Id> {
        let is_meant = |guest: &Guest| unknown != self.known.contains_key(&guest.source);
        oldest_of_most(self.strangers().filter(|(_, guest)| is_meant(guest)), |guest| guest.source)
    }

    fn greediest_holder(&self) -> Option<Holder> {
        let idle = self.held(|_| true).filter(|(_, guest)| guest.stage != Stage::Busy);
        let id = oldest_of_most(idle, |guest| guest.holder)?;
        self.guests.get(&id)?.holder
    }

    /// Whose place may be taken: of those that use theirs least, one of the source with most.
    fn replaceable(&self, whose: impl Fn(Holder) -> bool) -> Option<Id> {
        [Stage::Idle, Stage::Asking, Stage::Answered].into_iter().find_map(|stage| {
            let there = self.held(&whose).filter(|(_, guest)| guest.stage == stage);
            oldest_of_most(there, |guest| guest.source)
        })
    }

    fn remember(&mut self, source: Source, id: Id) {
        if self.known.len() >= REMEMBERED && !self.known.contains_key(&source) {
            let oldest =
                self.known.iter().min_by_key(|(_, last)| **last).map(|(source, _)| *source);
            oldest.map(|source| self.known.remove(&source));
        }
        self.known.insert(source, id);
    }
}

/// The oldest of the group that has most; of equal ones, of the group whose oldest came first.
fn oldest_of_most<'a, K: Ord>(
    guests: impl Iterator<Item = (Id, &'a Guest)>,
    group: impl Fn(&Guest) -> K,
) -> Option<Id> {
    let mut groups: BTreeMap<K, (usize, Id)> = BTreeMap::new();
    for (id, guest) in guests {
        groups.entry(group(guest)).or_insert((0, id)).0 += 1;
    }
    let most =
        groups.into_values().max_by_key(|(count, oldest)| (*count, std::cmp::Reverse(*oldest)));
    most.map(|(_, oldest)| oldest)
}

#[cfg(test)]
mod tests;
