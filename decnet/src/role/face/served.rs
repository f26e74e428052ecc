//! The deckies that are served, their listeners and their connections.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv6Addr};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::rc::Rc;

use anyhow::{Context as _, Result};
use ipnet::Ipv6Net;
use mio::net::TcpListener;
use mio::unix::SourceFd;
use mio::{Interest, Poll, Registry, Token};
use slab::Slab;

use super::connection::{CHUNK, Connection, Reason};
use super::datagrams::Datagrams;
use super::keeping::Keeping;
use super::outbox::Outbox;
use super::passive::{Passive, Waiting};
use super::refused::Refused;
use super::timers::Timers;
use super::turning::{Ready, Who};
use crate::edge::random;
use crate::logic::admission::Limits;
use crate::logic::decky::{DeckyId, Identity};
use crate::logic::event::Transport;
use crate::logic::fair::{Budget, Calculations, Places};
use crate::logic::services::{Growth, ServiceKind, ServiceSpec, State};
use crate::logic::source::Source;
use crate::logic::wire::{Served, Socket};

/// Bytes that are held for all visitors: what they have not read, and what is not whole yet.
const HELD: usize = 64 * 1024 * 1024;

/// Bytes that all deckies hold of what visitors left: files, and keys of Redis.
const KEPT: usize = 256 * 1024 * 1024;
/// A decky may hold more while it holds less than one part in so many of what is free: alone it gets
/// a third.
const KEPT_PART: usize = 2;

/// A decky that is served.
pub(super) struct Decky {
    pub(super) id: DeckyId,
    pub(super) identity: Identity,
    pub(super) services: Vec<ServiceSpec>,
    pub(super) state: RefCell<State>,
    /// Its files are as they were left: visitors may come.
    pub(super) whole: Cell<bool>,
    /// Whether visitors may make it hold more.
    pub(super) growth: Cell<Growth>,
    /// Bytes that it held when that was last looked at.
    pub(super) weight: Cell<usize>,
}

impl Decky {
    /// Whether every TCP port is served.
    pub(super) fn catches_all(&self) -> bool {
        self.services.iter().any(|service| service.kind() == ServiceKind::Tcp)
    }

    /// Whose visit that is which comes from there.
    pub(super) fn source(&self, peer: IpAddr) -> Source {
        Source::of(peer, self.identity.ip6.and_then(link).as_slice())
    }
}

/// The network beside a decky with this address: links have a /64.
fn link(own: Ipv6Addr) -> Option<Ipv6Net> {
    Ipv6Net::new(own, 64).ok().map(|net| net.trunc())
}

/// Where visitors come in.
pub(super) struct Door {
    pub(super) decky: Rc<Decky>,
    pub(super) service: usize,
    pub(super) socket: DoorSocket,
}

/// How they come in.
pub(super) enum DoorSocket {
    Datagram(Datagrams),
    Passive(Passive),
    Stream(TcpListener),
}

/// Everything that is served.
pub(super) struct Deckies {
    pub(super) registry: Registry,
    pub(super) limits: Limits,
    pub(super) places: Places,
    /// Bytes that deckies hold of what visitors left.
    pub(super) kept: Budget<DeckyId>,
    /// Bytes that are held for each.
    pub(super) held: Budget<Source>,
    pub(super) refused: Refused,
    pub(super) deckies: HashMap<DeckyId, Rc<Decky>>,
    /// Something may have changed that nobody keeps yet.
    pub(super) unkept: bool,
    /// Files on their way to whoever keeps them.
    pub(super) keeping: Keeping,
    pub(super) doors: Slab<Door>,
    pub(super) connections: Slab<Connection>,
    pub(super) waiting: Waiting,
    pub(super) ready: Ready,
    pub(super) calculations: Calculations<Source, usize>,
    /// Whether so much was held that memory is to be given back once it is not any more.
    pub(super) swollen: bool,
    /// What waits until its source may go on.
    pub(super) parked: HashMap<Source, HashSet<Who>>,
    pub(super) timers: Timers,
    pub(super) buffer: Vec<u8>,
}

