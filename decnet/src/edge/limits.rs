//! Limits of this process.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// File descriptors that a node of thousands of deckies needs; the kernel's own ceiling.
const FILES: u64 = 1_048_576;

/// Allows this process, and those it starts, as many file descriptors as it may have: the
/// kernel's ceiling for root, the hard limit for others. Says how many that is.
pub fn raise_files() -> u64 {
    if setrlimit(Resource::RLIMIT_NOFILE, FILES, FILES).is_ok() {
        return FILES;
    }
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((1_024, 1_024));
    if setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() { hard } else { soft }
}

/// How many file descriptors this process may have; its user may have as many under way in
/// messages (unix(7), ETOOMANYREFS).
pub fn files() -> usize {
    let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((1_024, 1_024));
    usize::try_from(soft).unwrap_or(usize::MAX)
}
