//! Frames as a pcapng file: every block says its own length twice.

use decnet::logic::pcapng::{self, Frame};
use decnet::logic::time::Timestamp;

pub(crate) fn run(data: &[u8]) {
    let [outbound, tag, rest @ ..] = data else { return };
    let vlan = (*tag > 127).then_some(u16::from(*tag) << 4);
    let frame = Frame {
        at: Timestamp(u64::MAX),
        wire_len: u32::from(*tag),
        outbound: *outbound > 127,
        vlan,
        bytes: rest,
    };
    let mut file = pcapng::head(&String::from_utf8_lossy(rest.get(..63).unwrap_or(rest)));
    file.extend(pcapng::frame(&frame, u64::MAX));
    let mut left = file.as_slice();
    let mut kinds = Vec::new();
    while !left.is_empty() {
        let number = |at: usize| left.get(at..).and_then(|bytes| bytes.first_chunk().copied());
        let length = u32::from_le_bytes(number(4).expect("a length"));
        assert!(length >= 12 && length.is_multiple_of(4), "a block of {length} bytes");
        assert_eq!(number(length as usize - 4), Some(length.to_le_bytes()));
        kinds.push(u32::from_le_bytes(number(0).expect("a kind")));
        left = left.get(length as usize..).expect("a whole block");
    }
    assert_eq!(kinds, [0x0a0d_0d0a, 1, 6]);
}
