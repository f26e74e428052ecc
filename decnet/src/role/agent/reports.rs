//! What the face reports becomes events.
//!
//! **Invariant**: whatever the face says, it can end itself with it and nothing else.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::Result;
use decnet_ebpf::kind;

use super::engine::Engine;
use crate::edge::channel::{ChannelError, Message};
use crate::edge::clock;
use crate::logic::decky::DeckyId;
use crate::logic::event::{Event, Kind, Outcome, Source, Target, Transport};
use crate::logic::face::{FaceEnd, Fault, obituary};
use crate::logic::sighting::{Peer, tally_key};
use crate::logic::wire::{FromFace, Reported, decode_each};

/// Messages taken before anything else is looked at.
const TURN: usize = 64;
/// Things said after which the same.
const SAID: u32 = 16 * 1024;
/// How long the keeper and the face may take to end.
const LAST_WORDS: Duration = Duration::from_secs(3);

impl Engine {
    /// Takes what the face has reported. A face that says what none does is ended, and nothing else.
    pub(super) fn hear_face(&mut self) -> Result<()> {
        // Whoever connects was sighted before: so is known by the time it is reported.
        self.take_sightings()?;
        let mut said = 0;
        for _ in 0..TURN {
            if self.writer.has_much() {
                break;
            }
            match self.hear_message() {
                Ok(None) => break,
                Ok(Some(_)) if self.keeper.is_condemned() => {}
                Ok(Some(message)) => match self.take_message(&message) {
                    Ok(count) => said += count,
                    Err(fault) => self.condemn(fault)?,
                },
                Err(fault) => self.condemn(fault)?,
            }
            if said >= SAID {
                break;
            }
        }
        Ok(())
    }

    /// Takes what a face that has ended still said; what one that was condemned did is worth nothing.
    pub(super) fn hear_rest(&mut self, fault: Option<Fault>) -> Result<()> {
        self.take_sightings()?;
        while let Ok(Some(message)) = self.hear_message() {
            if fault.is_none() && self.take_message(&message).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn hear_message(&self) -> Result<Option<Message>, Fault> {
        match self.keeper.hear_face() {
            Ok(message) if message.fds.is_empty() => Ok(Some(message)),
            Ok(_) => Err(Fault::Descriptors),
            // Without a keeper there is no face either, and that is found out by listening to it.
            Err(ChannelError::NotReady | ChannelError::Closed) => Ok(None),
            Err(ChannelError::Truncated) => Err(Fault::Oversized),
            Err(ChannelError::Os { .. }) => Err(Fault::Malformed),
        }
    }

    /// Ends the face for what it has done; another follows.
    pub(super) fn condemn(&mut self, fault: Fault) -> Result<()> {
        if !self.keeper.is_condemned() {
            tracing::warn!(?fault, "the face does what no face does, ending it");
        }
        self.keeper.condemn(fault)
    }

    /// Takes note that another face serves.
    pub(super) fn face_replaced(&mut self, how: FaceEnd) -> Result<()> {
        let fault = self.keeper.face_replaced();
        self.hear_rest(fault)?;
        tracing::warn!(?how, ?fault, "the face has ended, another serves");
        self.put(Kind::FaceEnded, |event| {
            event.outcome = Some(Outcome::Failure);
            event.data = obituary(how, fault);
        });
        self.restore_all(self.fleet.all_up())
    }

    /// Ends the keeper and the face, and takes what the face still reports: every connection's end.
    pub(super) fn end_visits(&mut self) {
        let until = Instant::now() + LAST_WORDS;
        self.keeper.finish();
        while let Some(message) = self.keeper.hear_last(until) {
            if self.keeper.is_condemned() || self.take_message(&message).is_err() {
                break;
            }
        }
        let ended = self.keeper.end_by(until);
        tracing::debug!(%ended, "the keeper has ended");
    }

    /// Takes what a message says, and how many things that was.
    fn take_message(&mut self, message: &Message) -> Result<u32, Fault> {
        let (mut count, mut fault) = (0_u32, None);
        let taken = decode_each(&message.bytes, |said| {
            count = count.saturating_add(1);
            match said {
                FromFace::Changed(id, change, whole) => self.keep_change(id, *change, whole),
                FromFace::Joined(joined) => {
                    self.capture.visitors().connected(joined.peer, joined.decky, joined.port);
                }
                FromFace::Piece(sent) => self.writer.piece(sent),
                FromFace::Reported(reported) => {
                    fault = fault.or(self.put_report(*reported).err());
                }
            }
        });
        self.keeper.pace(count.saturating_add(1), clock::monotonic().as_secs())?;
        match (taken, fault) {
            (Err(_), _) => Err(Fault::Malformed),
            (Ok(()), Some(fault)) => Err(fault),
            (Ok(()), None) => Ok(count),
        }
    }

    fn put_report(&mut self, reported: Reported) -> Result<(), Fault> {
        let Some(part) = self.fleet.part(reported.decky) else { return Ok(()) };
        let offers = self.fleet.decky(reported.decky).is_some_and(|decky| {
            decky.services.iter().any(|service| service.kind() == reported.service)
        });
        if !offers {
            return Err(Fault::Foreign);
        }
        let (peer, local) = (reported.peer, reported.local);
        let report = reported.report;
        if report.kind == Kind::ConnOpen {
            self.capture.visitors().connected(peer.ip(), reported.decky, local.port());
        }
        // The face's word is good for the past only.
        let mut event = self.stamp.event(report.kind, reported.at.min(clock::now()));
        let source = self.capture.visitors().source(peer.ip());
        let mut data = report.data;
        if !self.has_seen(peer.ip(), reported.decky, reported.service.transport()) {
            data.put("unseen", true);
        }
        let filled = Event {
            decky: Some(part),
            src: Some(Source { port: Some(peer.port()), ..source }),
            dst: Some(Target { ip: local.ip(), port: Some(local.port()) }),
            transport: Some(reported.service.transport()),
            service: Some(reported.service.as_str().into()),
            session: Some(reported.session),
            outcome: report.outcome,
            creds: report.creds,
            data,
            raw: report.raw,
            ..event
        };
        event = filled;
        self.writer.event_of(event, report.whole);
        Ok(())
    }

    /// Whether the capture knows of a source what the face says of it: it was met, or the kernel
    /// half counts it at this decky, as it does for those whom an agent before this one met.
    fn has_seen(&mut self, ip: IpAddr, decky: DeckyId, transport: Transport) -> bool {
        if self.capture.visitors().has_met(ip) {
            return true;
        }
        let kind = if transport == Transport::Udp { kind::UDP } else { kind::SYN };
        let key = tally_key(Peer::Ip(ip), decky, kind);
        self.maps.tally(&key).is_ok_and(|tally| tally.is_some())
    }
}
