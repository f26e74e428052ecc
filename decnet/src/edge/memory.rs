//! How this process gives memory back to the kernel.

use std::ffi::c_void;
use std::num::NonZeroUsize;
use std::ptr::NonNull;

use nix::libc;
use nix::sys::mman::{MmapAdvise, madvise};

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

/// Makes this process the first to be ended when memory runs out, before those that it belongs to.
///
/// **Source**: proc(5), `/proc/pid/oom_score_adj`.
pub fn go_first() {
    if let Err(error) = std::fs::write("/proc/self/oom_score_adj", "500") {
        tracing::debug!(%error, "this process is no likelier than others to be ended");
    }
}

/// Gives memory back that was freed in between what is still used, as after a flood. It takes some
/// milliseconds.
///
/// **Source**: malloc_trim(3).
pub fn trim() {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: malloc_trim takes a number, touches only the allocator's own free memory, and
        // takes the allocator's locks to do so.
        #[expect(unsafe_code, reason = "there is no safe way to say it")]
        let trimmed = unsafe { libc::malloc_trim(0) };
        tracing::debug!(trimmed = trimmed == 1, "memory was given back");
    }
}

/// Lets go of this program's code, most of which only its start needs: what is run from here on is
/// mapped again from the page cache, and the rest no longer counts as this process's.
pub fn forget_start() {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let program = std::fs::read_link("/proc/self/exe").unwrap_or_default();
    let program = program.to_string_lossy();
    for (start, length) in maps.lines().filter_map(|line| code(line, &program)) {
        // SAFETY: these are pages of a file, mapped privately to be run and not to be written: the
        // kernel reads again what it drops.
        #[expect(unsafe_code, reason = "the kernel is told about addresses")]
        let forgotten = unsafe { madvise(start, length.get(), MmapAdvise::MADV_DONTNEED) };
        if let Err(error) = forgotten {
            tracing::debug!(%error, "the code of the start stays mapped");
        }
    }
}

/// Where a line of `maps` says that code of the program is.
///
/// **Source**: proc(5), `/proc/pid/maps`.
fn code(line: &str, program: &str) -> Option<(NonNull<c_void>, NonZeroUsize)> {
    let mut words = line.split_ascii_whitespace();
    let (range, mode, path) = (words.next()?, words.next()?, words.nth(3)?);
    if mode != "r-xp" || path != program {
        return None;
    }
    let (start, end) = range.split_once('-')?;
    let number = |text| usize::from_str_radix(text, 16).ok();
    let (start, end) = (NonZeroUsize::new(number(start)?)?, number(end)?);
    let length = NonZeroUsize::new(end.checked_sub(start.get())?)?;
    Some((NonNull::with_exposed_provenance(start), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_of_the_program_is_let_go_of() {
        let found = |line| code(line, "/opt/decnet").map(|(at, length)| (at.addr().get(), length));
        let line = "1000-3000 r-xp 00001000 fe:00 12                    /opt/decnet";
        assert_eq!(found(line), Some((0x1000, NonZeroUsize::new(0x2000).expect("not zero"))));
        for other in [
            "1000-3000 r--p 00001000 fe:00 12                    /opt/decnet",
            "1000-3000 rw-p 00001000 fe:00 12                    /opt/decnet",
            "1000-3000 r-xp 00001000 fe:00 12                    /usr/lib/libc.so.6",
            "1000-3000 r-xp 00000000 00:00 0                     [vdso]",
            "3000-1000 r-xp 00001000 fe:00 12                    /opt/decnet",
            "0-1000 r-xp 00001000 fe:00 12                    /opt/decnet",
            "",
        ] {
            assert_eq!(found(other), None, "{other}");
        }
    }

    #[test]
    fn a_program_that_has_let_go_of_its_start_goes_on() {
        forget_start();
        let sum: usize = (1..=1_000).sum();
        assert_eq!(format!("{sum}"), "500500");
    }
}
