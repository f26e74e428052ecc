//! The services of a decky: sans-IO state machines, bytes in, bytes and reports out.
//!
//! A [`Service`] is one connection. It is given what arrived with a [`Context`], and answers
//! through a [`Reply`]: bytes to send, [`Report`]s of what the visitor did, and whether to wait or
//! to close. It never sees a socket, a clock or a random source of its own, so it is tested and
//! fuzzed as it is. What a visitor may use up is bounded here by each service (buffers, lines,
//! files) and around it by whoever runs it (time, bytes, connections).

mod accept;
mod account;
mod capture;
pub mod catchall;
#[cfg(test)]
mod corpus;
pub mod ftp;
pub mod http;
mod kind;
mod listing;
pub mod redis;
mod reply;
mod settings;
pub mod ssh;
mod state;
pub mod telnet;
mod template;
mod upload;

use std::net::SocketAddr;

use crate::logic::decky::Identity;
use crate::logic::time::Timestamp;

pub use accept::{Accept, Login};
pub use kind::{ServiceKind, UnknownService};
pub use reply::{DataEnd, DataReply, Listen, Piece, Reply, Report};
pub use settings::{ServiceSpec, Settings, check};
pub use state::{Growth, State};

/// What a service is given each time it is called.
#[expect(missing_debug_implementations, reason = "a bundle of borrows, made for one call")]
pub struct Context<'a> {
    /// The time now.
    pub now: Timestamp,
    /// The decky it belongs to.
    pub decky: &'a Identity,
    /// What the decky's visitors share: files, keys, whatever outlives a connection.
    pub state: &'a mut State,
    /// Fills a buffer with random bytes, fit for keys.
    pub random: &'a mut dyn FnMut(&mut [u8]),
    /// The decky's end of the connection.
    pub local: SocketAddr,
    /// The visitor's end.
    pub peer: SocketAddr,
}

/// One connection to a decky's service.
pub trait Service {
    /// Called once, before anything has arrived.
    fn open(&mut self, _context: &mut Context<'_>, _reply: &mut Reply) {}

    /// Called with what has arrived, in order, never empty.
    fn receive(&mut self, bytes: &[u8], context: &mut Context<'_>, reply: &mut Reply);

    /// Called when the time has passed for which the last reply asked to wait, or when it is time
    /// to calculate.
    fn wake(&mut self, _context: &mut Context<'_>, _reply: &mut Reply) {}

    /// Called once, when the visitor has sent its last byte or the connection is gone. Bytes that
    /// are still sent may arrive nowhere.
    fn end(&mut self, _context: &mut Context<'_>, _reply: &mut Reply) {}

    /// Called after [`Listen::Start`], with the port at which a data connection is waited for, or
    /// none when there is none left.
    fn data_port(&mut self, _port: Option<u16>, _context: &mut Context<'_>, _reply: &mut Reply) {}

    /// Called when the visitor has made the data connection that was waited for.
    fn data_open(&mut self, _context: &mut Context<'_>, _reply: &mut Reply) {}

    /// Called with what has arrived over the data connection, in order, never empty.
    fn data_receive(&mut self, _bytes: &[u8], _context: &mut Context<'_>, _reply: &mut Reply) {}

    /// Called when all bytes for the data connection are sent, if there were any.
    fn data_sent(&mut self, _context: &mut Context<'_>, _reply: &mut Reply) {}

    /// Called when the visitor has ended the data connection or it is gone; not when the service
    /// has ended it.
    fn data_end(&mut self, _how: DataEnd, _context: &mut Context<'_>, _reply: &mut Reply) {}

    /// Bytes that it holds for the visitor at most: of what is not whole yet, and of what was not
    /// taken yet. What never exceeds a few KiB need not be counted.
    fn held(&self) -> usize {
        0
    }
}

/// A fresh connection to the service that `settings` describe.
pub fn begin(settings: &Settings) -> Box<dyn Service> {
    match settings {
        Settings::Ftp(settings) => Box::new(ftp::Session::new(settings)),
        Settings::Http(settings) => Box::new(http::Session::new(settings)),
        Settings::Redis(settings) => Box::new(redis::Session::new(settings)),
        Settings::Ssh(settings) => Box::new(ssh::Session::new(settings)),
        Settings::Tcp => Box::new(catchall::Tcp::default()),
        Settings::Telnet(settings) => Box::new(telnet::Session::new(settings)),
        Settings::Udp => Box::new(catchall::Tcp::default()),
    }
}
