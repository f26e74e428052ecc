//! The time.

use std::time::{Duration, SystemTime};

use nix::time::{ClockId, clock_gettime};

use crate::logic::time::Timestamp;

/// The time now.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// The kernel's monotonic clock, as the capture programs read it.
pub fn monotonic() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from).unwrap_or_default()
}

/// Waits for as long as this, and never returns before: a parked thread may be woken by anybody.
pub fn pause(duration: Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that waits for time alone"
    )]
    std::thread::sleep(duration);
}
