//! Frames from the wire, as the agent reads them.

use decnet::logic::packet::Packet;
use decnet::logic::{probe, tcp_signature};

pub(crate) fn run(data: &[u8]) {
    let _answer = probe::answer(data);
    let Some(packet) = Packet::read(data) else { return };
    let Some(ip) = packet.ip() else { return };
    assert!(ip.upper.len() <= data.len());
    let _ports = ip.ports();
    if let Some(signature) = tcp_signature::signature(ip) {
        assert!(signature.len() <= 512, "a signature of {} bytes", signature.len());
        assert!(signature.chars().all(|c| c.is_ascii_graphic()), "{signature:?}");
        assert_eq!(signature.split(':').count(), 8, "{signature:?}");
    }
}
