use proptest::prelude::*;

use super::*;

proptest! {
    /// Whatever is written and cut, it reads as one array of bytes would, and so does its copy.
    #[test]
    fn it_is_what_an_array_of_bytes_is(
        acts in prop::collection::vec((0..4 * PIECE, 0..3 * PIECE, any::<u8>(), any::<bool>()), 1..12),
    ) {
        let (mut content, mut plain) = (Content::default(), Vec::new());
        for (at, count, byte, cuts) in acts {
            let (copy, before) = (content.clone(), plain.clone());
            if cuts {
                content.truncate(at);
                plain.truncate(at);
            } else {
                content.write(at, &vec![byte; count]);
                if count > 0 && plain.len() < at + count {
                    plain.resize(at + count, 0);
                }
                plain[at.min(before.len().max(at))..][..count].fill(byte);
            }
            prop_assert!(content.to_vec() == plain);
            prop_assert!(content == Content::from(plain.as_slice()));
            prop_assert!(copy.to_vec() == before);
            prop_assert_eq!(content.len(), plain.len());
            let part = plain.get(at..).unwrap_or_default();
            prop_assert!(content.read(at, count) == part[..part.len().min(count)]);
        }
        let bytes = postcard::to_allocvec(&content).unwrap();
        prop_assert!(bytes == postcard::to_allocvec(&plain).unwrap());
        prop_assert!(postcard::from_bytes::<Content>(&bytes).unwrap() == content);
    }
}

#[test]
fn a_digest_is_known_until_a_byte_is_written() {
    let mut content = Content::from(&b"abc"[..]);
    content.note_digest("d".into());
    content.write(3, b"");
    assert!(content.clone().digest().is_some());
    content.write(0, b"a");
    assert!(content.digest().is_none());
}
