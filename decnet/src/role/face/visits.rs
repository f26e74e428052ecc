//! Visitors come, have their turns, and go.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use mio::Interest;
use mio::net::TcpStream;

use super::connection::{After, Connection, Reason};
use super::data::Wish;
use super::outbox::Outbox;
use super::served::{Deckies, Decky, DoorSocket};
use super::turning::Who;
use crate::edge::memory;
use crate::logic::fair::Verdict;
use crate::logic::services::{self, Growth, ServiceKind};
use crate::logic::source::Source;

/// Connections that one listener may bring before another has its turn.
const ACCEPTS: usize = 32;
/// How long a visitor for whom too much is held may take nothing of it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes held after which it is worth while to give memory back.
const MUCH: usize = 4 * 1024 * 1024;

impl Deckies {
    /// Ends the connections whose time is up, and those of visitors who have more held for them
    /// than they may and let go of nothing.
    pub(super) fn sweep(&mut self, now: Instant, outbox: &mut Outbox) {
        let limits = self.limits;
        let expired: Vec<(usize, Reason)> = self
            .connections
            .iter()
            .filter_map(|(index, connection)| Some((index, connection.expired(&limits, now)?)))
            .collect();
        for (index, reason) in expired {
            self.close(index, reason, outbox);
        }
        let stuck: Vec<Source> =
            self.parked.keys().filter(|source| !self.held.has_room(**source)).copied().collect();
        for source in stuck {
            self.relieve(source, now, outbox);
        }
        self.swollen |= self.held.used() > MUCH;
        if self.swollen && self.held.used() < MUCH / 4 {
            memory::trim();
            self.swollen = false;
        }
        self.refused.tell(outbox);
        for (_, door) in &mut self.doors {
            if let DoorSocket::Datagram(datagrams) = &mut door.socket {
                datagrams.tell(outbox);
            }
        }
        self.keep(outbox);
    }

