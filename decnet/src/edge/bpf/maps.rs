//! What the user half writes into the kernel half's maps, and reads from them.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd as _};

use aya::maps::{Array, HashMap, Map, MapData, MapError, PerCpuArray, SockHash};
use decnet_ebpf::{MacKey, TallyKey, WAYS, counter, home, map, place, setting};

use super::deckies::Deckies;
use super::{BpfError, Result};
use crate::edge::random;
use crate::logic::decky::{DeckyId, Identity};
use crate::logic::mac::Mac;
use crate::logic::sighting::{
    PortKeyBytes, Tally, TallyBytes, address, decky_value, mac_key, own_value, port_key,
};
use crate::logic::status::{CaptureStatus, CopyStatus};

/// The maps of the capture programs.
pub struct Maps {
    deckies: Deckies,
    namespaces: HashMap<MapData, u64, MacKey>,
    addresses: HashMap<MapData, [u8; 16], u32>,
    seen: Array<MapData, TallyBytes>,
    /// What the kernel half finds the places of tallies with.
    seed: u32,
    counters: PerCpuArray<MapData, u64>,
    settings: Array<MapData, u32>,
    served: HashMap<MapData, PortKeyBytes, u8>,
    catchall: SockHash<MapData, PortKeyBytes>,
}

impl std::fmt::Debug for Maps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Maps").finish_non_exhaustive()
    }
}

/// The counters of the kernel half, summed over CPUs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters(pub [u64; counter::COUNT as usize]);

impl Counters {
    fn at(&self, index: u32) -> u64 {
        self.0.get(index as usize).copied().unwrap_or(0)
    }

    /// As a node's status shows them; `read` is the user half's own count.
    pub fn status(&self, read: u64) -> CaptureStatus {
        let reasons = |pairs: &[(&str, u32)]| {
            let counted = pairs.iter().map(|(name, index)| ((*name).to_owned(), self.at(*index)));
            counted.filter(|(_, count)| *count > 0).collect()
        };
        CaptureStatus {
            seen: self.at(counter::SEEN),
            submitted: self.at(counter::PRIO_SENT),
            aggregated: self.at(counter::AGGREGATED),
            drops: reasons(&[
                ("prio_full", counter::PRIO_FULL),
                ("load_error", counter::LOAD_ERROR),
            ]),
            read,
            copies: CopyStatus {
                seen: self.at(counter::COPIES),
                submitted: self.at(counter::COPIES_SENT),
                drops: reasons(&[
                    ("bulk_full", counter::COPIES_FULL),
                    ("load_error", counter::COPIES_ERROR),
                ]),
            },
            guarded: self.at(counter::GUARDED),
        }
    }
}

