//! Sockets that visitors reach, bound in the namespace of the calling thread.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, Shutdown, SockFlag, SockProtocol, SockType, SockaddrStorage, bind,
    getsockopt, listen, setsockopt, shutdown, socket, sockopt,
};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1_024;
/// The same where one is expected.
const FEW: i32 = 8;
/// Bytes that the kernel keeps for a visitor who does not read them (it doubles the number): left
/// to itself it keeps megabytes of whatever anybody asks for.
const UNREAD: usize = 64 * 1024;

/// Why a socket cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on port {port}")]
pub struct ListenError {
    port: u16,
    #[source]
    source: Errno,
}

/// A socket that accepts TCP connections to `port` of every address, IPv4 and IPv6; port 0 is one
/// that the kernel chooses.
///
/// # Errors
///
/// [`ListenError`] when the port is taken, or below 1024 without CAP_NET_BIND_SERVICE over the
/// namespace.
pub fn tcp(port: u16) -> Result<OwnedFd, ListenError> {
    let socket = bound(port)?;
    let backlog = Backlog::new(BACKLOG).unwrap_or(Backlog::MAXCONN);
    listen(&socket, backlog).map_err(|source| ListenError { port, source })?;
    Ok(socket)
}

/// The same before it accepts anything: until [`begin`] the kernel refuses connections to `port`.
///
/// # Errors
///
/// As [`tcp`].
pub fn bound(port: u16) -> Result<OwnedFd, ListenError> {
    let failed = |source| ListenError { port, source };
    let protocol = SockProtocol::Tcp;
    let (socket, address) = match open(AddressFamily::Inet6, SockType::Stream, protocol) {
        Ok(socket) => {
            setsockopt(&socket, sockopt::Ipv6V6Only, &false).map_err(failed)?;
            (socket, SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)))
        }
        // A kernel without IPv6.
        Err(Errno::EAFNOSUPPORT) => {
            let socket = open(AddressFamily::Inet, SockType::Stream, protocol).map_err(failed)?;
            (socket, SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))
        }
        Err(source) => return Err(failed(source)),
    };
    setsockopt(&socket, sockopt::ReuseAddr, &true).map_err(failed)?;
    setsockopt(&socket, sockopt::SndBuf, &UNREAD).map_err(failed)?;
    bind(std::os::fd::AsRawFd::as_raw_fd(&socket), &SockaddrStorage::from(address))
        .map_err(failed)?;
    Ok(socket)
}

/// Lets the socket of a service that was made to refuse accept again.
///
/// # Errors
///
/// Those of listen(2).
pub fn again(socket: &impl AsFd) -> nix::Result<()> {
    listen(socket, Backlog::new(BACKLOG).unwrap_or(Backlog::MAXCONN))
}

/// Lets a socket that is [`bound`] accept a few connections.
///
/// # Errors
///
/// Those of listen(2).
pub fn begin(socket: &impl AsFd) -> nix::Result<()> {
    listen(socket, Backlog::new(FEW).unwrap_or(Backlog::MAXCONN))
}

/// Lets it accept no more: whoever has connected and was not accepted is refused too, and so is
/// everybody until it begins again. It stays bound, unless the kernel chose its port (Linux lets go
/// of a port without SOCK_BINDPORT_LOCK).
///
/// # Errors
///
/// Those of shutdown(2): it did not accept.
pub fn cease(socket: &impl AsFd) -> nix::Result<()> {
    shutdown(std::os::fd::AsRawFd::as_raw_fd(&socket.as_fd()), Shutdown::Read)
}

/// Whether it accepts.
pub fn listens(socket: &impl AsFd) -> bool {
    getsockopt(socket, sockopt::AcceptConn).unwrap_or(false)
}

/// What another program has opened, if it is a socket that accepts TCP connections; it does not wait
/// for them any more.
pub fn passed(fd: OwnedFd) -> Option<TcpListener> {
    let stream = matches!(getsockopt(&fd, sockopt::SockType), Ok(SockType::Stream));
    let listener = TcpListener::from(fd);
    let fit = stream
        && listens(&listener)
        && listener.local_addr().is_ok()
        && listener.set_nonblocking(true).is_ok();
    fit.then_some(listener)
}

/// The two sockets, for IPv4 and for IPv6, that take UDP datagrams to `port` of every address and
/// say to which port each was sent. Without IPv6 there is one.
///
/// # Errors
///
/// As [`tcp`].
pub fn udp(port: u16) -> Result<Vec<OwnedFd>, ListenError> {
    let failed = |source| ListenError { port, source };
    let mut sockets = Vec::with_capacity(2);
    let v4 = open(AddressFamily::Inet, SockType::Datagram, SockProtocol::Udp).map_err(failed)?;
    setsockopt(&v4, sockopt::Ipv4OrigDstAddr, &true).map_err(failed)?;
    let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    bind(std::os::fd::AsRawFd::as_raw_fd(&v4), &SockaddrStorage::from(address)).map_err(failed)?;
    sockets.push(v4);
    match open(AddressFamily::Inet6, SockType::Datagram, SockProtocol::Udp) {
        Ok(v6) => {
            setsockopt(&v6, sockopt::Ipv6V6Only, &true).map_err(failed)?;
            setsockopt(&v6, sockopt::Ipv6OrigDstAddr, &true).map_err(failed)?;
            let address = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
            bind(std::os::fd::AsRawFd::as_raw_fd(&v6), &SockaddrStorage::from(address))
                .map_err(failed)?;
            sockets.push(v6);
        }
        Err(Errno::EAFNOSUPPORT) => {}
        Err(source) => return Err(failed(source)),
    }
    Ok(sockets)
}

fn open(family: AddressFamily, kind: SockType, protocol: SockProtocol) -> nix::Result<OwnedFd> {
    socket(family, kind, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, protocol)
}

#[cfg(test)]
mod tests;
