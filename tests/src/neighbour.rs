//! A visitor who minds his own business beside others, and what became of his visits.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use decnet::edge::namespace;
use decnet::logic::event::{Event, Kind};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;

use crate::world::{World, wait_for};

/// Between two visits.
const PAUSE: Duration = Duration::from_millis(100);
/// How long anything of a visit may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Connects from one of the addresses that this namespace has.
///
/// # Errors
///
/// Those of connect(2).
pub fn connect_from(from: IpAddr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let family = if from.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let fd = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    let limit = TimeVal::new(PATIENCE.as_secs().cast_signed(), 0);
    setsockopt(&fd, sockopt::SendTimeout, &limit)?;
    setsockopt(&fd, sockopt::ReceiveTimeout, &limit)?;
    let scope = if let SocketAddr::V6(to) = to { to.scope_id() } else { 0 };
    let from = match from {
        IpAddr::V4(ip) => SocketAddr::from((ip, 0)),
        IpAddr::V6(ip) => std::net::SocketAddrV6::new(ip, 0, 0, scope).into(),
    };
    bind(fd.as_raw_fd(), &SockaddrStorage::from(from))?;
    connect(fd.as_raw_fd(), &SockaddrStorage::from(to))?;
    Ok(fd.into())
}

/// A visitor at work.
pub struct Neighbour {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Visits>,
}

/// What became of his visits.
#[derive(Debug, Default)]
pub struct Visits {
    /// What each asked for: no two ask for the same.
    pub targets: Vec<String>,
    /// From the first packet to the first byte, of each that was answered.
    pub waits: Vec<Duration>,
    /// Why others were not.
    pub failed: Vec<String>,
}

impl Neighbour {
    /// Begins to ask `to` for pages, from an address that the visitor's machine has.
    pub fn begin(world: &World, from: IpAddr, to: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let place = world.as_visitor(|| namespace::current().expect("it has a namespace"));
        let thread = thread::spawn(move || {
            namespace::enter(&place).expect("tests run as root");
            let mut visits = Visits::default();
            while !stopped.load(Ordering::Relaxed) || visits.targets.is_empty() {
                visits.visit(from, to);
                thread::park_timeout(PAUSE);
            }
            visits
        });
        Self { stop, thread }
    }

    /// Ends, and says what became of the visits.
    pub fn end(self) -> Visits {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("a visitor does not panic")
    }
}

impl Visits {
    fn visit(&mut self, from: IpAddr, to: SocketAddr) {
        let target = format!("/{}/{}/{}", from, to.port(), self.targets.len());
        self.targets.push(target.clone());
        let began = Instant::now();
        let first = connect_from(from, to).and_then(|mut stream| {
            stream.write_all(format!("GET {target} HTTP/1.0\r\n\r\n").as_bytes())?;
            stream.read_exact(&mut [0])?;
            let waited = began.elapsed();
            std::io::copy(&mut stream, &mut std::io::sink())?;
            Ok(waited)
        });
        match first {
            Ok(waited) => self.waits.push(waited),
            Err(error) => self.failed.push(format!("{target}: {error}")),
        }
    }

    /// The longest that he waited for a first byte.
    pub fn longest(&self) -> Duration {
        self.waits.iter().max().copied().unwrap_or(PATIENCE)
    }

    /// Waits until the store has every visit; those that are not there then.
    pub fn lost(&self, world: &World) -> Vec<String> {
        let missing = || {
            let events = world.events();
            let is_there = |target: &&String| {
                let asked = |event: &Event| {
                    event.event == Kind::HttpRequest
                        && event.data.text("target") == Some(target.as_str())
                };
                !events.iter().any(asked)
            };
            self.targets.iter().filter(is_there).cloned().collect::<Vec<_>>()
        };
        wait_for(|| missing().is_empty().then(Vec::new)).unwrap_or_else(missing)
    }
}
