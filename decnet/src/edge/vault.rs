//! Messages with descriptors that rest in the kernel, held by whoever holds the ends.
//!
//! Both ends of a channel. What is put into the one and not taken out of the other stays where it
//! is when this process ends, provided that somebody else (systemd) has the ends too.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use crate::edge::channel::{Channel, ChannelError, Message, Wait};
use crate::edge::random;

/// Bytes that may rest. The kernel doubles it and counts its own share of each message, so that a
/// decky's, of about 1 kB, takes 2 to 3.
const ROOM: usize = 64 * 1024 * 1024;

/// What a mark begins with; random bytes follow, so that a mark of before is not taken for ours.
const MARK: [u8; 8] = *b"\0decnet\0";

/// A place where messages rest.
#[derive(Debug)]
pub struct Vault {
    /// Where they are put.
    mouth: Channel,
    /// Where they come out.
    tap: Channel,
}

impl Vault {
    /// An empty one.
    ///
    /// # Errors
    ///
    /// As [`Channel::pair`].
    pub fn make() -> Result<Self, ChannelError> {
        let (mouth, tap) = Channel::pair_with_room(ROOM)?;
        Ok(Self { mouth, tap })
    }

    /// The one with these ends; `None` when they cannot be any.
    pub fn of_ends(mouth: OwnedFd, tap: OwnedFd) -> Option<Self> {
        let both = Channel::is_end(&mouth) && Channel::is_end(&tap);
        both.then(|| Self { mouth: Channel::from_fd(mouth), tap: Channel::from_fd(tap) })
    }

    /// Its ends, as [`Vault::of_ends`] takes them.
    pub fn ends(&self) -> [BorrowedFd<'_>; 2] {
        [self.mouth.as_fd(), self.tap.as_fd()]
    }

    /// Puts a message in.
    ///
    /// # Errors
    ///
    /// [`ChannelError::NotReady`] when it is full or the user has too many descriptors under way,
    /// and as [`Channel::send`].
    pub fn put(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> Result<(), ChannelError> {
        self.mouth.send(bytes, fds, Wait::No)
    }

    /// Looks at each message in turn, and throws away those that `keep` does not want. Says how
    /// many it has thrown away because they were none.
    ///
    /// A message that stays is put in again before it is taken out: whenever this process ends, it
    /// is there once or twice, and never not at all.
    ///
    /// # Errors
    ///
    /// [`ChannelError`] when the ends are not of one channel, or something broke.
    pub fn sift(&self, mut keep: impl FnMut(Message) -> Keep) -> Result<usize, ChannelError> {
        let mut mark = [0; 24];
        random::fill(&mut mark);
        mark[..MARK.len()].copy_from_slice(&MARK);
        self.put(&mark, &[])?;
        let mut broken = 0;
        loop {
            match self.tap.peek() {
                Ok(message) if message.bytes == mark => return self.tap.skip().map(|()| broken),
                Ok(message) if message.bytes.starts_with(&MARK) => {}
                Ok(message) => {
                    if let Keep::Yes(message) = keep(message) {
                        self.put_again(&message)?;
                        continue;
                    }
                }
                // Without a byte it looks like an end, and more than fits like less.
                Err(ChannelError::Closed | ChannelError::Truncated) => broken += 1,
                Err(error) => return Err(error),
            }
            self.tap.skip()?;
        }
    }

    /// Puts the message that is next once more, and takes it out.
    fn put_again(&self, message: &Message) -> Result<(), ChannelError> {
        let fds: Vec<BorrowedFd<'_>> = message.fds.iter().map(|fd| fd.as_fd()).collect();
        match self.put(&message.bytes, &fds) {
            Ok(()) => self.tap.skip(),
            // Full: there is room when it is out.
            Err(ChannelError::NotReady) => {
                self.tap.skip()?;
                self.put(&message.bytes, &fds)
            }
            Err(error) => Err(error),
        }
    }
}

/// What becomes of a message.
#[derive(Debug)]
pub enum Keep {
    /// It goes.
    No,
    /// It stays.
    Yes(Message),
}

#[cfg(test)]
mod tests;
