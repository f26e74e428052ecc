//! Randomness from a service's context, as the crypto crates take it.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

/// A source that whoever runs the service vouches for.
pub(super) struct Random<'a> {
    fill: &'a mut dyn FnMut(&mut [u8]),
}

impl<'a> Random<'a> {
    /// Draws from `fill`.
    pub(super) fn new(fill: &'a mut dyn FnMut(&mut [u8])) -> Self {
        Self { fill }
    }

    /// So many random bytes.
    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.fill)(&mut bytes);
        bytes
    }
}

impl TryRng for Random<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_ne_bytes(self.bytes()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_ne_bytes(self.bytes()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        (self.fill)(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Random<'_> {}
