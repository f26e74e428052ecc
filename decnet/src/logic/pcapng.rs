//! Frames as a pcapng file (draft-ietf-opsawg-pcapng), little-endian, one interface.
//!
//! ```text
//! file   section header, interface description (nanoseconds), then a block for each frame
//! frame  enhanced packet: interface 0, time, lengths, frame, padding, flags, drops so far
//! ```

use crate::logic::time::Timestamp;

const SECTION: u32 = 0x0a0d_0d0a;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
const INTERFACE: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const ETHERNET: u16 = 1;

/// Options: of any block, of an interface, of a packet.
const END: u16 = 0;
const USER_APPLICATION: u16 = 4;
const NAME: u16 = 2;
const RESOLUTION: u16 = 9;
const FLAGS: u16 = 2;
const DROPS: u16 = 4;
/// Times are in units of 10^-9 s.
const NANOSECONDS: u8 = 9;
const INBOUND: u32 = 1;
const OUTBOUND: u32 = 2;

/// A frame to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// When.
    pub at: Timestamp,
    /// How long it was.
    pub wire_len: u32,
    /// Whether the decky sent it.
    pub outbound: bool,
    /// The VLAN tag that was taken off and belongs back.
    pub vlan: Option<u16>,
    /// Its bytes, as far as they were kept.
    pub bytes: &'a [u8],
}

/// The beginning of a file of `decky`'s frames.
pub fn head(decky: &str) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(BYTE_ORDER.to_le_bytes());
    body.extend(1u16.to_le_bytes());
    body.extend(0u16.to_le_bytes());
    // The section's length is not known yet.
    body.extend(u64::MAX.to_le_bytes());
    option(&mut body, USER_APPLICATION, concat!("decnet ", env!("CARGO_PKG_VERSION")).as_bytes());
    option(&mut body, END, &[]);
    let mut file = block(SECTION, &body);
    body.clear();
    body.extend(ETHERNET.to_le_bytes());
    body.extend([0; 2]);
    // No limit on the length of a frame.
    body.extend(0u32.to_le_bytes());
    option(&mut body, NAME, decky.as_bytes());
    option(&mut body, RESOLUTION, &[NANOSECONDS]);
    option(&mut body, END, &[]);
    file.extend(block(INTERFACE, &body));
    file
}

/// A frame as a block; `dropped` frames came before it and are not in the file.
pub fn frame(frame: &Frame<'_>, dropped: u64) -> Vec<u8> {
    let (bytes, wire_len) = match frame.vlan {
        Some(tag) => (tagged(frame.bytes, tag), frame.wire_len.saturating_add(4)),
        None => (frame.bytes.to_vec(), frame.wire_len),
    };
    let length = u32::try_from(bytes.len()).unwrap_or(0);
    let [a, b, c, d, e, f, g, h] = frame.at.0.to_le_bytes();
    let mut body = Vec::with_capacity(bytes.len() + 64);
    body.extend(0u32.to_le_bytes());
    // The upper half of the time comes first.
    body.extend([e, f, g, h]);
    body.extend([a, b, c, d]);
    body.extend(length.to_le_bytes());
    body.extend(wire_len.max(length).to_le_bytes());
    body.extend(&bytes);
    pad(&mut body);
    let direction = if frame.outbound { OUTBOUND } else { INBOUND };
    option(&mut body, FLAGS, &direction.to_le_bytes());
    option(&mut body, DROPS, &dropped.to_le_bytes());
    option(&mut body, END, &[]);
    block(ENHANCED_PACKET, &body)
}

/// Puts an 802.1Q tag behind the two MAC addresses.
fn tagged(bytes: &[u8], tag: u16) -> Vec<u8> {
    let Some((macs, rest)) = bytes.split_at_checked(12) else { return bytes.to_vec() };
    let [high, low] = tag.to_be_bytes();
    [macs, &[0x81, 0, high, low], rest].concat()
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 12).unwrap_or(0).to_le_bytes();
    [&kind.to_le_bytes()[..], &length, body, &length].concat()
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend(code.to_le_bytes());
    body.extend(u16::try_from(value.len()).unwrap_or(0).to_le_bytes());
    body.extend(value);
    pad(body);
}

/// Everything is a multiple of four bytes long.
fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests;
