use proptest::prelude::*;

use super::*;

#[test]
fn escapes_are_those_of_echo_and_of_c() {
    for (text, octal, bytes) in [
        (r"a\nb", Octal::AfterZero, b"a\nb".as_slice()),
        (r"\x7f\x45LF\x", Octal::AfterZero, b"\x7fELF\\x"),
        (r"\0101\101", Octal::AfterZero, b"A\\101"),
        (r"\101\0\1234", Octal::WithoutZero, b"A\0S4"),
        (r"\u00e9\q\", Octal::WithoutZero, b"\xc3\xa9\\q\\"),
        (r"a\cb", Octal::AfterZero, b"a"),
        (r#"\'\""#, Octal::WithoutZero, b"'\""),
    ] {
        assert_eq!(escapes(text, octal).0, bytes, "{text}");
    }
}

proptest! {
    #[test]
    fn any_bytes_come_back_as_they_were(bytes: Vec<u8>) {
        prop_assert_eq!(decode(&encode(&bytes)), bytes);
    }

    #[test]
    fn escapes_take_any_text(text: String) {
        let (bytes, _) = escapes(&text, Octal::WithoutZero);
        prop_assert!(bytes.len() <= text.len());
    }
}
