//! Who waits for a data connection, and at which port.
//!
//! A port accepts only while somebody waits at it, so that a scan finds it closed. One port serves
//! several visitors at a time, told apart by their addresses. On a decky whose catch-all has every
//! port nothing listens here: the connection comes in by the catch-all.

use std::collections::HashMap;
use std::net::IpAddr;

use mio::net::TcpListener;

use crate::edge::listen;
use crate::logic::decky::DeckyId;
use crate::logic::services::ftp;

use super::served::Decky;

/// A socket that may be let listen.
pub(super) struct Passive {
    pub(super) listener: TcpListener,
    waiting: usize,
}

impl Passive {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self { listener, waiting: 0 }
    }

    /// One more waits; false when the kernel does not let it listen.
    pub(super) fn begin(&mut self) -> bool {
        let listens = self.waiting > 0 || listen::begin(&self.listener).is_ok();
        self.waiting += usize::from(listens);
        listens
    }

    /// One fewer waits.
    pub(super) fn cease(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
        if self.waiting == 0 {
            // It can fail for a socket that does not listen, which is as good.
            listen::cease(&self.listener).unwrap_or_default();
        }
    }

    /// Whether anybody waits.
    pub(super) fn listens(&self) -> bool {
        self.waiting > 0
    }
}

/// Whom a data connection is for, by where it arrives and whence.
#[derive(Default)]
pub(super) struct Waiting {
    by: HashMap<(DeckyId, u16, IpAddr), usize>,
    doors: HashMap<(DeckyId, u16), usize>,
}

impl Waiting {
    /// Takes note of the door at which a port can be let listen.
    pub(super) fn add_door(&mut self, decky: DeckyId, port: u16, door: usize) {
        self.doors.insert((decky, port), door);
    }

    /// The door of a port; none where the catch-all has it.
    pub(super) fn door(&self, decky: DeckyId, port: u16) -> Option<usize> {
        self.doors.get(&(decky, port)).copied()
    }

    /// Forgets the doors of a decky.
    pub(super) fn forget(&mut self, decky: DeckyId) {
        self.doors.retain(|(id, _), _| *id != decky);
    }

    /// The connection that waits for a data connection to this port from there.
    pub(super) fn find(&self, decky: DeckyId, port: u16, peer: IpAddr) -> Option<usize> {
        self.by.get(&(decky, port, peer)).copied()
    }

    /// Ports of a decky at which nobody of this address waits yet.
    pub(super) fn free(&self, decky: &Decky, peer: IpAddr) -> Vec<u16> {
        let mut ports = ftp::passive_ports(&decky.identity, &decky.services);
        ports.retain(|port| self.find(decky.id, *port, peer).is_none());
        ports
    }

    pub(super) fn put(&mut self, decky: DeckyId, port: u16, peer: IpAddr, connection: usize) {
        self.by.insert((decky, port, peer), connection);
    }

    pub(super) fn remove(&mut self, decky: DeckyId, port: u16, peer: IpAddr) {
        self.by.remove(&(decky, port, peer));
    }
}
