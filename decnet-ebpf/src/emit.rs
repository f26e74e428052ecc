//! Sends what is new, counts what is not, and accounts for every packet.

use aya_ebpf::bindings::BPF_RB_NO_WAKEUP;
use aya_ebpf::helpers::{bpf_ktime_get_coarse_ns, bpf_ktime_get_ns, bpf_skb_load_bytes};
use aya_ebpf::maps::RingBuf;
use aya_ebpf::programs::TcContext;
use decnet_ebpf::{
    COPY_LARGE, COPY_SMALL, FRAME, Head, LargeCopy, Sighting, SmallCopy, counter, flag, setting,
};

use crate::count;
use crate::maps::{BULK, PRIO, SETTINGS};
use crate::parse::{Frame, Touch};
use crate::tally::{self, News};

/// Copies the first bytes of the packet into the scratch space, where they are parsed.
#[inline(always)]
pub(crate) fn fetch(ctx: &TcContext, space: &mut Sighting) -> Option<Frame> {
    let mut length = ctx.len();
    if length > FRAME as u32 {
        length = FRAME as u32;
    }
    if length == 0 {
        return None;
    }
    let bytes = &raw mut space.frame;
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
pub(crate) fn sighting(ctx: &TcContext, space: &mut Sighting, touch: &Touch) {
    count::add(counter::SEEN);
    // A clock that is a few milliseconds late will do for counting, and costs a fourth.
    // SAFETY: takes no argument and cannot fail.
    let late = unsafe { bpf_ktime_get_coarse_ns() };
    let flags = match tally::count(ctx, touch, late) {
        News::Nothing => return count::add(counter::AGGREGATED),
        News::Repeat => 0,
        News::First => flag::FIRST,
    };
    // SAFETY: as above.
    let now = unsafe { bpf_ktime_get_ns() };
    space.head = head(ctx, touch.decky, touch.kind, flags, now, FRAME as u32);
    match PRIO.output::<Sighting>(&*space, wakeup()) {
        Ok(()) => count::add(counter::PRIO_SENT),
        Err(_) => {
            tally::forget_port(touch);
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
