//! Packets into payloads.
//!
//! The order of the checks, and which of them are answered, is that of OpenSSH's packet.c: a
//! probe that breaks several rules at once meets the same one first.

use subtle::ConstantTimeEq;

use super::{Fault, Input, MAX_CLAIMED, MAX_PACKET, MIN_CLAIMED, Protection};

/// The receiving half.
#[derive(Debug, Default)]
pub(in super::super) struct Opener {
    protection: Protection,
    seq: u32,
    state: State,
    bound: Bound,
}

/// How long a packet may be that is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Bound {
    /// As long as any that is taken.
    Claimed,
    /// As long as those before a login are.
    #[default]
    Usual,
}

/// How far the next packet has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Its length is known.
    Body(usize),
    /// Nothing of it was looked at.
    #[default]
    Head,
    /// It is too long to be held: so many bytes of it are still to come.
    Swallow(usize),
}

/// A packet that arrived whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Packet {
    /// What it carried.
    pub(in super::super) payload: Vec<u8>,
    /// Its number.
    pub(in super::super) seq: u32,
}

impl Packet {
    /// The number of its message, which every packet has.
    pub(in super::super) fn kind(&self) -> u8 {
        self.payload.first().copied().unwrap_or_default()
    }

    /// What follows the number.
    pub(in super::super) fn body(&self) -> &[u8] {
        self.payload.get(1..).unwrap_or_default()
    }
}

impl Opener {
    /// The next packet, once all of it is there.
    ///
    /// # Errors
    ///
    /// Whatever OpenSSH ends a connection for at this layer.
    pub(in super::super) fn open(&mut self, input: &mut Input) -> Result<Option<Packet>, Fault> {
        if self.state == State::Head {
            self.head(input)?;
        }
        match self.state {
            State::Body(length) => {
                let total = 4 + length + self.protection.tag();
                let Some(whole) = input.head(total) else { return Ok(None) };
                let payload = Self::body(&mut self.protection, self.seq, length, whole)?;
                input.skip(total);
                let packet = Packet { payload, seq: self.seq };
                self.seq = self.seq.wrapping_add(1);
                self.state = State::Head;
                Ok(Some(packet))
            }
            State::Head => Ok(None),
            State::Swallow(left) => {
                let left_after = left.saturating_sub(input.len());
                input.skip(left);
                self.state = State::Swallow(left_after);
                if left_after == 0 { Err(Fault::Drop) } else { Ok(None) }
            }
        }
    }

    /// The visitor has logged in, and may send what OpenSSH takes.
    pub(in super::super) fn admit(&mut self) {
        self.bound = Bound::Claimed;
    }

    /// Expects what follows under new keys; in strict key exchange its numbers start again.
    pub(in super::super) fn rekey(&mut self, protection: Protection, strict: bool) {
        self.protection = protection;
        if strict {
            self.seq = 0;
        }
    }

    /// Learns the length, once enough is there to know it.
    fn head(&mut self, input: &mut Input) -> Result<(), Fault> {
        let Protection { cipher, .. } = &self.protection;
        let (block, clear) = (cipher.block(), self.protection.clear());
        let needed = if clear > 0 { clear } else { block };
        let Some(head) = input.head(needed) else { return Ok(()) };
        if clear == 0 {
            self.protection.cipher.stream(head);
        }
        let field = head.first_chunk().copied().unwrap_or_default();
        let length = self.protection.cipher.length(self.seq, field);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if !(MIN_CLAIMED..=MAX_CLAIMED).contains(&length) {
            let admitted = self.bound == Bound::Claimed && length > MAX_CLAIMED;
            return Err(if admitted { Fault::TooLong(length) } else { Fault::Drop });
        }
        if (4 + length - clear) % block != 0 {
            return Err(Fault::Drop);
        }
        let total = 4 + length + self.protection.tag();
        let longest = if self.bound == Bound::Usual { MAX_PACKET } else { MAX_CLAIMED };
        self.state = if length > longest { State::Swallow(total) } else { State::Body(length) };
        Ok(())
    }

    /// Decrypts a packet that is there as a whole, and takes its payload out.
    fn body(
        protection: &mut Protection,
        seq: u32,
        length: usize,
        whole: &mut [u8],
    ) -> Result<Vec<u8>, Fault> {
        let clear = protection.clear();
        let Protection { cipher, mac } = protection;
        let (packet, tag) = whole.split_at_mut_checked(4 + length).ok_or(Fault::Drop)?;
        let (field, body) = packet.split_first_chunk_mut::<4>().ok_or(Fault::Drop)?;
        if cipher.is_aead() {
            cipher.open(seq, *field, body, tag).or(Err(Fault::Drop))?;
        } else if clear > 0 {
            check(mac.as_ref().map(|mac| mac.of(seq, packet)), tag)?;
            cipher.stream(packet.get_mut(4..).unwrap_or_default());
        } else {
            // The first block was decrypted to learn the length.
            let block = cipher.block();
            cipher.stream(packet.get_mut(block..).unwrap_or_default());
            check(mac.as_ref().map(|mac| mac.of(seq, packet)), tag)?;
        }
        payload(packet)
    }
}

fn check(expected: Option<Vec<u8>>, tag: &[u8]) -> Result<(), Fault> {
    let expected = expected.unwrap_or_default();
    if bool::from(expected.as_slice().ct_eq(tag)) { Ok(()) } else { Err(Fault::Drop) }
}

/// What is between the padding length and the padding.
fn payload(packet: &[u8]) -> Result<Vec<u8>, Fault> {
    let body = packet.get(4..).unwrap_or_default();
    let (padding, rest) = body.split_first().ok_or(Fault::Drop)?;
    if *padding < 4 {
        return Err(Fault::Disconnect(format!("Corrupted padlen {padding} on input.")));
    }
    let end = rest.len().checked_sub(usize::from(*padding)).ok_or(Fault::Drop)?;
    match rest.get(..end) {
        Some(payload) if !payload.is_empty() => Ok(payload.to_vec()),
        _ => Err(Fault::Drop),
    }
}
