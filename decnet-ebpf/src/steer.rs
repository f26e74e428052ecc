//! Sends a connection to a port without a listener to the decky's catch-all socket.

use aya_ebpf::programs::SkLookupContext;
use decnet_ebpf::{PortKey, counter};

use crate::count;
use crate::maps::{CATCHALL, SERVED};
use crate::parse::mapped;

const AF_INET: u32 = 2;
/// Go on with the kernel's own look-up, or with the socket that was assigned.
const SK_PASS: u32 = 1;

/// Assigns the catch-all unless the port is served.
#[inline(always)]
pub(crate) fn socket(ctx: &SkLookupContext) -> u32 {
    let lookup = ctx.lookup;
    // SAFETY: the context is valid for the length of the program; these are plain fields of it.
    let (family, protocol, port) =
        unsafe { ((*lookup).family, (*lookup).protocol, (*lookup).local_port) };
    let ip = if family == AF_INET {
        // SAFETY: as above. The field is in network byte order: its bytes are the address.
        mapped(unsafe { (*lookup).local_ip4 }.to_ne_bytes())
    } else {
        let mut ip = [0; 16];
        for index in 0..4 {
            // SAFETY: as above. One word at a time: the verifier allows no wider read here.
            let word = unsafe {
                (&raw const (*lookup).local_ip6).cast::<u32>().add(index).read_volatile()
            };
            ip[4 * index..4 * index + 4].copy_from_slice(&word.to_ne_bytes());
        }
        ip
    };
    let mut key = PortKey { ip, port: port as u16, protocol: protocol as u16 };
    // SAFETY: the value is not read, only its presence.
    if unsafe { SERVED.get(&key) }.is_some() {
        return SK_PASS;
    }
    key.port = 0;
    if CATCHALL.redirect_sk_lookup(ctx, &key, 0).is_ok() {
        count::add(counter::STEERED);
    }
    SK_PASS
}
