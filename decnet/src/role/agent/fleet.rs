//! The deckies of the node: what is wanted, what was observed, and how the two are brought together.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};

use super::placing::{Placed, Refused};
use crate::logic::decky::{Decky, DeckyId, Identity};
use crate::logic::event::{DeckyPart, Transport};
use crate::logic::mac::Mac;
use crate::logic::name::DeckyName;
use crate::logic::plan::{LinkOp, Observed, Stage, missing, plan};
use crate::logic::services::{self, ServiceKind, ServiceSpec, ftp};
use crate::logic::status::{Counts, DeckyState, DeckyStatus};
use crate::logic::swarm::OrderedDecky;
use crate::logic::visitors::Port;

/// What is wanted and what was observed.
#[derive(Debug, Default)]
pub(super) struct Fleet {
    wanted: BTreeMap<DeckyName, Decky>,
    observed: BTreeMap<DeckyName, Observed>,
    names: HashMap<DeckyId, DeckyName>,
    parts: HashMap<DeckyId, Arc<DeckyPart>>,
    served: HashSet<(DeckyId, Transport, u16)>,
    data_ports: HashSet<(DeckyId, u16)>,
    errors: BTreeMap<DeckyName, String>,
    /// Those that were asked for and have no place.
    refused: Vec<Refused>,
    namespaces: HashMap<DeckyId, OwnedFd>,
    /// The kernel's numbers of the namespaces.
    cookies: HashMap<DeckyId, u64>,
    /// What lets the catch-alls have their connections.
    steerings: HashMap<DeckyId, OwnedFd>,
    next: u32,
}

impl Fleet {
    /// Wants these deckies and no others. One that failed is tried again.
    pub(super) fn want(&mut self, placed: Placed) {
        self.refused = placed.refused;
        self.wanted =
            placed.deckies.into_iter().map(|decky| (decky.identity.name.clone(), decky)).collect();
        self.errors.clear();
        let failed = |seen: &Observed| seen.stage == Stage::Failed;
        let again: Vec<DeckyId> =
            self.observed.values().filter(|seen| failed(seen)).map(|seen| seen.id).collect();
        again.into_iter().for_each(|id| drop(self.forget(id)));
    }

    /// Does not want this decky any more; false when it was not wanted.
    pub(super) fn unwant(&mut self, name: &DeckyName) -> bool {
        let before = self.refused.len();
        self.refused.retain(|refused| refused.status.name != *name);
        self.wanted.remove(name).is_some() || self.refused.len() < before
    }

    /// Wants other services of a decky; those it has keep their settings.
    pub(super) fn change(&mut self, name: &DeckyName, kinds: &[ServiceKind]) -> Result<()> {
        let decky = self.wanted.get_mut(name);
        let decky = decky.with_context(|| format!("decky: there is no `{name}`"))?;
        let spec = |kind: &ServiceKind| {
            let had = decky.services.iter().find(|service| service.kind() == *kind);
            had.cloned().unwrap_or_else(|| ServiceSpec::plain(*kind))
        };
        let services: Vec<ServiceSpec> = kinds.iter().map(spec).collect();
        services::check(&services).map_err(|why| anyhow!("services: the decky {why}"))?;
        decky.services = services;
        Ok(())
    }

    /// What is wanted.
    pub(super) fn wanted(&self) -> impl Iterator<Item = &Decky> {
        self.wanted.values()
    }

    /// What was asked for, with or without a place.
    pub(super) fn ordered(&self) -> Vec<OrderedDecky> {
        let wanted = self.wanted.values().map(OrderedDecky::from);
        wanted.chain(self.refused.iter().map(|refused| refused.wish.clone())).collect()
    }

    /// Whether exactly this decky is wanted.
    pub(super) fn wants(&self, decky: &Decky) -> bool {
        self.wanted.get(&decky.identity.name) == Some(decky)
    }

