//! What the user half writes into the kernel half's maps, and reads from them.

use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd as _};

use aya::maps::{Array, HashMap, Map, MapData, MapError, PerCpuArray, SockHash};
use decnet_ebpf::{MacKey, PRESENT_BITS, counter, map, present, setting};

use super::{BpfError, Result};
use crate::logic::decky::{DeckyId, Identity};
use crate::logic::mac::Mac;
use crate::logic::sighting::{
    DeckyBytes, PortKeyBytes, Tally, TallyBytes, TallyKeyBytes, address, decky_value, mac_key,
    port_key,
};
use crate::logic::status::{CaptureStatus, CopyStatus};

/// The maps of the capture programs.
pub struct Maps {
    present: Array<MapData, u64>,
    /// How many deckies share a bit of `present`.
    sharing: std::collections::HashMap<(u32, u64), u32>,
    deckies: HashMap<MapData, MacKey, DeckyBytes>,
    namespaces: HashMap<MapData, u64, MacKey>,
    addresses: HashMap<MapData, [u8; 16], u32>,
    seen: HashMap<MapData, TallyKeyBytes, TallyBytes>,
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
        let mut maps = Self {
            present: typed(map::PRESENT, take(map::PRESENT)?)?,
            sharing: std::collections::HashMap::new(),
            deckies: typed(map::DECKIES, take(map::DECKIES)?)?,
            namespaces: typed(map::NAMESPACES, take(map::NAMESPACES)?)?,
            addresses: typed(map::ADDRESSES, take(map::ADDRESSES)?)?,
            seen: typed(map::SEEN, take(map::SEEN)?)?,
            counters: typed(map::COUNTERS, take(map::COUNTERS)?)?,
            settings: typed(map::SETTINGS, take(map::SETTINGS)?)?,
            served: typed(map::SERVED, take(map::SERVED)?)?,
            catchall: typed(map::CATCHALL, take(map::CATCHALL)?)?,
        };
        maps.clear()?;
        Ok(maps)
    }

    /// Forgets the deckies of an agent that used the same pins before and has ended.
    fn clear(&mut self) -> Result<()> {
        let deckies: Vec<MacKey> =
            self.deckies.keys().filter_map(std::result::Result::ok).collect();
        for key in deckies {
            gone(map::DECKIES, self.deckies.remove(&key))?;
        }
        let namespaces: Vec<u64> =
            self.namespaces.keys().filter_map(std::result::Result::ok).collect();
        for cookie in namespaces {
            gone(map::NAMESPACES, self.namespaces.remove(&cookie))?;
        }
        let addresses: Vec<_> = self.addresses.keys().filter_map(std::result::Result::ok).collect();
        for key in addresses {
            gone(map::ADDRESSES, self.addresses.remove(&key))?;
        }
        let served: Vec<_> = self.served.keys().filter_map(std::result::Result::ok).collect();
        for key in served {
            gone(map::SERVED, self.served.remove(&key))?;
        }
        for word in 0..PRESENT_BITS / 64 {
            self.present.set(word, 0, 0).map_err(failed(map::PRESENT))?;
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
        let value = decky_value(id, policy, decky.ip, decky.link_local(), decky.ip6);
        let key = mac_key(decky.mac);
        let known = self.deckies.get(&key, 0).is_ok();
        self.deckies.insert(key, value, 0).map_err(failed(map::DECKIES))?;
        if known { Ok(()) } else { self.share(decky.mac, |count| count + 1) }
    }

    /// Changes how many deckies share the bit of a MAC, and sets or clears it.
    fn share(&mut self, mac: Mac, change: impl FnOnce(u32) -> u32) -> Result<()> {
        let (word, bit) = present(&mac.0);
        let count = self.sharing.entry((word, bit)).or_default();
        *count = change(*count);
        let bits = self.present.get(&word, 0).map_err(failed(map::PRESENT))?;
        let bits = if *count > 0 { bits | bit } else { bits & !bit };
        if *count == 0 {
            self.sharing.remove(&(word, bit));
        }
        self.present.set(word, bits, 0).map_err(failed(map::PRESENT))
    }

    /// Makes the capture forget a decky; one that it does not know is as good.
    ///
    /// # Errors
    ///
    /// [`BpfError::Map`] when the map cannot be written.
    pub fn remove_decky(&mut self, decky: &Identity) -> Result<()> {
        let key = mac_key(decky.mac);
        if self.deckies.get(&key, 0).is_ok() {
            gone(map::DECKIES, self.deckies.remove(&key))?;
            self.share(decky.mac, |count| count.saturating_sub(1))?;
        }
        for ip in addresses(decky) {
            gone(map::ADDRESSES, self.addresses.remove(&address(ip)))?;
        }
        Ok(())
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
    pub fn tally(&self, key: &TallyKeyBytes) -> Result<Option<Tally>> {
        match self.seen.get(key, 0) {
            Ok(bytes) => Ok(Some(Tally::read(&bytes))),
            Err(MapError::KeyNotFound) => Ok(None),
            Err(source) => Err(BpfError::Map { map: map::SEEN, source }),
        }
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

fn typed<T: TryFrom<Map, Error = MapError>>(name: &'static str, map: Map) -> Result<T> {
    map.try_into().map_err(failed(name))
}

fn failed(map: &'static str) -> impl Fn(MapError) -> BpfError {
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
