//! Random bytes from the kernel, fit for keys.

use uuid::Uuid;

/// Fills `buffer`.
///
/// # Panics
///
/// When the kernel has no random source, which no Linux since 3.17 lacks.
pub fn fill(buffer: &mut [u8]) {
    getrandom::fill(buffer).expect("every Linux since 3.17 has getrandom(2)");
}

/// A random UUID.
pub fn uuid() -> Uuid {
    let mut bytes = [0; 16];
    fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}