    /// Takes note of a decky that is taken over; `None` when another of its name is there.
    pub(super) fn adopt(&mut self, decky: &Decky) -> Option<DeckyId> {
        let id = match self.observed.get(&decky.identity.name) {
            None => self.number(decky.clone()),
            Some(seen) if seen.decky == *decky => seen.id,
            Some(_) => return None,
        };
        let seen = self.seen_mut(id)?;
        (seen.stage, seen.busy) = (Stage::Linked, true);
        Some(id)
    }

    /// What to do next. Each decky named is busy from now on, until it is observed again.
    pub(super) fn next_ops(&mut self) -> Vec<LinkOp> {
        for decky in missing(&self.wanted, &self.observed).into_iter().cloned().collect::<Vec<_>>()
        {
            self.number(decky);
        }
        let ops = plan(&self.wanted, &self.observed);
        for op in &ops {
            let (LinkOp::Drop(id) | LinkOp::Finish(id) | LinkOp::Link(id) | LinkOp::Make(id)) = op;
            if let Some(seen) = self.seen_mut(*id) {
                seen.busy = true;
            }
        }
        ops
    }

    fn number(&mut self, decky: Decky) -> DeckyId {
        let id = DeckyId(self.next);
        self.next = self.next.wrapping_add(1);
        let name = decky.identity.name.clone();
        self.names.insert(id, name.clone());
        self.parts.insert(id, Arc::new(decky.identity.part()));
        // A catch-all is port 0, and serves every other.
        self.served.extend(
            decky.services.iter().map(|service| (id, service.kind().transport(), service.port)),
        );
        let data = ftp::passive_ports(&decky.identity, &decky.services);
        self.data_ports.extend(data.into_iter().map(|port| (id, port)));
        self.observed.insert(name, Observed { id, decky, stage: Stage::New, busy: false });
        id
    }

    /// Takes note of how far a decky has come.
    pub(super) fn observe(&mut self, id: DeckyId, stage: Stage) {
        if let Some(seen) = self.seen_mut(id) {
            seen.stage = stage;
            seen.busy = false;
        }
    }

    /// Takes note that a decky cannot be had.
    pub(super) fn fail(&mut self, id: DeckyId, why: String) {
        self.observe(id, Stage::Failed);
        self.namespaces.remove(&id);
        if let Some(name) = self.names.get(&id) {
            self.errors.insert(name.clone(), why);
        }
    }

    /// Forgets a decky that is gone, and returns what it was.
    pub(super) fn forget(&mut self, id: DeckyId) -> Option<Decky> {
        let name = self.names.remove(&id)?;
        self.parts.remove(&id);
        self.namespaces.remove(&id);
        self.cookies.remove(&id);
        self.steerings.remove(&id);
        self.served.retain(|(decky, ..)| *decky != id);
        self.data_ports.retain(|(decky, _)| *decky != id);
        self.errors.remove(&name);
        self.observed.remove(&name).map(|seen| seen.decky)
    }

    /// Holds the namespace of a decky until it is let go; `cookie` is the kernel's number of it.
    pub(super) fn hold(&mut self, id: DeckyId, namespace: OwnedFd, cookie: u64) {
        self.namespaces.insert(id, namespace);
        self.cookies.insert(id, cookie);
    }

    /// Holds what steers connections to a decky's catch-all.
    pub(super) fn hold_steering(&mut self, id: DeckyId, steering: OwnedFd) {
        self.steerings.insert(id, steering);
    }

    /// What steers connections to a decky's catch-all.
    pub(super) fn steering(&self, id: DeckyId) -> Option<&OwnedFd> {
        self.steerings.get(&id)
    }

    /// The kernel's number of a decky's namespace.
    pub(super) fn cookie(&self, id: DeckyId) -> Option<u64> {
        self.cookies.get(&id).copied()
    }

    /// The namespace of a decky.
    pub(super) fn namespace(&self, id: DeckyId) -> Option<&OwnedFd> {
        self.namespaces.get(&id)
    }

    /// Lets the namespace of a decky go: it lives on in the keeper.
    pub(super) fn let_go(&mut self, id: DeckyId) {
        self.namespaces.remove(&id);
    }

