//! Takes over the deckies that another agent has kept, or this one's keeper that has ended.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::Arc;

use anyhow::{Context as _, Result};

use super::deckies::{protocol, services};
use super::engine::Engine;
use super::fleet::standing;
use super::vault::{AllFound, Found};
use crate::edge::channel::ChannelError;
use crate::edge::vault::Keep;
use crate::logic::decky::DeckyId;
use crate::logic::event::Kind;
use crate::logic::kept::Kept;
use crate::logic::mac::Mac;
use crate::logic::stack;
use crate::logic::wire::{Adopted, ToKeeper, encode};

/// The addresses of those found: they are ours.
pub(super) fn addresses(found: &AllFound) -> BTreeMap<IpAddr, Mac> {
    let identities = found.values().map(|found| &found.kept.placed.decky.identity);
    identities.flat_map(standing).collect()
}

impl Engine {
    /// Takes over those found that are as wanted, and lets the others go. `macs` are those for which
    /// the parent receives, if it is not known that all have their links.
    pub(super) fn adopt(&mut self, found: AllFound, macs: Option<&BTreeSet<Mac>>) {
        let mut cookies = HashSet::new();
        for mut found in found.into_values() {
            let mac = found.kept.placed.decky.identity.mac;
            let linked = macs.is_none_or(|macs| macs.contains(&mac));
            let id = if linked && self.is_wanted(&found.kept) {
                self.begin_adoption(&mut found)
            } else {
                None
            };
            match id {
                Some(id) => {
                    cookies.insert(found.kept.cookie);
                    let Kept { placed, sockets, .. } = found.kept;
                    let adopted = Adopted { id, placed, sockets };
                    self.keeping.waiting.push_back((adopted, found.fds));
                }
                None if macs.is_some() => {
                    let decky = &found.kept.placed.decky;
                    let (part, data) = (Arc::new(decky.identity.part()), services(decky));
                    self.put(Kind::DeckyDown, |event| {
                        event.decky = Some(part);
                        event.data = data;
                    });
                }
                // What is known of it is forgotten with the rest of it.
                None => {}
            }
        }
        self.keeping.sift(|message| match Kept::decode(&message.bytes, message.fds.len()) {
            Ok(kept) if cookies.contains(&kept.cookie) => Keep::Yes(message),
            _ => Keep::No,
        });
        if !cookies.is_empty() {
            tracing::info!(deckies = cookies.len(), "taken over as they are");
        }
    }

    /// Whether it was made as it would be made now.
    fn is_wanted(&self, kept: &Kept) -> bool {
        let decky = &kept.placed.decky;
        self.fleet.wants(decky)
            && self.placed(decky) == kept.placed
            && stack::mark(decky.identity.persona) == kept.stack
    }

    /// Makes fleet and capture know a decky, and leaves of its descriptors what is the keeper's.
    fn begin_adoption(&mut self, found: &mut Found) -> Option<DeckyId> {
        let Found { kept, fds } = found;
        let decky = &kept.placed.decky;
        let namespace = fds.first()?.try_clone().ok()?;
        let id = self.fleet.adopt(decky)?;
        self.fleet.hold(id, namespace, kept.cookie);
        let known = self.maps.add_decky(id, &decky.identity, 0);
        let known = known.and_then(|()| self.maps.add_namespace(kept.cookie, decky.identity.mac));
        if let Err(error) = known {
            tracing::warn!(%error, decoy = %decky.identity.name, "cannot take over a decky");
            self.fleet.forget(id);
            return None;
        }
        let steering = fds.drain(1 + kept.sockets.len()..).next();
        self.keeping.adopting.insert(id);
        self.keeping.note(id, kept);
        if kept.steered_by == self.steered_by(decky) {
            steering.into_iter().for_each(|steering| self.fleet.hold_steering(id, steering));
        } else {
            // Its program is no longer ours: it steers until ours does.
            self.keeping.replaced.insert(kept.cookie);
        }
        Some(id)
    }

    /// Forgets which ports had services, but for those that are taken over: the kernel half must
    /// know of them at each moment.
    pub(super) fn forget_served(&mut self) -> Result<()> {
        let deckies = self.keeping.waiting.iter().map(|(adopted, _)| &adopted.placed.decky);
        let served = deckies.flat_map(|decky| {
            let services = decky.services.iter().filter(|service| !service.kind().is_catchall());
            services.map(|service| {
                (&decky.identity, protocol(service.kind().transport()), service.port)
            })
        });
        self.maps.forget_served_but(served).context("cannot forget the deckies of before")
    }

    /// Gives the keeper what it has room for of those that are taken over. It is not waited for: it
    /// may be waiting for us.
    pub(super) fn go_on_adopting(&mut self) -> Result<()> {
        while let Some((adopted, fds)) = self.keeping.waiting.front() {
            let message = encode(&ToKeeper::Adopt(Box::new(adopted.clone())))?;
            let fds: Vec<BorrowedFd<'_>> = fds.iter().map(|fd| fd.as_fd()).collect();
            match self.keeper.try_tell(&message, &fds) {
                Ok(()) => drop(self.keeping.waiting.pop_front()),
                // Gone on with when it says something, or at the next tick.
                Err(ChannelError::NotReady | ChannelError::Closed) => return Ok(()),
                Err(error) => return Err(error).context("cannot reach the keeper"),
            }
        }
        Ok(())
    }

    /// Takes over from a keeper that has ended, where systemd keeps its deckies.
    pub(super) fn adopt_from_vault(&mut self) {
        self.keeping.begin_again();
        let found = self.keeping.find();
        self.adopt(found, None);
    }

    /// Whether a decky is being taken over.
    pub(super) fn is_adopting(&self, id: DeckyId) -> bool {
        self.keeping.adopting.contains(&id)
    }
}
