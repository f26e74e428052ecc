//! What the kernel half and the user half both read: map names, keys, values and records.
//!
//! Apart from both so that a change of layout is one change. Everything here is plain data of a
//! fixed layout: no padding, native byte order unless a field says otherwise. The user half reads
//! and writes these as byte arrays (`decnet::logic::sighting`), so no `unsafe` is needed there.
//!
//! ```text
//! Sighting, in the ring `PRIO`            152 bytes
//!   0  ktime_ns u64   8 decky u32   12 wire_len u32   16 vlan_tci u16   18 gso_segs u16
//!  20  cap_len u16   22 kind u8     23 flags u8       24 frame [u8; 128]
//! Copy, in the ring `BULK`: the same head, then 488 or 1,576 bytes of frame
//! ```
#![no_std]

/// Names of the maps, as the loader looks them up.
pub mod map {
    /// Array of [`super::Decky`]; a MAC has [`super::MAC_WAYS`] places in it, from
    /// [`super::mac_home`] on.
    pub const DECKIES: &str = "DECKIES";
    /// Array of [`super::Own`], those of the decky at the same index of `DECKIES`.
    pub const OWN: &str = "OWN";
    /// Array of `u64`: the bit [`super::mac_home`] of every decky's MAC is set. Whose is not is no
    /// decky's, which most frames show at once.
    pub const PRESENT: &str = "PRESENT";
    /// Hash, key cookie of a decky's network namespace (`u64`), value its MAC in
    /// [`super::MacKey`].
    pub const NAMESPACES: &str = "NAMESPACES";
    /// Hash, key address as 16 bytes (IPv4 mapped), value decky number.
    pub const ADDRESSES: &str = "ADDRESSES";
    /// Array of [`super::Tally`]; a key has [`super::WAYS`] places in it, see [`super::place`].
    pub const SEEN: &str = "SEEN";
    /// Array of [`super::Ports`], those of the tally at the same index of `SEEN`.
    pub const PORTS: &str = "PORTS";
    /// Per-CPU array of `u64`, indexed by [`super::counter`].
    pub const COUNTERS: &str = "COUNTERS";
    /// Array of `u32`, indexed by [`super::setting`].
    pub const SETTINGS: &str = "SETTINGS";
    /// Ring of [`super::Sighting`].
    pub const PRIO: &str = "PRIO";
    /// Ring of frame copies for captures on request.
    pub const BULK: &str = "BULK";
    /// Hash, key [`super::PortKey`]: ports that a listener of their own answers.
    pub const SERVED: &str = "SERVED";
    /// Sock hash, key [`super::PortKey`] with port 0: the catch-all socket of a decky.
    pub const CATCHALL: &str = "CATCHALL";
}

/// Names of the programs.
pub mod program {
    /// Classifier on the parent's ingress.
    pub const INGRESS: &str = "ingress";
    /// Classifier on the parent's egress.
    pub const EGRESS: &str = "egress";
    /// Socket lookup in a decky's namespace.
    pub const STEER: &str = "steer";
}

/// Name of the global that says whether the kernel tells classifiers the cookie of a packet's
/// network namespace (`u8`, 0 or 1; Linux 6.15 does).
pub const KNOWS_NAMESPACES: &str = "KNOWS_NAMESPACES";

/// Most deckies one node can hold.
pub const MAX_DECKIES: u32 = 16_384;
/// Places for (source, decky, kind) tallies in the kernel; a power of two.
pub const TALLIES: u32 = 131_072;
/// Places that one key may take; the oldest tally there gives way.
pub const WAYS: u32 = 16;
/// Bytes of frame in a [`Sighting`]: IPv6, TCP with all options and one VLAN tag fit.
pub const FRAME: usize = 128;
/// Bytes of frame in a small [`Copy`].
pub const COPY_SMALL: usize = 488;
/// Bytes of frame in a large [`Copy`].
pub const COPY_LARGE: usize = 1_576;
/// Bits in [`Ports`]; ports that are equal modulo this count as one.
pub const PORT_BITS: usize = 1_024;
/// A tally that has rested this long starts anew, and its next packet is a sighting again.
pub const REST_NS: u64 = 8_000_000_000;