    pub(super) fn turn_door(&mut self, index: usize, now: Instant, outbox: &mut Outbox) {
        for _ in 0..ACCEPTS {
            let Some(door) = self.doors.get_mut(index) else { return };
            if !door.decky.whole.get() {
                // It is given a turn when the decky is.
                return;
            }
            let listener = match &mut door.socket {
                DoorSocket::Stream(listener) => &*listener,
                // Nobody waits, and nothing can be accepted.
                DoorSocket::Passive(passive) if !passive.listens() => return,
                DoorSocket::Passive(passive) => &passive.listener,
                DoorSocket::Datagram(datagrams) => {
                    if datagrams.turn(&door.decky, outbox) {
                        self.wants_turn(Who::Door(index));
                    }
                    return;
                }
            };
            match listener.accept() {
                Ok((stream, peer)) => {
                    let (decky, service) = (door.decky.clone(), door.service);
                    self.accept(stream, peer, decky, service, now, outbox);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The visitor gave up, or there are no descriptors left: others may fare better.
                Err(_) => break,
            }
        }
        self.wants_turn(Who::Door(index));
    }

    fn accept(
        &mut self,
        mut stream: TcpStream,
        peer: SocketAddr,
        decky: Rc<Decky>,
        service: usize,
        now: Instant,
        outbox: &mut Outbox,
    ) {
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let Ok(local) = stream.local_addr() else { return };
        let local = SocketAddr::new(local.ip().to_canonical(), local.port());
        let waits = self.waiting.find(decky.id, local.port(), peer.ip());
        if let Some(index) = waits {
            return self.join(index, stream, now, outbox);
        }
        let Some(spec) = decky.services.get(service) else { return };
        let kind = spec.kind();
        let session = services::begin(&spec.settings);
        let source = decky.source(peer.ip());
        // Whoever comes to a data connection's port and is not waited for has no business there.
        let strange = kind == ServiceKind::Ftp && local.port() != spec.port;
        if strange || !self.has_place(source, outbox) {
            let visitor = Connection::new(stream, decky, kind, session, [local, peer], now);
            return self.refused.put(source, visitor.turned_away(), outbox);
        }
        let entry = self.connections.vacant_entry();
        let index = entry.key();
        let both = Interest::READABLE | Interest::WRITABLE;
        if self.registry.register(&mut stream, Who::Connection(index).into(), both).is_err() {
            return;
        }
        entry.insert(Connection::new(stream, decky, kind, session, [local, peer], now));
        self.places.take(source, index);
        self.wants_turn(Who::Connection(index));
    }

    /// Whether there is a place for one more of `source`, after somebody who has more of them gave
    /// one up where all are taken.
    fn has_place(&mut self, source: Source, outbox: &mut Outbox) -> bool {
        match self.places.ask(source) {
            Verdict::Free => true,
            Verdict::Refused => false,
            Verdict::Instead(places) => {
                let active = |index: &usize| Some(self.connections.get(*index)?.active);
                let silent = places.into_iter().min_by_key(active);
                if let Some(index) = silent {
                    self.close(index, Reason::Place, outbox);
                }
                silent.is_some()
            }
        }
    }

    pub(super) fn turn_connection(&mut self, index: usize, now: Instant, outbox: &mut Outbox) {
        let Some(connection) = self.connections.get_mut(index) else { return };
        let after = connection.turn(&self.limits, &mut self.buffer, now, outbox);
        self.follow_up(index, after, now, outbox);
    }

    /// Does what is to become of a connection after its turn.
    pub(super) fn follow_up(
        &mut self,
        index: usize,
        mut after: After,
        now: Instant,
        outbox: &mut Outbox,
    ) {
        while !matches!(after, After::Close(_)) {
            let Some(connection) = self.connections.get_mut(index) else { return };
            match connection.data.wish() {
                Wish::Nothing => {
                    if connection.data.is_owed() {
                        self.wants_turn(Who::Data(index));
                    }
                    break;
                }
                Wish::Stop => self.stop_waiting(index),
                Wish::Start => after = self.start_waiting(index, now, outbox),
            }
        }
        match after {
            After::Calculate => {
                let Some(connection) = self.connections.get(index) else { return };
                self.calculations.push(connection.source(), index);
            }
            After::Close(reason) => return self.close(index, reason, outbox),
            After::More => self.wants_turn(Who::Connection(index)),
            After::Sleep(at) => self.timers.set(at, index),
            After::Wait => {}
        }
        self.weigh(index);
        while self.held.is_used_up()
            && let Some(greediest) = self.held.greediest()
        {
            self.close_largest(greediest, outbox);
        }
    }

    /// Takes note of how much is held for a connection.
    pub(super) fn weigh(&mut self, index: usize) {
        let Some(connection) = self.connections.get_mut(index) else { return };
        let (before, after) = connection.weigh();
        let source = connection.source();
        self.held.take(source, after.saturating_sub(before));
        self.held.give_back(source, before.saturating_sub(after));
        let decky = connection.decky().clone();
        self.weigh_decky(&decky);
    }

    /// Takes note of how much visitors have made a decky hold, and whether it may be more.
    pub(super) fn weigh_decky(&mut self, decky: &Decky) {
        let after = decky.state.borrow().weight();
        let before = decky.weight.replace(after);
        self.kept.take(decky.id, after.saturating_sub(before));
        self.kept.give_back(decky.id, before.saturating_sub(after));
        let has_room = self.kept.has_room(decky.id);
        decky.growth.set(if has_room { Growth::Allowed } else { Growth::Stopped });
    }

    /// Ends connections of `source` that let go of nothing, until it may go on.
    fn relieve(&mut self, source: Source, now: Instant, outbox: &mut Outbox) {
        let takes =
            |connection: &Connection| now.saturating_duration_since(connection.moved) < PATIENCE;
        let moves = |index: &usize| self.connections.get(*index).is_some_and(takes);
        // What is being read may soon be less.
        if self.places.places_of(source).iter().any(moves) {
            return;
        }
        while !self.held.has_room(source) && self.close_largest(source, outbox) {}
    }

    /// Ends the connection of `source` for which most is held; false when there is none.
    fn close_largest(&mut self, source: Source, outbox: &mut Outbox) -> bool {
        let weight = |index: &usize| self.connections.get(*index).map(Connection::weight);
        let largest = self.places.places_of(source).iter().copied().max_by_key(weight);
        if let Some(index) = largest {
            self.close(index, Reason::Memory, outbox);
        }
        largest.is_some()
    }

    pub(super) fn close(&mut self, index: usize, reason: Reason, outbox: &mut Outbox) {
        self.unkept = true;
        self.stop_waiting(index);
        let Some(mut connection) = self.connections.try_remove(index) else { return };
        connection.close(reason, outbox);
        self.weigh_decky(connection.decky());
        let source = connection.source();
        self.held.give_back(source, connection.weight());
        self.places.leave(source, index);
        if self.places.of(source) == 0 {
            self.parked.remove(&source);
        }
    }
}
