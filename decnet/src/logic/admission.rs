//! Who is let in: so many connections at a time, from everybody and from each source.

use std::collections::HashMap;
use std::net::IpAddr;

/// What one process serves at a time, and what one connection may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections of everybody.
    pub connections: usize,
    /// Connections of one source: an IPv4 address, or the /64 of an IPv6 address.
    pub per_source: usize,
    /// Seconds without a byte.
    pub idle_secs: u64,
    /// Seconds in all.
    pub session_secs: u64,
    /// Bytes each way.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            per_source: 256,
            idle_secs: 300,
            session_secs: 3_600,
            bytes: 256 * 1024 * 1024,
        }
    }
}

/// The connections there are, by source.
#[derive(Debug, Default)]
pub struct Admission {
    all: usize,
    sources: HashMap<IpAddr, usize>,
}

impl Admission {
    /// Lets a connection in, or not. One that was let in must be [`released`](Self::release).
    pub fn admit(&mut self, limits: &Limits, ip: IpAddr) -> bool {
        let count = self.sources.entry(source(ip)).or_default();
        if self.all >= limits.connections || *count >= limits.per_source {
            if *count == 0 {
                self.sources.remove(&source(ip));
            }
            return false;
        }
        *count += 1;
        self.all += 1;
        true
    }

    /// Takes note that a connection has ended.
    pub fn release(&mut self, ip: IpAddr) {
        let key = source(ip);
        let Some(count) = self.sources.get_mut(&key) else { return };
        *count = count.saturating_sub(1);
        if *count == 0 {
            self.sources.remove(&key);
        }
        self.all = self.all.saturating_sub(1);
    }

    /// How many there are.
    pub fn connections(&self) -> usize {
        self.all
    }
}

/// Whoever has one address of a /64 has them all.
fn source(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => IpAddr::V6((u128::from(ip) & !u128::from(u64::MAX)).into()),
    }
}

#[cfg(test)]
mod tests;
