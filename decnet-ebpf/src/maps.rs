//! The maps, and the look-ups that more than one program makes.

use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap, PerCpuArray, RingBuf, SockHash};
use decnet_ebpf::{
    Decky, MAC_PLACES, MAC_WAYS, MAX_DECKIES, MacKey, Own, PortKey, Ports, Sighting, TALLIES,
    Tally, counter, mac_home, mac_word, setting,
};

/// Memory for an entry is taken when it is made (`BPF_F_NO_PREALLOC`).
const ON_DEMAND: u32 = 1;
/// The values begin at a page (`BPF_F_MMAPABLE`), so that none lies across two cache lines.
const ALIGNED: u32 = 1 << 10;

#[map]
pub(crate) static DECKIES: Array<Decky> = Array::with_max_entries(MAC_PLACES, ALIGNED);
#[map]
pub(crate) static OWN: Array<Own> = Array::with_max_entries(MAC_PLACES, 0);
#[map]
pub(crate) static PRESENT: Array<u64> = Array::with_max_entries(MAC_PLACES / 64, 0);
#[map]
pub(crate) static NAMESPACES: HashMap<u64, MacKey> =
    HashMap::with_max_entries(MAX_DECKIES, ON_DEMAND);
#[map]
pub(crate) static ADDRESSES: HashMap<[u8; 16], u32> =
    HashMap::with_max_entries(4 * MAX_DECKIES, ON_DEMAND);
#[map]
pub(crate) static SEEN: Array<Tally> = Array::with_max_entries(TALLIES, ALIGNED);
#[map]
pub(crate) static PORTS: Array<Ports> = Array::with_max_entries(TALLIES, ALIGNED);
#[map]
pub(crate) static COUNTERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(counter::COUNT, 0);
#[map]
pub(crate) static SETTINGS: Array<u32> = Array::with_max_entries(setting::COUNT, 0);
#[map]
pub(crate) static SCRATCH: PerCpuArray<Sighting> = PerCpuArray::with_max_entries(1, 0);
#[map]
pub(crate) static PRIO: RingBuf = RingBuf::with_byte_size(8 * 1024 * 1024, 0);
#[map]
pub(crate) static BULK: RingBuf = RingBuf::with_byte_size(8 * 1024 * 1024, 0);
#[map]
pub(crate) static SERVED: HashMap<PortKey, u8> = HashMap::with_max_entries(64 * 1024, ON_DEMAND);
#[map]
pub(crate) static CATCHALL: SockHash<PortKey> = SockHash::with_max_entries(4 * MAX_DECKIES, 0);

/// A decky, as it was found.
#[derive(Clone, Copy)]
pub(crate) struct Found {
    /// Its number.
    pub id: u32,
    /// Bits of `policy`.
    pub flags: u32,
    /// Where it is in the table.
    place: u32,
}

impl Found {
    /// What it may send from.
    #[inline(always)]
    pub(crate) fn own(self) -> Option<&'static Own> {
        OWN.get(self.place)
    }
}

/// The decky that has this MAC.
#[inline(always)]
pub(crate) fn decky(mac: &[u8; 6]) -> Option<Found> {
    let home = mac_home(mac);
    if PRESENT.get(home / 64)? & 1 << (home % 64) == 0 {
        return None;
    }
    let word = mac_word(mac);
    for way in 0..MAC_WAYS {
        let place = (home + way) % MAC_PLACES;
        let decky = DECKIES.get(place)?;
        if decky.mac == word {
            return Some(Found { id: decky.id, flags: decky.flags, place });
        }
    }
    None
}

/// The number of the decky that has this address.
#[inline(always)]
pub(crate) fn holder(ip: &[u8; 16]) -> Option<u32> {
    // SAFETY: the value is copied at once.
    unsafe { ADDRESSES.get(ip) }.copied()
}

/// This CPU's space for the packet at hand, which is too large for the stack of 512 bytes.
///
/// A classifier runs with softirqs off and is never entered twice on a CPU, so the space is its
/// own from beginning to end.
#[inline(always)]
pub(crate) fn scratch() -> Option<&'static mut Sighting> {
    let space = SCRATCH.get_ptr_mut(0)?;
    // SAFETY: valid for the length of the program; see above for why nobody else holds it.
    Some(unsafe { &mut *space })
}
