//! How this process gives memory back to the kernel.

use nix::libc;

/// Allocations from this size on are the kernel's again as soon as they are freed, in bytes.
const MAPPED_FROM: libc::c_int = 128 * 1024;

/// Threads share this many pools of small allocations.
const POOLS: libc::c_int = 2;

/// Makes the allocator give memory back. To be called before there are threads.
///
/// The C library raises the size above which it maps an allocation when such a one is freed, and
/// from then on keeps it: a process that hashed a few passwords stays 100 MB large.
///
/// **Source**: mallopt(3), "dynamic mmap threshold".
pub fn give_back() {
    for (parameter, value) in [(libc::M_MMAP_THRESHOLD, MAPPED_FROM), (libc::M_ARENA_MAX, POOLS)] {
        // SAFETY: mallopt takes two numbers, touches only the allocator's own settings, and takes
        // the allocator's lock to do so.
        #[expect(unsafe_code, reason = "there is no safe way to say it")]
        let set = unsafe { libc::mallopt(parameter, value) };
        if set == 0 {
            tracing::debug!(parameter, value, "the allocator keeps its setting");
        }
    }
}
