//! Sends what is new, counts what is not, and accounts for every packet.

use aya_ebpf::bindings::BPF_RB_NO_WAKEUP;
use aya_ebpf::helpers::{bpf_ktime_get_coarse_ns, bpf_ktime_get_ns, bpf_skb_load_bytes};
use aya_ebpf::maps::RingBuf;
use aya_ebpf::programs::TcContext;
use decnet_ebpf::{
    COPY_LARGE, COPY_SMALL, FRAME, Head, LargeCopy, PORT_BITS, REST_NS, Sighting, SmallCopy, Tally,
    TallyKey, counter, flag, kind, setting,
};

use crate::count;
use crate::maps::{BULK, PRIO, SEEN, SETTINGS, Scratch};
use crate::parse::{Frame, Touch};

/// Why a packet is sent on.
enum News {
    /// It is only counted.
    Nothing,
    /// A port that this source had not tried.
    Repeat,
    /// The first of its source, or the first after a rest.
    First,
}

/// Copies the first bytes of the packet into the scratch space, where they are parsed.
#[inline(always)]
pub(crate) fn fetch(ctx: &TcContext, space: &mut Scratch) -> Option<Frame> {
    let mut length = ctx.len();
    if length > FRAME as u32 {
        length = FRAME as u32;
    }
    if length == 0 {
        return None;
    }
    let bytes = &raw mut space.sighting.frame;
    // SAFETY: `1 <= length <= FRAME`, the size of `bytes`.
    let read = unsafe { bpf_skb_load_bytes(ctx.skb.skb.cast(), 0, bytes.cast(), length) };
    if read != 0 {
        return None;
    }
    // SAFETY: a value of a map lives as long as the program; it is not written again before the
    // program ends.
    Some(Frame::new(unsafe { &*bytes }, length as usize))
}

/// Counts a packet that touches a decky, and sends it when it is news.
#[inline(always)]
pub(crate) fn sighting(ctx: &TcContext, space: &mut Scratch, touch: &Touch) {
    count::add(counter::SEEN);
    // A clock that is a few milliseconds late will do for counting, and costs a fourth.
    // SAFETY: takes no argument and cannot fail.
    let late = unsafe { bpf_ktime_get_coarse_ns() };
    let flags = match tally(ctx, space, touch, late) {
        News::Nothing => return count::add(counter::AGGREGATED),
        News::Repeat => 0,
        News::First => flag::FIRST,
    };
    // SAFETY: as above.
    let now = unsafe { bpf_ktime_get_ns() };
    space.sighting.head = head(ctx, touch.decky, touch.kind, flags, now, FRAME as u32);
    match PRIO.output::<Sighting>(&space.sighting, wakeup()) {
        Ok(()) => count::add(counter::PRIO_SENT),
        Err(_) => {
            forget_port(touch);
            count::add(counter::PRIO_FULL);
        }
    }
}

/// Counts a packet that touches a decky and whose frame could not be read.
#[inline(always)]
pub(crate) fn unreadable() {
    count::add(counter::SEEN);
    count::add(counter::LOAD_ERROR);
}

/// Copies a frame of a decky that is under capture.
#[inline(always)]
pub(crate) fn copy(ctx: &TcContext, decky: u32, kind: u8, flags: u8) {
    count::add(counter::COPIES);
    // SAFETY: takes no argument and cannot fail.
    let now = unsafe { bpf_ktime_get_ns() };
    let outcome = if ctx.len() as usize <= COPY_SMALL {
        send::<SmallCopy, COPY_SMALL>(
            ctx,
            &BULK,
            head(ctx, decky, kind, flags, now, COPY_SMALL as u32),
        )
    } else {
        send::<LargeCopy, COPY_LARGE>(
            ctx,
            &BULK,
            head(ctx, decky, kind, flags, now, COPY_LARGE as u32),
        )
    };
    count::add(match outcome {
        Sent::Yes => counter::COPIES_SENT,
        Sent::Full => counter::COPIES_FULL,
        Sent::Unreadable => counter::COPIES_ERROR,
    });
}

