//! Random bytes from the kernel, fit for keys.

/// Fills `buffer`.
///
/// # Panics
///
/// When the kernel has no random source, which no Linux since 3.17 lacks.
pub fn fill(buffer: &mut [u8]) {
    getrandom::fill(buffer).expect("every Linux since 3.17 has getrandom(2)");
}