impl Maps {
    pub(super) fn new(mut take: impl FnMut(&'static str) -> Result<Map>) -> Result<Self> {
        let settings: Array<MapData, u32> = typed(map::SETTINGS, take(map::SETTINGS)?)?;
        let mut maps = Self {
            deckies: Deckies::new(
                typed(map::PRESENT, take(map::PRESENT)?)?,
                typed(map::DECKIES, take(map::DECKIES)?)?,
                typed(map::OWN, take(map::OWN)?)?,
            )?,
            namespaces: typed(map::NAMESPACES, take(map::NAMESPACES)?)?,
            addresses: typed(map::ADDRESSES, take(map::ADDRESSES)?)?,
            seen: typed(map::SEEN, take(map::SEEN)?)?,
            counters: typed(map::COUNTERS, take(map::COUNTERS)?)?,
            seed: settings.get(&setting::SEED, 0).map_err(failed(map::SETTINGS))?,
            settings,
            served: typed(map::SERVED, take(map::SERVED)?)?,
            catchall: typed(map::CATCHALL, take(map::CATCHALL)?)?,
        };
        maps.clear()?;
        Ok(maps)
    }

    /// Forgets the deckies of an agent that used the same pins before and has ended. The ports they
    /// serve are left to [`Maps::forget_served_but`]: the catch-all of one that goes on looks there.
    fn clear(&mut self) -> Result<()> {
        let namespaces: Vec<u64> =
            self.namespaces.keys().filter_map(std::result::Result::ok).collect();
        for cookie in namespaces {
            gone(map::NAMESPACES, self.namespaces.remove(&cookie))?;
        }
        let addresses: Vec<_> = self.addresses.keys().filter_map(std::result::Result::ok).collect();
        for key in addresses {
            gone(map::ADDRESSES, self.addresses.remove(&key))?;
        }
        Ok(())
    }

    /// Makes the capture know a decky, with these bits of `decnet_ebpf::policy`.
    ///
    /// # Errors
    ///
    /// [`BpfError::Map`] when the map is full.
    pub fn add_decky(&mut self, id: DeckyId, decky: &Identity, policy: u32) -> Result<()> {
        for ip in addresses(decky) {
            self.addresses.insert(address(ip), id.0, 0).map_err(failed(map::ADDRESSES))?;
        }
        self.deckies.put(decky.mac, decky_value(id, policy, decky.mac), own_value(decky))
    }

    /// Makes the capture forget a decky, which goes on to be guarded; one that it does not know is
    /// as good.
    ///
    /// # Errors
    ///
    /// [`BpfError::Map`] when the map cannot be written.
    pub fn leave_decky(&mut self, decky: &Identity) -> Result<()> {
        self.deckies.leave(decky.mac)?;
        for ip in addresses(decky) {
            gone(map::ADDRESSES, self.addresses.remove(&address(ip)))?;
        }
        Ok(())
    }

    /// The MACs of those that were left, also by an agent before, and not released.
    pub fn left(&self) -> &BTreeSet<Mac> {
        self.deckies.left()
    }

    /// Guards a decky no more that was left: its link is gone.
    ///
    /// # Errors
    ///
    /// [`BpfError::Map`] when the map cannot be written.
    pub fn release(&mut self, mac: Mac) -> Result<()> {
        self.deckies.remove(mac)
    }

    /// Says in which network namespace a decky is, by its cookie: no other MAC may come from there.
    ///
    /// # Errors
    ///
    /// [`BpfError::Map`] when the map is full.
    pub fn add_namespace(&mut self, cookie: u64, mac: Mac) -> Result<()> {
        self.namespaces.insert(cookie, mac_key(mac), 0).map_err(failed(map::NAMESPACES))
    }

    /// Forgets what [`Maps::add_namespace`] said.
    ///
    /// # Errors
    ///
    /// [`BpfError::Map`] when the map cannot be written.
    pub fn remove_namespace(&mut self, cookie: u64) -> Result<()> {
        gone(map::NAMESPACES, self.namespaces.remove(&cookie))
    }

    /// Says that a port of a decky has a listener of its own, so that the catch-all leaves it.
    ///
    /// # Errors
    ///
    /// [`BpfError::Map`] when the map is full.
    pub fn add_served(&mut self, decky: &Identity, protocol: u8, port: u16) -> Result<()> {
        for ip in addresses(decky) {
            let key = port_key(ip, protocol, port);
            self.served.insert(key, 1, 0).map_err(failed(map::SERVED))?;
        }
        Ok(())
    }

    /// Forgets what [`Maps::add_served`] said.
    ///
    /// # Errors
    ///
    /// [`BpfError::Map`] when the map cannot be written.
    pub fn remove_served(&mut self, decky: &Identity, protocol: u8, port: u16) -> Result<()> {
        for ip in addresses(decky) {
            gone(map::SERVED, self.served.remove(&port_key(ip, protocol, port)))?;
        }
        Ok(())
    }

    /// Forgets all that [`Maps::add_served`] said, also for agents of before, but these.
    ///
    /// # Errors
    ///
    /// [`BpfError::Map`] when the map cannot be written.
    pub fn forget_served_but<'a>(
        &mut self,
        served: impl Iterator<Item = (&'a Identity, u8, u16)>,
    ) -> Result<()> {
        let kept: HashSet<PortKeyBytes> = served
            .flat_map(|(decky, protocol, port)| {
                addresses(decky).map(move |ip| port_key(ip, protocol, port))
            })
            .collect();
        let there: Vec<_> = self.served.keys().filter_map(std::result::Result::ok).collect();
        for key in there.into_iter().filter(|key| !kept.contains(key)) {
            gone(map::SERVED, self.served.remove(&key))?;
        }
        Ok(())
    }

    /// Gives the connections to unserved ports of `ip` to `socket`. The kernel forgets it when the
    /// socket is closed.
    ///
    /// # Errors
    ///
    /// [`BpfError::Map`] when the map is full or the socket is not listening.
    pub fn add_catchall(&mut self, ip: IpAddr, protocol: u8, socket: impl AsFd) -> Result<()> {
        let key = port_key(ip, protocol, 0);
        let fd = socket.as_fd().as_raw_fd();
        self.catchall.insert(key, fd, 0).map_err(failed(map::CATCHALL))
    }

    /// The counters now.
    ///
    /// # Errors
    ///
    /// [`BpfError::Map`] when they cannot be read.
    pub fn counters(&self) -> Result<Counters> {
        let mut counters = Counters::default();
        for (index, sum) in (0..).zip(&mut counters.0) {
            let cpus = self.counters.get(&index, 0).map_err(failed(map::COUNTERS))?;
            *sum = cpus.iter().sum();
        }
        Ok(counters)
    }

    /// The tally of this key, when the kernel still has it.
    ///
    /// # Errors
    ///
    /// [`BpfError::Map`] when it cannot be read.
    pub fn tally(&self, key: &TallyKey) -> Result<Option<Tally>> {
        let home = home(key, self.seed);
        for way in 0..WAYS {
            let bytes = self.seen.get(&place(home, way), 0).map_err(failed(map::SEEN))?;
            let tally = Tally::read(&bytes, key);
            if tally.is_some() {
                return Ok(tally);
            }
        }
        Ok(None)
    }

    /// Whether sightings wake their reader.
    ///
    /// # Errors
    ///
    /// [`BpfError::Map`] when the map cannot be written.
    pub fn set_wakeups(&mut self, wakeups: Wakeups) -> Result<()> {
        let quiet = u32::from(wakeups == Wakeups::Off);
        self.settings.set(setting::QUIET, quiet, 0).map_err(failed(map::SETTINGS))
    }
}

/// Whether sightings wake their reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wakeups {
    /// The reader polls.
    Off,
    /// Each does when the reader has caught up.
    On,
}

