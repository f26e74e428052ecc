//! Remembers who touched whom, and says whether a packet is news.
//!
//! A table of its own rather than the kernel's LRU hash: a tally is one cache line, found without
//! a pointer, so that a packet costs one miss of the cache instead of four (docs/decisions/0004).
//!
//! Two CPUs may write one place at once. Then a tally loses a count, or two tallies that begin take
//! one place and the loser begins again with its next packet. The counters of the whole are per
//! CPU and exact.

use aya_ebpf::programs::TcContext;
use decnet_ebpf::{
    NO_PORT, PORT_BITS, Ports, REST_NS, Tally, TallyKey, WAYS, home, kind, place, setting,
    tally_key,
};

use crate::maps::{PORTS, SEEN, SETTINGS};
use crate::parse::Touch;

/// Why a packet is sent on.
pub(crate) enum News {
    /// It is only counted.
    Nothing,
    /// A port that this source had not tried.
    Repeat,
    /// The first of its source, or the first after a rest.
    First,
}

/// Counts a packet.
#[inline(always)]
pub(crate) fn count(ctx: &TcContext, touch: &Touch, now: u64) -> News {
    let key = key(touch);
    let (index, found) = match find(&key) {
        Found::Tally(index) => (index, true),
        Found::Free(index) => (index, false),
    };
    let Some(tally) = SEEN.get_ptr_mut(index) else { return first(touch) };
    // SAFETY: the pointer is valid for the length of the program; see above for other CPUs.
    let tally = unsafe { &mut *tally };
    if found && now.saturating_sub(tally.last_ns) <= REST_NS {
        return again(tally, index, ctx, touch, now);
    }
    tally.key = key;
    tally.last_ns = now;
    tally.bytes = ctx.len().into();
    tally.packets = 1;
    tally.port = touch.port.into();
    begin_ports(index, touch.port);
    first(touch)
}

/// Whether anything of this key was seen and is remembered.
#[inline(always)]
pub(crate) fn is_known(key: &TallyKey) -> bool {
    matches!(find(key), Found::Tally(_))
}

/// A sighting that found the ring full is not done: the next packet to that port tries again.
#[inline(always)]
pub(crate) fn forget_port(touch: &Touch) {
    let Found::Tally(index) = find(&key(touch)) else { return };
    if let Some(tally) = SEEN.get_ptr_mut(index) {
        // SAFETY: as in `count`.
        unsafe { (*tally).port = NO_PORT };
    }
    if let Some((slot, bit)) = bit(index, touch.port) {
        *slot &= !bit;
    }
}

/// Where a tally is, or would be.
enum Found {
    /// It is here.
    Tally(u32),
    /// It is not; this place is free, or was used the longest ago.
    Free(u32),
}

#[inline(always)]
fn find(key: &TallyKey) -> Found {
    let home = home(key, seed());
    let (mut oldest, mut free) = (u64::MAX, home);
    for way in 0..WAYS {
        let index = place(home, way);
        let Some(tally) = SEEN.get(index) else { break };
        // Word by word: comparing arrays is a call, which compares bytes.
        if tally.key[0] == key[0] && tally.key[1] == key[1] && tally.key[2] == key[2] {
            return Found::Tally(index);
        }
        if tally.last_ns < oldest {
            (oldest, free) = (tally.last_ns, index);
        }
        if tally.last_ns == 0 {
            // Never taken, so nothing was ever put behind it.
            break;
        }
    }
    Found::Free(free)
}

/// Counts a packet of a tally that there is.
#[inline(always)]
fn again(tally: &mut Tally, index: u32, ctx: &TcContext, touch: &Touch, now: u64) -> News {
    tally.last_ns = now;
    tally.bytes += u64::from(ctx.len());
    tally.packets += 1;
    if tally.port == touch.port.into() || touch.kind == kind::OTHER {
        return News::Nothing;
    }
    tally.port = touch.port.into();
    match bit(index, touch.port) {
        Some((slot, bit)) if *slot & bit == 0 => {
            *slot |= bit;
            News::Repeat
        }
        _ => News::Nothing,
    }
}

/// Leaves this port alone.
#[inline(always)]
fn begin_ports(index: u32, port: u16) {
    if let Some(ports) = PORTS.get_ptr_mut(index) {
        for word in 0..PORT_BITS / 64 {
            // SAFETY: as in `count`; within the array. Volatile, or it becomes a call that writes
            // byte by byte.
            unsafe { ports.cast::<u64>().add(word).write_volatile(0) };
        }
    }
    if let Some((slot, bit)) = bit(index, port) {
        *slot = bit;
    }
}

/// The word of a tally's ports that holds this one, and its bit there.
#[inline(always)]
fn bit(index: u32, port: u16) -> Option<(&'static mut u64, u64)> {
    let ports: *mut Ports = PORTS.get_ptr_mut(index)?;
    let port = usize::from(port) % PORT_BITS;
    // SAFETY: as in `count`.
    let slot = unsafe { (*ports).get_mut(port / 64)? };
    Some((slot, 1 << (port % 64)))
}

#[inline(always)]
fn key(touch: &Touch) -> TallyKey {
    tally_key(&touch.src, touch.decky, touch.kind)
}

/// Ordinary traffic is never news by itself.
#[inline(always)]
fn first(touch: &Touch) -> News {
    if touch.kind == kind::OTHER { News::Nothing } else { News::First }
}

/// What visitors do not know, so that they cannot choose whose tally theirs takes the place of.
#[inline(always)]
fn seed() -> u32 {
    SETTINGS.get(setting::SEED).copied().unwrap_or(0)
}
