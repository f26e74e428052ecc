//! The file, byte for byte; that other programs read it is shown by the integration tests.

use super::*;

#[test]
fn every_block_says_its_length_twice_and_is_padded() {
    let bytes: Vec<u8> = (0..61).collect();
    let mut file = head("web-01");
    for (vlan, length) in [(None, 61), (Some(42), 65)] {
        let at = Timestamp(0x0102_0304_0506_0708);
        let block = frame(&Frame { at, wire_len: 61, outbound: true, vlan, bytes: &bytes }, 3);
        let word = |at: usize| u32::from_le_bytes(block[at..at + 4].try_into().expect("four"));
        assert_eq!((word(0), word(8)), (ENHANCED_PACKET, 0));
        assert_eq!((word(12), word(16)), (0x0102_0304, 0x0506_0708));
        assert_eq!((word(20), word(24)), (length, length));
        file.extend(block);
    }
    let mut rest = file.as_slice();
    let mut kinds = Vec::new();
    while !rest.is_empty() {
        let word = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().expect("four"));
        let length = usize::try_from(word(4)).expect("small");
        assert!(length.is_multiple_of(4));
        assert_eq!(word(4), word(length - 4));
        kinds.push(word(0));
        rest = &rest[length..];
    }
    assert_eq!(kinds, [SECTION, INTERFACE, ENHANCED_PACKET, ENHANCED_PACKET]);
}

#[test]
fn a_tag_goes_behind_the_addresses() {
    let bytes: Vec<u8> = (0..20).collect();
    assert_eq!(tagged(&bytes, 42)[10..18], [10, 11, 0x81, 0, 0, 42, 12, 13]);
    assert_eq!(tagged(&bytes[..5], 42), bytes[..5], "a frame without addresses is left alone");
}
