//! A socket between two of our own processes that keeps messages whole and carries descriptors.
//!
//! `SOCK_SEQPACKET`: a message arrives as it was sent or not at all, also when the sender dies, and
//! a full socket makes the sender wait instead of losing anything.

use std::cell::RefCell;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, Shutdown, SockFlag, SockType,
    UnixAddr, getsockopt, recvmsg, send, sendmsg, setsockopt, shutdown, socketpair, sockopt,
};

use crate::edge::clock;
use crate::logic::wire::{MAX_FDS, MAX_MESSAGE};

/// Bytes that may wait in a channel before its sender does.
const ROOM: usize = 4 * 1024 * 1024;

/// Until it is tried again to send descriptors of which too many are under way.
const TRY_AGAIN: Duration = Duration::from_millis(2);

/// What can go wrong with a channel.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The other end is gone.
    #[error("the other process is gone")]
    Closed,
    /// There is nothing to read, or no room to write.
    #[error("not ready")]
    NotReady,
    /// The kernel refuses.
    #[error("cannot {doing} channel")]
    Os {
        /// What was tried.
        doing: &'static str,
        /// Why.
        #[source]
        source: Errno,
    },
    /// A message that is longer or carries more than agreed.
    #[error("message is cut off")]
    Truncated,
}

/// One end of a channel.
#[derive(Debug)]
pub struct Channel {
    socket: OwnedFd,
    /// Where messages arrive, before they are copied in their own length; made with the first.
    buffer: RefCell<Vec<u8>>,
}

/// A message as it came.
#[derive(Debug)]
pub struct Message {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its file descriptors.
    pub fds: Vec<OwnedFd>,
}

impl Channel {
    /// Two ends. Both are closed in a program that is executed, unless passed on by hand.
    ///
    /// # Errors
    ///
    /// [`ChannelError::Os`] when there are no file descriptors left.
    pub fn pair() -> Result<(Self, Self), ChannelError> {
        Self::pair_with_room(ROOM)
    }

