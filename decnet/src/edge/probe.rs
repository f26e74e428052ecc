//! Asks the LAN behind a link who has which address, with raw frames.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use crate::edge::frames::Frames;
use crate::logic::mac::Mac;
use crate::logic::probe::{answer, question};

/// How often each address is asked for: a lost frame must not give an address away twice.
const ROUNDS: u32 = 3;
/// Between two rounds, and after the last. A machine that is awake answers within a millisecond.
const PAUSE: Duration = Duration::from_millis(150);
/// Frames sent before answers are looked at.
const BURST: usize = 128;

/// Why a LAN cannot be asked.
#[derive(Debug, thiserror::Error)]
#[error("cannot probe addresses on link {link}")]
pub struct ProbeError {
    link: u32,
    #[source]
    source: Errno,
}

/// Who among `candidates` (an address, and the MAC to ask as) has a holder on the LAN behind the
/// link of this index, in the network namespace of this thread. Takes half a second; blocks.
///
/// # Errors
///
/// [`ProbeError`] without CAP_NET_RAW, or when the link is down.
pub fn holders(
    link: u32,
    candidates: &[(IpAddr, Mac)],
) -> Result<BTreeMap<IpAddr, Mac>, ProbeError> {
    let failed = |source| ProbeError { link, source };
    let frames = Frames::open(link).map_err(failed)?;
    let asked: BTreeMap<IpAddr, Mac> = candidates.iter().copied().collect();
    let mut found = BTreeMap::new();
    for _ in 0..ROUNDS {
        let round = Instant::now();
        for burst in candidates.chunks(BURST) {
            for (ip, mac) in burst {
                frames.send(&question(*mac, *ip)).map_err(failed)?;
            }
            hear(&frames, Instant::now(), &asked, &mut found).map_err(failed)?;
        }
        hear(&frames, round + PAUSE, &asked, &mut found).map_err(failed)?;
    }
    Ok(found)
}

/// Takes answers until `until`, and whatever waits in any case.
fn hear(
    frames: &Frames,
    until: Instant,
    asked: &BTreeMap<IpAddr, Mac>,
    found: &mut BTreeMap<IpAddr, Mac>,
) -> nix::Result<()> {
    while let Some(frame) = frames.receive(until)? {
        let Some((ip, mac)) = answer(&frame) else { continue };
        // Our own questions come back to us on some links.
        if asked.get(&ip).is_some_and(|own| *own != mac) {
            found.insert(ip, mac);
        }
    }
    Ok(())
}
