//! The maps, and the look-ups that more than one program makes.

use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap, LruHashMap, PerCpuArray, RingBuf, SockHash};
use decnet_ebpf::{
    Decky, MAX_DECKIES, MAX_TALLIES, MacKey, PRESENT_BITS, PortKey, Sighting, Tally, TallyKey,
    counter, present, setting,
};

/// Memory for an entry is taken when it is made (`BPF_F_NO_PREALLOC`).
const ON_DEMAND: u32 = 1;

/// What is too large for the stack of 512 bytes; each CPU has one.
#[repr(C)]
pub(crate) struct Scratch {
    /// The packet at hand, ready to be sent.
    pub sighting: Sighting,
    /// A tally about to be stored.
    pub tally: Tally,
}

#[map]
pub(crate) static DECKIES: HashMap<MacKey, Decky> =
    HashMap::with_max_entries(MAX_DECKIES, ON_DEMAND);
#[map]
pub(crate) static PRESENT: Array<u64> = Array::with_max_entries(PRESENT_BITS / 64, 0);
#[map]
pub(crate) static NAMESPACES: HashMap<u64, MacKey> =
    HashMap::with_max_entries(MAX_DECKIES, ON_DEMAND);
#[map]
pub(crate) static ADDRESSES: HashMap<[u8; 16], u32> =
    HashMap::with_max_entries(4 * MAX_DECKIES, ON_DEMAND);
#[map]
pub(crate) static SEEN: LruHashMap<TallyKey, Tally> = LruHashMap::with_max_entries(MAX_TALLIES, 0);
#[map]
pub(crate) static COUNTERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(counter::COUNT, 0);
#[map]
pub(crate) static SETTINGS: Array<u32> = Array::with_max_entries(setting::COUNT, 0);
#[map]
pub(crate) static SCRATCH: PerCpuArray<Scratch> = PerCpuArray::with_max_entries(1, 0);
#[map]
pub(crate) static PRIO: RingBuf = RingBuf::with_byte_size(8 * 1024 * 1024, 0);
#[map]
pub(crate) static BULK: RingBuf = RingBuf::with_byte_size(8 * 1024 * 1024, 0);
#[map]
pub(crate) static SERVED: HashMap<PortKey, u8> = HashMap::with_max_entries(64 * 1024, ON_DEMAND);
#[map]
pub(crate) static CATCHALL: SockHash<PortKey> = SockHash::with_max_entries(4 * MAX_DECKIES, 0);

/// The decky that has this MAC.
#[inline(always)]
pub(crate) fn decky(mac: &[u8; 6]) -> Option<&'static Decky> {
    let (word, bit) = present(mac);
    match PRESENT.get(word) {
        Some(bits) if *bits & bit != 0 => {}
        _ => return None,
    }
    let key: MacKey = [mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], 0, 0];
    // SAFETY: an entry is replaced as a whole by the user half, and a removed one stays readable
    // until the program has ended (RCU).
    unsafe { DECKIES.get(&key) }
}

/// The number of the decky that has this address.
#[inline(always)]
pub(crate) fn holder(ip: &[u8; 16]) -> Option<u32> {
    // SAFETY: as above; the value is copied at once.
    unsafe { ADDRESSES.get(ip) }.copied()
}

/// This CPU's scratch space.
///
/// A classifier runs with softirqs off and is never entered twice on a CPU, so the space is its
/// own from beginning to end.
#[inline(always)]
pub(crate) fn scratch() -> Option<&'static mut Scratch> {
    let space = SCRATCH.get_ptr_mut(0)?;
    // SAFETY: valid for the length of the program; see above for why nobody else holds it.
    Some(unsafe { &mut *space })
}
