//! Raw Ethernet frames on one link, sent and received past the network stack.

use std::io::IoSlice;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, MultiHeaders, SockFlag, SockProtocol, SockType,
    SockaddrLike as _, bind, recv, send, sendmmsg, socket,
};

/// Longest frame that is received whole.
const LONGEST: usize = 2_048;
/// How long a full queue of the link is waited for at a time.
const PAUSE: Duration = Duration::from_millis(100);

/// A packet socket.
#[derive(Debug)]
pub struct Frames {
    socket: OwnedFd,
}

impl Frames {
    /// Opens the link of this index, in the network namespace of this thread.
    ///
    /// # Errors
    ///
    /// EPERM without CAP_NET_RAW, ENODEV when there is no such link.
    pub fn open(link: u32) -> nix::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthAll)?;
        bind(socket.as_raw_fd(), &address(link).ok_or(Errno::EINVAL)?)?;
        Ok(Self { socket })
    }

    /// Sends a frame, and waits while the link's queue is full.
    ///
    /// # Errors
    ///
    /// ENETDOWN when the link is down, EMSGSIZE when the frame is too long for it.
    pub fn send(&self, frame: &[u8]) -> nix::Result<()> {
        loop {
            match send(self.socket.as_raw_fd(), frame, MsgFlags::empty()) {
                Ok(_) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN | Errno::ENOBUFS) => self.wait(PollFlags::POLLOUT, PAUSE)?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends frames as fast as the link takes them, and says how many it took before its queue was
    /// full.
    ///
    /// # Errors
    ///
    /// As [`Frames::send`].
    pub fn send_burst(&self, frames: &[Vec<u8>]) -> nix::Result<usize> {
        let mut headers = MultiHeaders::<LinkAddr>::preallocate(frames.len(), None);
        let slices: Vec<[IoSlice<'_>; 1]> =
            frames.iter().map(|frame| [IoSlice::new(frame)]).collect();
        let to = vec![None; frames.len()];
        let fd = self.socket.as_raw_fd();
        match sendmmsg(fd, &mut headers, &slices, to, [], MsgFlags::empty()) {
            Ok(sent) => Ok(sent.count()),
            Err(Errno::EAGAIN | Errno::ENOBUFS | Errno::EINTR) => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// The next frame on the link, cut at 2,048 bytes; `None` when none has come by `until`.
    ///
    /// # Errors
    ///
    /// ENETDOWN when the link is down.
    pub fn receive(&self, until: Instant) -> nix::Result<Option<Vec<u8>>> {
        let mut frame = vec![0; LONGEST];
        loop {
            match recv(self.socket.as_raw_fd(), &mut frame, MsgFlags::empty()) {
                Ok(length) => {
                    frame.truncate(length);
                    return Ok(Some(frame));
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Ok(None);
                    }
                    self.wait(PollFlags::POLLIN, left)?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn wait(&self, what: PollFlags, most: Duration) -> nix::Result<()> {
        let millis = u16::try_from(most.as_millis()).unwrap_or(u16::MAX).max(1);
        match poll(&mut [PollFd::new(self.socket.as_fd(), what)], PollTimeout::from(millis)) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Everything on a link, as the kernel addresses it.
fn address(link: u32) -> Option<LinkAddr> {
    let all = libc::sockaddr_ll {
        sll_family: u16::try_from(libc::AF_PACKET).ok()?,
        sll_protocol: u16::try_from(libc::ETH_P_ALL).ok()?.to_be(),
        sll_ifindex: i32::try_from(link).ok()?,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 6,
        sll_addr: [0; 8],
    };
    let length = libc::socklen_t::try_from(size_of_val(&all)).ok()?;
    #[expect(unsafe_code, reason = "nix offers no other way to make a LinkAddr")]
    // SAFETY: `all` is a whole `sockaddr_ll` of the given length and outlives the call, which
    // copies it.
    unsafe {
        LinkAddr::from_raw((&raw const all).cast(), Some(length))
    }
}
