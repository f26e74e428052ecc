//! What a SYN says of the stack that sent it, in the notation of p0f.
//!
//! ```text
//! version:ttl+hops:options:mss:window,scale:layout:quirks:payload
//! 4:64+0:0:1460:mss*44,7:mss,sok,ts,nop,ws:df,id+:0
//! ```
//! The notation is p0f's (its documentation, section "TCP signatures"), so that its databases and
//! other tools' can be used beside it; the reading is our own.

use std::fmt::Write as _;

use crate::logic::packet::{Ip, TCP};

/// Options that are read before the rest counts as one unknown.
const MAX_OPTIONS: usize = 40;

/// What the options of a SYN say.
#[derive(Default)]
struct Options {
    layout: Vec<String>,
    mss: Option<u16>,
    scale: Option<u8>,
    own_stamp: Option<u32>,
    peer_stamp: Option<u32>,
    trailing: bool,
    bad: bool,
}

/// The signature of a TCP SYN; `None` when it is no whole TCP header.
pub fn signature(ip: &Ip<'_>) -> Option<String> {
    if ip.protocol != TCP || ip.fragment.is_some_and(|offset| offset != 0) {
        return None;
    }
    let head: &[u8; 20] = ip.upper.first_chunk()?;
    let length = usize::from(head[12] >> 4) * 4;
    let options = read(ip.upper.get(20..length.max(20)));
    let window = u16::from_be_bytes([head[14], head[15]]);
    let initial = initial_ttl(ip.ttl);
    let mut text = String::with_capacity(64);
    // A String never fails to be written to.
    let _written = write!(
        text,
        "{}:{}+{}:{}:{}:{},{}:{}:{}:{}",
        if ip.v4.is_some() { 4 } else { 6 },
        initial,
        initial.saturating_sub(ip.ttl),
        ip.options,
        options.mss.map_or_else(|| "*".to_owned(), |mss| mss.to_string()),
        window_in_segments(window, &options, ip.v4.is_some()),
        options.scale.map_or_else(|| "*".to_owned(), |scale| scale.to_string()),
        options.layout.join(","),
        quirks(ip, head, &options).join(","),
        if ip.upper.len() > length { "+" } else { "0" },
    );
    Some(text)
}

/// The TTL it was probably sent with.
fn initial_ttl(ttl: u8) -> u8 {
    match ttl {
        0..=32 => 32,
        33..=64 => 64,
        65..=128 => 128,
        129..=255 => 255,
    }
}

/// Windows are often a multiple of the segment or packet size, and then say more as such.
fn window_in_segments(window: u16, options: &Options, v4: bool) -> String {
    let mss = options.mss.unwrap_or(0);
    if window != 0 && mss >= 100 {
        let stamped = options.own_stamp.is_some_and(|stamp| stamp != 0);
        let sizes = [Some(mss), stamped.then(|| mss.saturating_sub(12))];
        for size in sizes.into_iter().flatten().filter(|size| *size != 0) {
            if window.is_multiple_of(size) {
                return format!("mss*{}", window / size);
            }
        }
        let packet = mss.saturating_add(if v4 { 40 } else { 60 });
        if window.is_multiple_of(packet) {
            return format!("mtu*{}", window / packet);
        }
    }
    window.to_string()
}

fn read(bytes: Option<&[u8]>) -> Options {
    let mut options = Options::default();
    let Some(mut rest) = bytes else {
        options.bad = true;
        return options;
    };
    for _ in 0..MAX_OPTIONS {
        let Some((&code, after)) = rest.split_first() else { break };
        if code == 0 {
            options.layout.push(format!("eol+{}", after.len()));
            options.trailing = after.iter().any(|byte| *byte != 0);
            break;
        }
        if code == 1 {
            options.layout.push("nop".to_owned());
            rest = after;
            continue;
        }
        let size = after.first().map_or(0, |size| usize::from(*size));
        let Some((option, next)) = rest.split_at_checked(size).filter(|_| size >= 2) else {
            options.layout.push(name(code));
            options.bad = true;
            break;
        };
        options.layout.push(name(code));
        options.bad |= !take(&mut options, code, option.get(2..));
        rest = next;
    }
    options
}

/// Takes the body of an option; false when it has not the length it must have.
fn take(options: &mut Options, code: u8, body: Option<&[u8]>) -> bool {
    let body = body.unwrap_or_default();
    match (code, body) {
        (2, &[a, b]) => options.mss = Some(u16::from_be_bytes([a, b])),
        (3, &[scale]) => options.scale = Some(scale),
        (8, &[a, b, c, d, e, f, g, h]) => {
            options.own_stamp = Some(u32::from_be_bytes([a, b, c, d]));
            options.peer_stamp = Some(u32::from_be_bytes([e, f, g, h]));
        }
        (4, body) => return body.is_empty(),
        (5, body) => return matches!(body.len(), 8 | 16 | 24 | 32),
        (2 | 3 | 8, _) => return false,
        _ => {}
    }
    true
}

fn name(code: u8) -> String {
    match code {
        2 => "mss".to_owned(),
        3 => "ws".to_owned(),
        4 => "sok".to_owned(),
        5 => "sack".to_owned(),
        8 => "ts".to_owned(),
        code => format!("?{code}"),
    }
}

fn quirks(ip: &Ip<'_>, head: &[u8; 20], options: &Options) -> Vec<&'static str> {
    let flags = head[13];
    let acked = head[8..12] != [0; 4];
    let urgent = head[18..20] != [0; 2];
    let v4 = ip.v4;
    let all = [
        ("df", v4.is_some_and(|v4| v4.df)),
        ("id+", v4.is_some_and(|v4| v4.df && v4.id != 0)),
        ("id-", v4.is_some_and(|v4| !v4.df && v4.id == 0)),
        ("ecn", ip.ecn || flags & 0xc0 != 0),
        ("0+", v4.is_some_and(|v4| v4.reserved)),
        ("flow", ip.flow),
        ("seq-", head[4..8] == [0; 4]),
        ("ack+", acked && flags & 0x10 == 0),
        ("ack-", !acked && flags & 0x10 != 0),
        ("uptr+", urgent && flags & 0x20 == 0),
        ("urgf+", flags & 0x20 != 0),
        ("pushf+", flags & 0x08 != 0),
        ("ts1-", options.own_stamp == Some(0)),
        ("ts2+", options.peer_stamp.is_some_and(|stamp| stamp != 0) && flags & 0x10 == 0),
        ("opt+", options.trailing),
        ("exws", options.scale.is_some_and(|scale| scale > 14)),
        ("bad", options.bad),
    ];
    all.into_iter().filter(|(_, there)| *there).map(|(quirk, _)| quirk).collect()
}

#[cfg(test)]
mod tests;