    fn seen_mut(&mut self, id: DeckyId) -> Option<&mut Observed> {
        self.observed.get_mut(self.names.get(&id)?)
    }

    /// The decky of this number.
    pub(super) fn decky(&self, id: DeckyId) -> Option<&Decky> {
        self.observed.get(self.names.get(&id)?).map(|seen| &seen.decky)
    }

    /// The number of the decky of this name, when it answers.
    pub(super) fn up(&self, name: &DeckyName) -> Option<DeckyId> {
        self.observed.get(name).filter(|seen| seen.stage == Stage::Up).map(|seen| seen.id)
    }

    /// The addresses of those that answer.
    pub(super) fn standing(&self) -> BTreeMap<IpAddr, Mac> {
        let up = self.observed.values().filter(|seen| seen.stage == Stage::Up);
        up.flat_map(|seen| standing(&seen.decky.identity)).collect()
    }

    /// The numbers of all that were observed.
    pub(super) fn all(&self) -> Vec<DeckyId> {
        self.observed.values().map(|seen| seen.id).collect()
    }

    /// The numbers of those that answer.
    pub(super) fn all_up(&self) -> Vec<DeckyId> {
        let up = self.observed.values().filter(|seen| seen.stage == Stage::Up);
        up.map(|seen| seen.id).collect()
    }

    /// The decky as events name it.
    pub(super) fn part(&self, id: DeckyId) -> Option<Arc<DeckyPart>> {
        self.parts.get(&id).cloned()
    }

    /// What a decky's TCP port is for.
    pub(super) fn port(&self, id: DeckyId, port: u16) -> Port {
        if self.data_ports.contains(&(id, port)) {
            return Port::Data;
        }
        let served =
            [port, 0].iter().any(|port| self.served.contains(&(id, Transport::Tcp, *port)));
        if served { Port::Service } else { Port::Closed }
    }

    /// Whether everything is as wanted, as far as it can be had.
    pub(super) fn is_settled(&self) -> bool {
        let settled =
            |seen: &Observed| matches!(seen.stage, Stage::Up | Stage::Failed) && !seen.busy;
        self.observed.len() == self.wanted.len()
            && self
                .observed
                .iter()
                .all(|(name, seen)| settled(seen) && self.wanted.get(name) == Some(&seen.decky))
    }

    /// Whether any is on its way out, or to be.
    pub(super) fn is_leaving(&self) -> bool {
        self.observed.iter().any(|(name, seen)| self.wanted.get(name) != Some(&seen.decky))
    }

    /// How many there are of what was asked for.
    pub(super) fn counts(&self) -> Counts {
        let of = |stage| self.observed.values().filter(|seen| seen.stage == stage).count();
        Counts { wanted: self.wanted.len(), up: of(Stage::Up), failed: of(Stage::Failed) }
    }

    /// How things are.
    pub(super) fn status(&self) -> Vec<DeckyStatus> {
        let wanted = self.wanted.iter().map(|(name, decky)| self.decky_status(name, decky));
        wanted.chain(self.refused.iter().map(|refused| refused.status.clone())).collect()
    }

    fn decky_status(&self, name: &DeckyName, decky: &Decky) -> DeckyStatus {
        let state = match self.observed.get(name).map(|seen| seen.stage) {
            Some(Stage::Up) => DeckyState::Up,
            Some(Stage::Failed) => DeckyState::Failed,
            _ => DeckyState::Starting,
        };
        let error = self.errors.get(name).cloned();
        DeckyStatus { error, ..DeckyStatus::of(decky, state) }
    }
}

/// The addresses at which a decky answers, with its MAC.
pub(super) fn standing(identity: &Identity) -> impl Iterator<Item = (IpAddr, Mac)> + use<> {
    let ips = [
        Some(IpAddr::V4(identity.ip)),
        Some(identity.link_local().into()),
        identity.ip6.map(IpAddr::V6),
    ];
    let mac = identity.mac;
    ips.into_iter().flatten().map(move |ip| (ip, mac))
}
