//! What a decky may send: answers, and what it takes to be reachable. Never a beginning.
//!
//! Apart from the seccomp filter of the process that serves the decky, this is what holds when
//! that process is taken over: the frame is dropped below it, by a program it cannot reach.

use aya_ebpf::helpers::bpf_get_netns_cookie;
use aya_ebpf::programs::TcContext;
use decnet_ebpf::{Own, kind, tally_key};

use crate::maps::{Found, NAMESPACES};
use crate::parse::{
    ACK, ETH_ARP, ETH_IPV4, ETH_IPV6, Frame, ICMP, ICMPV6, IGMP, Packet, RST, SYN, TCP, UDP, ipv4,
    ipv6, mapped, network,
};
use crate::tally;

/// What becomes of a frame.
#[derive(PartialEq)]
pub(crate) enum Verdict {
    /// It goes on.
    Pass,
    /// It is dropped.
    Drop,
}

/// Set by the loader; older kernels refuse a program that asks for a packet's namespace.
#[unsafe(no_mangle)]
static KNOWS_NAMESPACES: u8 = 0;

/// Whether a frame was sent by a socket in a decky's namespace and bears another MAC than the
/// decky's, as only an intruder's would.
#[inline(always)]
pub(crate) fn is_disguised(ctx: &TcContext, src: &[u8; 6]) -> bool {
    // SAFETY: a byte that nobody writes after the program is loaded; volatile because the compiler
    // must not take its value here for the one that the loader puts in.
    if unsafe { (&raw const KNOWS_NAMESPACES).read_volatile() } == 0 {
        return false;
    }
    // SAFETY: the context is valid for the length of the program.
    let cookie = unsafe { bpf_get_netns_cookie(ctx.skb.skb.cast()) };
    // SAFETY: the value is copied at once.
    let owner = unsafe { NAMESPACES.get(&cookie) };
    owner.is_some_and(|mac| mac[..6] != *src)
}

/// Whether `sender` may send this frame.
#[inline(always)]
pub(crate) fn verdict(frame: Frame, sender: Found) -> Verdict {
    let Some(from) = sender.own() else { return Verdict::Drop };
    let allowed = match network(frame) {
        Some((ETH_ARP, at)) => arp(frame, at, from),
        Some((ETH_IPV4, at)) => match ipv4(frame, at) {
            Some(packet) => packet.src == mapped(from.ip4) && upper(frame, &packet, sender.id),
            None => false,
        },
        Some((ETH_IPV6, at)) => match ipv6(frame, at) {
            Some(packet) => own(&packet.src, from) && upper(frame, &packet, sender.id),
            None => false,
        },
        _ => false,
    };
    if allowed { Verdict::Pass } else { Verdict::Drop }
}

/// ARP speaks for the decky's own address only.
#[inline(always)]
fn arp(frame: Frame, at: usize, from: &Own) -> bool {
    match frame.read::<4>(at + 14) {
        Some(ip) => ip == [0; 4] || ip == from.ip4,
        None => false,
    }
}

#[inline(always)]
fn own(ip: &[u8; 16], from: &Own) -> bool {
    *ip == from.link_local || *ip == from.ip6 || *ip == [0; 16]
}

#[inline(always)]
fn upper(frame: Frame, packet: &Packet, sender: u32) -> bool {
    if matches!(packet.fragment, Some(offset) if offset != 0) {
        return true;
    }
    match packet.protocol {
        TCP => match frame.byte(packet.upper + 13) {
            Some(flags) => flags & (ACK | RST) != 0 || flags & SYN == 0,
            None => false,
        },
        UDP => tally::is_known(&tally_key(&packet.dst, sender, kind::UDP)),
        // Echo reply, unreachable, time exceeded, parameter problem, timestamp reply.
        ICMP => matches!(frame.byte(packet.upper), Some(0 | 3 | 11 | 12 | 14)),
        // Errors, echo reply, listener reports, router and neighbour solicitation, advertisement.
        ICMPV6 => {
            matches!(frame.byte(packet.upper), Some(1..=4 | 129 | 131..=133 | 135 | 136 | 143))
        }
        IGMP => true,
        _ => false,
    }
}
