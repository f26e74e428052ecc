//! The way into a server: who has a place there ([`crate::logic::door`]), how long what is asked for
//! may take to come, and how much of it is held.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipnet::Ipv6Net;
use tokio::task::AbortHandle;

use super::Limits;
use crate::edge::clock;
use crate::logic::door::{Door, Holder, Id, NoPlace, Places, Stage};
use crate::logic::limiter::Limiter;
use crate::logic::source::{Source, near};

/// Connections of which it is not known who comes.
const STRANGERS: usize = 128;
/// Those of them that are kept for sources from which somebody known has come.
const RESERVED: usize = 32;
/// Those of one source.
const STRANGERS_EACH: usize = 8;
/// Connections of one source that shows no certificate where others do.
const NAMELESS_EACH: usize = 4;
/// How many refusals are told one by one; the others of a minute are one line.
const TOLD: u32 = 16;
/// How often that line is written.
pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// The addresses of this machine and their networks, by the kernel.
const NETWORKS: &str = "/proc/self/net/if_inet6";

/// The way into one server.
#[derive(Debug)]
pub(super) struct Doorway(Mutex<Inside>);

#[derive(Debug)]
struct Inside {
    door: Door,
    connections: HashMap<Id, AbortHandle>,
    near: Vec<Ipv6Net>,
    told: Limiter<()>,
    untold: u64,
}

impl Doorway {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        let places = Places {
            strangers: STRANGERS,
            reserved: RESERVED,
            strangers_each: STRANGERS_EACH,
            guests: limits.connections,
            guests_each: limits.each,
            nameless_each: NAMELESS_EACH,
            bytes: limits.bytes,
            bytes_each: limits.bytes_each,
        };
        Arc::new(Self(Mutex::new(Inside {
            door: Door::new(places),
            connections: HashMap::new(),
            near: networks(),
            told: Limiter::new(TOLD, MINUTE / TOLD, 1),
            untold: 0,
        })))
    }

    /// A place for somebody who comes from `ip`, perhaps that of another.
    pub(super) fn arrive(self: &Arc<Self>, ip: IpAddr) -> Place {
        let mut inside = self.inside();
        let source = Source::of(ip, &inside.near);
        let (id, evicted) = inside.door.arrive(source);
        inside.end(evicted);
        Place { doorway: self.clone(), id, source }
    }

    /// The task that serves this place ends when the place is taken from it.
    pub(super) fn watch(&self, id: Id, task: AbortHandle) {
        let mut inside = self.inside();
        if inside.door.has(id) {
            inside.connections.insert(id, task);
        }
    }

    /// Tells that somebody was refused, unless that was told often of late.
    pub(super) fn refused(&self, peer: SocketAddr, why: &dyn Display) {
        let mut inside = self.inside();
        if inside.told.take(&(), clock::now()).is_ok() {
            tracing::info!(%peer, error = %why, "refused a connection");
        } else {
            inside.untold = inside.untold.saturating_add(1);
        }
    }

    /// Tells of those that were not told, and looks for this machine's networks again.
    pub(super) fn each_minute(&self) {
        let near = networks();
        let mut inside = self.inside();
        inside.near = near;
        let count = std::mem::take(&mut inside.untold);
        if count > 0 {
            tracing::info!(count, "refused more connections in the last minute");
        }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    /// Ends whoever has lost the place.
    fn end(&mut self, evicted: Option<Id>) {
        let Some(id) = evicted else { return };
        self.untold = self.untold.saturating_add(1);
        if let Some(task) = self.connections.remove(&id) {
            task.abort();
        }
    }
}

/// The networks of this machine's links; none where that cannot be read, and neighbours count by
/// their /64 then.
fn networks() -> Vec<Ipv6Net> {
    near(&std::fs::read_to_string(NETWORKS).unwrap_or_default())
}

/// The place of one connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    doorway: Arc<Doorway>,
    pub(super) id: Id,
    pub(super) source: Source,
}

impl Place {
    /// It is known now who has it.
    pub(super) fn introduce(&self, holder: Holder) -> Result<(), NoPlace> {
        let mut inside = self.doorway.inside();
        let evicted = inside.door.introduce(self.id, holder)?;
        inside.end(evicted);
        Ok(())
    }

    pub(super) fn become_stage(&self, stage: Stage) {
        self.doorway.inside().door.become_stage(self.id, stage);
    }

    /// Holds more bytes of what is asked for.
    pub(super) fn hold(&self, bytes: usize) -> Result<(), NoPlace> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let mut inside = self.doorway.inside();
        let evicted = inside.door.hold(self.id, bytes)?;
        inside.end(evicted);
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.doorway.inside();
        inside.door.leave(self.id);
        inside.connections.remove(&self.id);
    }
}

/// Why the body of a request was not heard to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unheard {
    /// There is no room for it.
    #[error("too much is being sent at once: try again")]
    Full,
    /// It comes too slowly.
    #[error("what is sent comes too slowly")]
    Slow,
}

/// What a body that is not heard ends with.
pub(super) type BodyError = Box<dyn Error + Send + Sync>;
