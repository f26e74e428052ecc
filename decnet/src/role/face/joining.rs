//! How a data connection finds the connection that it belongs to.

use std::time::Instant;

use mio::net::TcpStream;
use mio::{Interest, Token};

use super::connection::After;
use super::data::DataAfter;
use super::outbox::Outbox;
use super::passive::Passive;
use super::served::{Deckies, DoorSocket};
use super::turning::Who;
use crate::edge::random;
use crate::logic::wire::Joined;

impl Deckies {
    /// Waits for a data connection of whoever has this connection.
    pub(super) fn start_waiting(
        &mut self,
        index: usize,
        now: Instant,
        outbox: &mut Outbox,
    ) -> After {
        self.stop_waiting(index);
        let Some(connection) = self.connections.get_mut(index) else { return After::Wait };
        let (decky, peer) = (connection.decky().clone(), connection.peer().ip());
        let mut ports = self.waiting.free(&decky, peer);
        let mut noise = [0];
        random::fill(&mut noise);
        let turn = usize::from(noise[0]) % ports.len().max(1);
        ports.rotate_left(turn);
        let port = ports.into_iter().find(|port| {
            // Without a socket of its own the port is the catch-all's, which listens anyway.
            let Some(at) = self.waiting.door(decky.id, *port) else { return decky.catches_all() };
            self.passive(at).is_some_and(Passive::begin)
        });
        if let Some(port) = port {
            self.waiting.put(decky.id, port, peer, index);
        }
        let Some(connection) = self.connections.get_mut(index) else { return After::Wait };
        connection.data_port(port, now, outbox)
    }

    /// Waits no more.
    pub(super) fn stop_waiting(&mut self, index: usize) {
        let Some(connection) = self.connections.get_mut(index) else { return };
        let Some(port) = connection.data.port.take() else { return };
        let (id, peer) = (connection.decky().id, connection.peer().ip());
        self.waiting.remove(id, port, peer);
        let door = self.waiting.door(id, port);
        if let Some(passive) = door.and_then(|door| self.passive(door)) {
            passive.cease();
        }
    }

    fn passive(&mut self, door: usize) -> Option<&mut Passive> {
        match &mut self.doors.get_mut(door)?.socket {
            DoorSocket::Passive(passive) => Some(passive),
            DoorSocket::Datagram(_) | DoorSocket::Stream(_) => None,
        }
    }

    /// Gives a data connection to the connection that waits for it.
    pub(super) fn join(
        &mut self,
        index: usize,
        mut stream: TcpStream,
        now: Instant,
        outbox: &mut Outbox,
    ) {
        let both = Interest::READABLE | Interest::WRITABLE;
        let token = Token::from(Who::Data(index));
        if self.registry.register(&mut stream, token, both).is_err() {
            return;
        }
        let Some(connection) = self.connections.get_mut(index) else { return };
        if let Some(port) = connection.data.port {
            let (decky, peer) = (connection.decky().id, connection.peer().ip());
            outbox.join(connection.source(), Joined { decky, peer, port });
        }
        self.stop_waiting(index);
        let Some(connection) = self.connections.get_mut(index) else { return };
        let after = connection.data_open(stream, now, outbox);
        self.ready(token);
        self.follow_up(index, after, now, outbox);
    }

    /// Gives a data connection its turn.
    pub(super) fn turn_data(&mut self, index: usize, now: Instant, outbox: &mut Outbox) {
        let Some(connection) = self.connections.get_mut(index) else { return };
        let (after, more) = connection.data_turn(&self.limits, &mut self.buffer, now, outbox);
        self.follow_up(index, after, now, outbox);
        if more == DataAfter::More {
            self.ready(Who::Data(index).into());
        }
    }
}
