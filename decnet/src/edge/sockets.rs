//! What the standard library cannot say to a socket.

use std::os::fd::AsFd;

use nix::libc;
use nix::sys::socket::{setsockopt, sockopt};

/// Makes closing the socket a reset, as it is for a program that leaves bytes unread.
pub fn reset_when_closed(socket: impl AsFd) {
    let at_once = libc::linger { l_onoff: 1, l_linger: 0 };
    // One that is gone already has been reset.
    setsockopt(&socket, sockopt::Linger, &at_once).unwrap_or_default();
}
