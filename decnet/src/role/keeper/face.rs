//! The face, as the keeper sees it.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::process::Child;
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::edge::channel::{Channel, ChannelError, Wait};
use crate::edge::child;

/// A running face.
pub(super) struct Face {
    channel: Channel,
    process: Child,
}

impl Face {
    /// Starts a face that sends its reports through `reports`.
    pub(super) fn start(reports: &OwnedFd) -> Result<Self> {
        let (ours, theirs) = Channel::pair()?;
        let input = theirs.as_fd().try_clone_to_owned().context("no file descriptors left")?;
        let output = reports.try_clone().context("no file descriptors left")?;
        drop(theirs);
        let process = child::start("face", &[], Some(input), Some(output))?;
        Ok(Self { channel: ours, process })
    }

    /// Becomes readable when the face is gone: it never says anything here.
    pub(super) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Sends a message. To a face that is gone it is lost, which is found out by waiting.
    pub(super) fn send(&self, message: &[u8], fds: &[BorrowedFd<'_>]) -> Result<()> {
        match self.channel.send(message, fds, Wait::Yes) {
            Ok(()) | Err(ChannelError::Closed) => Ok(()),
            Err(error) => Err(error).context("cannot reach the face"),
        }
    }

    /// Asks it to end in good order, waits for that until then, and makes sure of it.
    pub(super) fn finish(&mut self, until: Instant) -> String {
        self.channel.finish();
        // It never says anything here: readable is closed, which comes with its end.
        self.channel.is_readable_by(until);
        self.end()
    }

    /// Makes sure that it has ended, and says how.
    pub(super) fn end(&mut self) -> String {
        // It may have closed its channel and still be there; it must not outlive its successor.
        let killed = self.process.kill();
        match self.process.wait() {
            Ok(status) => status.to_string(),
            Err(error) => format!("{error} after {killed:?}"),
        }
    }
}
