//! Makes namespaces and configures them, several at a time.
//!
//! Each thread enters one namespace after another and ends: it never does anything else.

use std::net::IpAddr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::errno::Errno;

use crate::edge::links::INSIDE;
use crate::edge::stack::{self, Stack, StackError};
use crate::edge::{clock, listen, namespace};
use crate::logic::decky::DeckyId;
use crate::logic::event::Transport;
use crate::logic::services::{ServiceKind, ServiceSpec, ftp};
use crate::logic::stack::settings;
use crate::logic::wire::{Placed, Socket};

/// Threads that build at a time; the kernel serialises most of it anyway.
const BUILDERS: usize = 4;

/// How long a MAC may stay busy: the kernel takes namespaces apart behind the back of whoever held
/// them, also those of a keeper that was killed.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// A network namespace.
pub(super) struct Namespace {
    /// What holds it.
    pub(super) descriptor: OwnedFd,
    /// The kernel's number of it.
    pub(super) cookie: u64,
}

/// The sockets of a decky.
pub(super) struct Bound {
    /// Their descriptors.
    pub(super) sockets: Vec<OwnedFd>,
    /// What each is for.
    pub(super) uses: Vec<Socket>,
}

/// Makes a namespace for each decky, with its persona's stack and nothing else in it.
pub(super) fn namespaces(
    wanted: Vec<(DeckyId, Placed)>,
) -> Vec<(DeckyId, Placed, Result<Namespace>)> {
    let made = in_parallel(&wanted, |(_, placed)| prepare(placed));
    wanted.into_iter().zip(made).map(|((id, placed), made)| (id, placed, made)).collect()
}

/// Configures each namespace, whose link is in it, and binds its sockets.
pub(super) fn stacks(jobs: &[(DeckyId, &Placed, BorrowedFd<'_>)]) -> Vec<(DeckyId, Result<Bound>)> {
    let until = Instant::now() + PATIENCE;
    let done = in_parallel(jobs, |(_, placed, namespace)| configure(placed, *namespace, until));
    jobs.iter().map(|(id, ..)| *id).zip(done).collect()
}

/// Does `work` for each of `items` on a few threads, and returns the results in their order.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let share = items.len().div_ceil(BUILDERS).max(1);
    thread::scope(|scope| {
        let threads: Vec<_> = items
            .chunks(share)
            .map(|chunk| scope.spawn(|| chunk.iter().map(&work).collect::<Vec<R>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no builder panics")).collect()
    })
}

fn prepare(placed: &Placed) -> Result<Namespace> {
    let namespace = namespace::create()?;
    let ipv6 = stack::has_ipv6();
    for (name, value) in settings(placed.decky.identity.persona) {
        if ipv6 || !name.starts_with("ipv6/") {
            stack::set(name, &value)?;
        }
    }
    Stack::open()?.bring_up("lo")?;
    Ok(Namespace { descriptor: namespace, cookie: namespace::cookie()? })
}

fn configure(placed: &Placed, namespace: BorrowedFd<'_>, until: Instant) -> Result<Bound> {
    namespace::enter(namespace)?;
    let bound = bind(placed)?;
    let identity = &placed.decky.identity;
    let mut stack = Stack::open()?;
    stack.add_address(INSIDE, IpAddr::V4(identity.ip), placed.prefix)?;
    if let Some(ip6) = identity.ip6 {
        stack.add_address(INSIDE, IpAddr::V6(ip6), placed.prefix6)?;
    }
    bring_up(&mut stack, until)?;
    if let Some(gateway) = placed.gateway {
        stack.add_default_route(gateway).with_context(|| format!("gateway {gateway}"))?;
    }
    Ok(bound)
}

/// Sets the link up, which the kernel refuses while another of its MAC is up.
fn bring_up(stack: &mut Stack, until: Instant) -> Result<(), StackError> {
    loop {
        match stack.bring_up(INSIDE) {
            Err(StackError::Refused { source: Errno::EBUSY | Errno::EADDRINUSE, .. })
                if Instant::now() < until =>
            {
                clock::pause(PAUSE);
            }
            result => return result,
        }
    }
}

fn bind(placed: &Placed) -> Result<Bound> {
    let mut bound = Bound { sockets: Vec::new(), uses: Vec::new() };
    for (index, service) in (0u8..).zip(&placed.decky.services) {
        let kind = service.kind();
        let sockets = match kind.transport() {
            Transport::Udp => listen::udp(service.port),
            _ => listen::tcp(service.port).map(|socket| vec![socket]),
        };
        for socket in sockets.with_context(|| format!("service {kind}"))? {
            bound.sockets.push(socket);
            bound.uses.push(Socket::Service(index));
        }
    }
    let catches = |service: &ServiceSpec| service.kind() == ServiceKind::Tcp;
    if placed.decky.services.iter().any(catches) {
        // The catch-all's socket has these ports with all others.
        return Ok(bound);
    }
    for port in ftp::passive_ports(&placed.decky.identity, &placed.decky.services) {
        bound.sockets.push(listen::bound(port)?);
        bound.uses.push(Socket::Passive(port));
    }
    Ok(bound)
}
