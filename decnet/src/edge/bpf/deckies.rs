//! The kernel half's table of deckies, written by this one user alone.

use std::collections::{BTreeSet, HashMap};

use aya::maps::{Array, MapData, MapError};
use decnet_ebpf::{MAC_PLACES, MAC_WAYS, mac_home, map};

use super::maps::failed;
use super::{BpfError, Result};
use crate::logic::mac::Mac;
use crate::logic::sighting::{DeckyBytes, NOBODY, OwnBytes, decky_mac, decky_value};

/// A place that holds nobody.
const FREE: DeckyBytes = [0; _];

/// Which decky has which MAC.
pub(super) struct Deckies {
    present: Array<MapData, u64>,
    table: Array<MapData, DeckyBytes>,
    own: Array<MapData, OwnBytes>,
    /// Where each MAC is.
    places: HashMap<Mac, u32>,
    taken: BTreeSet<u32>,
    /// How many have this home.
    at_home: HashMap<u32, u32>,
    /// Those that are nobody's.
    left: BTreeSet<Mac>,
}

impl Deckies {
    /// Takes over the maps. The deckies of an agent that used them before are guarded as they were,
    /// as those that [`Deckies::leave`] has left.
    pub(super) fn new(
        present: Array<MapData, u64>,
        table: Array<MapData, DeckyBytes>,
        own: Array<MapData, OwnBytes>,
    ) -> Result<Self> {
        let mut deckies = Self {
            present,
            table,
            own,
            places: HashMap::new(),
            taken: BTreeSet::new(),
            at_home: HashMap::new(),
            left: BTreeSet::new(),
        };
        let mut found = BTreeSet::new();
        for word in 0..MAC_PLACES / 64 {
            let bits = deckies.present.get(&word, 0).map_err(failed(map::PRESENT))?;
            let homes = (0..64).filter(|bit| bits >> bit & 1 == 1).map(|bit| 64 * word + bit);
            found.extend(homes.flat_map(places));
        }
        for place in found {
            let value = deckies.table.get(&place, 0).map_err(failed(map::DECKIES))?;
            if let Some(mac) = decky_mac(&value) {
                deckies.taken.insert(place);
                deckies.places.insert(mac, place);
                *deckies.at_home.entry(mac_home(&mac.0)).or_default() += 1;
                deckies.leave(mac)?;
            }
        }
        Ok(deckies)
    }

    /// Makes a decky nobody's: nothing is told of it any more, and it is guarded all the same, for
    /// its link may still be there. One that is not there is as good.
    pub(super) fn leave(&mut self, mac: Mac) -> Result<()> {
        let Some(place) = self.places.get(&mac) else { return Ok(()) };
        self.write(*place, decky_value(NOBODY, 0, mac))?;
        self.left.insert(mac);
        Ok(())
    }

    /// Those that were left and not removed.
    pub(super) fn left(&self) -> &BTreeSet<Mac> {
        &self.left
    }

    /// Adds a decky, or changes what is known of it.
    pub(super) fn put(&mut self, mac: Mac, value: DeckyBytes, own: OwnBytes) -> Result<()> {
        self.left.remove(&mac);
        if let Some(place) = self.places.get(&mac) {
            self.own.set(*place, own, 0).map_err(failed(map::OWN))?;
            return self.write(*place, value);
        }
        let home = mac_home(&mac.0);
        let free = places(home).find(|place| !self.taken.contains(place));
        let Some(place) = free else {
            let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
            return Err(BpfError::Map { map: map::DECKIES, source: MapError::IoError(full) });
        };
        // Not looked at before the bit is set.
        self.own.set(place, own, 0).map_err(failed(map::OWN))?;
        self.write(place, value)?;
        self.taken.insert(place);
        self.places.insert(mac, place);
        *self.at_home.entry(home).or_default() += 1;
        self.mark(home, true)
    }

    /// Removes a decky, if it is there.
    pub(super) fn remove(&mut self, mac: Mac) -> Result<()> {
        self.left.remove(&mac);
        let Some(place) = self.places.remove(&mac) else { return Ok(()) };
        self.taken.remove(&place);
        let home = mac_home(&mac.0);
        let others = self.at_home.remove(&home).unwrap_or(1) - 1;
        if others > 0 {
            self.at_home.insert(home, others);
        } else {
            self.mark(home, false)?;
        }
        self.write(place, FREE)
    }

    fn write(&mut self, place: u32, value: DeckyBytes) -> Result<()> {
        self.table.set(place, value, 0).map_err(failed(map::DECKIES))
    }

    /// Says whether some decky has this home.
    fn mark(&mut self, home: u32, some: bool) -> Result<()> {
        let (word, bit) = (home / 64, 1_u64 << (home % 64));
        let bits = self.present.get(&word, 0).map_err(failed(map::PRESENT))?;
        let bits = if some { bits | bit } else { bits & !bit };
        self.present.set(word, bits, 0).map_err(failed(map::PRESENT))
    }
}

fn places(home: u32) -> impl Iterator<Item = u32> {
    (0..MAC_WAYS).map(move |way| (home + way) % MAC_PLACES)
}