/// Kinds of sighting.
pub mod kind {
    /// TCP with SYN and without ACK.
    pub const SYN: u8 = 1;
    /// TCP with FIN alone.
    pub const FIN: u8 = 2;
    /// TCP without any flag.
    pub const NULL: u8 = 3;
    /// TCP with FIN, PSH or URG in a combination that no stack sends.
    pub const XMAS: u8 = 4;
    /// A UDP datagram.
    pub const UDP: u8 = 5;
    /// An ARP request for a decky's address.
    pub const ARP: u8 = 6;
    /// An IPv6 neighbour solicitation for a decky's address.
    pub const SOLICIT: u8 = 7;
    /// An ICMP or ICMPv6 echo request.
    pub const ECHO: u8 = 8;
    /// A fragment whose ports or flags lie elsewhere.
    pub const FRAGMENT: u8 = 9;
    /// Anything else that was addressed to a decky: counted, never a sighting.
    pub const OTHER: u8 = 10;
}

/// Bits of [`Sighting::flags`].
pub mod flag {
    /// First packet of this kind from this source to this decky, or the first after a rest.
    pub const FIRST: u8 = 1;
    /// `vlan_tci` holds the tag that the NIC or the kernel took off the frame.
    pub const VLAN: u8 = 2;
    /// The frame left the decky (copies only).
    pub const OUT: u8 = 4;
}

/// Indices of `COUNTERS`.
///
/// Invariant: `SEEN = AGGREGATED + PRIO_SENT + PRIO_FULL + LOAD_ERROR`, and
/// `COPIES = COPIES_SENT + COPIES_FULL + COPIES_ERROR`.
pub mod counter {
    /// Packets addressed to a decky.
    pub const SEEN: u32 = 0;
    /// Of those: counted in a tally and not sent.
    pub const AGGREGATED: u32 = 1;
    /// Of those: sent as a sighting.
    pub const PRIO_SENT: u32 = 2;
    /// Of those: a sighting that found the ring full.
    pub const PRIO_FULL: u32 = 3;
    /// Of those: a sighting whose frame could not be read.
    pub const LOAD_ERROR: u32 = 4;
    /// Frames of a decky under capture.
    pub const COPIES: u32 = 5;
    /// Of those: sent.
    pub const COPIES_SENT: u32 = 6;
    /// Of those: found the ring full.
    pub const COPIES_FULL: u32 = 7;
    /// Of those: could not be read.
    pub const COPIES_ERROR: u32 = 8;
    /// Frames from a decky that it may not send; they were dropped.
    pub const GUARDED: u32 = 9;
    /// Connections that the catch-all took.
    pub const STEERED: u32 = 10;
    /// How many there are.
    pub const COUNT: u32 = 11;
}

/// Indices of `SETTINGS`.
pub mod setting {
    /// Not zero: sightings do not wake the reader, which polls.
    pub const QUIET: u32 = 0;
    /// A random number for [`super::home`], set when the programs are loaded.
    pub const SEED: u32 = 1;
    /// How many there are.
    pub const COUNT: u32 = 2;
}

/// Bits of [`Decky::flags`].
pub mod policy {
    /// Copy each frame of this decky to `BULK`.
    pub const COPY: u32 = 1;
}

/// A MAC address as a map's value: six bytes, then two of zero.
pub type MacKey = [u8; 8];

/// Places for deckies; four times as many as there can be, so that each finds one near its home.
pub const MAC_PLACES: u32 = 65_536;
/// Places in a row that a MAC may take.
pub const MAC_WAYS: u32 = 16;

/// The first place that is tried for a MAC; the rest follow it, and the first place the last.
#[inline(always)]
pub const fn mac_home(mac: &[u8; 6]) -> u32 {
    let low = u32::from_ne_bytes([mac[2], mac[3], mac[4], mac[5]]);
    // Multiplicative hashing (Knuth, volume 3, section 6.4): the upper bits are well mixed.
    low.wrapping_mul(0x9e37_79b1) >> 16
}

/// A MAC as [`Decky::mac`] has it, which is never zero.
#[inline(always)]
pub const fn mac_word(mac: &[u8; 6]) -> u64 {
    u64::from_ne_bytes([mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], 1, 0])
}

/// Who is a decky. Short, for every packet is looked up here and few entries fill few cache lines.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Decky {
    /// [`mac_word`] of its MAC; 0 when the place is free.
    pub mac: u64,
    /// Number that sightings carry.
    pub id: u32,
    /// Bits of [`policy`].
    pub flags: u32,
}

/// The addresses that a decky may send from.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Own {
    /// IPv4 address, network byte order, as four bytes.
    pub ip4: [u8; 4],
    /// IPv6 link-local address.
    pub link_local: [u8; 16],
    /// IPv6 address, zero when there is none.
    pub ip6: [u8; 16],
}

