//! The UDP catch-all: the first datagram of each visitor to each port is reported, none answered.
//!
//! Datagrams of one visitor cannot be made to wait without those of others. So those that a visitor
//! sends beyond a share of what may wait for the agent are counted, and told together.

use std::collections::{HashMap, HashSet};
use std::io::IoSliceMut;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd as _, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg};

use super::outbox::Outbox;
use super::served::Decky;
use crate::edge::{clock, random};
use crate::logic::event::{Data, Kind, Outcome, Raw, SessionId};
use crate::logic::services::{Piece, Report, ServiceKind};
use crate::logic::source::Source;
use crate::logic::wire::Reported;

/// Datagrams that one socket may bring before another has its turn.
const TURN: usize = 64;
/// Bytes of a datagram that are read; none is longer.
const LARGEST: usize = 65_536;
/// Ways from one source that are remembered to have been reported; then all of it are forgotten.
const REMEMBERED: usize = 256;
/// Sources of which any are remembered; then all are forgotten.
const SOURCES: usize = 1_024;

/// A socket of the catch-all.
pub(super) struct Datagrams {
    socket: OwnedFd,
    /// Visitors' addresses and deckies' ports.
    reported: HashMap<Source, HashSet<(SocketAddr, u16)>>,
    /// What is to be told when there is room: the last, how many and how many bytes.
    unreported: HashMap<Source, (Reported, u64, u64)>,
}

impl Datagrams {
    pub(super) fn new(socket: OwnedFd) -> Self {
        Self { socket, reported: HashMap::new(), unreported: HashMap::new() }
    }

    /// Tells of what was only counted, as far as there is room.
    pub(super) fn tell(&mut self, outbox: &mut Outbox) {
        self.unreported.retain(|source, (last, count, bytes)| {
            if !outbox.has_room(*source) {
                return true;
            }
            let data = Data::new().with("count", *count).with("bytes", *bytes);
            last.report = Report::new(Kind::Payload).outcome(Outcome::Limited).data(data);
            outbox.put(*source, last.clone());
            false
        });
    }

    /// Takes what has come; true when there may be more.
    pub(super) fn turn(&mut self, decky: &Decky, outbox: &mut Outbox) -> bool {
        let mut bytes = vec![0; LARGEST];
        for _ in 0..TURN {
            match self.receive(&mut bytes) {
                Ok((length, peer, local)) => {
                    let datagram = bytes.get(..length).unwrap_or_default();
                    self.report(datagram, peer, local, decky, outbox);
                }
                Err(Errno::EAGAIN) => return false,
                // An ICMP error about something sent before; the next datagram may be good.
                Err(_) => {}
            }
        }
        true
    }

    fn receive(&self, bytes: &mut [u8]) -> nix::Result<(usize, SocketAddr, SocketAddr)> {
        let mut space = nix::cmsg_space!(nix::libc::sockaddr_in6, nix::libc::sockaddr_in);
        let mut parts = [IoSliceMut::new(bytes)];
        let flags = MsgFlags::MSG_DONTWAIT;
        let got = recvmsg::<SockaddrStorage>(
            self.socket.as_raw_fd(),
            &mut parts,
            Some(&mut space),
            flags,
        )?;
        let peer = got.address.as_ref().and_then(address).ok_or(Errno::EAFNOSUPPORT)?;
        let local = got.cmsgs()?.find_map(|control| match control {
            ControlMessageOwned::Ipv4OrigDstAddr(to) => Some(SocketAddr::from((
                u32::from_be(to.sin_addr.s_addr).to_be_bytes(),
                u16::from_be(to.sin_port),
            ))),
            ControlMessageOwned::Ipv6OrigDstAddr(to) => {
                Some(SocketAddr::from((to.sin6_addr.s6_addr, u16::from_be(to.sin6_port))))
            }
            _ => None,
        });
        Ok((got.bytes, peer, local.ok_or(Errno::EDESTADDRREQ)?))
    }

    fn report(
        &mut self,
        datagram: &[u8],
        peer: SocketAddr,
        local: SocketAddr,
        decky: &Decky,
        outbox: &mut Outbox,
    ) {
        let source = decky.source(peer.ip().to_canonical());
        if self.reported.len() >= SOURCES {
            self.reported.clear();
        }
        let ways = self.reported.entry(source).or_default();
        if ways.len() >= REMEMBERED {
            ways.clear();
        }
        if !ways.insert((peer, local.port())) {
            return;
        }
        let now = clock::now();
        let mut chance = [0; 2];
        random::fill(&mut chance);
        let mut raw = Raw::of(datagram);
        let session = SessionId::new(now, u16::from_ne_bytes(chance));
        let whole = raw.whole.take().filter(|_| outbox.has_room(source));
        if let Some(whole) = &whole {
            outbox.piece(source, session, Piece { of: 0, bytes: Some(whole.to_vec()) });
        }
        let report = Report::new(Kind::Payload).data(Data::new().with("bytes", raw.len)).raw(raw);
        let reported = Reported {
            decky: decky.id,
            at: now,
            service: ServiceKind::Udp,
            session,
            peer,
            local,
            report: Report { whole: whole.map(|_| 0), ..report },
        };
        if reported.report.whole.is_some()
            || outbox.has_room(source)
            || self.unreported.len() >= SOURCES
        {
            return outbox.put(source, reported);
        }
        let first = || (reported.clone(), 0, 0);
        let (last, count, bytes) = self.unreported.entry(source).or_insert_with(first);
        *last = reported;
        *count += 1;
        *bytes = bytes.saturating_add(datagram.len() as u64);
    }
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage.as_sockaddr_in().map(|a| SocketAddr::from((a.ip(), a.port())));
    v4.or_else(|| storage.as_sockaddr_in6().map(|a| SocketAddr::from((a.ip(), a.port()))))
}
