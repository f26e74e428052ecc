//! The programs: what is seen on the parent NIC, what a decky may send, and which socket answers.
//!
//! Two classifiers on the parent NIC see every frame of every decky, before the macvlan layer
//! takes it and after it let go. A third program sends connections to a decky's unserved ports to
//! its catch-all socket.
#![no_std]
#![no_main]
#![allow(unsafe_code, reason = "the kernel's helpers are unsafe calls; each is one expression")]

mod count;
mod emit;
mod guard;
mod maps;
mod parse;
mod steer;
mod tally;

use aya_ebpf::bindings::{TC_ACT_SHOT, TC_ACT_UNSPEC};
use aya_ebpf::macros::{classifier, sk_lookup};
use aya_ebpf::programs::{SkLookupContext, TcContext};
use decnet_ebpf::{counter, flag, kind, policy};

use guard::Verdict;
use parse::Macs;

/// Sees what arrives: visitors' frames, and what one decky sends another.
#[classifier]
pub(crate) fn ingress(ctx: TcContext) -> i32 {
    let Some(macs) = Macs::read(&ctx) else { return TC_ACT_UNSPEC };
    let decky = maps::decky(&macs.dst);
    if decky.is_none() && macs.dst[0] & 1 == 0 {
        return TC_ACT_UNSPEC;
    }
    let Some(space) = maps::scratch() else { return TC_ACT_UNSPEC };
    let Some(frame) = emit::fetch(&ctx, space) else {
        if decky.is_some() {
            emit::unreadable();
        }
        return TC_ACT_UNSPEC;
    };
    if let Some(sender) = maps::decky(&macs.src)
        && guard::verdict(frame, sender) == Verdict::Drop
    {
        count::add(counter::GUARDED);
        return TC_ACT_SHOT;
    }
    match decky {
        Some(decky) => {
            let touch = parse::unicast(frame, &macs.src, decky.id);
            emit::sighting(&ctx, space, &touch);
            if decky.flags & policy::COPY != 0 {
                emit::copy(&ctx, decky.id, touch.kind, 0);
            }
        }
        None => {
            if let Some(touch) = parse::multicast(frame, &macs.src) {
                emit::sighting(&ctx, space, &touch);
            }
        }
    }
    TC_ACT_UNSPEC
}

/// Sees what leaves, and lets a decky answer but never begin.
#[classifier]
pub(crate) fn egress(ctx: TcContext) -> i32 {
    let Some(macs) = Macs::read(&ctx) else { return TC_ACT_UNSPEC };
    let Some(sender) = maps::decky(&macs.src) else {
        if guard::is_disguised(&ctx, &macs.src) {
            count::add(counter::GUARDED);
            return TC_ACT_SHOT;
        }
        return TC_ACT_UNSPEC;
    };
    let Some(space) = maps::scratch() else { return TC_ACT_SHOT };
    let allowed = match emit::fetch(&ctx, space) {
        Some(frame) => guard::verdict(frame, sender) == Verdict::Pass,
        None => false,
    };
    if !allowed {
        count::add(counter::GUARDED);
        return TC_ACT_SHOT;
    }
    if sender.flags & policy::COPY != 0 {
        emit::copy(&ctx, sender.id, kind::OTHER, flag::OUT);
    }
    TC_ACT_UNSPEC
}

/// Gives a connection to a port without a listener to the decky's catch-all, if it has one.
#[sk_lookup]
pub(crate) fn steer(ctx: SkLookupContext) -> u32 {
    steer::socket(&ctx)
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

// Some helpers may be called from GPL-compatible programs only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
