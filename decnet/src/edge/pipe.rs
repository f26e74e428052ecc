//! The reading end of a pipe into which another process writes what it has to say to people.

use std::os::fd::OwnedFd;

use nix::fcntl::OFlag;
use nix::unistd::{pipe2, read};

/// A pipe that nobody waits for: what does not fit into it is lost.
#[derive(Debug)]
pub struct Pipe(OwnedFd);

impl Pipe {
    /// A new one, and the end to write to.
    ///
    /// # Errors
    ///
    /// When there are no file descriptors left.
    pub fn make() -> nix::Result<(Self, OwnedFd)> {
        let (ours, theirs) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        Ok((Self(ours), theirs))
    }

    /// What waits, as much as there is room for in `buffer`.
    pub fn read<'a>(&self, buffer: &'a mut [u8]) -> &'a [u8] {
        // None is as good as nothing.
        let count = read(&self.0, buffer).unwrap_or(0);
        buffer.get(..count).unwrap_or_default()
    }
}
