use super::*;

const KEY: [u8; 16] = *b"abcdefghijklmnop";
const NONCE: u64 = u64::from_be_bytes(*b"bcdefghi");

/// RFC 4418, appendix, and for 128 bits the vectors of its erratum.
#[test]
fn codes_are_those_of_the_rfc() {
    let table: &[(&[u8], usize, &str)] = &[
        (b"", 0, "6e155fad26900be1"),
        (b"a", 3, "44b5cb542f220104"),
        (b"a", 1 << 10, "26bf2f5d60118bd9"),
        (b"a", 1 << 15, "27f8ef643b0d118d"),
        (b"a", 1 << 20, "a4477e87e9f55853"),
        (b"abc", 1, "d4d7b9f6bd4fbfcf"),
        (b"abc", 500, "d4cf26ddefd5c01a"),
    ];
    for (piece, times, expected) in table {
        let code = Umac::new(KEY, 2).of(NONCE, &piece.repeat(*times));
        assert_eq!(hex(&code), *expected, "{times}");
    }
}

#[test]
fn the_longer_code_begins_with_the_same_hash() {
    // Streams are independent, so that 64 and 128 bits differ in the pad alone.
    let message = b"a".repeat(3000);
    let (short, long) = (Umac::new(KEY, 2), Umac::new(KEY, 4));
    let hashes = |umac: &Umac| -> Vec<u32> {
        let each = umac.streams.iter().enumerate();
        each.map(|(at, stream)| stream.hash(&umac.first[at * 4..], &message)).collect()
    };
    assert_eq!(hashes(&long)[..2], hashes(&short));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