#[inline(always)]
fn tally(ctx: &TcContext, space: &mut Scratch, touch: &Touch, now: u64) -> News {
    let key = key(touch);
    let (word, bit) = place(touch.port);
    let Some(tally) = SEEN.get_ptr_mut(&key) else {
        begin(&mut space.tally, ctx, touch.port, now);
        // What cannot be remembered is sent: first-seen fails open.
        if SEEN.insert(&key, &space.tally, 0).is_err() {
            count::add(counter::TALLY_ERROR);
        }
        return first(touch);
    };
    // SAFETY: the pointer is valid for the length of the program. Two CPUs may add to one tally at
    // once and lose a count of it; the counters of the whole are per CPU and exact.
    let tally = unsafe { &mut *tally };
    if now.saturating_sub(tally.last_ns) > REST_NS {
        begin(tally, ctx, touch.port, now);
        return first(touch);
    }
    tally.last_ns = now;
    tally.bytes += u64::from(ctx.len());
    tally.packets += 1;
    match tally.ports.get_mut(word) {
        Some(slot) if *slot & bit == 0 && touch.kind != kind::OTHER => {
            *slot |= bit;
            tally.sent += 1;
            News::Repeat
        }
        _ => News::Nothing,
    }
}

#[inline(always)]
fn begin(tally: &mut Tally, ctx: &TcContext, port: u16, now: u64) {
    tally.first_ns = now;
    tally.last_ns = now;
    tally.bytes = ctx.len().into();
    tally.packets = 1;
    tally.sent = 1;
    tally.ports = [0; PORT_BITS / 64];
    let (word, bit) = place(port);
    if let Some(slot) = tally.ports.get_mut(word) {
        *slot = bit;
    }
}

#[inline(always)]
fn key(touch: &Touch) -> TallyKey {
    TallyKey { src: touch.src, decky: touch.decky, kind: touch.kind.into() }
}

/// Ordinary traffic is never news by itself.
#[inline(always)]
fn first(touch: &Touch) -> News {
    if touch.kind == kind::OTHER { News::Nothing } else { News::First }
}

/// A sighting that found the ring full is not done: the next packet to that port tries again.
#[inline(always)]
fn forget_port(touch: &Touch) {
    let (word, bit) = place(touch.port);
    if let Some(tally) = SEEN.get_ptr_mut(&key(touch)) {
        // SAFETY: as in `tally`.
        let tally = unsafe { &mut *tally };
        if let Some(slot) = tally.ports.get_mut(word) {
            *slot &= !bit;
        }
    }
}

#[inline(always)]
fn place(port: u16) -> (usize, u64) {
    let index = usize::from(port) % PORT_BITS;
    (index / 64, 1 << (index % 64))
}

#[inline(always)]
fn wakeup() -> u64 {
    match SETTINGS.get(setting::QUIET) {
        Some(quiet) if *quiet != 0 => BPF_RB_NO_WAKEUP.into(),
        _ => 0,
    }
}

/// The head of a record with room for `room` bytes of frame.
#[inline(always)]
fn head(ctx: &TcContext, decky: u32, kind: u8, flags: u8, now: u64, room: u32) -> Head {
    let skb = ctx.skb.skb;
    // SAFETY: the context is valid for the length of the program; these are plain fields of it.
    let (wire_len, vlan, tci, segments) =
        unsafe { ((*skb).len, (*skb).vlan_present, (*skb).vlan_tci, (*skb).gso_segs) };
    Head {
        ktime_ns: now,
        decky,
        wire_len,
        vlan_tci: tci as u16,
        gso_segs: segments as u16,
        cap_len: if wire_len > room { room as u16 } else { wire_len as u16 },
        kind,
        flags: if vlan != 0 { flags | flag::VLAN } else { flags },
    }
}

enum Sent {
    Yes,
    Full,
    Unreadable,
}

/// Reserves a record of type `T`, a [`Head`] and then `N` bytes of frame, and sends it.
#[inline(always)]
fn send<T: 'static, const N: usize>(ctx: &TcContext, ring: &RingBuf, head: Head) -> Sent {
    let Some(mut entry) = ring.reserve::<T>(0) else { return Sent::Full };
    let record = entry.as_mut_ptr().cast::<u8>();
    // SAFETY: `T` begins with a `Head` and is as aligned as one (asserted in the library half).
    unsafe { record.cast::<Head>().write(head) };
    let mut length = ctx.len();
    if length > N as u32 {
        length = N as u32;
    }
    if length == 0 {
        entry.discard(0);
        return Sent::Unreadable;
    }
    // SAFETY: `N` bytes of the record follow its head, and `1 <= length <= N`.
    let read = unsafe {
        bpf_skb_load_bytes(ctx.skb.skb.cast(), 0, record.add(size_of::<Head>()).cast(), length)
    };
    if read != 0 {
        entry.discard(0);
        return Sent::Unreadable;
    }
    entry.submit(0);
    Sent::Yes
}