impl Deckies {
    pub(super) fn new(poll: &Poll, limits: Limits) -> Result<Self> {
        let mut salt = [0; 8];
        random::fill(&mut salt);
        Ok(Self {
            registry: poll.registry().try_clone().context("no file descriptors left")?,
            limits,
            places: Places::new(limits.connections, limits.per_source, u64::from_ne_bytes(salt)),
            kept: Budget::with_part(KEPT, KEPT_PART),
            held: Budget::new(HELD),
            refused: Refused::default(),
            deckies: HashMap::new(),
            unkept: false,
            keeping: Keeping::default(),
            doors: Slab::new(),
            connections: Slab::new(),
            waiting: Waiting::default(),
            ready: Ready::default(),
            calculations: Calculations::default(),
            swollen: false,
            parked: HashMap::new(),
            timers: Timers::default(),
            buffer: vec![0; CHUNK],
        })
    }

    /// Serves a decky.
    pub(super) fn add(&mut self, served: Served, fds: Vec<OwnedFd>) -> Result<()> {
        let decky = Rc::new(Decky {
            id: served.id,
            identity: served.identity,
            services: served.services,
            state: RefCell::default(),
            whole: Cell::new(false),
            growth: Cell::new(Growth::Allowed),
            weight: Cell::new(0),
        });
        for (socket, fd) in served.sockets.iter().zip(fds) {
            let index = match *socket {
                Socket::Service(index) => usize::from(index),
                Socket::Passive(_) => {
                    let ftp = |service: &ServiceSpec| service.kind() == ServiceKind::Ftp;
                    decky.services.iter().position(ftp).unwrap_or(usize::MAX)
                }
            };
            let Some(service) = decky.services.get(index) else { continue };
            let entry = self.doors.vacant_entry();
            let token = Token::from(Who::Door(entry.key()));
            let raw = fd.as_raw_fd();
            self.registry
                .register(&mut SourceFd(&raw), token, Interest::READABLE)
                .context("cannot watch a decky's socket")?;
            let socket = match (*socket, service.kind().transport()) {
                (Socket::Passive(port), _) => {
                    let listener = TcpListener::from_std(fd.into());
                    self.waiting.add_door(decky.id, port, entry.key());
                    DoorSocket::Passive(Passive::new(listener))
                }
                (_, Transport::Udp) => DoorSocket::Datagram(Datagrams::new(fd)),
                _ => DoorSocket::Stream(TcpListener::from_std(fd.into())),
            };
            entry.insert(Door { decky: decky.clone(), service: index, socket });
            // Visitors may have come before the socket was watched.
            self.ready(token);
        }
        self.deckies.insert(decky.id, decky);
        Ok(())
    }

    /// Serves a decky no more, and ends its connections.
    pub(super) fn remove(&mut self, id: DeckyId, outbox: &mut Outbox) {
        let decky = self.deckies.remove(&id);
        self.keep_no_more(id, outbox);
        self.waiting.forget(id);
        self.doors.retain(|_, door| door.decky.id != id);
        let of_decky = |(index, connection): (usize, &Connection)| {
            (connection.decky().id == id).then_some(index)
        };
        let ended: Vec<usize> = self.connections.iter().filter_map(of_decky).collect();
        for index in ended {
            self.close(index, Reason::Removed, outbox);
        }
        if let Some(decky) = decky {
            self.kept.give_back(id, decky.weight.replace(0));
        }
    }

    /// Ends all connections.
    pub(super) fn close_all(&mut self, outbox: &mut Outbox) {
        let all: Vec<usize> = self.connections.iter().map(|(index, _)| index).collect();
        all.into_iter().for_each(|index| self.close(index, Reason::Removed, outbox));
    }

    /// Serves nobody any more, and ends all connections.
    pub(super) fn remove_all(&mut self, outbox: &mut Outbox) {
        let ids: Vec<DeckyId> = self.deckies.keys().copied().collect();
        ids.into_iter().for_each(|id| self.remove(id, outbox));
    }

    /// Whether nobody is connected, and nothing is to be kept.
    pub(super) fn is_idle(&self) -> bool {
        self.connections.is_empty() && !self.unkept
    }
}