fn addresses(decky: &Identity) -> impl Iterator<Item = IpAddr> {
    let link_local = IpAddr::V6(decky.link_local());
    [Some(IpAddr::V4(decky.ip)), Some(link_local), decky.ip6.map(IpAddr::V6)].into_iter().flatten()
}

/// Gives the programs, just loaded, a number that no visitor knows.
pub(super) fn set_seed(settings: &mut Map) -> Result<()> {
    let mut seed = [0; 4];
    random::fill(&mut seed);
    let mut settings: Array<_, u32> = settings.try_into().map_err(failed(map::SETTINGS))?;
    settings.set(setting::SEED, u32::from_ne_bytes(seed), 0).map_err(failed(map::SETTINGS))
}

fn typed<T: TryFrom<Map, Error = MapError>>(name: &'static str, map: Map) -> Result<T> {
    map.try_into().map_err(failed(name))
}

pub(super) fn failed(map: &'static str) -> impl Fn(MapError) -> BpfError {
    move |source| BpfError::Map { map, source }
}

/// The result of removing what may not have been there.
fn gone(map: &'static str, result: std::result::Result<(), MapError>) -> Result<()> {
    match result {
        Ok(()) | Err(MapError::KeyNotFound) => Ok(()),
        Err(MapError::SyscallError(error))
            if error.io_error.raw_os_error() == Some(nix::libc::ENOENT) =>
        {
            Ok(())
        }
        Err(source) => Err(BpfError::Map { map, source }),
    }
}