/// Who did what to whom, made by [`tally_key`].
pub type TallyKey = [u64; 3];

/// The key of the tally of `kind` packets from `src` to a decky: an address, IPv4 mapped into IPv6,
/// or the MAC of a source without one, in the first six bytes.
#[inline(always)]
pub const fn tally_key(src: &[u8; 16], decky: u32, kind: u8) -> TallyKey {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *src;
    [
        u64::from_ne_bytes([a, b, c, d, e, f, g, h]),
        u64::from_ne_bytes([i, j, k, l, m, n, o, p]),
        decky as u64 | (kind as u64) << 32,
    ]
}

/// The first place that is tried for a key. `seed` is [`setting::SEED`].
#[inline(always)]
pub const fn home(key: &TallyKey, seed: u32) -> u32 {
    // One round of multiplying and folding for each word; the constants are the fractions of the
    // golden ratio and of the square roots of 2 and 3, made odd.
    let mut hash = seed as u64 ^ 0x6a09_e667_f3bc_c909;
    hash = (hash ^ key[0]).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ hash >> 32 ^ key[1]).wrapping_mul(0xbb67_ae85_84ca_a73b);
    hash = (hash ^ hash >> 32 ^ key[2]).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (hash >> 32) as u32 % TALLIES
}

/// The place that is tried as number `way`, counted from 0, of a key whose first is `home`.
#[inline(always)]
pub const fn place(home: u32, way: u32) -> u32 {
    home / WAYS * WAYS + (home + way) % WAYS
}

/// Which ports a source tried, by `port % PORT_BITS`.
pub type Ports = [u64; PORT_BITS / 64];

/// [`Tally::port`] when there was none.
pub const NO_PORT: u32 = u32::MAX;

/// How often somebody did something. As long as a cache line.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug)]
pub struct Tally {
    /// Who did what to whom; zero when the place was never taken.
    pub key: TallyKey,
    /// Kernel time of the last packet, nanoseconds of `CLOCK_MONOTONIC`.
    pub last_ns: u64,
    /// Bytes on the wire since the last rest.
    pub bytes: u64,
    /// Packets since the last rest.
    pub packets: u32,
    /// Port of the last packet whose port counts, or [`NO_PORT`].
    pub port: u32,
    /// Unused.
    pub rest: [u64; 2],
}

/// An address, protocol and port of a decky.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PortKey {
    /// Address, IPv4 mapped into IPv6.
    pub ip: [u8; 16],
    /// Port in host byte order; 0 for the catch-all.
    pub port: u16,
    /// IP protocol number.
    pub protocol: u16,
}

/// The head of a record in either ring.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// Kernel time, nanoseconds of `CLOCK_MONOTONIC`.
    pub ktime_ns: u64,
    /// Decky number.
    pub decky: u32,
    /// Length of the packet as the kernel had it; a merged packet can be 64 KiB.
    pub wire_len: u32,
    /// VLAN tag that was taken off the frame, when [`flag::VLAN`] is set.
    pub vlan_tci: u16,
    /// Segments merged into this packet, 0 when none were.
    pub gso_segs: u16,
    /// Bytes of `frame` that are the packet's; the rest is zero or old.
    pub cap_len: u16,
    /// One of [`kind`].
    pub kind: u8,
    /// Bits of [`flag`].
    pub flags: u8,
}

/// A packet that was new enough to report.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Sighting {
    /// What and when.
    pub head: Head,
    /// The frame from its first byte.
    pub frame: [u8; FRAME],
}

/// A frame of a decky under capture, up to [`COPY_SMALL`] bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SmallCopy {
    /// What and when.
    pub head: Head,
    /// The frame from its first byte.
    pub frame: [u8; COPY_SMALL],
}

/// A frame of a decky under capture, up to [`COPY_LARGE`] bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct LargeCopy {
    /// What and when.
    pub head: Head,
    /// The frame from its first byte.
    pub frame: [u8; COPY_LARGE],
}

const _: () = {
    assert!(size_of::<Head>() == 24);
    assert!(size_of::<Sighting>() == 152);
    assert!(size_of::<SmallCopy>() == 512);
    assert!(size_of::<LargeCopy>() == 1_600);
    assert!(size_of::<Tally>() == 64);
    assert!(TALLIES.is_power_of_two() && TALLIES.is_multiple_of(WAYS));
    assert!(MAC_PLACES == 1 << 16);
    assert!(size_of::<Decky>() == 16);
    assert!(size_of::<Own>() == 36);
    assert!(size_of::<PortKey>() == 20);
};
