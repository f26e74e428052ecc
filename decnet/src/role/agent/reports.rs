//! What the face reports becomes events.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::engine::Engine;
use crate::edge::channel::{ChannelError, Message};
use crate::edge::clock;
use crate::logic::event::{Event, Kind, Source, Target};
use crate::logic::wire::{FromFace, Reported, decode_each};

/// Messages taken before anything else is looked at.
const TURN: usize = 64;
/// How long the keeper and the face may take to end.
const LAST_WORDS: Duration = Duration::from_secs(3);

impl Engine {
    /// Takes what the face has reported.
    pub(super) fn hear_face(&mut self) -> Result<()> {
        // Whoever connects was sighted before: so is known by the time it is reported.
        self.take_sightings()?;
        for _ in 0..TURN {
            let message = match self.keeper.hear_face() {
                Ok(message) => message,
                Err(ChannelError::NotReady | ChannelError::Closed) => return Ok(()),
                Err(error) => return Err(error).context("cannot hear the face"),
            };
            self.take_message(&message);
        }
        Ok(())
    }

    /// Ends the keeper and the face, and takes what the face still reports: every connection's end.
    pub(super) fn end_visits(&mut self) {
        let until = Instant::now() + LAST_WORDS;
        self.keeper.finish();
        while let Some(message) = self.keeper.hear_last(until) {
            self.take_message(&message);
        }
        let ended = self.keeper.end_by(until);
        tracing::debug!(%ended, "the keeper has ended");
    }

    fn take_message(&mut self, message: &Message) {
        let taken = decode_each(&message.bytes, |said| match said {
            FromFace::Changed(id, change) => self.keep_change(id, *change),
            FromFace::Joined(joined) => {
                self.capture.visitors().connected(joined.peer, joined.decky, joined.port);
            }
            FromFace::Reported(reported) => self.put_report(*reported),
        });
        if let Err(error) = taken {
            tracing::error!(%error, "the face speaks another protocol");
        }
    }

    fn put_report(&mut self, reported: Reported) {
        let Some(part) = self.fleet.part(reported.decky) else { return };
        let (peer, local) = (reported.peer, reported.local);
        let report = reported.report;
        if report.kind == Kind::ConnOpen {
            self.capture.visitors().connected(peer.ip(), reported.decky, local.port());
        }
        // The face's word is good for the past only.
        let mut event = self.stamp.event(report.kind, reported.at.min(clock::now()));
        let source = self.capture.visitors().source(peer.ip());
        let filled = Event {
            decky: Some(part),
            src: Some(Source { port: Some(peer.port()), ..source }),
            dst: Some(Target { ip: local.ip(), port: Some(local.port()) }),
            transport: Some(reported.service.transport()),
            service: Some(reported.service.as_str().into()),
            session: Some(reported.session),
            outcome: report.outcome,
            creds: report.creds,
            data: report.data,
            raw: report.raw,
            ..event
        };
        event = filled;
        self.writer.event(event);
    }
}