    /// Two ends, for so many bytes to wait between them, with what the kernel adds to each message.
    ///
    /// # Errors
    ///
    /// As [`Channel::pair`].
    pub fn pair_with_room(room: usize) -> Result<(Self, Self), ChannelError> {
        let os = |source| ChannelError::Os { doing: "make", source };
        let kind = SockType::SeqPacket;
        let (a, b) =
            socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC).map_err(os)?;
        for end in [&a, &b] {
            // More than the system's limit needs CAP_NET_ADMIN; without it the limit serves.
            if setsockopt(end, sockopt::SndBufForce, &room).is_err() {
                setsockopt(end, sockopt::SndBuf, &room).map_err(os)?;
            }
        }
        Ok((Self::from_fd(a), Self::from_fd(b)))
    }

    /// Whether `socket` can be an end of a channel.
    pub fn is_end(socket: &impl AsFd) -> bool {
        // Of the families that have this type only that of this machine passes descriptors on.
        matches!(getsockopt(socket, sockopt::SockType), Ok(SockType::SeqPacket))
    }

    /// The end that `socket` is.
    pub fn from_fd(socket: OwnedFd) -> Self {
        Self { socket, buffer: RefCell::default() }
    }

    /// Lets no descriptors arrive here, on kernels that can: whoever closed them would close sockets
    /// of somebody else's choice, which can take long.
    ///
    /// **Source**: `SO_PASSRIGHTS` of include/uapi/asm-generic/socket.h, from Linux 6.16 on.
    pub fn take_no_descriptors(&self) {
        const PASS_RIGHTS: libc::c_int = 83;
        let none: libc::c_int = 0;
        let length = libc::socklen_t::try_from(size_of_val(&none)).unwrap_or(0);
        #[expect(unsafe_code, reason = "nix does not have this option")]
        // SAFETY: the kernel reads `length` bytes of `none`, which has as many.
        let code = unsafe {
            let value = (&raw const none).cast();
            libc::setsockopt(self.socket.as_raw_fd(), libc::SOL_SOCKET, PASS_RIGHTS, value, length)
        };
        if code != 0 {
            tracing::debug!("this kernel cannot keep descriptors out");
        }
    }

    /// Another handle on the same end.
    ///
    /// # Errors
    ///
    /// [`ChannelError::Os`] when there are no file descriptors left.
    pub fn duplicate(&self) -> Result<Self, ChannelError> {
        let socket = self.socket.try_clone().map_err(|source| ChannelError::Os {
            doing: "duplicate",
            source: Errno::from_raw(source.raw_os_error().unwrap_or(0)),
        })?;
        Ok(Self::from_fd(socket))
    }

    /// Sends a message, and waits while there is no room (or not, with [`Wait::No`]).
    ///
    /// # Errors
    ///
    /// [`ChannelError::Closed`] when the other end is gone, [`ChannelError::NotReady`] when there
    /// is no room, [`ChannelError::Os`] otherwise.
    pub fn send(
        &self,
        bytes: &[u8],
        fds: &[BorrowedFd<'_>],
        wait: Wait,
    ) -> Result<(), ChannelError> {
        let raw: Vec<RawFd> = fds.iter().map(|fd| fd.as_raw_fd()).collect();
        let rights = [ControlMessage::ScmRights(&raw)];
        let flags = MsgFlags::MSG_NOSIGNAL | wait.flag();
        let socket = self.socket.as_raw_fd();
        loop {
            let sent = if raw.is_empty() {
                // The face may make no call that takes descriptors or an address along.
                send(socket, bytes, flags)
            } else {
                sendmsg::<UnixAddr>(socket, &[IoSlice::new(bytes)], &rights, flags, None)
            };
            return match sent {
                Ok(_) => Ok(()),
                Err(Errno::EINTR) => continue,
                Err(Errno::EPIPE | Errno::ECONNRESET | Errno::ENOTCONN) => {
                    Err(ChannelError::Closed)
                }
                Err(Errno::ETOOMANYREFS) if wait == Wait::Yes => {
                    // The user has as many descriptors under way as one process may have; whoever
                    // they are for takes them.
                    clock::pause(TRY_AGAIN);
                    continue;
                }
                Err(Errno::EAGAIN | Errno::ETOOMANYREFS) => Err(ChannelError::NotReady),
                Err(source) => Err(ChannelError::Os { doing: "write to", source }),
            };
        }
    }

    /// Sends a message as soon as there is room, at the latest then.
    ///
    /// # Errors
    ///
    /// As [`Channel::send`]; [`ChannelError::NotReady`] when there is still no room at `until`.
    pub fn send_by(
        &self,
        bytes: &[u8],
        fds: &[BorrowedFd<'_>],
        until: Instant,
    ) -> Result<(), ChannelError> {
        loop {
            match self.send(bytes, fds, Wait::No) {
                Err(ChannelError::NotReady) if Instant::now() < until => {
                    self.is_writable_by(until);
                    // It may be room for descriptors that is missing, which nothing tells of.
                    clock::pause(TRY_AGAIN);
                }
                sent => return sent,
            }
        }
    }

    /// Says that nothing more is sent: the other end reads what waits and then finds it closed.
    pub fn finish(&self) {
        // One that is closed already needs no end.
        shutdown(self.socket.as_raw_fd(), Shutdown::Write).unwrap_or_default();
    }

    /// Waits until there is something to take or the other end is gone; `false` when neither has
    /// happened at `until`.
    pub fn is_readable_by(&self, until: Instant) -> bool {
        !self.wait_for(PollFlags::POLLIN, until).is_empty()
    }

    /// Waits until there is room to send; `false` when the other end is gone or there is none at
    /// `until`.
    pub fn is_writable_by(&self, until: Instant) -> bool {
        self.wait_for(PollFlags::POLLOUT, until) == PollFlags::POLLOUT
    }

    /// What has happened by then of `what` or an end of the channel.
    fn wait_for(&self, what: PollFlags, until: Instant) -> PollFlags {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let left = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            let mut fds = [PollFd::new(self.socket.as_fd(), what)];
            match poll(&mut fds, left) {
                Err(Errno::EINTR) => {}
                _ => return fds[0].revents().unwrap_or(PollFlags::empty()),
            }
        }
    }

    /// Takes the next message, and waits while there is none (or not, with [`Wait::No`]).
    ///
    /// # Errors
    ///
    /// As [`Channel::send`], and [`ChannelError::Truncated`] for a message that does not fit.
    pub fn receive(&self, wait: Wait) -> Result<Message, ChannelError> {
        self.read(wait.flag())
    }

    /// The next message, which stays there; its descriptors are others of the same files.
    ///
    /// # Errors
    ///
    /// As [`Channel::receive`] without waiting.
    pub fn peek(&self) -> Result<Message, ChannelError> {
        self.read(MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_PEEK)
    }

    /// Takes the next message, whatever it is, and throws it away.
    ///
    /// # Errors
    ///
    /// [`ChannelError::NotReady`] when there is none, [`ChannelError::Os`] otherwise.
    pub fn skip(&self) -> Result<(), ChannelError> {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
        match recvmsg::<UnixAddr>(self.socket.as_raw_fd(), &mut [], None, flags) {
            Ok(_) => Ok(()),
            Err(Errno::EAGAIN) => Err(ChannelError::NotReady),
            Err(source) => Err(ChannelError::Os { doing: "read from", source }),
        }
    }

    fn read(&self, flags: MsgFlags) -> Result<Message, ChannelError> {
        let mut buffer = self.buffer.borrow_mut();
        buffer.resize(MAX_MESSAGE, 0);
        let mut space = nix::cmsg_space!([RawFd; MAX_FDS]);
        loop {
            let mut parts = [IoSliceMut::new(&mut buffer)];
            let flags = MsgFlags::MSG_CMSG_CLOEXEC | flags;
            let got =
                recvmsg::<UnixAddr>(self.socket.as_raw_fd(), &mut parts, Some(&mut space), flags);
            let got = match got {
                Ok(got) => got,
                Err(Errno::EINTR) => continue,
                Err(Errno::EAGAIN) => return Err(ChannelError::NotReady),
                Err(Errno::ECONNRESET) => return Err(ChannelError::Closed),
                Err(source) => return Err(ChannelError::Os { doing: "read from", source }),
            };
            let mut fds = Vec::new();
            for control in
                got.cmsgs().map_err(|source| ChannelError::Os { doing: "read from", source })?
            {
                if let ControlMessageOwned::ScmRights(raw) = control {
                    fds.extend(raw.into_iter().map(owned));
                }
            }
            if got.flags.intersects(MsgFlags::MSG_TRUNC | MsgFlags::MSG_CTRUNC) {
                return Err(ChannelError::Truncated);
            }
            let length = got.bytes;
            if length == 0 {
                return Err(ChannelError::Closed);
            }
            let bytes = buffer.get(..length).unwrap_or_default().to_vec();
            return Ok(Message { bytes, fds });
        }
    }
}

/// Takes a descriptor that the kernel has just put into this process.
#[expect(unsafe_code, reason = "the one way to own a descriptor that came with a message")]
fn owned(fd: RawFd) -> OwnedFd {
    // SAFETY: `recvmsg` has just opened it for us (SCM_RIGHTS) and nobody else knows of it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Whether to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Return [`ChannelError::NotReady`] instead.
    No,
    /// As long as it takes.
    Yes,
}

impl Wait {
    fn flag(self) -> MsgFlags {
        if self == Self::No { MsgFlags::MSG_DONTWAIT } else { MsgFlags::empty() }
    }
}

#[cfg(test)]
mod tests;
