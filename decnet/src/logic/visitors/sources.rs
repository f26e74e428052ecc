//! The sources that were met, as many as there is room for.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::logic::event::Source;
use crate::logic::mac::Mac;

/// Sources in a generation; two generations are kept.
const GENERATION: usize = 65_536;

/// What is remembered of a source.
#[derive(Clone, Debug)]
struct Known {
    mac: Option<Mac>,
    vlan: Option<u16>,
    tcp: Option<Arc<str>>,
    /// It was met, and not merely seen to ask for an address.
    met: bool,
}

/// The sources of two generations: when the young one is full it becomes the old one, and the old
/// one is forgotten. So the most lately seen [`GENERATION`] are always known, and memory is bounded
/// whatever addresses a flood invents. A forgotten source that comes again is new again.
#[derive(Debug, Default)]
pub(super) struct Sources {
    young: HashMap<IpAddr, Known>,
    old: HashMap<IpAddr, Known>,
}

/// What was new of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Met {
    /// The source itself.
    pub(super) new: bool,
    /// Its signature.
    pub(super) new_signature: bool,
}

impl Sources {
    /// Meets a source.
    pub(super) fn meet(&mut self, ip: IpAddr, src: &Source, signature: Option<Arc<str>>) -> Met {
        let known = self.known(ip);
        let new = !std::mem::replace(&mut known.met, true);
        known.mac = src.mac.or(known.mac);
        known.vlan = src.vlan;
        let new_signature = signature.is_some() && known.tcp != signature;
        if new_signature {
            known.tcp = signature;
        }
        Met { new, new_signature }
    }

    /// Remembers where a source is, without having met it.
    pub(super) fn remember_mac(&mut self, ip: IpAddr, mac: Mac, vlan: Option<u16>) {
        let known = self.known(ip);
        known.mac = Some(mac);
        known.vlan = vlan;
    }

    /// Whether a source was met.
    pub(super) fn has_met(&self, ip: IpAddr) -> bool {
        self.young.get(&ip).or_else(|| self.old.get(&ip)).is_some_and(|known| known.met)
    }

    /// What is known of a source.
    pub(super) fn describe(&self, ip: IpAddr) -> Source {
        let known = self.young.get(&ip).or_else(|| self.old.get(&ip));
        Source {
            ip: Some(ip),
            port: None,
            mac: known.and_then(|known| known.mac),
            vlan: known.and_then(|known| known.vlan),
            tcp: known.and_then(|known| known.tcp.clone()),
        }
    }

    fn known(&mut self, ip: IpAddr) -> &mut Known {
        if self.young.len() >= GENERATION && !self.young.contains_key(&ip) {
            self.old = std::mem::take(&mut self.young);
        }
        let old = &mut self.old;
        self.young.entry(ip).or_insert_with(|| {
            let fresh = Known { mac: None, vlan: None, tcp: None, met: false };
            old.remove(&ip).unwrap_or(fresh)
        })
    }
}
