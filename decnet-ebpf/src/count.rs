//! Counters, one set per CPU.

use crate::maps::COUNTERS;

/// Adds one to the counter `index`.
#[inline(always)]
pub(crate) fn add(index: u32) {
    if let Some(value) = COUNTERS.get_ptr_mut(index) {
        // SAFETY: this CPU's own slot; softirqs are off while a classifier runs, so nobody else
        // writes it meanwhile.
        unsafe { *value += 1 };
    }
}
