//! The face, as the keeper sees it.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::edge::channel::{Channel, ChannelError};
use crate::edge::child::{self, Group, Streams};
use crate::edge::clock;
use crate::logic::face::FaceEnd;
use crate::logic::wire::{ToFace, encode};

/// How long the face may leave unread what it is told. One that serves reads at every turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a face that has closed its channel may take to be seen to end.
const SOON: Duration = Duration::from_millis(200);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(1);

/// What every face is given.
#[derive(Debug)]
pub(super) struct Ties {
    /// Its end of the channel to the agent.
    reports: OwnedFd,
    /// Where its messages go.
    errors: OwnedFd,
    /// What guards the deckies, for it to hold as long as it lives.
    guard: Vec<OwnedFd>,
}

impl Ties {
    /// As the agent has sent them.
    pub(super) fn new(fds: Vec<OwnedFd>) -> Option<Self> {
        let mut fds = fds.into_iter();
        Some(Self { reports: fds.next()?, errors: fds.next()?, guard: fds.collect() })
    }
}

/// A running face. It never outlives this value.
pub(super) struct Face {
    channel: Channel,
    process: Child,
    /// It does not take what it is told.
    stuck: bool,
}

impl Face {
    /// Starts a face.
    pub(super) fn start(ties: &Ties) -> Result<Self> {
        let (ours, theirs) = Channel::pair()?;
        let copy = |fd: BorrowedFd<'_>| fd.try_clone_to_owned().context("no file descriptors left");
        let streams = Streams {
            input: Stdio::from(copy(theirs.as_fd())?),
            output: Stdio::from(copy(ties.reports.as_fd())?),
            errors: Stdio::from(copy(ties.errors.as_fd())?),
        };
        drop(theirs);
        // In our own group, which it cannot leave: the agent ends that when we end unexpectedly.
        let process = child::start_with("face", &[], streams, Group::Ours)?;
        let mut face = Self { channel: ours, process, stuck: false };
        let guard: Vec<BorrowedFd<'_>> = ties.guard.iter().map(|fd| fd.as_fd()).collect();
        face.send(&encode(&ToFace::Hold)?, &guard)?;
        Ok(face)
    }

    /// Becomes readable when the face is gone: it never says anything here.
    pub(super) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Whether it has to be replaced although it may still run.
    pub(super) fn is_stuck(&self) -> bool {
        self.stuck
    }

    /// Sends a message. To a face that is gone it is lost, which is found out by waiting; one that
    /// does not take it is stuck.
    pub(super) fn send(&mut self, message: &[u8], fds: &[BorrowedFd<'_>]) -> Result<()> {
        if self.stuck {
            return Ok(());
        }
        match self.channel.send_by(message, fds, Instant::now() + PATIENCE) {
            Ok(()) | Err(ChannelError::Closed) => {}
            Err(ChannelError::NotReady) => self.stuck = true,
            Err(error) => return Err(error).context("cannot reach the face"),
        }
        Ok(())
    }

    /// Asks it to end in good order, waits for that until then, and makes sure of it.
    pub(super) fn finish(&mut self, until: Instant) {
        self.channel.finish();
        // It never says anything here: readable is closed, which comes with its end.
        self.channel.is_readable_by(until);
        self.end();
    }

    /// Makes sure that it has ended, and says how.
    pub(super) fn end(&mut self) -> FaceEnd {
        let until = Instant::now() + SOON;
        // Its descriptors are closed a little before its end can be seen.
        while !self.stuck && Instant::now() < until {
            match self.process.try_wait() {
                Ok(Some(status)) => return how(status),
                Ok(None) => clock::pause(LOOK),
                Err(_) => break,
            }
        }
        self.kill();
        if self.stuck { FaceEnd::Stuck } else { FaceEnd::Spoke }
    }

    /// Kills it and waits for its end. One that has ended has been waited for.
    pub(super) fn kill(&mut self) {
        drop(self.process.kill().and_then(|()| self.process.wait()));
    }
}

impl Drop for Face {
    fn drop(&mut self) {
        self.kill();
    }
}

fn how(status: ExitStatus) -> FaceEnd {
    match (status.code(), status.signal()) {
        (Some(code), _) => FaceEnd::Exited(code),
        (None, signal) => FaceEnd::Killed(signal.unwrap_or(0)),
    }
}
