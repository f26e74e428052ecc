//! Payloads into packets.

use super::{Cipher, Protection};

/// The sending half.
#[derive(Debug, Default)]
pub(in super::super) struct Sealer {
    protection: Protection,
    seq: u32,
}

impl Sealer {
    /// Appends the packet of `payload` to `out`. Nothing but counters of ours can be too long.
    ///
    /// Padding is the least that fits, as OpenSSH pads; zeros while nothing is encrypted, as it
    /// does too, and random afterwards.
    pub(in super::super) fn seal(
        &mut self,
        payload: &[u8],
        random: &mut dyn FnMut(&mut [u8]),
        out: &mut Vec<u8>,
    ) {
        let Protection { cipher, mac } = &mut self.protection;
        let etm = mac.as_ref().is_some_and(super::Mac::is_etm);
        let clear = if etm || cipher.is_aead() { 4 } else { 0 };
        let padding = padding(payload.len() + 5 - clear, cipher.block());
        let mut body = Vec::with_capacity(1 + payload.len() + usize::from(padding));
        body.push(padding);
        body.extend_from_slice(payload);
        body.resize(1 + payload.len() + usize::from(padding), 0);
        if !matches!(cipher, Cipher::None) {
            random(body.get_mut(1 + payload.len()..).unwrap_or_default());
        }
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let mut length = length.to_be_bytes();
        if cipher.is_aead() {
            let tag = cipher.seal(self.seq, &mut length, &mut body);
            out.extend([length.as_slice(), &body, &tag].concat());
        } else if etm {
            cipher.stream(&mut body);
            let packet = [length.as_slice(), &body].concat();
            out.extend_from_slice(&packet);
            out.extend(mac.as_ref().map(|mac| mac.of(self.seq, &packet)).unwrap_or_default());
        } else {
            let mut packet = [length.as_slice(), &body].concat();
            let tag = mac.as_ref().map(|mac| mac.of(self.seq, &packet)).unwrap_or_default();
            cipher.stream(&mut packet);
            out.extend(packet);
            out.extend(tag);
        }
        self.seq = self.seq.wrapping_add(1);
    }

    /// Protects what follows with new keys; in strict key exchange its numbers start again.
    pub(in super::super) fn rekey(&mut self, protection: Protection, strict: bool) {
        self.protection = protection;
        if strict {
            self.seq = 0;
        }
    }
}

/// Bytes of padding after `length` bytes: at least four, up to a whole block.
fn padding(length: usize, block: usize) -> u8 {
    let short = block - length % block;
    let padding = if short < 4 { short + block } else { short };
    u8::try_from(padding).unwrap_or(u8::MAX)
}
