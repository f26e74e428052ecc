//! Deckies that only the capture knows.

use std::net::Ipv4Addr;

use decnet::logic::decky::{Identity, Secret};
use decnet::logic::mac::Mac;
use decnet::logic::persona;
use decnet::logic::time::Timestamp;

/// A decky that the capture knows and nobody answers for, so that only the capture is measured.
pub fn ghost(n: u32) -> Identity {
    let [_, _, c, d] = n.to_be_bytes();
    let persona = persona::find("debian-12").expect("it is in the table");
    Identity {
        name: format!("ghost-{n}").parse().expect("a name"),
        hostname: format!("ghost-{n}"),
        persona,
        mac: Mac([2, 0xdc, 0, 0, c, d]),
        ip: Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 77, 0, 1)) + n),
        ip6: None,
        secret: Secret([0; 32]),
        booted: Timestamp(0),
    }
}
