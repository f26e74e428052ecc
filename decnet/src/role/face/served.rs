//! The deckies that are served, their listeners and their connections.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::rc::Rc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use mio::net::{TcpListener, TcpStream};
use mio::unix::SourceFd;
use mio::{Interest, Poll, Registry, Token};
use slab::Slab;

use super::connection::{After, CHUNK, Connection, Reason};
use super::data::Wish;
use super::datagrams::Datagrams;
use super::outbox::Outbox;
use super::passive::{Passive, Waiting};
use super::timers::Timers;
use crate::logic::admission::{Admission, Limits};
use crate::logic::decky::{DeckyId, Identity};
use crate::logic::event::Transport;
use crate::logic::services::{self, ServiceKind, ServiceSpec, State};
use crate::logic::wire::{Served, Socket};

/// Connections that one listener may bring before another has its turn.
const ACCEPTS: usize = 64;
/// Sockets and connections that have a turn before channels are looked at again.
const TURNS: usize = 256;

/// A decky that is served.
pub(super) struct Decky {
    pub(super) id: DeckyId,
    pub(super) identity: Identity,
    pub(super) services: Vec<ServiceSpec>,
    pub(super) state: RefCell<State>,
    /// Its files are as they were left: visitors may come.
    pub(super) whole: Cell<bool>,
}

impl Decky {
    /// Whether every TCP port is served.
    pub(super) fn catches_all(&self) -> bool {
        self.services.iter().any(|service| service.kind() == ServiceKind::Tcp)
    }
}

/// Where visitors come in.
pub(super) struct Door {
    pub(super) decky: Rc<Decky>,
    service: usize,
    pub(super) socket: DoorSocket,
}

/// How they come in.
pub(super) enum DoorSocket {
    Datagram(Datagrams),
    Passive(Passive),
    Stream(TcpListener),
}

/// Something that may be ready.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Connection(usize),
    /// The data connection of this connection.
    Data(usize),
    Door(usize),
}

impl From<Token> for Who {
    fn from(Token(token): Token) -> Self {
        match token % 3 {
            0 => Self::Door(token / 3),
            1 => Self::Connection(token / 3),
            _ => Self::Data(token / 3),
        }
    }
}

impl From<Who> for Token {
    fn from(who: Who) -> Self {
        match who {
            Who::Door(index) => Self(index * 3),
            Who::Connection(index) => Self(index * 3 + 1),
            Who::Data(index) => Self(index * 3 + 2),
        }
    }
}

/// Everything that is served.
pub(super) struct Deckies {
    pub(super) registry: Registry,
    pub(super) limits: Limits,
    admission: Admission,
    pub(super) deckies: HashMap<DeckyId, Rc<Decky>>,
    /// Something may have changed that nobody keeps yet.
    pub(super) unkept: bool,
    pub(super) doors: Slab<Door>,
    pub(super) connections: Slab<Connection>,
    pub(super) waiting: Waiting,
    pub(super) ready: VecDeque<Who>,
    timers: Timers,
    pub(super) buffer: Vec<u8>,
}

impl Deckies {
    pub(super) fn new(poll: &Poll, limits: Limits) -> Result<Self> {
        Ok(Self {
            registry: poll.registry().try_clone().context("no file descriptors left")?,
            limits,
            admission: Admission::default(),
            deckies: HashMap::new(),
            unkept: false,
            doors: Slab::new(),
            connections: Slab::new(),
            waiting: Waiting::default(),
            ready: VecDeque::new(),
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
            self.ready.push_back(token.into());
        }
        self.deckies.insert(decky.id, decky);
        Ok(())
    }

    /// Serves a decky no more, and ends its connections.
    pub(super) fn remove(&mut self, id: DeckyId, outbox: &mut Outbox) {
        self.deckies.remove(&id);
        self.waiting.forget(id);
        self.doors.retain(|_, door| door.decky.id != id);
        let of_decky = |(index, connection): (usize, &Connection)| {
            (connection.decky().id == id).then_some(index)
        };
        let ended: Vec<usize> = self.connections.iter().filter_map(of_decky).collect();
        for index in ended {
            self.close(index, Reason::Removed, outbox);
        }
    }

    /// Serves nobody any more, and ends all connections.
    pub(super) fn remove_all(&mut self, outbox: &mut Outbox) {
        let ids: Vec<DeckyId> = self.deckies.keys().copied().collect();
        ids.into_iter().for_each(|id| self.remove(id, outbox));
    }

    /// Takes note that a socket is ready.
    pub(super) fn ready(&mut self, token: Token) {
        self.ready.push_back(token.into());
    }

    /// Whether anything waits for its turn.
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether nobody is connected, and nothing is to be kept.
    pub(super) fn is_idle(&self) -> bool {
        self.connections.is_empty() && !self.unkept
    }

    /// When the next connection wants to be woken.
    pub(super) fn next_timer(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Gives what is ready its turn.
    pub(super) fn turn(&mut self, now: Instant, outbox: &mut Outbox) {
        while let Some(index) = self.timers.pop(now) {
            self.ready.push_back(Who::Connection(index));
        }
        for _ in 0..TURNS {
            if outbox.is_full() {
                break;
            }
            match self.ready.pop_front() {
                None => break,
                Some(Who::Connection(index)) => self.turn_connection(index, now, outbox),
                Some(Who::Data(index)) => self.turn_data(index, now, outbox),
                Some(Who::Door(index)) => self.turn_door(index, now, outbox),
            }
        }
    }

    /// Ends the connections whose time is up.
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
        self.keep(outbox);
    }

    fn turn_door(&mut self, index: usize, now: Instant, outbox: &mut Outbox) {
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
                        self.ready.push_back(Who::Door(index));
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
        self.ready.push_back(Who::Door(index));
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
        // Whoever comes to a data connection's port and is not waited for has no business there.
        let strange = kind == ServiceKind::Ftp && local.port() != spec.port;
        if strange || !self.admission.admit(&self.limits, peer.ip()) {
            let visitor = Connection::new(stream, decky, kind, session, [local, peer], now);
            return visitor.turn_away(outbox);
        }
        let entry = self.connections.vacant_entry();
        let index = entry.key();
        let both = Interest::READABLE | Interest::WRITABLE;
        if self.registry.register(&mut stream, Who::Connection(index).into(), both).is_err() {
            self.admission.release(peer.ip());
            return;
        }
        let connection =
            entry.insert(Connection::new(stream, decky, kind, session, [local, peer], now));
        let after = connection.open(now, outbox);
        self.follow_up(index, after, now, outbox);
    }

    fn turn_connection(&mut self, index: usize, now: Instant, outbox: &mut Outbox) {
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
                        self.ready.push_back(Who::Data(index));
                    }
                    break;
                }
                Wish::Stop => self.stop_waiting(index),
                Wish::Start => after = self.start_waiting(index, now, outbox),
            }
        }
        match after {
            After::Close(reason) => self.close(index, reason, outbox),
            After::More => self.ready.push_back(Who::Connection(index)),
            After::Sleep(at) => self.timers.set(at, index),
            After::Wait => {}
        }
    }

    fn close(&mut self, index: usize, reason: Reason, outbox: &mut Outbox) {
        self.unkept = true;
        self.stop_waiting(index);
        let Some(mut connection) = self.connections.try_remove(index) else { return };
        connection.close(reason, outbox);
        self.admission.release(connection.peer().ip());
    }
}
