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
    /// Hash, key MAC in [`super::MacKey`], value [`super::Decky`].
    pub const DECKIES: &str = "DECKIES";
    /// Array of `u64`: the bits [`super::present`] of every decky's MAC are set. What has none
    /// there is no decky, which is found out without a look-up of the hash.
    pub const PRESENT: &str = "PRESENT";
    /// Hash, key cookie of a decky's network namespace (`u64`), value its MAC in
    /// [`super::MacKey`].
    pub const NAMESPACES: &str = "NAMESPACES";
    /// Hash, key address as 16 bytes (IPv4 mapped), value decky number.
    pub const ADDRESSES: &str = "ADDRESSES";
    /// LRU hash, key [`super::TallyKey`], value [`super::Tally`].
    pub const SEEN: &str = "SEEN";
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
/// Most (source, decky, kind) tallies kept in the kernel; the loader may choose another number.
pub const MAX_TALLIES: u32 = 131_072;
/// Bytes of frame in a [`Sighting`]: IPv6, TCP with all options and one VLAN tag fit.
pub const FRAME: usize = 128;
/// Bytes of frame in a small [`Copy`].
pub const COPY_SMALL: usize = 488;
/// Bytes of frame in a large [`Copy`].
pub const COPY_LARGE: usize = 1_576;
/// Bits in [`Tally::ports`]; ports that are equal modulo this count as one.
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
    /// Tallies that could not be stored; their packets were sent all the same.
    pub const TALLY_ERROR: u32 = 5;
    /// Frames of a decky under capture.
    pub const COPIES: u32 = 6;
    /// Of those: sent.
    pub const COPIES_SENT: u32 = 7;
    /// Of those: found the ring full.
    pub const COPIES_FULL: u32 = 8;
    /// Of those: could not be read.
    pub const COPIES_ERROR: u32 = 9;
    /// Frames from a decky that it may not send; they were dropped.
    pub const GUARDED: u32 = 10;
    /// Connections that the catch-all took.
    pub const STEERED: u32 = 11;
    /// How many there are.
    pub const COUNT: u32 = 12;
}

/// Indices of `SETTINGS`.
pub mod setting {
    /// Not zero: sightings do not wake the reader, which polls.
    pub const QUIET: u32 = 0;
    /// How many there are.
    pub const COUNT: u32 = 1;
}

/// Bits of [`Decky::flags`].
pub mod policy {
    /// Copy each frame of this decky to `BULK`.
    pub const COPY: u32 = 1;
}

/// A MAC address as a map key: six bytes, then two of zero.
pub type MacKey = [u8; 8];

/// Bits in the map `PRESENT`.
pub const PRESENT_BITS: u32 = 65_536;

/// The bit of a MAC in the map `PRESENT`: its word, and its place in it.
#[inline(always)]
pub const fn present(mac: &[u8; 6]) -> (u32, u64) {
    let low = u32::from_ne_bytes([mac[2], mac[3], mac[4], mac[5]]);
    // Multiplicative hashing (Knuth, volume 3, section 6.4): the upper bits are well mixed.
    let bit = low.wrapping_mul(0x9e37_79b1) >> 16;
    (bit / 64, 1 << (bit % 64))
}

/// What the kernel half knows of a decky.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Decky {
    /// Number that sightings carry.
    pub id: u32,
    /// Bits of [`policy`].
    pub flags: u32,
    /// IPv4 address, network byte order, as four bytes.
    pub ip4: [u8; 4],
    /// IPv6 link-local address.
    pub link_local: [u8; 16],
    /// IPv6 address, zero when there is none.
    pub ip6: [u8; 16],
}

/// Who did what to whom.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TallyKey {
    /// Source address, IPv4 mapped into IPv6; for an ARP probe without one, the MAC in the first
    /// six bytes.
    pub src: [u8; 16],
    /// Decky number.
    pub decky: u32,
    /// One of [`kind`].
    pub kind: u32,
}

/// How often, and to which ports.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Tally {
    /// Kernel time of the first packet since the last rest, nanoseconds of `CLOCK_MONOTONIC`.
    pub first_ns: u64,
    /// Kernel time of the last packet.
    pub last_ns: u64,
    /// Bytes on the wire.
    pub bytes: u64,
    /// Packets.
    pub packets: u32,
    /// Sightings sent of this tally.
    pub sent: u32,
    /// Ports seen, by `port % PORT_BITS`.
    pub ports: [u64; PORT_BITS / 64],
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
    assert!(size_of::<TallyKey>() == 24);
    assert!(size_of::<Tally>() == 32 + PORT_BITS / 8);
    assert!(size_of::<Decky>() == 44);
    assert!(size_of::<PortKey>() == 20);
};
