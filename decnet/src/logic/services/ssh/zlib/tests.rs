use proptest::prelude::*;

use super::*;

#[test]
fn payloads_come_out_as_they_went_in() {
    let (mut deflate, mut inflate) = (Deflate::new(Begin::Now), Inflate::new(Begin::Now));
    let noise: Vec<u8> =
        (0..32_768_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
    for payload in [b"hello".to_vec(), b"hello".to_vec(), vec![7; 32_768], noise, vec![1]] {
        let sent = deflate.squeeze(&payload);
        assert!(inflate.unfold(&sent) == Ok(payload));
    }
}

#[test]
fn nothing_is_compressed_before_the_login() {
    assert_eq!(Deflate::new(Begin::AtLogin).squeeze(b"hello"), b"hello");
    assert_eq!(Inflate::new(Begin::AtLogin).unfold(b"hello"), Ok(b"hello".to_vec()));
}

#[test]
fn a_payload_that_unfolds_to_too_much_is_refused() {
    let sent = Deflate::new(Begin::Now).squeeze(&vec![0; 10_000_000]);
    assert!(sent.len() < 35_000);
    assert_eq!(Inflate::new(Begin::Now).unfold(&sent), Err(Fault::Drop));
}

proptest! {
    #[test]
    fn any_bytes_never_panic(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..5)) {
        let mut inflate = Inflate::new(Begin::Now);
        for piece in pieces {
            drop(inflate.unfold(&piece));
        }
    }
}
