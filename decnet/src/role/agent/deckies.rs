//! Brings the deckies to what is wanted: carries out what the planner says, and takes note of what
//! came of it.

use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};

use super::engine::{Done, Engine};
use super::keeper::Keeper;
use super::restores::key;
use super::vault::Before;
use crate::edge::channel::ChannelError;
use crate::edge::links::LinkError;
use crate::logic::decky::{Decky, DeckyId};
use crate::logic::event::{Data, Event, Kind, Transport};
use crate::logic::packet::{TCP, UDP};
use crate::logic::plan::{LinkOp, Stage};
use crate::logic::status::Status;
use crate::logic::wire::{FromKeeper, Placed, Socket, ToKeeper, decode};

impl Engine {
    /// Does what is to be done next about each decky.
    pub(super) fn reconcile(&mut self) -> Result<()> {
        if self.fleet.wanted().next().is_some() {
            // A node without deckies needs neither.
            self.capture.open()?;
            self.keeper.start(self.programs.guard()).context("cannot start the keeper")?;
        }
        self.tidy_vault();
        self.go_on_adopting()?;
        let (mut make, mut finish, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        for op in self.fleet.next_ops() {
            match op {
                LinkOp::Make(id) => {
                    make.extend(self.fleet.decky(id).map(|decky| (id, self.placed(decky))));
                }
                LinkOp::Link(id) => self.link(id),
                LinkOp::Finish(id) => finish.push(id),
                LinkOp::Drop(id) => gone.push(id),
            }
        }
        self.keeper.tell(&gone, ToKeeper::Drop)?;
        self.keeper.tell(&make, ToKeeper::Make)?;
        self.keeper.tell(&finish, ToKeeper::Linked)?;
        self.settle();
        Ok(())
    }

    /// A decky with what its stack must know of the network.
    pub(super) fn placed(&self, decky: &Decky) -> Placed {
        let network = &self.node.network;
        Placed {
            decky: decky.clone(),
            prefix: network.subnet.prefix_len(),
            prefix6: network.subnet6.map_or(64, |subnet| subnet.prefix_len()),
            gateway: network.gateway,
        }
    }

    /// Makes the capture know the decky, and then puts a macvlan into its namespace, beside the
    /// loop.
    fn link(&mut self, id: DeckyId) {
        let (Some(decky), Some(namespace)) = (self.fleet.decky(id), self.fleet.namespace(id))
        else {
            return;
        };
        let mac = decky.identity.mac;
        let namespace = namespace.as_fd().try_clone_to_owned();
        let known = self.maps.add_decky(id, &decky.identity, 0).and_then(|()| {
            let cookie = self.fleet.cookie(id).filter(|cookie| *cookie != 0);
            cookie.map_or(Ok(()), |cookie| self.maps.add_namespace(cookie, mac))
        });
        let namespace = match (known, namespace) {
            (Ok(()), Ok(namespace)) => namespace,
            (Err(error), _) => return self.give_up(id, format!("{error}")),
            (_, Err(error)) => {
                return self.give_up(id, format!("no file descriptors left: {error}"));
            }
        };
        let (links, results, parent) = (self.links.clone(), self.results.clone(), self.parent);
        tokio::spawn(async move {
            let result = links.add_macvlan(parent, mac, namespace).await;
            // The loop may have ended.
            drop(results.send(Done::Linked(id, result)).await);
        });
    }

    /// Takes note of what came of [`Engine::link`].
    pub(super) fn linked(&mut self, id: DeckyId, result: Result<(), LinkError>) -> Result<()> {
        match result {
            Ok(()) => self.fleet.observe(id, Stage::Linked),
            Err(error) => {
                let why = format!("{:#}", anyhow::Error::from(error));
                self.give_up(id, why);
                self.keeper.tell(&[id], ToKeeper::Drop)?;
            }
        }
        Ok(())
    }

    fn give_up(&mut self, id: DeckyId, why: String) {
        if let Some(decky) = self.fleet.decky(id) {
            tracing::error!(decoy = %decky.identity.name, error = why, "cannot make a decky");
            if let Err(error) = self.maps.leave_decky(&decky.identity) {
                tracing::warn!(%error, "cannot forget a decky");
            }
        }
        self.keeping.forget(id);
        self.fleet.fail(id, why);
        self.publish();
    }

    /// Takes what the keeper has said.
    pub(super) fn hear_keeper(&mut self) -> Result<()> {
        loop {
            match self.keeper.hear() {
                Ok(message) => {
                    let said =
                        decode(&message.bytes).context("the keeper speaks another protocol")?;
                    self.observe(said, message.fds)?;
                }
                Err(ChannelError::NotReady) => break,
                Err(ChannelError::Closed) => {
                    self.replace_keeper()?;
                    break;
                }
                Err(error) => return Err(error).context("cannot hear the keeper"),
            }
        }
        self.reconcile()
    }

    fn observe(&mut self, said: FromKeeper, fds: Vec<OwnedFd>) -> Result<()> {
        match said {
            FromKeeper::Made(ids) => {
                for ((id, cookie), namespace) in ids.into_iter().zip(fds) {
                    self.fleet.hold(id, namespace, cookie);
                    self.fleet.observe(id, Stage::Namespace);
                }
            }
            // The kernel has forgotten that they are a catch-all's.
            FromKeeper::Revived(id, sockets) => self.steer_all(id, &sockets, &fds),
            FromKeeper::Up(id, sockets) => self.up(id, sockets, &fds)?,
            FromKeeper::Failed(id, why) => self.give_up(id, why),
            FromKeeper::Gone(id) => self.gone(id),
            FromKeeper::FaceReplaced(how) => self.face_replaced(how)?,
        }
        Ok(())
    }

    /// Takes note that a decky answers.
    fn up(&mut self, id: DeckyId, sockets: Vec<Socket>, fds: &[OwnedFd]) -> Result<()> {
        self.steer_all(id, &sockets, fds);
        let before = self.keep(id, sockets, fds);
        self.fleet.let_go(id);
        self.fleet.observe(id, Stage::Up);
        if before == Before::Nothing {
            self.decky_event(Kind::DeckyUp, id);
        }
        self.publish();
        self.restore_all([id])
    }

    fn steer_all(&mut self, id: DeckyId, sockets: &[Socket], fds: &[OwnedFd]) {
        if let Err(error) = self.steer(id, sockets, fds) {
            tracing::error!(error = format!("{error:#}"), "a catch-all takes nothing");
        }
    }

    /// Lets the catch-all of a decky, if it has one, have what its services do not take.
    fn steer(&mut self, id: DeckyId, sockets: &[Socket], fds: &[OwnedFd]) -> Result<()> {
        let (Some(decky), Some(namespace)) = (self.fleet.decky(id), self.fleet.namespace(id))
        else {
            return Ok(());
        };
        let catches = |socket: &Socket| match socket {
            Socket::Service(index) => {
                let kind = decky.services.get(usize::from(*index))?.kind();
                kind.is_catchall().then(|| kind.transport())
            }
            Socket::Passive(_) => None,
        };
        let catchall: Vec<(Transport, &OwnedFd)> =
            sockets.iter().zip(fds).filter_map(|(of, fd)| Some((catches(of)?, fd))).collect();
        if catchall.is_empty() {
            return Ok(());
        }
        let identity = &decky.identity;
        for service in decky.services.iter().filter(|service| !service.kind().is_catchall()) {
            let protocol = protocol(service.kind().transport());
            self.maps.add_served(identity, protocol, service.port)?;
        }
        let (mut v4_done, ips6) = (false, [Some(identity.link_local()), identity.ip6]);
        for (kind, socket) in catchall {
            let protocol = protocol(kind);
            // TCP has one socket for both families, UDP one for each, IPv4 first.
            let (v4, v6) = match kind {
                Transport::Udp => (!v4_done, v4_done),
                _ => (true, true),
            };
            v4_done |= kind == Transport::Udp;
            if v4 {
                self.maps.add_catchall(identity.ip.into(), protocol, socket)?;
            }
            for ip in ips6.into_iter().flatten().filter(|_| v6) {
                self.maps.add_catchall(ip.into(), protocol, socket)?;
            }
        }
        if self.fleet.steering(id).is_none() {
            let steering = self.programs.steer(namespace)?;
            self.fleet.hold_steering(id, steering);
        }
        Ok(())
    }

    fn gone(&mut self, id: DeckyId) {
        self.decky_event(Kind::DeckyDown, id);
        self.keeping.forget(id);
        let cookie = self.fleet.cookie(id);
        let Some(decky) = self.fleet.forget(id) else { return };
        let wanted = |other: &Decky| key(&other.identity) == key(&decky.identity);
        if !self.fleet.wanted().any(wanted) {
            self.writer.forget_files(key(&decky.identity));
        }
        let mut forgotten = self.maps.leave_decky(&decky.identity);
        if let Some(cookie) = cookie {
            forgotten = forgotten.and(self.maps.remove_namespace(cookie));
        }
        for service in decky.services.iter().filter(|service| !service.kind().is_catchall()) {
            let protocol = protocol(service.kind().transport());
            forgotten =
                forgotten.and(self.maps.remove_served(&decky.identity, protocol, service.port));
        }
        if let Err(error) = forgotten {
            tracing::warn!(%error, decoy = %decky.identity.name, "cannot forget a decky");
        }
        self.publish();
    }

    /// The keeper is gone, and the deckies with it unless systemd keeps them: the next, if there is
    /// to be one, takes them over, and begins anew with the others.
    fn replace_keeper(&mut self) -> Result<()> {
        let ended = self.keeper.end();
        if self.keeper.is_new() {
            bail!(
                "the keeper of the deckies' namespaces ends at once ({ended}): its own message, \
                 before this one, says why, and `decnet doctor` what to do about it"
            );
        }
        tracing::warn!(%ended, "the keeper has ended, starting another");
        self.hear_rest(None)?;
        self.adopt_from_vault();
        for id in self.fleet.all() {
            if !self.is_adopting(id) {
                self.gone(id);
            }
        }
        self.keeper = Keeper::default();
        Ok(())
    }

    /// Makes an event about a decky.
    pub(super) fn decky_event(&mut self, kind: Kind, id: DeckyId) {
        let (Some(part), Some(decky)) = (self.fleet.part(id), self.fleet.decky(id)) else { return };
        let data = services(decky);
        self.put(kind, |event: &mut Event| {
            event.decky = Some(Arc::clone(&part));
            event.data = data;
        });
    }

    /// Shows the deckies as they are; soon, for many change at once.
    pub(super) fn publish(&mut self) {
        self.node.changed = true;
    }

    /// How things are.
    pub(super) fn status(&self) -> Status {
        Status { deckies: self.fleet.status(), capture: self.capture.counters(&self.maps) }
    }
}

/// What an event about a decky says of it.
pub(super) fn services(decky: &Decky) -> Data {
    let names = decky.services.iter().map(|service| service.kind().to_string());
    Data::new().with("services", names.collect::<Vec<String>>())
}

/// The number of a transport's protocol.
pub(super) fn protocol(transport: Transport) -> u8 {
    if transport == Transport::Udp { UDP } else { TCP }
}
